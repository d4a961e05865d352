// Sound in place of a voice: sends a file or a recording, keeps it until the station has it, shows it, lets it be trimmed.
import { get, post } from "./http.js";
import { record } from "./recorder.js";
import { trimmer } from "./trim.js";
import { upload } from "./upload.js";

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

export function bringSound(form) {
  const box = document.getElementById("f-sound");
  const at = (name) => document.getElementById(name);
  const [said, bar, kept, player] = ["sound-said", "sound-progress", "sound-kept", "sound-player"].map(at);
  const file = at("f-file");
  const words = box.dataset;
  const fit = trimmer(form, player);
  let unsent = null;
  let atRisk = false; // something that exists nowhere but on this page

  function show(facts) {
    form.elements.sound.value = facts.sound;
    at("sound-name").textContent = facts.name;
    at("sound-picture").innerHTML = facts.picture;
    player.src = facts.address;
    at("sound-shown").hidden = false;
    form.classList.add("has-sound");
    fit(facts.seconds);
  }

  function keep(blob, name) {
    unsent = { blob, name };
    atRisk = true;
    const link = at("sound-save");
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(blob);
    link.download = name;
  }

  async function send() {
    const { blob, name } = unsent;
    kept.hidden = true;
    bar.hidden = false;
    const answer = await upload(words.upload, blob, name, (percent) => {
      bar.value = percent;
      said.textContent = percent < 100 ? words.saySending.replace("{percent}", percent) : words.sayOpening;
    });
    bar.hidden = true;
    if (answer.facts) {
      unsent = null;
      atRisk = false;
      file.value = "";
      form.elements.sound_from.value = form.elements.sound_to.value = "";
      show(answer.facts);
      said.textContent = words.sayReady;
      form.dispatchEvent(new Event("input", { bubbles: true }));
      return;
    }
    said.textContent = answer.problem ?? (answer.status === 413 ? words.sayLarge : words.sayFailed);
    const recorded = name.startsWith(words.nameRecording);
    kept.hidden = Boolean(answer.problem) && !recorded;
    atRisk = recorded || !answer.problem; // a refused file is still where it was chosen
  }

  async function startRecording() {
    if (!navigator.mediaDevices?.getUserMedia) {
      said.textContent = words.sayInsecure;
      return;
    }
    const level = at("record-level");
    const [start, stop] = [at("record"), at("record-stop")];
    let full;
    const filled = new Promise((resolve) => (full = resolve));
    const pressed = new Promise((resolve) => stop.addEventListener("click", () => resolve(""), { once: true }));
    start.disabled = true;
    let end;
    try {
      end = await record(words.worklet, (seconds, peak) => {
        level.value = Math.max(peak, level.value * 0.9);
        const text = words.sayRecording.replace("{time}", clock(seconds));
        if (said.textContent !== text) said.textContent = text;
        if (seconds >= Number(words.max)) full(words.sayLimit);
      }, () => full(words.sayEnded));
    } catch {
      said.textContent = words.sayRefused;
      start.disabled = false;
      return;
    }
    player.pause();
    atRisk = true;
    start.hidden = true;
    stop.hidden = level.hidden = false;
    stop.focus();
    const why = await Promise.race([pressed, filled]);
    const blob = await end();
    stop.hidden = level.hidden = true;
    start.hidden = start.disabled = false;
    start.focus();
    if (why) said.textContent = why;
    const stamp = new Date().toLocaleString("sv").replaceAll(":", "-");
    keep(blob, `${words.nameRecording} ${stamp}.wav`);
    await send();
  }

  function drop(event) {
    event?.preventDefault();
    form.elements.sound.value = form.elements.sound_from.value = form.elements.sound_to.value = "";
    player.pause();
    player.removeAttribute("src");
    at("sound-shown").hidden = true;
    form.classList.remove("has-sound");
    said.textContent = "";
    form.dispatchEvent(new Event("input", { bubbles: true }));
    file.focus();
  }

  file.removeAttribute("name"); // it travels by itself
  file.addEventListener("change", () => {
    if (!file.files.length) return;
    keep(file.files[0], file.files[0].name);
    send();
  });
  at("sound-retry").addEventListener("click", send);
  at("record").addEventListener("click", startRecording);
  at("sound-drop").addEventListener("click", drop);
  at("sound-keep")?.addEventListener("click", async ({ target }) => {
    const fields = { sound: form.elements.sound.value, title: form.elements.title.value };
    const response = await post(target.dataset.keep, fields).catch(() => null);
    said.textContent = response?.ok ? (await response.json()).message : form.dataset.sayFailed;
  });
  at("sound-save").addEventListener("click", () => (atRisk = false));
  addEventListener("beforeunload", (event) => atRisk && event.preventDefault());
  form.addEventListener("submit", (event) => {
    if (!atRisk) return;
    event.preventDefault();
    said.textContent = words.sayUnsent;
    box.scrollIntoView({ block: "center" });
  });

  return async function recall() {
    const name = form.elements.sound.value;
    if (!name) return;
    const response = await get(words.show.replace(/0$/, name)).catch(() => null);
    if (response?.ok) show(await response.json());
  };
}
