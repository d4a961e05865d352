// Recording a sentence for the voice of recorded sentences.
import { bringSound } from "./sound.js";

const form = document.getElementById("recorded");
for (const element of document.querySelectorAll("[data-needs-js]")) element.hidden = false;
for (const element of document.querySelectorAll("[data-without-js]")) element.hidden = true;
bringSound(form)();
document.getElementById("errors")?.focus();
