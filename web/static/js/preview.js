// The reading of the text, shown beside it while it is being written.
import { post } from "./http.js";

const WAIT_MS = 450;

export function showReading(form) {
  const text = form.elements.text;
  const spoken = form.elements.spoken;
  const box = document.getElementById("reading");
  const corrected = document.getElementById("corrected");
  const count = document.getElementById("count");
  const empty = box.querySelector(".empty")?.cloneNode(true);
  let timer = 0;
  let latest = 0;

  function measure() {
    const length = text.value.length;
    count.querySelector("[data-count]").textContent = String(length).replace(/\B(?=(\d{3})+$)/g, " ");
    count.classList.toggle("wrong", length > Number(text.dataset.max));
    corrected.hidden = !spoken.value.trim();
  }

  async function look() {
    const mine = ++latest;
    if (!text.value.trim()) {
      box.replaceChildren(...(empty ? [empty] : []));
      return;
    }
    box.setAttribute("aria-busy", "true");
    try {
      const response = await post(form.dataset.preview, { text: text.value, readings: form.elements.readings.value });
      const html = await response.text();
      if (mine === latest && response.ok) {
        const open = document.getElementById("changes")?.open;
        box.innerHTML = html;
        const changes = document.getElementById("changes");
        if (changes && open) changes.open = true;
      }
    } catch {
      // the station is away: the draft says so, the last reading stays
    }
    if (mine === latest) box.setAttribute("aria-busy", "false");
  }

  function later() {
    measure();
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  }

  text.addEventListener("input", later);
  spoken.addEventListener("input", measure);
  document.getElementById("take-reading").addEventListener("click", () => {
    spoken.value = document.getElementById("reading-text")?.textContent ?? "";
    spoken.dispatchEvent(new Event("input", { bubbles: true }));
    spoken.focus();
  });
  document.getElementById("drop-reading").addEventListener("click", () => {
    spoken.value = "";
    spoken.dispatchEvent(new Event("input", { bubbles: true }));
  });
  count.hidden = false;
  measure();
  if (text.value.trim() && box.querySelector(".empty")) look(); // typed before this module had loaded
  return later;
}
