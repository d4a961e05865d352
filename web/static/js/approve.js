// Approving: one player goes through everything that is ticked, and says where it is.
for (const part of document.querySelectorAll("[data-needs-js]")) part.hidden = false;

const player = document.getElementById("together");
const button = document.getElementById("play-all");
const said = document.getElementById("playing");
let queue = [];

function heard(item) {
  const mark = document.querySelector(`[data-heard="${item}"]`);
  if (mark) mark.hidden = false;
}

function ticked() {
  return [...document.querySelectorAll("audio[data-item]")].filter(
    ({ dataset }) => document.getElementById(`tick-${dataset.item}`).checked,
  );
}

function next() {
  document.querySelector(".waiting [aria-current]")?.removeAttribute("aria-current");
  const sound = queue.shift();
  if (!sound) {
    said.textContent = button.dataset.sayOver;
    return;
  }
  const item = document.getElementById(`item-${sound.dataset.item}`);
  item.setAttribute("aria-current", "true");
  said.textContent = button.dataset.sayPlaying.replace("{title}", item.querySelector("label").textContent);
  player.dataset.item = sound.dataset.item;
  player.src = sound.src;
  player.hidden = false;
  player.play().catch(() => {}); // a browser may want another tap
}

if (button) {
  button.addEventListener("click", () => {
    queue = ticked();
    next();
  });
  player.addEventListener("ended", () => {
    heard(player.dataset.item);
    next();
  });
  for (const sound of document.querySelectorAll("audio[data-item]")) {
    sound.addEventListener("ended", () => heard(sound.dataset.item));
  }
}
