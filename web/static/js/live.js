// Keeps the living part of a page as it is at the station. What is open, focused or playing stays so.
import { get } from "./http.js";
import { forget } from "./keep.js";

const LIVELY_MS = 1500;
const SLOW_MS = 5000;
const ANNOUNCE_MS = 8000;

const part = document.querySelector("[data-live]");
const announcer = document.getElementById("announcer");
let announced = { text: "", at: 0 };
let etag = "";
let notice = null;

function address() {
  const url = new URL(part.dataset.live, location.origin);
  url.searchParams.set("part", "live");
  return url;
}

// Changes what differs, child by child, so that an open panel, a playing sound or a button under a finger is left alone.
function renew(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const alike = old.nodeType === Node.ELEMENT_NODE && fresh.nodeType === Node.ELEMENT_NODE
    && old.tagName === fresh.tagName && old.id === fresh.id;
  if (!alike) {
    old.replaceWith(fresh);
    return;
  }
  const names = new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()]);
  if (old.tagName === "DETAILS") names.delete("open"); // the reader decides
  for (const name of names) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    else if (old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
  }
  renewChildren(old, fresh);
}

// What has an id is paired with its like, wherever that stands now; all else in the order in which it stands.
function renewChildren(old, fresh) {
  const stays = new Set([...fresh.children].map((child) => child.id));
  for (const child of [...old.children]) if (child.id && !stays.has(child.id)) child.remove();
  const named = new Map([...old.children].map((child) => [child.id, child]));
  let here = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const mate = node.id ? named.get(node.id) : here?.id ? null : here;
    while (mate && here !== mate && !here.id) here = dropped(here); // blanks around what has gone
    if (mate && mate === here) here = here.nextSibling;
    else old.insertBefore(mate ?? node, here);
    if (mate) renew(mate, node);
  }
  while (here) here = dropped(here);
}

function dropped(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

// Blank edges would set old and fresh children off against each other.
function trim(node) {
  for (const edge of ["firstChild", "lastChild"]) {
    while (node[edge]?.nodeType === Node.TEXT_NODE && !node[edge].data.trim()) node[edge].remove();
  }
}

function announce() {
  if (!announcer || Date.now() - announced.at < ANNOUNCE_MS) return;
  const text = [...part.querySelectorAll("[data-announce]")].map((each) => each.dataset.announce).filter(Boolean).join(". ");
  if (text === announced.text) return;
  announced = { text, at: Date.now() };
  announcer.textContent = text;
}

function connected(yes) {
  if (yes && notice) {
    notice.remove();
    notice = null;
  } else if (!yes && !notice) {
    notice = document.createElement("p");
    notice.className = "notice notice-warning lost";
    notice.setAttribute("role", "status");
    notice.textContent = part.dataset.lost;
    part.before(notice);
  }
}

async function look() {
  const response = await get(address(), etag ? { "If-None-Match": etag } : {});
  if (response.status === 401) {
    location.reload();
    return;
  }
  if (response.redirected) {
    const target = new URL(response.url);
    target.searchParams.delete("part");
    location.replace(target);
    return;
  }
  connected(response.ok || response.status === 304);
  if (response.status === 304) announce(); // what changed a moment ago is still to be said
  if (!response.ok) return;
  etag = response.headers.get("ETag") || "";
  const fresh = document.createElement("div");
  fresh.innerHTML = await response.text();
  const holder = part.cloneNode(false);
  holder.append(...fresh.childNodes);
  trim(part);
  trim(holder);
  renew(part, holder);
  announce();
}

async function follow() {
  if (!document.hidden) {
    try {
      await look();
    } catch {
      connected(false);
    }
  }
  setTimeout(follow, "slow" in part.dataset ? SLOW_MS : LIVELY_MS);
}

if (part.dataset.sent) forget(part.dataset.sent);
setTimeout(follow, LIVELY_MS);
