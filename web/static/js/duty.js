// Raising an alert: press and hold, and never lost. The form has a name, so sending it twice raises one alert.
import { patience } from "./http.js";
import { choosePlaces } from "./places.js";

const HOLD_MS = 2000;
const AGAIN_MS = 1500;
const PATIENCE_MS = 10000;

const form = document.getElementById("duty");
const button = document.getElementById("hold");
const said = document.getElementById("hold-said");
const errors = document.getElementById("errors");
const again = document.getElementById("again");
const unheld = document.getElementById("unheld");
const sure = document.getElementById("f-held");
const rest = said.textContent;
let timer = 0;
let sending = false;

choosePlaces(form.querySelector(".chooser"));
button.hidden = false;
unheld.hidden = true;
sure.checked = false; // a reload would keep it
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
  if (!timer) return;
  clearTimeout(timer);
  timer = 0;
  button.classList.remove("holding");
  if (!sending) said.textContent = rest;
}

// Too short, or a screen reader that clicks and can't hold: two steps of another kind are offered.
function offerSteps() {
  if (timer || sending) return;
  unheld.hidden = false;
  said.textContent = form.dataset.sayShort;
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
button.addEventListener("click", offerSteps);
document.addEventListener("visibilitychange", release); // a call that comes in takes the finger away
unheld.querySelector("button").type = "button"; // Enter in a field is not this one either
unheld.querySelector("button").addEventListener("click", () => (sure.checked ? !sending && send() : sure.focus()));

async function post(address, fields) {
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": form.elements.csrf_token.value, "X-Requested-With": "fetch" },
    body: new URLSearchParams(fields),
    credentials: "same-origin",
    signal: patience(PATIENCE_MS),
  });
}

async function renewToken() {
  const response = await fetch(form.dataset.token, { credentials: "same-origin", signal: patience(PATIENCE_MS) });
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
  let answer;
  try {
    response = await post(form.action, [...new FormData(form), ["held", "1"]]);
    if (response.ok || response.status === 422) answer = await response.json();
  } catch {
    said.textContent = form.dataset.sayAway;
    setTimeout(send, AGAIN_MS); // the same name: what has arrived already is not raised again
    return;
  }
  if (response.ok) location.replace(answer.alert); // "Back" does not lead to a form that has been sent
  else if (response.status === 422) {
    stop(rest);
    show(answer.problems);
  } else if (response.status === 401 || response.status === 400) askAgain();
  else stop(response.status === 403 ? form.dataset.sayRefused : form.dataset.sayFault);
}

again.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = document.getElementById("again-said");
  const submitter = again.querySelector("button");
  submitter.disabled = true;
  try {
    await renewToken();
    const password = document.getElementById("again-password");
    const fields = { username: document.getElementById("again-user").value, password: password.value };
    const response = await post(form.dataset.signIn, fields);
    password.value = "";
    if (!response.ok) {
      const why = { 401: form.dataset.sayDenied, 429: form.dataset.sayOften };
      words.textContent = why[response.status] ?? form.dataset.sayFault;
      password.focus();
      return;
    }
    await renewToken();
    again.hidden = true;
    send();
  } catch {
    words.textContent = form.dataset.sayUnknown;
  } finally {
    submitter.disabled = false;
  }
});
if (!errors.hidden) errors.focus();
