// A village head's form: hear first, then air.
import { listenFirst } from "./listen.js";

const form = document.getElementById("village");
for (const element of document.querySelectorAll("[data-needs-js]")) element.hidden = false;
if (form) listenFirst(form);
document.getElementById("errors")?.focus();
