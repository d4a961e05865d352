"""A whole station for tests: real broker, database, voice, pages, and a fleet of simulated speakers."""

import asyncio
import json
import os
import signal
import subprocess
import sysconfig
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec
from demo import Browser, running, wait_for_page
from sqlalchemy import select

from broadcaster.clips import ClipStore
from broadcaster.clock import SystemClock, to_ms
from broadcaster.database import Database
from broadcaster.rows import Account, Broadcast, Delivery, DeliveryState, ScheduleKind, Speaker
from broadcaster.settings import Settings
from broadcaster.wire.documents import SpeakerState
from device_sim.fleet import Fleet, read_kits, wav_cards
from device_sim.hearing import Heard, find_clip
from device_sim.opus import decode_clip
from device_sim.timeline import read_timeline
from scheduler.submissions import Submission, submit
from web import commune
from web.initialise import FIRST_ACCOUNT, Initialised, initialise
from web.serve import PageServer
from web.station import RunningStation

COMMUNE = Path(__file__).parents[2] / "web" / "demo" / "commune.json"
SCRIPTS = Path(sysconfig.get_path("scripts"))
TEXT = "Mời bà con thôn Đông họp lúc 7h30 tại nhà văn hóa."


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something that happens in another thread or process."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {seconds} s")
        time.sleep(0.05)


@dataclass
class Town:
    """One commune in a folder, and what is known of it."""

    home: Path
    settings: Settings
    initialised: Initialised
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(self.settings.database)

    @classmethod
    def make(cls, home: Path, speakers: int = 24, **changes: object) -> "Town":
        """A town of the demo's commune with its first ``speakers`` speakers."""
        file = commune.read(COMMUNE)
        file = msgspec.structs.replace(file, speakers=file.speakers[:speakers])
        settings = msgspec.convert(
            {
                "home": str(home),
                "port": 0,
                "report_ms": 2_000,
                "now_lead_ms": 1_000,
                "clip_rate_bps": 1_000_000,
                "keep_sounds": False,
            }
            | changes,
            Settings,
        )
        return cls(home, settings, initialise(settings, file, SystemClock(), quiet_hours=False))

    @property
    def password(self) -> str:
        assert self.initialised.password is not None
        return self.initialised.password

    def submit(self, *places: str, text: str = TEXT, start_at: datetime | None = None) -> int:
        """Store a bulletin as the form does; returns the schedule."""
        kind = ScheduleKind.ONCE if start_at else ScheduleKind.NOW
        submission = Submission(uuid.uuid4().hex, "Họp thôn", text, kind, places or ("an-binh",), start_at=start_at)
        with self.database.write() as session:
            account = session.scalars(select(Account.id)).first()
            assert account is not None
            return submit(session, submission, account_id=account, now=SystemClock().now()).id

    def broadcast_of(self, schedule: int) -> Broadcast | None:
        return next((found for found in self.broadcasts() if found.schedule_id == schedule), None)

    def finished(self, schedule: int) -> int:
        """How many speakers have finished the first broadcast of a schedule."""
        broadcast = self.broadcast_of(schedule)
        return self.states(broadcast.id)[DeliveryState.FINISHED] if broadcast else 0

    def broadcasts(self) -> list[Broadcast]:
        with self.database.read() as session:
            return list(session.scalars(select(Broadcast).order_by(Broadcast.created_at)))

    def broadcast(self) -> Broadcast:
        """The newest broadcast."""
        return self.broadcasts()[-1]

    def states(self, broadcast: str | None = None) -> Counter[DeliveryState]:
        """How many speakers are in each state with a broadcast, the newest by default."""
        found = self.broadcasts()
        if not found:
            return Counter()
        with self.database.read() as session:
            name = broadcast or found[-1].id
            return Counter(session.scalars(select(Delivery.state).where(Delivery.broadcast_id == name)))

    def ready(self) -> int:
        """How many speakers have joined and proved their key."""
        with self.database.read() as session:
            joined = select(Speaker.id).where(Speaker.state == SpeakerState.READY, Speaker.public_key.is_not(None))
            return len(session.scalars(joined).all())

    def heard(self, broadcast: Broadcast, speaker: str) -> Heard | None:
        """Where the broadcast's clip stands in the newest recording of a speaker."""
        assert broadcast.clip_sha256 is not None
        assert broadcast.start_at is not None
        clip = decode_clip(ClipStore(self.home / "clips").opus(broadcast.clip_sha256))
        recordings = sorted((self.home / "wav").glob(f"{speaker}_*.wav"))
        return find_clip(read_timeline(recordings[-1]), clip, expected_ms=to_ms(broadcast.start_at))

    def sounding_ms(self, speaker: str) -> int:
        """How much of everything a speaker ever recorded is not silence."""
        recordings = (self.home / "wav").glob(f"{speaker}_*.wav")
        return sum(int((abs(read_timeline(path).samples) > 60).sum()) for path in recordings) // 24


class LiveTown:
    """A town whose station, pages and fleet run in this process."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.station = RunningStation(town.settings)
        self.pages = PageServer(self.station, lan=False)
        self.fleet = Fleet(read_kits(town.initialised.kits), town.home / "speakers", wav_cards(town.home / "wav"))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run_fleet, name="fleet")

    def _run_fleet(self) -> None:
        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            await self.fleet.run()

        asyncio.run(run())

    def start(self) -> None:
        self.station.start()
        self.pages.start()
        self._thread.start()

    def stop(self) -> None:
        self.stop_fleet()
        self.pages.stop()
        self.station.stop()
        self.town.database.dispose()

    def stop_fleet(self) -> None:
        """Switch every speaker off, so that its recording is finished."""
        if self._thread.is_alive():
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self.fleet.stop)
            self._thread.join(30)

    def reboot_fleet(self) -> None:
        """Switch every speaker off, and on again with what it keeps."""
        self.stop_fleet()
        self._thread = threading.Thread(target=self._run_fleet, name="fleet")
        self._thread.start()

    def air(self, *places: str, speakers: int, text: str = TEXT) -> Broadcast:
        """Air a bulletin now and wait until every speaker it is for has finished it."""
        schedule = self.town.submit(*places, text=text)
        self.station.wake()
        wait_until(lambda: self.town.finished(schedule) == speakers)
        broadcast = self.town.broadcast_of(schedule)
        assert broadcast is not None
        return broadcast

    def browser(self) -> Browser:
        """Someone who has signed in."""
        browser = Browser(self.pages.port)
        browser.send("/sign-in", {"username": FIRST_ACCOUNT, "password": self.town.password})
        return browser


@contextmanager
def live(town: Town) -> Iterator[LiveTown]:
    """A town that runs in this process, until the end of the block."""
    running_town = LiveTown(town)
    running_town.start()
    try:
        yield running_town
    finally:
        running_town.stop()


class TownProcesses:
    """A town whose station and fleet are processes of their own, so that they can be killed."""

    def __init__(self, town: Town, port: int) -> None:
        self.town, self.port = town, port
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LOA_")}  # noqa: TID251  for a child process
        given = msgspec.to_builtins(town.settings) | {"port": port, "log_level": "WARNING"}
        self.environment = kept | {f"LOA_{key.upper()}": str(value) for key, value in given.items() if value != ""}
        self.station: subprocess.Popen[bytes] | None = None

    def start_station(self) -> None:
        self.station = subprocess.Popen([str(SCRIPTS / "loa"), "serve"], env=self.environment, start_new_session=True)
        wait_for_page(self.port, self.station)

    def kill_station(self) -> None:
        """A power cut for the station's process alone."""
        assert self.station is not None
        self.station.kill()
        self.station.wait()

    def end_station(self) -> None:
        if self.station is not None and self.station.poll() is None:
            self.station.send_signal(signal.SIGTERM)
            assert self.station.wait(30) == 0

    @contextmanager
    def fleet(self) -> Iterator[subprocess.Popen[bytes]]:
        home = self.town.home
        command = [str(SCRIPTS / "loa-speaker"), "fleet", str(self.town.initialised.kits)]
        command += ["--state", str(home / "speakers"), "--wav", str(home / "wav")]
        with running(command, self.environment, "the fleet") as child:
            yield child

    def broker_pid(self) -> int:
        return int((self.town.home / "broker" / "nats.pid").read_text("ascii"))


def kit_of(town: Town, speaker: str) -> dict[str, str]:
    """A speaker's kit as it lies on the disk."""
    kit: dict[str, str] = json.loads((town.initialised.kits / f"{speaker}.json").read_text("utf-8"))
    return kit
