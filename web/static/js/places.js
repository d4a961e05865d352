// Ticking places: a place ticks everything in it, a group its members; speakers are counted once.
export function tickPlaces(box, shown) {
  const ticks = [...box.querySelectorAll('input[name="places"]')];
  const own = new Map(ticks.map((tick) => [tick.dataset.id, Number(tick.dataset.own)]));
  const covers = new Map(ticks.map((tick) => [tick, tick.dataset.covers.split(" ").filter(Boolean)]));

  function count() {
    const reached = new Set();
    for (const tick of ticks) if (tick.checked) for (const place of covers.get(tick)) reached.add(place);
    let total = 0;
    for (const place of reached) total += own.get(place) || 0;
    shown.textContent = total;
  }

  // A place that holds others follows them: ticked when all are, half when some are.
  function settle() {
    const ticked = new Set(ticks.filter((tick) => tick.checked && isLeaf(tick)).flatMap((tick) => covers.get(tick)));
    for (const tick of ticks) {
      if (isLeaf(tick)) continue;
      const inside = covers.get(tick).filter((place) => place !== tick.dataset.id);
      const there = inside.filter((place) => ticked.has(place)).length;
      const whole = there === inside.length;
      tick.checked = Number(tick.dataset.own) ? tick.checked && whole : whole; // its own speakers have no other tick
      tick.indeterminate = there > 0 && !tick.checked;
    }
    count();
  }

  function isLeaf(tick) {
    return covers.get(tick).length <= 1 && (covers.get(tick)[0] ?? tick.dataset.id) === tick.dataset.id;
  }

  function spread(from) {
    if (isLeaf(from)) return;
    const inside = new Set(covers.get(from));
    for (const tick of ticks) if (isLeaf(tick) && inside.has(tick.dataset.id)) tick.checked = from.checked;
  }

  box.addEventListener("change", ({ target }) => {
    spread(target);
    settle();
  });
  for (const tick of ticks) if (tick.checked) spread(tick); // a group that is edited, a finger faster than this script
  settle();
  return settle;
}
