// Hands the microphone's samples, as they are, to the page.
class Pcm extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage(input[0].slice());
    return true;
  }
}
registerProcessor("pcm", Pcm);
