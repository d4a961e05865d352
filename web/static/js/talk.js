// Speaking live: open the microphone, press and hold, speak. What ends it is always said.
import { post } from "./http.js";
import { openLine } from "./line.js";
import { openMicrophone } from "./microphone.js";
import { choosePlaces } from "./places.js";

const KEPT = "talk-places";
const MUTE_S = 3;
const LATE_S = 0.6;

const form = document.getElementById("talk");
const words = form.dataset;
const at = (name) => document.getElementById(name);
const [said, shown, time, level, wrong] = ["talk-said", "talk-shown", "talk-time", "level", "talk-wrong"].map(at);
const [open, hold, latch] = ["open", "hold", "latch"].map(at);
let microphone = null;
let line = null;
let speakers = 0;
let clock = 0;

const clockTime = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function keptPlaces() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

const chosen = () => new FormData(form).getAll("places");
const keepPlaces = () => sessionStorage.setItem(KEPT, JSON.stringify(chosen()));

form.addEventListener("change", keepPlaces);
choosePlaces(form.querySelector(".chooser"))([...chosen(), ...keptPlaces()]); // what is ticked already was faster than this script
form.addEventListener("submit", (event) => event.preventDefault());

function say(text) {
  if (said.textContent !== text) said.textContent = text;
}

function complain(text) {
  wrong.textContent = text;
  wrong.hidden = !text;
}

// The microphone.

async function turnOn() {
  complain("");
  if (!navigator.mediaDevices?.getUserMedia) return complain(words.sayInsecure);
  open.disabled = true;
  try {
    microphone = await openMicrophone(words.worklet, (block, peak) => {
      level.value = Math.max(peak, level.value * 0.95);
      line?.take(block);
    }, lose);
  } catch {
    complain(words.sayRefused);
  }
  open.disabled = false;
  if (microphone) show(true);
}

function show(on) {
  open.hidden = on;
  hold.hidden = level.hidden = !on;
  if (!on) return open.focus();
  say(words.sayReady);
  hold.focus();
}

async function lose() {
  const gone = microphone;
  microphone = null;
  leave();
  show(false);
  complain(words.sayTaken);
  await gone?.close();
}

latch.addEventListener("change", () => label(Boolean(line)));
open.hidden = false;
open.addEventListener("click", turnOn);

// A talk, from the press to its end.

async function press() {
  if (line || !microphone) return;
  complain("");
  say(words.sayOpening);
  shown.hidden = true;
  label(true);
  const mine = (line = openLine(microphone.rate, hear, end));
  const fields = new URLSearchParams([...new FormData(form), ["rate", Math.round(microphone.rate)]]);
  const response = await post(form.action, fields).catch(() => null);
  if (response?.ok) {
    const talk = await response.json();
    speakers = talk.speakers;
    shown.href = talk.shown;
    if (line === mine) begin(talk.seconds);
    return mine.begin(talk);
  }
  if (line !== mine) return; // left meanwhile, and perhaps speaking again
  rest();
  say(words.sayReady);
  if (response?.status === 401 || response?.status === 400) location.assign(words.signIn); // the places are kept
  else if (response?.status === 422) complain((await response.json()).problem);
  else if (response?.status === 403) complain(words.sayDenied);
  else complain(response ? words.sayFault : words.sayDropped);
}

function begin(seconds) {
  const begun = performance.now();
  time.hidden = false;
  const tell = () => {
    const past = (performance.now() - begun) / 1000;
    time.textContent = words.sayTalking.replace("{time}", clockTime(past)).replace("{left}", clockTime(Math.max(0, seconds - past)));
  };
  tell();
  clock = setInterval(tell, 500);
}

function hear({ silent, lost, late }) {
  if (lost) say(words.sayLost);
  else if (late > LATE_S) say(words.sayLine);
  else if (silent > MUTE_S) say(words.sayMute);
  else say("");
}

function rest() {
  clearInterval(clock);
  line = null;
  time.hidden = true;
  label(false);
}

function label(talking) {
  hold.classList.toggle("holding", talking);
  hold.textContent = talking ? hold.dataset.sayOn : latch.checked ? hold.dataset.sayPress : hold.dataset.sayHold;
}

function end(how, text, seconds) {
  rest();
  shown.hidden = !seconds;
  say(words.sayDone.replace("{time}", clockTime(seconds)).replace("{count}", speakers));
  if (how === "ended") complain(text);
  else if (how === "dropped") complain(words.sayDropped);
}

function release() {
  line?.finish();
}

function leave() {
  line?.leave();
}

hold.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  if (latch.checked) return line ? release() : press();
  hold.setPointerCapture(event.pointerId);
  press();
});
for (const name of ["pointerup", "pointercancel", "blur"]) hold.addEventListener(name, () => latch.checked || release());
hold.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press opens it on phones
hold.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (event.repeat) return;
  if (latch.checked && line) release();
  else press();
});
hold.addEventListener("keyup", () => latch.checked || release());

// A dark screen stops this page within seconds, and nobody must be on the air without seeing it.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden || !line) return;
  leave();
  complain(words.sayHidden);
});
addEventListener("pagehide", leave);
