// Choosing places: a place ticks everything in it, a group its members; speakers are counted once.
// What is chosen is a set of places in which speakers stand. Every tick follows from it, also one that is fetched later.
import { get } from "./http.js";

const WAIT_MS = 200;

export function choosePlaces(box) {
  const say = box.dataset;
  const part = (name) => box.querySelector(`[data-${name}]`);
  const [shown, said, search, found] = ["chosen", "said", "find", "found"].map(part);
  const own = new Map(); // place → speakers that stand there
  const covers = new Map(); // tick → places
  let reached = new Set();
  let timer = 0;
  let latest = 0;

  const ticks = () => [...box.querySelectorAll('input[name="places"]')];
  const told = () => new Set(ticks().filter((tick) => tick.checked).flatMap((tick) => covers.get(tick)));
  const tell = (text) => said && (said.textContent = text);

  function know() {
    for (const tick of ticks()) {
      if (covers.has(tick)) continue;
      const pairs = tick.dataset.own.split(" ").filter(Boolean).map((pair) => pair.split(":"));
      for (const [place, speakers] of pairs) own.set(place, Number(speakers));
      covers.set(tick, pairs.map(([place]) => place));
    }
  }

  // What lies inside comes first: a place whose parts are not all chosen is not, nor are the speakers of its own.
  function settle() {
    for (const tick of ticks().reverse()) {
      const places = covers.get(tick);
      if (!places.length) continue; // it has no speakers yet, and follows nothing
      let there = places.filter((place) => reached.has(place)).length;
      if (there < places.length && reached.delete(tick.dataset.id)) there -= 1;
      tick.checked = there === places.length;
      tick.indeterminate = there > 0 && !tick.checked;
      const note = tick.closest("li").querySelector(":scope > details [data-part]");
      if (note) note.textContent = there && !tick.checked ? `${there}/${places.length}` : "";
    }
    let total = 0;
    for (const place of told()) total += own.get(place);
    shown.textContent = total;
    openHalf();
  }

  // What is chosen and has no tick that says so lies in a place that is closed still.
  async function openHalf() {
    const sent = told();
    const missing = [...reached].filter((place) => !sent.has(place));
    if (!missing.length) return;
    const closed = [...box.querySelectorAll("details[data-inside]")];
    const half = closed.filter((one) => missing.some((place) => covers.get(tickOf(one)).includes(place)));
    try {
      await Promise.all(half.map(load));
      half.forEach((one) => (one.open = true));
      if (!half.length) reached = sent;
    } catch {
      tell(say.sayLost);
      reached = told(); // nothing is shown as chosen that will not be sent
    }
    settle();
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  const tickOf = (details) => details.parentElement.querySelector('input[name="places"]');

  async function load(details) {
    if (details.dataset.inside === undefined) return;
    const response = await get(details.dataset.inside);
    if (!response.ok) throw new Error(response.statusText);
    if (details.dataset.inside === undefined) return; // asked for twice
    delete details.dataset.inside;
    details.querySelector("ul").innerHTML = await response.text();
    ready();
  }

  function ready() {
    know();
    for (const element of box.querySelectorAll("[data-needs-js]")) element.hidden = false;
  }

  // Fetches rows of places. Of those before, only the ticked ones stay that no other tick stands for.
  async function fetchRows(name, values) {
    const mine = ++latest;
    const query = new URLSearchParams(values.map((value) => [name, value]));
    const response = values.length ? await get(`${say.look}&${query}&mark=${say.mark}-found`) : null;
    if (response && !response.ok) throw new Error(response.statusText);
    const fresh = document.createElement("ul");
    if (response) fresh.innerHTML = await response.text();
    if (mine !== latest) return null; // something else was typed meanwhile
    const count = fresh.querySelectorAll("input").length;
    const kept = needed();
    const standing = new Set(kept.map((row) => row.querySelector("input").value));
    const rows = [...fresh.children].filter((row) => !standing.has(row.querySelector("input")?.value));
    found.replaceChildren(...kept, ...rows);
    know();
    return count;
  }

  function needed() {
    const rows = [...found.children].filter((row) => row.querySelector("input")?.checked);
    const tickIn = (row) => row.querySelector("input");
    const size = (row) => covers.get(tickIn(row)).length;
    const others = ticks().filter((tick) => tick.checked && !found.contains(tick));
    const sent = new Set(others.flatMap((tick) => covers.get(tick)));
    return rows.sort((one, other) => size(other) - size(one)).filter((row) => {
      const places = covers.get(tickIn(row));
      const needless = places.length ? places.every((place) => sent.has(place)) : others.some((tick) => tick.value === tickIn(row).value);
      for (const place of places) sent.add(place);
      return !needless;
    });
  }

  async function find() {
    const text = search.value.trim();
    try {
      const count = await fetchRows("find", text ? [text] : []);
      if (count === null) return;
      tell(!text ? "" : count ? say.sayFound.replace("{count}", count) : say.sayNone);
      settle();
    } catch {
      tell(say.sayLost);
    }
  }

  // Ticks exactly the places of these codes.
  async function choose(codes) {
    const wanted = new Set(codes);
    for (const tick of ticks()) tick.checked = wanted.has(tick.value);
    reached = told();
    settle();
    const missing = codes.filter((code) => !ticks().some((tick) => tick.value === code));
    if (!missing.length || !found) return;
    try {
      await fetchRows("code", missing);
      for (const place of told()) reached.add(place);
      found.replaceChildren(...needed());
      settle();
    } catch {
      tell(say.sayLost);
    }
  }

  function spread(from) {
    if (isLeaf(from)) return;
    const inside = new Set(covers.get(from));
    for (const tick of ticks) if (isLeaf(tick) && inside.has(tick.dataset.id)) tick.checked = from.checked;
  }

  box.addEventListener("change", ({ target }) => {
    if (!covers.has(target)) return;
    for (const place of covers.get(target)) reached[target.checked ? "add" : "delete"](place);
    for (const tick of ticks()) if (tick.value === target.value) tick.checked = target.checked;
    settle();
  });
  box.addEventListener("toggle", async ({ target }) => {
    if (!target.open || target.dataset.inside === undefined) return;
    try {
      await load(target);
      settle();
    } catch {
      target.open = false;
      tell(say.sayLost);
    }
  }, true);
  search?.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, WAIT_MS);
  });
  search?.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the form
  });
  ready();
  reached = told();
  settle();
  return choose;
}
