// Choosing places: a place ticks everything in it, a group its members; speakers are counted once.
// What is chosen is a set of places in which speakers stand. Every tick follows from it, also one that is fetched later.
import { get, patience } from "./http.js";

const WAIT_MS = 200;
const PATIENCE_MS = 10000;
const AT_ONCE = 100; // codes in one address

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
  const tickIn = (row) => row.querySelector('input[name="places"]');
  const changed = () => box.dispatchEvent(new Event("change", { bubbles: true })); // by no finger
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
    const half = closed.filter((one) => missing.some((place) => covers.get(tickIn(one.parentElement)).includes(place)));
    try {
      await Promise.all(half.map(load));
      half.forEach((one) => (one.open = true));
      if (!half.length) reached = sent;
    } catch {
      tell(say.sayLost);
      reached = told(); // nothing is shown as chosen that will not be sent
    }
    settle();
    changed();
  }

  async function load(details) {
    if (details.dataset.inside === undefined) return;
    const rows = await fetched(details.dataset.inside);
    if (details.dataset.inside === undefined) return; // asked for twice
    delete details.dataset.inside;
    details.querySelector("ul").innerHTML = rows;
    ready();
  }

  async function fetched(address) {
    const response = await get(address, {}, patience(PATIENCE_MS));
    if (!response.ok) throw new Error(response.statusText);
    return response.text();
  }

  function ready() {
    know();
    for (const element of box.querySelectorAll("[data-needs-js]")) element.hidden = false;
  }

  async function fetchRows(name, values) {
    const query = new URLSearchParams(values.map((value) => [name, value]));
    const rows = document.createElement("ul");
    rows.innerHTML = await fetched(`${say.look}&${query}&mark=${say.mark}-found`);
    return [...rows.children];
  }

  // Of the rows before, only the ticked ones stay that no other tick stands for.
  function showRows(rows) {
    const kept = needed();
    const standing = new Set(kept.map((row) => tickIn(row).value));
    found.replaceChildren(...kept, ...rows.filter((row) => !standing.has(tickIn(row)?.value)));
    know();
  }

  function needed() {
    const rows = [...found.children].filter((row) => tickIn(row)?.checked);
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
    const mine = ++latest;
    const text = search.value.trim();
    try {
      const rows = text ? await fetchRows("find", [text]) : [];
      if (mine !== latest) return; // something else was typed meanwhile
      const count = rows.filter(tickIn).length;
      showRows(rows);
      tell(!text ? "" : count ? say.sayFound.replace("{count}", count) : say.sayNone);
      settle();
    } catch {
      if (mine === latest) tell(say.sayLost);
    }
  }

  // Ticks exactly the places of these codes.
  async function choose(codes) {
    const wanted = new Set(codes);
    for (const tick of ticks()) tick.checked = wanted.has(tick.value);
    reached = told();
    settle();
    for (const tick of ticks()) wanted.delete(tick.value);
    try {
      if (found) await fetchChosen([...wanted]);
    } catch {
      tell(say.sayLost);
      return;
    }
    changed();
  }

  async function fetchChosen(codes) {
    for (let at = 0; at < codes.length; at += AT_ONCE) {
      const rows = await fetchRows("code", codes.slice(at, at + AT_ONCE));
      const before = [...found.children];
      found.prepend(...rows);
      know();
      for (const place of told()) reached.add(place);
      showRows(before);
      settle();
    }
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
