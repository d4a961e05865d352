// When a bulletin airs: only the fields that matter, and what they mean, while they are being filled in.
import { entries } from "./drafts.js";
import { post } from "./http.js";

const WAIT_MS = 350;

function followKind(form) {
  const kind = form.elements.kind.value;
  document.getElementById("times").hidden = kind === "now";
  for (const element of form.querySelectorAll("[data-kinds]")) {
    element.hidden = !element.dataset.kinds.split(" ").includes(kind);
  }
  const yearly = kind === "lunar" && form.elements.lunar.value === "year";
  for (const element of form.querySelectorAll("[data-lunar-year]")) element.hidden = !yearly;
  for (const choice of form.querySelectorAll(".choice")) {
    choice.classList.toggle("chosen", choice.querySelector("input").checked);
  }
}

export function showWhen(form) {
  const part = form.querySelector(".part-when");
  const box = document.getElementById("ahead");
  let timer = 0;
  let latest = 0;

  async function look() {
    const mine = ++latest;
    try {
      const fields = entries(form).filter(([name]) => !["text", "spoken", "title"].includes(name));
      const response = await post(form.dataset.ahead, fields);
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
  followKind(form);
  if (form.elements.time.value) look();
}
