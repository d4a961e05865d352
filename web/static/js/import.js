// The words of a document, put behind what is written already.
import { upload } from "./upload.js";

export function importWords(form) {
  const box = document.getElementById("import");
  const file = document.getElementById("f-document");
  const said = document.getElementById("import-said");
  const words = box.dataset;
  file.removeAttribute("name"); // it travels by itself
  file.addEventListener("change", async () => {
    if (!file.files.length) return;
    said.className = "";
    said.textContent = words.sayOpening;
    const answer = await upload(words.import, file.files[0], file.files[0].name, () => {});
    file.value = "";
    if (!answer.facts) {
      said.className = "wrong";
      said.textContent = answer.problem ?? words.sayFailed;
      return;
    }
    const { text } = form.elements;
    text.value = [text.value.trim(), answer.facts.text].filter(Boolean).join("\n\n");
    said.textContent = words.sayTook.replace("{name}", answer.facts.name);
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
