// The microphone as PCM: uncompressed samples, so that every phone sends the same and nothing is lost to a codec.
function sixteenBits(samples) {
  const block = new Int16Array(samples.length);
  for (let at = 0; at < samples.length; at++) block[at] = Math.max(-1, Math.min(1, samples[at])) * 32767;
  return block;
}

// Opens it; returns its rate in Hz and how to close it. `take(block, peak)` is called with samples as they come in, `lost()` when it is
// taken away, as by a call. Throws when it is refused.
export async function openMicrophone(worklet, take, lost) {
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, noiseSuppression: true, autoGainControl: true },
  });
  for (const track of stream.getTracks()) track.addEventListener("ended", lost);
  const context = new AudioContext();
  const awake = navigator.wakeLock?.request("screen").catch(() => null); // a screen that goes dark takes the microphone away
  async function close() {
    for (const track of stream.getTracks()) track.stop();
    await context.close();
    (await awake)?.release();
  }
  try {
    await context.audioWorklet.addModule(worklet);
    const source = context.createMediaStreamSource(stream);
    const pcm = new AudioWorkletNode(context, "pcm", { numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit" });
    pcm.port.onmessage = ({ data }) => take(sixteenBits(data), Math.max(...data.map(Math.abs)));
    source.connect(pcm);
    await context.resume();
  } catch (error) {
    await close();
    throw error;
  }
  return { rate: context.sampleRate, close };
}
