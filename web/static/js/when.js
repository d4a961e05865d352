// When a bulletin airs: only the fields that matter, and what they mean, while they are being filled in.
import { entries } from "./drafts.js";
import { post } from "./http.js";

const WAIT_MS = 350;

function followKind(form) {
  const kind = form.elements.kind.value;
  document.getElementById("times").hidden = ["now", "programme"].includes(kind);
  for (const element of form.querySelectorAll("[data-kinds]")) {
    element.hidden = !element.dataset.kinds.split(" ").includes(kind);
  }
  const yearly = kind === "lunar" && form.elements.lunar.value === "year";
  for (const element of form.querySelectorAll("[data-lunar-year]")) element.hidden = !yearly;
  for (const choice of form.querySelectorAll(".choice")) {
    choice.classList.toggle("chosen", choice.querySelector("input").checked);
  }
}

// Carries out what a button of a note says: "field=value&…".
function mend(form, fix) {
  const given = new URLSearchParams(fix);
  for (const name of new Set(given.keys())) {
    const values = given.getAll(name);
    if (name === "displaces") {
      form.elements.displaces.value = [form.elements.displaces.value, ...values].join(" ").trim();
      continue;
    }
    for (const element of form.querySelectorAll(`[name="${name}"]`)) {
      if (["checkbox", "radio"].includes(element.type)) element.checked = values.includes(element.value);
      else [element.value] = values;
    }
  }
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

export function showWhen(form) {
  const part = form.querySelector(".part-when");
  const box = document.getElementById("ahead");
  let timer = 0;
  let latest = 0;

  async function look() {
    const mine = ++latest;
    try {
      const response = await post(form.dataset.ahead, entries(form));
      const html = await response.text();
      if (mine === latest && response.ok) box.innerHTML = html;
    } catch {
      // the station is away: the draft says so, the last answer stays
    }
  }

  function later() {
    followKind(form);
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  }

  part.addEventListener("input", later);
  part.addEventListener("change", later);
  document.getElementById("f-places").addEventListener("change", later);
  box.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="fix"]');
    if (!button) return;
    event.preventDefault();
    mend(form, button.value);
    later();
    box.setAttribute("tabindex", "-1");
    box.focus();
  });
  followKind(form);
  if (form.elements.time.value) look();
}
