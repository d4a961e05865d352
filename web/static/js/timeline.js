// Moves what is planned along the day with the keyboard: a bar is a slider for the time in its form.
const STEPS = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -60, PageUp: 60 };
const LAST = 24 * 60 - 5;

function minutesOf(text) {
  const [hours, minutes] = text.split(":").map(Number);
  return hours * 60 + minutes;
}

function clock(minutes) {
  return [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");
}

function equip(bar) {
  const form = document.getElementById(bar.dataset.moves);
  const time = form.elements.time;

  function show() {
    const minutes = minutesOf(time.value);
    bar.setAttribute("x", minutes);
    bar.setAttribute("aria-valuenow", minutes);
    bar.setAttribute("aria-valuetext", time.value);
  }

  bar.setAttribute("tabindex", "0");
  bar.setAttribute("role", "slider");
  bar.setAttribute("aria-valuemin", "0");
  bar.setAttribute("aria-valuemax", LAST);
  bar.setAttribute("aria-describedby", "how-to-move");
  show();
  time.addEventListener("input", () => time.value && show());
  bar.addEventListener("keydown", (event) => {
    if (event.key in STEPS) {
      time.value = clock(Math.min(LAST, Math.max(0, minutesOf(time.value) + STEPS[event.key])));
    } else if (event.key === "Escape") {
      form.reset();
    } else if (event.key === "Enter") {
      form.requestSubmit();
      return;
    } else {
      return;
    }
    event.preventDefault();
    form.closest("details").open = true;
    show();
  });
}

const bars = document.querySelectorAll("[data-moves]");
bars.forEach(equip);
document.getElementById("how-to-move").hidden = !bars.length;
