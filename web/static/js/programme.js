// The form that makes a programme: length and end time follow what is typed. Its buttons work without this.
import { entries } from "./drafts.js";
import { post } from "./http.js";
import { choosePlaces } from "./places.js";
import { showWhen } from "./when.js";

const WAIT_MS = 350;
const form = document.getElementById("programme");
const box = document.getElementById("look");
let timer = 0;
let latest = 0;

async function look() {
  const mine = ++latest;
  try {
    const response = await post(form.dataset.look, entries(form));
    const html = await response.text();
    if (mine === latest && response.ok) box.innerHTML = html;
  } catch {
    // the station is away: the last answer stays
  }
}

function later() {
  clearTimeout(timer);
  timer = setTimeout(look, WAIT_MS);
}

const chooser = form.querySelector(".chooser");
form.addEventListener("input", later);
chooser.addEventListener("change", later); // also when what was closed has been opened
choosePlaces(chooser);
showWhen(form);
document.getElementById("errors")?.focus();
