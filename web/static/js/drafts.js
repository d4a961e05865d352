// Drafts save themselves: on this machine at every stroke, at the station a moment later.
import { post } from "./http.js";
import { forget, recall, remember } from "./keep.js";

const WAIT_MS = 2000;
const RETRY_MS = 6000;

export function entries(form) {
  return [...new FormData(form)].filter(([name]) => name !== "csrf_token" && name !== "action");
}

// Puts fields kept on this machine back into the form; returns them, or null when there were none.
function restore(form) {
  const kept = recall(form.dataset.name);
  if (!Array.isArray(kept)) return null;
  for (const element of form.elements) {
    if (!element.name || ["csrf_token", "action"].includes(element.name)) continue;
    const values = kept.filter(([name]) => name === element.name).map(([, value]) => value);
    if (element.type === "checkbox" || element.type === "radio") element.checked = values.includes(element.value);
    else if (values.length) [element.value] = values;
  }
  return kept;
}

export function keepDrafts(form, said) {
  let timer = 0;
  let sending = false;

  async function save() {
    sending = true;
    const fields = entries(form);
    const now = JSON.stringify(fields);
    try {
      const response = await post(form.dataset.draft, fields);
      if (!response.ok) throw new Error(response.statusText);
      said.textContent = (await response.json()).message;
      if (JSON.stringify(entries(form)) === now) forget(form.dataset.name);
    } catch {
      said.textContent = form.dataset.sayAway;
      timer = setTimeout(save, RETRY_MS);
    }
    sending = false;
  }

  function changed() {
    remember(form.dataset.name, entries(form));
    clearTimeout(timer);
    timer = setTimeout(save, WAIT_MS);
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", () => clearTimeout(timer));
  addEventListener("pagehide", () => sending || clearTimeout(timer));
  const kept = restore(form);
  if (kept) {
    said.textContent = form.dataset.sayRestored;
    timer = setTimeout(save, WAIT_MS);
  }
  return kept;
}
