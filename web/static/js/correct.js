// A marked word of the reading, clicked: correct how it is read, for this bulletin or for the station.
import { post } from "./http.js";

export function correctWords(form, look) {
  const panel = document.getElementById("fix");
  const title = document.getElementById("fix-word");
  const input = document.getElementById("fix-spoken");
  const said = document.getElementById("fix-said");
  const box = document.getElementById("reading");
  let written = "";

  function corrections() {
    try {
      return JSON.parse(form.elements.readings.value || "{}");
    } catch {
      return {};
    }
  }

  function close() {
    panel.hidden = true;
    box.focus();
  }

  box.addEventListener("click", (event) => {
    const word = event.target.closest("[data-fix]");
    if (!word) return;
    written = word.dataset.fix;
    title.textContent = written;
    input.value = word.dataset.guess ?? word.textContent.trim();
    said.textContent = "";
    panel.hidden = false;
    input.focus();
    input.select();
  });

  async function correct(address, done) {
    const spoken = input.value.trim().replace(/\s+/g, " ");
    if (!spoken) return;
    try {
      const response = await post(address, { written, spoken });
      const answer = await response.json();
      if (!response.ok) {
        said.textContent = answer.problem;
        return;
      }
      done(spoken);
      form.elements.readings.dispatchEvent(new Event("input", { bubbles: true }));
      document.getElementById("fix-done").textContent = answer.message;
      look();
      close();
    } catch {
      said.textContent = form.dataset.sayFailed;
    }
  }

  document.getElementById("fix-once").addEventListener("click", () =>
    correct(panel.dataset.check, (spoken) => {
      form.elements.readings.value = JSON.stringify({ ...corrections(), [written]: spoken });
    }),
  );
  document.getElementById("fix-keep").addEventListener("click", () =>
    correct(panel.dataset.keep, () => {
      const { [written]: _once, ...rest } = corrections();
      form.elements.readings.value = Object.keys(rest).length ? JSON.stringify(rest) : "";
    }),
  );
  document.getElementById("fix-close").addEventListener("click", close);
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    if (event.key === "Enter" && event.target === input) {
      event.preventDefault(); // it would send the whole form
      document.getElementById("fix-once").click();
    }
  });
}
