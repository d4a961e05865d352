// A draft kept on this machine while the station does not answer.
const PREFIX = "loa-draft-";

export function remember(name, fields) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(fields));
  } catch {
    // a full or forbidden store: the station's copy remains
  }
}

export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // nothing was kept
  }
}
