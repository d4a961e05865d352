"""A planner with programmes in it: bulletins for the slot, a rundown, and the studio that makes their sound."""

from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from broadcaster.clips import ClipStore
from broadcaster.database import Database
from broadcaster.rows import Account, Broadcast, Clip, Composition, ScheduleKind, Sound, Station
from broadcaster.sounds import SoundStore
from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE
from scheduler import programmes
from scheduler.production import Production
from scheduler.rundown import Bulletins, Item, Overrun, Rundown, Tune, Words
from scheduler.submissions import Submission
from tests.broadcaster import town
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench
from tts.encoding import RATE
from tts.flac import to_flac
from tts.pcm import Pcm
from tts.speech import Speech, SpeechSettings

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class Humming:
    name = "humming"
    version = "1"

    def speak(self, sentence: str, voice: Any, words_per_minute: int) -> Pcm:
        at = np.arange(22_050 * max(1, len(sentence) // 30)) / 22_050
        return Pcm((8_000 * np.sin(2 * np.pi * 300 * at)).astype(np.int16), 22_050)

    def close(self) -> None:
        pass


@dataclass
class Programmes:
    bench: Bench
    store: ClipStore
    sounds: SoundStore
    speech: Speech
    production: Production
    made: int = 0

    @classmethod
    def make(cls, database: Database, clock: FixedClock, folder: Path) -> "Programmes":
        bench = Bench.make(database, clock, folder / "sent")
        store, sounds = ClipStore(folder / "clips"), SoundStore(folder / "sounds")
        speech = Speech(folder / "speech", Humming())
        return cls(bench, store, sounds, speech, Production(bench.core, speech, store, sounds, lambda: None))

    def sound(self, seconds: float, pitch: int, name: str = "Nhạc") -> str:
        at = np.arange(round(seconds * RATE)) / RATE
        flac = to_flac(Pcm((6_000 * np.sin(2 * np.pi * pitch * at)).astype(np.int16), RATE))
        sha256, now = self.sounds.put(flac), self.bench.clock.now()
        length_ms = round(seconds * 1000)
        with self.bench.core.database.write() as session:
            if session.get(Sound, sha256) is None:
                session.add(
                    Sound(sha256=sha256, name=name, bytes=len(flac), duration_ms=length_ms, peaks=[50], created_at=now)
                )
        return sha256

    def bulletin(self, title: str, *places: int, klass: Class = Class.ROUTINE, category: str = "y tế") -> int:
        """A bulletin for programmes, with its sound; returns the id of its schedule."""
        self.made += 1
        made = self.speech.prepare([f"{title} số {self.made}."], SpeechSettings(chime=False))
        manifest, manifest_sha256 = self.store.put(made.opus, made.mp3)
        with self.bench.core.database.write() as session:
            where = places or (town.COMMUNE,)
            schedule = town.schedule(session, self.bench.clock, *where, kind=ScheduleKind.PROGRAMME, klass=klass)
            schedule.bulletin.title, schedule.bulletin.category = title, category
            session.merge(
                Clip(
                    sha256=manifest.clip,
                    manifest_sha256=manifest_sha256,
                    bytes=manifest.bytes,
                    duration_ms=made.duration_ms,
                    created_at=self.bench.clock.now(),
                )
            )
            session.flush()
            schedule.bulletin.clip_sha256 = manifest.clip
            return schedule.id

    def usual(self) -> tuple[Item, ...]:
        tune = self.sound(1, 500, "Nhạc hiệu")
        return (
            Tune(tune),
            Words("{đài}, {ngày}. {điểm tin}"),
            Bulletins(sting=self.sound(0.5, 700)),
            Words("Xin chào."),
            Tune(tune),
        )

    def programme(
        self, *items: Item, minutes: int = 15, hours: float = 1, times: tuple[time, ...] = (), **facts: Any
    ) -> int:
        """A programme that begins in some hours and comes again daily; returns the id of its first schedule."""
        self.made += 1
        rundown = Rundown(minutes * MINUTE, facts.pop("overrun", Overrun.DROP), items or self.usual())
        known: dict[str, Any] = {
            "kind": ScheduleKind.REPEATED,
            "rule": "RRULE:FREQ=DAILY",
            "start_at": self.bench.at(hours),
            "places": ("xa",),
            "title": "Bản tin sáng",
        }
        wanted = Submission(submission=f"p{self.made}", text="", rundown=rundown, chime=False, **(known | facts))
        with self.bench.core.database.write() as session:
            return programmes.submit(session, wanted, times, account_id=1, now=self.bench.clock.now()).id

    def next(self, schedule: int) -> tuple[Broadcast, Composition]:
        with self.bench.core.database.read() as session:
            found = self.bench.broadcasts(schedule)
            now = self.bench.clock.now()
            first = next(each for each in found if each.occurrence > now - timedelta(hours=1))
            composition = session.get_one(Composition, first.id)
            return first, composition

    def plan(self, *, confirm: bool = False) -> None:
        """Plan, make what that wants, and plan with it."""
        self.bench.plan()
        self.production.produce_all()
        self.bench.plan(confirm=confirm)

    def approval(self) -> int:
        """Ask for it from now on; returns the id of somebody who may give it."""
        with self.bench.core.database.write() as session:
            session.query(Station).one().approval = True
            approver = Account(username="duyet", password_hash="", created_at=self.bench.clock.now())
            session.add(approver)
            session.flush()
            return approver.id
