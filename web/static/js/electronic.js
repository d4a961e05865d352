// An electronic board follows the station. While the station does not answer, the board keeps what it shows until that
// expires; a page that reloads itself would be left with the browser's own error page. Its own clock is not asked.
const EVERY_MS = 5000;
let answered = performance.now();

function forgetExpired() {
  const past = performance.now() - answered;
  for (const alert of document.querySelectorAll("[data-left-ms]")) if (Number(alert.dataset.leftMs) < past) alert.remove();
}

async function look() {
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    if (!response.ok) throw new Error(response.statusText);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").body;
    document.body.replaceChildren(...fresh.childNodes);
    answered = performance.now();
  } catch {
    forgetExpired();
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
