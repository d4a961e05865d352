"""The demo: a station, 24 simulated speakers, a bulletin sent in like an officer's, and the proof of what was heard."""

import argparse
import http.client
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from sqlalchemy import func, select

from broadcaster.clips import ClipStore
from broadcaster.clock import SystemClock, to_ms
from broadcaster.database import Database
from broadcaster.rows import Broadcast, Delivery, DeliveryState, Speaker
from broadcaster.settings import Settings
from broadcaster.wire.documents import SpeakerState
from device_sim.hearing import find_clip
from device_sim.opus import decode_clip
from device_sim.timeline import read_timeline
from web import commune
from web.initialise import FIRST_ACCOUNT, initialise

PROJECT = Path(__file__).resolve().parent.parent
DATA = PROJECT / "web" / "demo"
WHOLE = 0.99
"""How much of a clip must be found in a recording: the rest are blocks in which the codec's own noise decides."""


class DemoError(Exception):
    """The demo can't go on."""


@dataclass(frozen=True)
class Demo:
    """Where one run of the demo lives."""

    home: Path
    port: int

    @property
    def settings(self) -> Settings:
        """What the station of the demo is told."""
        return Settings(home=str(self.home), port=self.port, report_ms=5_000, log_level="WARNING")

    def environment(self) -> dict[str, str]:
        """The same, as the environment of a child process."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("LOA_")}  # noqa: TID251
        given = {"HOME": self.home, "PORT": self.port, "REPORT_MS": 5_000, "LOG_LEVEL": "WARNING"}
        return inherited | {f"LOA_{key}": str(value) for key, value in given.items()}


def free_port(wanted: int) -> int:
    """The wanted port, or any free one."""
    for port in (wanted, 0):
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no free port")


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child process that is ended in order, and by force when it does not end."""
    child = subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGINT)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            print(f"{name} does not end; killing it", file=sys.stderr)
            child.kill()
            child.wait()


class Browser:
    """Enough of a browser to sign in and send a form."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, form: Mapping[str, str | list[str]] | None = None) -> tuple[int, str, str]:
        """One request; returns status, where it leads, and the page."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        with closing(connection):
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
            body = None
            if form is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                body = urlencode(form, doseq=True)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = cookie.partition(";")[0].partition("=")
                self._cookies[name] = value
            return answer.status, answer.headers.get("Location", ""), answer.read().decode()

    def send(self, path: str, form: Mapping[str, str | list[str]]) -> str:
        """Open a form, fill it in and send it; returns where that leads."""
        _, location, page = self.ask("GET", path)
        if location:
            path = urlsplit(location).path
            _, _, page = self.ask("GET", path)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        if token is None:
            raise DemoError(f"no form at {path}")
        status, location, page = self.ask("POST", path, {**form, "csrf_token": unescape(token[1])})
        if status != http.HTTPStatus.SEE_OTHER:
            problem = re.findall(r'id="e-[a-z_]+"[^>]*>\s*<p>([^<]+)', page)
            raise DemoError(f"{path} answered {status}: {problem}")
        return location


def wait_for_page(port: int, child: subprocess.Popen[bytes]) -> None:
    """Wait until the station answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise DemoError("the station ended by itself; run it with LOA_LOG_LEVEL=INFO to see why")
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise DemoError("the station does not answer")


def wait_for_speakers(database: Database, count: int) -> None:
    """Wait until every simulated speaker has joined."""
    deadline = time.monotonic() + 60
    ready = select(func.count()).where(Speaker.state == SpeakerState.READY, Speaker.public_key.is_not(None))
    while time.monotonic() < deadline:
        with database.read() as session:
            if session.scalar(ready) == count:
                return
        time.sleep(0.1)
    raise DemoError("not every speaker has joined")


def bulletin() -> dict[str, str | list[str]]:
    """A real bulletin as the form sends it."""
    first = json.loads((DATA / "bulletins.jsonl").read_text("utf-8").splitlines()[0])
    return {
        "title": first["title"],
        "text": first["text"],
        "klass": first["priority"],
        "category": first["category"],
        "voice": "north",
        "repeats": "1",
        "chime": "1",
        "kind": "now",
        "places": first["zones"],
    }


def wait_until_aired(database: Database) -> Broadcast:
    """Wait until the broadcast is over and every speaker it was for has reported."""
    deadline = time.monotonic() + 180
    ended = (DeliveryState.FINISHED, DeliveryState.SKIPPED, DeliveryState.FAILED, DeliveryState.STOPPED)
    while time.monotonic() < deadline:
        with database.read() as session:
            broadcast = session.scalars(select(Broadcast)).first()
            states = list(session.scalars(select(Delivery.state)))
            if broadcast is not None and states and all(state in ended for state in states):
                return broadcast
        time.sleep(0.2)
    raise DemoError("the bulletin was not aired in time")


def proof(demo: Demo, database: Database) -> tuple[dict[str, object], bool]:
    """Listen to what every speaker wrote, those it was not for as well."""
    with database.read() as session:
        broadcast = session.scalars(select(Broadcast)).one()
        if broadcast.start_at is None or broadcast.clip is None:
            raise DemoError("the broadcast has no sound")
        targets = set(session.scalars(select(Delivery.speaker_id)))
        everyone = set(session.scalars(select(Speaker.id)))
        finished = session.scalar(select(func.count()).where(Delivery.state == DeliveryState.FINISHED)) or 0
        start_ms, clip_ms = to_ms(broadcast.start_at), broadcast.clip.duration_ms
        clip = decode_clip(ClipStore(demo.home / "clips").opus(broadcast.clip.sha256))
    errors, whole, wrong = [], 0, []
    recordings = {path.name.rpartition("_")[0]: path for path in sorted((demo.home / "wav").glob("*.wav"))}
    for speaker in sorted(everyone):
        timeline = read_timeline(recordings[speaker])
        if speaker not in targets:
            if timeline.samples.any():
                wrong.append(speaker)
            continue
        heard = find_clip(timeline, clip, expected_ms=start_ms)
        if heard is not None and heard.error_ms is not None and heard.played_fraction >= WHOLE:
            whole += 1
            errors.append(abs(heard.error_ms))
    line: dict[str, object] = {
        "speakers": len(targets),
        "finished": finished,
        "heard_whole": whole,
        "heard_by_others": wrong,
        "planned_at": broadcast.start_at.isoformat(timespec="milliseconds"),
        "worst_start_error_ms": round(max(errors), 3) if errors else None,
        "clip_seconds": clip_ms / 1000,
        "wav": [str(recordings[speaker].relative_to(PROJECT)) for speaker in sorted(targets)],
    }
    return line, bool(targets) and finished == whole == len(targets) and not wrong


def play(*, once: bool, port: int) -> int:
    """Run the demo; returns the exit code."""
    demo = Demo(PROJECT / "var" / ("demo-once" if once else "demo"), free_port(port))
    shutil.rmtree(demo.home, ignore_errors=True)
    done = initialise(demo.settings, commune.read(DATA / "commune.json"), SystemClock(), quiet_hours=False)
    if done.password is None:
        raise DemoError("the demo's folder was not empty")
    scripts = Path(sysconfig.get_path("scripts"))
    station = [str(scripts / "loa"), "serve"]
    fleet = [str(scripts / "loa-speaker"), "fleet", str(done.kits)]
    fleet += ["--state", str(demo.home / "speakers"), "--wav", str(demo.home / "wav")]
    database = Database(demo.settings.database)
    try:
        with running(station, demo.environment(), "the station") as child:
            wait_for_page(demo.port, child)
            with running(fleet, demo.environment(), "the fleet"):
                wait_for_speakers(database, done.loaded.speakers)
                print(f"Loa Phường: http://127.0.0.1:{demo.port}/", file=sys.stderr)
                print(f"  tài khoản (user): {FIRST_ACCOUNT}   mật khẩu (password): {done.password}", file=sys.stderr)
                browser = Browser(demo.port)
                browser.send("/sign-in", {"username": FIRST_ACCOUNT, "password": done.password})
                browser.send("/write", bulletin())
                if once:
                    wait_until_aired(database)
                else:
                    print("  đang phát bản tin đầu tiên; Ctrl-C để dừng (Ctrl-C stops everything)", file=sys.stderr)
                    child.wait()
                    return 1
        line, right = proof(demo, database)
        print(json.dumps(line, ensure_ascii=False))
        return 0 if right else 1
    finally:
        database.dispose()


def main() -> int:
    """Read the command line and play."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--once", action="store_true", help="air one bulletin, check it, print one JSON line, end")
    parser.add_argument("--port", type=int, default=8080, help="of the page; another free one when it is taken")
    arguments = parser.parse_args()
    logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)s %(name)s %(message)s")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell started us in the background
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return play(once=arguments.once, port=arguments.port)
    except KeyboardInterrupt:
        return 0
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
