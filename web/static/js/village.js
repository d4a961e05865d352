// A village head's form: write or record, hear first, then air.
import { listenFirst } from "./listen.js";
import { bringSound } from "./sound.js";

const form = document.getElementById("village");
for (const element of document.querySelectorAll("[data-needs-js]")) element.hidden = false;
for (const element of document.querySelectorAll("[data-without-js]")) element.hidden = true;
if (form) {
  listenFirst(form);
  bringSound(form)();
}
document.getElementById("errors")?.focus();
