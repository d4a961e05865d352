// The microphone as PCM: uncompressed samples, so that every phone sends the same and nothing is lost to a codec.
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

function sixteenBits(samples) {
  const block = new Int16Array(samples.length);
  for (let at = 0; at < samples.length; at++) block[at] = Math.max(-1, Math.min(1, samples[at])) * 32767;
  return block;
}

// Begins to record; returns how to end. `tell(seconds, level)` is called as sound comes in, `lost()` when the microphone is taken away,
// as by a call. Throws when it is refused.
export async function record(worklet, tell, lost) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, noiseSuppression: true, autoGainControl: true },
  });
  for (const track of stream.getTracks()) track.addEventListener("ended", lost);
  const context = new AudioContext();
  const awake = navigator.wakeLock?.request("screen").catch(() => null); // a screen that goes dark ends a recording
  const blocks = [];
  let count = 0;
  try {
    await context.audioWorklet.addModule(worklet);
    const source = context.createMediaStreamSource(stream);
    const pcm = new AudioWorkletNode(context, "pcm", { numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit" });
    pcm.port.onmessage = ({ data }) => {
      blocks.push(sixteenBits(data));
      count += data.length;
      tell(count / context.sampleRate, Math.max(...data.map(Math.abs)));
    };
    source.connect(pcm);
    await context.resume();
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    throw error;
  }
  return async () => {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    (await awake)?.release();
    return wav(blocks, context.sampleRate);
  };
}
