// Requests to the station: with the token against forged forms, and told apart from a page's own.
const token = document.querySelector('meta[name="csrf-token"]').content;

// Ends a request that takes too long; AbortSignal.timeout is missing on phones from before 2022.
export function patience(ms) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}

export function post(address, data) {
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": token, "X-Requested-With": "fetch" },
    body: new URLSearchParams(data),
    credentials: "same-origin",
  });
}

export function get(address, more = {}, signal = undefined) {
  return fetch(address, { headers: { "X-Requested-With": "fetch", ...more }, credentials: "same-origin", signal });
}
