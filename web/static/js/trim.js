// Two handles over the picture of a sound, and two fields that say the same in seconds.
export function trimmer(form, player) {
  const [from, to] = [form.elements.sound_from, form.elements.sound_to];
  const [low, high] = [document.getElementById("trim-from"), document.getElementById("trim-to")];
  const picture = document.getElementById("sound-picture");
  const length = () => Number(high.max);

  function shade() {
    const svg = picture.querySelector("svg");
    if (!svg) return;
    const scale = svg.viewBox.baseVal.width / length();
    const [before, after] = svg.querySelectorAll("[data-cut]");
    before.setAttribute("width", low.value * scale);
    after.setAttribute("x", high.value * scale);
    after.setAttribute("width", (length() - high.value) * scale);
  }

  function fromFields() {
    low.value = Number(from.value) || 0;
    high.value = to.value === "" ? length() : Number(to.value);
    shade();
  }

  function fromHandles({ target }) {
    if (target === low && Number(low.value) >= Number(high.value)) low.value = Math.max(0, high.value - 0.5);
    if (target === high && Number(high.value) <= Number(low.value)) high.value = Math.min(length(), Number(low.value) + 0.5);
    from.value = Number(low.value) ? low.value : "";
    to.value = Number(high.value) >= length() - 0.05 ? "" : high.value;
    shade();
    from.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // The player keeps to what will be heard.
  player.addEventListener("play", () => {
    if (player.currentTime < low.value || player.currentTime >= high.value - 0.05) player.currentTime = low.value;
  });
  player.addEventListener("timeupdate", () => {
    if (player.currentTime >= high.value && high.value < length()) player.pause();
  });
  for (const handle of [low, high]) handle.addEventListener("input", fromHandles);
  for (const field of [from, to]) field.addEventListener("input", fromFields);

  return function fit(seconds) {
    low.max = high.max = seconds;
    fromFields();
  };
}
