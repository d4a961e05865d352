// Raising an alert: press and hold, and never lost. The form has a name, so sending it twice raises one alert.
import { tickPlaces } from "./places.js";

const HOLD_MS = 2000;
const AGAIN_MS = 1500;
const PATIENCE_MS = 10000;

const form = document.getElementById("duty");
const button = document.getElementById("hold");
const said = document.getElementById("hold-said");
const errors = document.getElementById("errors");
const again = document.getElementById("again");
const rest = said.textContent;
let timer = 0;
let sending = false;

tickPlaces(document.getElementById("f-places"), document.querySelector("[data-chosen]"));
button.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault()); // Enter in a field is not the button

function press() {
  if (timer || sending) return;
  button.classList.add("holding");
  said.textContent = form.dataset.sayHold;
  timer = setTimeout(() => {
    release();
    send();
  }, HOLD_MS);
}

function release() {
  clearTimeout(timer);
  timer = 0;
  button.classList.remove("holding");
  if (!sending) said.textContent = rest;
}

button.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  button.setPointerCapture(event.pointerId);
  press();
});
for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, release);
button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press opens it on phones
button.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" && event.key !== " ") return;
  event.preventDefault();
  if (!event.repeat) press();
});
button.addEventListener("keyup", release);

async function post(address, fields) {
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrf_token.value, "X-Requested-With": "fetch" },
    body: new URLSearchParams(fields),
    credentials: "same-origin",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
}

async function renewToken() {
  const response = await fetch(form.dataset.token, { credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
  form.elements.csrf_token.value = (await response.json()).token;
}

function stop(text) {
  sending = false;
  button.disabled = false;
  said.textContent = text;
}

function show(problems) {
  const list = errors.querySelector("ul");
  list.replaceChildren(...problems.map(({ text }) => Object.assign(document.createElement("li"), { textContent: text })));
  errors.hidden = false;
  errors.focus();
}

function askAgain() {
  stop(form.dataset.sayWho);
  document.getElementById("again-said").textContent = form.dataset.sayWho;
  again.hidden = false;
  document.getElementById("again-password").focus();
}

async function send() {
  sending = true;
  button.disabled = true;
  errors.hidden = true;
  said.textContent = form.dataset.saySending;
  let response;
  try {
    response = await post(form.action, [...new FormData(form), ["held", "1"]]);
  } catch {
    said.textContent = form.dataset.sayAway;
    setTimeout(send, AGAIN_MS); // the same name: what has arrived already is not raised again
    return;
  }
  if (response.ok) location.assign((await response.json()).alert);
  else if (response.status === 422) {
    stop(rest);
    show((await response.json()).problems);
  } else if (response.status === 401 || response.status === 400) askAgain();
  else stop(form.dataset.sayFault);
}

again.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = document.getElementById("again-said");
  try {
    await renewToken();
    const password = document.getElementById("again-password");
    const fields = { username: document.getElementById("again-user").value, password: password.value };
    const response = await post(form.dataset.signIn, fields);
    password.value = "";
    if (!response.ok) {
      words.textContent = form.dataset.sayDenied;
      password.focus();
      return;
    }
    await renewToken();
    again.hidden = true;
    send();
  } catch {
    words.textContent = form.dataset.sayAway;
  }
});
if (!errors.hidden) errors.focus();
