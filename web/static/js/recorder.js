// A recording of the microphone.
import { openMicrophone } from "./microphone.js";

const HEADER = 44;

// A WAV file, mono, 16 bits.
export function wav(blocks, rate) {
  const bytes = blocks.reduce((sum, block) => sum + block.byteLength, 0);
  const view = new DataView(new ArrayBuffer(HEADER));
  const text = (at, word) => [...word].forEach((letter, index) => view.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, HEADER - 8 + bytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, bytes, true);
  return new Blob([view.buffer, ...blocks], { type: "audio/wav" });
}

// Begins to record; returns how to end. `tell(seconds, level)` is called as sound comes in, `lost()` when the microphone is taken away,
// as by a call. Throws when it is refused.
export async function record(worklet, tell, lost) {
  const blocks = [];
  let count = 0;
  let microphone = null;
  microphone = await openMicrophone(worklet, (block, peak) => {
    blocks.push(block);
    count += block.length;
    if (microphone) tell(count / microphone.rate, peak);
  }, lost);
  return async () => {
    await microphone.close();
    return wav(blocks, microphone.rate);
  };
}
