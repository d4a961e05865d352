// The form that writes a bulletin.
import { correctWords } from "./correct.js";
import { keepDrafts } from "./drafts.js";
import { importWords } from "./import.js";
import { listenFirst } from "./listen.js";
import { choosePlaces } from "./places.js";
import { showReading } from "./preview.js";
import { bringSound } from "./sound.js";
import { showWhen } from "./when.js";

const form = document.getElementById("write");

// A browser may write dates in another country's order: say the day in words as well.
function sayDay() {
  const { value } = form.elements.date;
  const [year, month, day] = value.split("-").map(Number);
  const words = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "full" });
  document.getElementById("day-said").textContent = year ? words.format(new Date(year, month - 1, day)) : "";
}

// What suits the category, in every field that nobody has touched.
function suitCategory() {
  const { plain, suits } = form.elements.category.dataset;
  const values = { ...JSON.parse(plain), ...JSON.parse(suits)[form.elements.category.value] };
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name];
    if (field.dataset.touched) continue;
    if (field.type === "checkbox") field.checked = Boolean(value);
    else field.value = value;
  }
}

for (const name of Object.keys(JSON.parse(form.elements.category.dataset.plain))) {
  form.elements[name].addEventListener("change", (event) => {
    event.target.dataset.touched = "1";
  });
}
form.elements.category.addEventListener("change", suitCategory);
for (const element of document.querySelectorAll("[data-needs-js]")) element.hidden = false;
const look = showReading(form);
const choose = choosePlaces(form.querySelector(".chooser"));
correctWords(form, look);
listenFirst(form);
importWords(form);
for (const element of document.querySelectorAll("[data-without-js]")) element.hidden = true;
const recallSound = bringSound(form);
const kept = keepDrafts(form, document.getElementById("draft-said"));
if (kept) {
  choose(kept.filter(([name]) => name === "places").map(([, code]) => code));
  look();
}
recallSound();
form.elements.date.addEventListener("input", sayDay);
sayDay();
showWhen(form);
document.getElementById("errors")?.focus();
