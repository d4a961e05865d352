// The line of one talk to the station: samples in order, a fifth of a second at a time, more when the line was slow.
import { patience } from "./http.js";

const PART_S = 0.2;
const MOST_S = 2;
const GIVEN_UP_MS = 2000;
const PATIENCE_MS = 1000;
const AGAIN_MS = 100;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// `tell(facts)` hears what the station answers; `over(end, text)` is called once: "done", "dropped", or "ended" by the station, with its words.
export function openLine(rate, tell, over) {
  const blocks = [];
  let talk = null;
  let waiting = 0;
  let position = 0;
  let finishing = "";
  let closed = false;
  let wake = () => {};

  function close(end, text = "") {
    if (closed) return;
    closed = true;
    wake();
    over(end, text, position / rate);
  }

  function send(address, body, headers = {}, more = {}) {
    return fetch(address, {
      method: "POST",
      headers: { "X-Talk-Key": talk.key, "X-Requested-With": "fetch", ...headers },
      body,
      credentials: "omit",
      signal: patience(PATIENCE_MS),
      ...more,
    });
  }

  function join() {
    const size = Math.min(waiting, Math.round(MOST_S * rate));
    const part = new Int16Array(size);
    let filled = 0;
    while (filled < size) {
      const block = blocks.shift();
      const room = size - filled;
      part.set(block.length > room ? block.subarray(0, room) : block, filled);
      if (block.length > room) blocks.unshift(block.subarray(room));
      filled += Math.min(block.length, room);
    }
    waiting -= size;
    return part;
  }

  // Sends one part until the station has it.
  async function deliver(part) {
    const begun = performance.now();
    while (!closed) {
      const response = await send(talk.sound, part, { "X-Talk-Position": String(position) }).catch(() => null);
      const answer = await response?.json().catch(() => null);
      const arrived = response?.status === 409 && answer?.next === position + part.length; // the answer was lost
      if (response?.ok || arrived) {
        position += part.length;
        if (response.ok) tell({ ...answer, late: waiting / rate });
        return;
      }
      if (response?.status === 410) close("ended", answer?.text);
      else if (response || performance.now() - begun > GIVEN_UP_MS) close("dropped");
      else await pause(AGAIN_MS);
    }
  }

  async function run() {
    while (!closed) {
      if (waiting >= PART_S * rate || (finishing && waiting)) await deliver(join());
      else if (finishing) break;
      else await new Promise((resolve) => (wake = resolve));
    }
    if (closed) return;
    await send(talk.over, null).catch(() => null);
    close("done");
  }

  return {
    take(block) {
      if (closed || finishing) return;
      blocks.push(block);
      waiting += block.length;
      if (waiting >= PART_S * rate) wake();
    },
    begin(opened) {
      talk = opened;
      if (closed) send(talk.over, null).catch(() => null); // left before it was open
      run();
    },
    finish() {
      finishing = "done";
      wake();
    },
    // The page goes away: nothing can be waited for.
    leave() {
      if (talk && !closed) send(talk.over, null, {}, { keepalive: true }).catch(() => null);
      close("left");
    },
  };
}
