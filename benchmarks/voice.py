"""From the mouth to the horn: python -m benchmarks.voice.

A browser hears a sound file as its microphone and speaks it live, through the pages, the embedded broker and two simulated
speakers, into WAV files. Bursts of tone at uneven times tell how long each took: from the block in which it came out of the
browser's microphone to its first sample on a speaker's output. A phone's own microphone takes some 10 to 50 ms before that.
The limit beside it is what the chain waits for by design: a full segment, and the jitter buffer.
"""

import argparse
import json
import random
import statistics
import tempfile
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from broadcaster.rows import Talk
from device_sim.timeline import Timeline, read_timeline
from scheduler.microphone import DELAY_MS, UNIT_MS
from tests.web.serving import CHROMIUM, QUIET
from tests.whole.town import LiveTown, Town, live, wait_until
from web.initialise import FIRST_ACCOUNT

SPEAKERS = 2
RATE = 48_000
LOUD = 0.15
BURST_MS = 80
MINUTE_S = 60
MOST_MS = 3_000
ALIKE_MS = 40

LISTEN = """
window.bursts = [];
const Node = AudioWorkletNode;
window.AudioWorkletNode = class extends Node {
  constructor(...given) {
    super(...given);
    this.port.addEventListener("message", ({ data }) => {
      const at = performance.timeOrigin + performance.now();
      if (Math.max(...data.map(Math.abs)) > 0.1) window.bursts.push(at);
    });
  }
};
"""
POSTS = """performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/sound")).map(({ duration }) => duration)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", action="store_true", help="one line for a program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        heard = home / "microphone.wav"
        write_bursts(heard)
        with live(Town.make(home / "station", SPEAKERS)) as town:
            wait_until(lambda: town.town.ready() == SPEAKERS)
            spoken, posts = speak(town, heard, options.seconds)
            wait_until(lambda: archived(town))
            town.stop_fleet()
            played = [onsets(read_timeline(path)) for path in sorted((town.town.home / "wav").glob("*.wav"))]
    delays = [delay for at in played for delay in delays_of(spoken, at)]
    result = {
        "bursts": len(spoken),
        "heard": len(delays),
        "limit_ms": DELAY_MS,
        "segment_ms": UNIT_MS,
        "request_p50_ms": round(statistics.median(posts)),
        "request_max_ms": round(max(posts)),
        "p50_ms": round(statistics.median(delays)),
        "max_ms": round(max(delays)),
    }
    print(json.dumps(result) if options.json else "\n".join(f"{key:>12}: {value}" for key, value in result.items()))


def write_bursts(path: Path) -> None:
    """A minute of noisy bursts, some 0.5 to 1.3 s apart, so that no other shift of them looks alike."""
    rng, at, samples = random.Random(4), 0.7, np.zeros(RATE * MINUTE_S, np.int16)
    noise, size = np.random.default_rng(4), RATE * BURST_MS // 1000
    while at < MINUTE_S - 1:
        begin = round(at * RATE)
        samples[begin : begin + size] = noise.normal(0, 9_000, size).clip(-32_000, 32_000).astype(np.int16)
        at += rng.uniform(0.5, 1.3)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


def speak(town: LiveTown, heard: Path, seconds: float) -> tuple[list[float], list[float]]:
    """Hold the button; returns when bursts came out of the microphone meanwhile, Unix ms, and how long each request took."""
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, *flags, f"--use-file-for-fake-audio-capture={heard}"]
        )
        context = browser.new_context(base_url=town.pages.url, locale="vi-VN", permissions=["microphone"])
        page = context.new_page()
        page.add_init_script(LISTEN)
        open_page(page, town.town.password)
        page.hover("#hold")
        begin = page.evaluate("performance.timeOrigin + performance.now()")
        page.mouse.down()
        page.wait_for_timeout(seconds * 1000)
        page.mouse.up()
        end = page.evaluate("performance.timeOrigin + performance.now()")
        found = firsts([at for at in page.evaluate("window.bursts") if begin <= at <= end - 300])
        posts = page.evaluate(POSTS)
        browser.close()
    return found[1:], posts


def open_page(page: Page, password: str) -> None:
    page.goto("/sign-in")
    page.fill("#f-username", FIRST_ACCOUNT)
    page.fill("#f-password", password)
    page.click("main button")
    page.goto("/live")
    page.check('input[name="places"] >> nth=0')
    page.click("#open")
    page.wait_for_selector("#hold:visible")


def firsts(moments: list[float]) -> list[float]:
    """The first moment of each burst."""
    return moments[:1] + [after for before, after in pairwise(moments) if after - before > 2 * BURST_MS]


def archived(town: LiveTown) -> bool:
    with town.town.database.read() as session:
        talk = session.query(Talk).one()
        return bool(talk.sound_sha256)


def onsets(heard: Timeline) -> list[float]:
    """When bursts begin on a speaker's output, Unix milliseconds."""
    loud = np.flatnonzero(np.abs(heard.samples.astype(np.int32)) > LOUD * 32_768 / 2)
    return firsts([heard.epoch_ms + sample / 24 for sample in loud])


def delays_of(spoken: list[float], played: list[float]) -> list[float]:
    """How much later each burst was heard: by the one delay, up to `MOST_MS`, that most of them agree about."""
    pairs = [after - before for before in spoken for after in played if 0 <= after - before <= MOST_MS]
    common = max(pairs, key=lambda delay: sum(abs(delay - other) < ALIKE_MS for other in pairs))
    return [delay for delay in pairs if abs(delay - common) < ALIKE_MS]


if __name__ == "__main__":
    main()
