// Listening before saving: orders the sound, shows how far it is, plays it.
import { get, post } from "./http.js";

const LOOK_MS = 400;

const SOUNDING = [
  "text", "spoken", "readings", "voice", "repeats", "speed", "pause", "chime", "opening_tune", "closing_tune", "music",
  "sound", "sound_from", "sound_to",
];

export function listenFirst(form) {
  const button = document.getElementById("listen");
  const bar = document.getElementById("listen-progress");
  const said = document.getElementById("listen-said");
  const sound = document.getElementById("listen-sound");
  let latest = 0;

  function stop(text) {
    bar.hidden = true;
    button.disabled = false;
    said.textContent = text;
  }

  async function wait(order, mine) {
    const response = await get(order.state);
    const state = await response.json();
    if (mine !== latest) return;
    if (!response.ok) {
      stop(state.problem);
      return;
    }
    if (state.ready) {
      stop([form.dataset.sayReady, state.note].filter(Boolean).join(" "));
      sound.src = order.sound;
      sound.hidden = false;
      sound.play().catch(() => {}); // a browser may want another tap
      return;
    }
    const percent = Math.floor((100 * state.done) / state.total);
    bar.value = percent;
    said.textContent = form.dataset.sayMaking.replace("{percent}", percent);
    setTimeout(() => wait(order, mine).catch(() => stop(form.dataset.sayFailed)), LOOK_MS);
  }

  button.addEventListener("click", async () => {
    const mine = ++latest;
    button.disabled = true;
    sound.pause();
    sound.hidden = true;
    bar.value = 0;
    bar.hidden = false;
    said.textContent = form.dataset.sayMaking.replace("{percent}", 0);
    const filled = new FormData(form); // a box that is not ticked is not in it, nor a field that this form has not got
    const fields = Object.fromEntries(SOUNDING.filter((name) => filled.has(name)).map((name) => [name, filled.get(name)]));
    try {
      const response = await post(form.dataset.listen, fields);
      const order = await response.json();
      if (response.ok) await wait(order, mine);
      else stop(order.problem);
    } catch {
      stop(form.dataset.sayFailed);
    }
  });
}
