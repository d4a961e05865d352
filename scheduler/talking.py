"""Live voice: who has a microphone open now, and what ends it; the recordings of those that are over.

One talk at a time for a speaker. An emergency displaces another talk; otherwise the second one is told who speaks.
"""

import hmac
import logging
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import talks
from broadcaster.core import Core
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.live import LivePlan, new_name
from broadcaster.rows import Account, Place, Sound, Station, Talk, TalkEnd
from broadcaster.sounds import SoundStore
from broadcaster.talks import Order
from broadcaster.transport import Transport
from broadcaster.wire.documents import Class
from broadcaster.wire.units import SECOND, UnixMs
from scheduler import microphone, rules
from scheduler.microphone import Microphone
from scheduler.rules import Breach, Commune
from tts.decoding import peaks_of
from tts.flac import to_flac
from tts.live_encoding import RATE_HZ, Samples
from tts.pcm import Pcm

log = logging.getLogger(__name__)

MOST_MS: Final = 10 * 60 * SECOND
"""The longest talk; whoever has more to say presses again."""
DROPPED_MS: Final = 1_500
"""A phone that sends nothing for so long is gone."""
SILENT_MS: Final = 20 * SECOND
"""Nobody keeps the air of a village without a word for longer."""
_LOOK_S: Final = 0.2
_IDLE_S: Final = 1.0
_MINUTE: Final = timedelta(minutes=1)


class RefusedTalkError(LoaError):
    """A talk that can't begin; ``code`` is broker, no-places, no-speakers, occupied (who), or one of `rules.Rule` (its values)."""

    def __init__(self, code: str, *values: str) -> None:
        super().__init__(code)
        self.code, self.values = code, values


class OverError(LoaError):
    """There is no such talk on the air, or the key is not its own; ``end`` tells how it ended, where that may be told."""

    def __init__(self, end: TalkEnd | None = None) -> None:
        super().__init__(end or "unknown")
        self.end = end


@dataclass(frozen=True)
class OnAir:
    """A talk that has the air."""

    order: Order
    key: str
    limit_at: datetime
    audience: frozenset[str]
    microphone: Microphone

    @property
    def name(self) -> str:
        """Of its row, its stream and its receipts."""
        return self.microphone.name

    @property
    def speaker(self) -> str:
        """What the person is called."""
        return self.microphone.plan.title


class Talks:
    """All talks of a station.

    Args:
        transport: the connection that never waits behind a clip.
        folder: where recordings lie until they are archived.
    """

    def __init__(self, core: Core, transport: Transport, folder: Path, sounds: SoundStore) -> None:
        self._core, self._transport, self._folder, self._sounds = core, transport, folder, sounds
        self._on_air: dict[str, OnAir] = {}
        self._ended: dict[str, tuple[str, TalkEnd]] = {}
        self._beginning, self._changing = threading.Lock(), threading.Lock()
        self._stopping, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name="talks", daemon=True)

    def start(self) -> None:
        """Begin to watch, first of all over what a station that was killed has left."""
        self._recover()
        self._over.set()
        self._thread.start()

    def stop(self) -> None:
        """End every talk, and archive it."""
        self._stopping.set()
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(10)
        for talk in self.on_air():
            self._end(talk, TalkEnd.STATION)
        with self._core.counters.edge("talks"):
            self.archive()

    def on_air(self) -> Sequence[OnAir]:
        """The talks of this moment."""
        return list(self._on_air.values())

    # What a phone asks for.

    def begin(self, order: Order, rate_hz: int) -> OnAir:
        """Open a microphone. Errors: RefusedTalkError, ValueError (no such rate)."""
        if rate_hz not in microphone.RATES_HZ:
            raise ValueError(f"rate {rate_hz}")
        if not self._transport.connected:
            raise RefusedTalkError("broker")
        asked = self._core.clock.now_ms()
        with self._beginning:
            now, name = self._core.clock.now(), new_name()
            with self._core.database.read() as session:
                geography = Geography.load(session)
                order = self._allowed(order, geography, _rules(session, now), now)
                zones = tuple(session.get_one(Place, place).code for place in geography.reduce(order.places))
                who = session.get_one(Account, order.account_id)
            audience = geography.heard_by(zones)
            self._make_way(order, audience)
            with self._core.database.write() as session:
                talks.begin(session, name, order, geography, now)
            start = microphone.start_at(asked, self._core.clock.now_ms())
            plan = LivePlan(
                klass=order.klass,
                zones=zones,
                start_at=start,
                limit_at=UnixMs(start + order.most_ms),
                unit_ms=microphone.UNIT_MS,
                title=who.full_name or who.username,
            )
            opened = Microphone(
                self._core, self._transport, plan, name=name, rate_hz=rate_hz, recording=self._path(name)
            )
            limit_at = now + timedelta(milliseconds=order.most_ms)
            talk = self._on_air[name] = OnAir(order, secrets.token_urlsafe(24), limit_at, audience, opened)
        log.info("talk begun talk=%s account=%s zones=%s class=%s", name, order.account_id, zones, order.klass.value)
        return talk

    def take(self, name: str, key: str, position: int, samples: Samples) -> OnAir:
        """The next samples of a talk. Errors: OverError, microphone.OutOfOrderError, microphone.TooMuchError."""
        talk = self._mine(name, key)
        try:
            talk.microphone.take(position, samples)
        except ValueError as error:
            self._mine(name, key)  # it ended meanwhile, and why is known
            raise OverError from error
        return talk

    def end(self, name: str, key: str) -> None:
        """The button was released. Errors: OverError."""
        self._end(self._mine(name, key), TalkEnd.RELEASED)

    def stop_talk(self, name: str, account_id: int) -> None:
        """Somebody else ends a talk. Errors: OverError."""
        talk = self._on_air.get(name)
        if talk is None:
            raise OverError
        self._end(talk, TalkEnd.STOPPED, account_id)

    def stop_all(self, account_id: int) -> None:
        """Everything below EMERGENCY ends."""
        for talk in self.on_air():
            if talk.order.klass is not Class.EMERGENCY:
                self._end(talk, TalkEnd.STOPPED, account_id)

    def _mine(self, name: str, key: str) -> OnAir:
        if talk := self._on_air.get(name):
            if hmac.compare_digest(talk.key.encode(), key.encode()):
                return talk
        elif (ended := self._ended.get(name)) and hmac.compare_digest(ended[0].encode(), key.encode()):
            raise OverError(ended[1])
        raise OverError

    # Whether it may begin.

    def _allowed(self, order: Order, geography: Geography, commune: Commune, now: datetime) -> Order:
        """The order, as long as the rules let it be."""
        if not order.places:
            raise RefusedTalkError("no-places")
        audience = geography.heard_by(geography.spots[place].code for place in order.places)
        if not audience:
            raise RefusedTalkError("no-speakers")
        most = min(order.most_ms, MOST_MS)
        if order.klass is Class.EMERGENCY:
            return replace(order, most_ms=most)
        heard = rules.listeners(geography, audience)
        free = replace(commune, slots_a_day=None, slot_minutes=None)  # a word now is no slot of the day

        def breach(length: timedelta) -> Breach | None:
            return rules.breach(free, heard, now, now + length)

        length = timedelta(milliseconds=most)
        while length > _MINUTE and breach(length):
            length -= _MINUTE
        if broken := breach(length):
            raise RefusedTalkError(broken.rule.value, *broken.values)
        return replace(order, most_ms=length // timedelta(milliseconds=1))

    def _make_way(self, order: Order, audience: frozenset[str]) -> None:
        """Ends what gives way to it. Errors: RefusedTalkError (occupied)."""
        others = [
            talk for talk in self.on_air() if talk.audience & audience or talk.order.account_id == order.account_id
        ]
        for other in others:
            mine = other.order.account_id == order.account_id
            outranked = order.klass is Class.EMERGENCY and other.order.klass is not Class.EMERGENCY
            if not mine and not outranked:
                raise RefusedTalkError("occupied", other.speaker)
        for other in others:
            mine = other.order.account_id == order.account_id
            self._end(other, TalkEnd.DROPPED if mine else TalkEnd.DISPLACED, order.account_id)

    # Its end.

    def _end(self, talk: OnAir, why: TalkEnd, by: int | None = None) -> None:
        with self._changing:
            if self._on_air.pop(talk.name, None) is None:
                return
            self._ended = dict([*self._ended.items(), (talk.name, (talk.key, why))][-100:])
        talk.microphone.end()
        with self._core.database.write() as session:
            by = by if by is not None else talk.order.account_id if why is TalkEnd.RELEASED else None
            now, duration_ms = self._core.clock.now(), talk.microphone.duration_ms
            talks.end(session, talk.name, why, now=now, duration_ms=duration_ms, by=by)
        log.info("talk ended talk=%s why=%s ms=%s", talk.name, why.value, talk.microphone.duration_ms)
        self._over.set()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            with self._core.counters.edge("talks"):
                if self._over.is_set():
                    self._over.clear()
                    self.archive()
                self.look()
            self._over.wait(_LOOK_S if self._on_air else _IDLE_S)

    def look(self) -> None:
        """End the talks whose phone is gone, whose time is over, or in which nobody speaks."""
        for talk in self.on_air():
            if self._core.clock.now_ms() - talk.microphone.heard_at >= DROPPED_MS:
                self._end(talk, TalkEnd.DROPPED)
            elif self._core.clock.now() >= talk.limit_at:
                self._end(talk, TalkEnd.LIMIT)
            elif talk.microphone.silent_ms >= SILENT_MS:
                self._end(talk, TalkEnd.SILENT)
            else:
                talk.microphone.beat()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pcm"

    def _recover(self) -> None:
        """A station that was killed has left talks without an end, and their recordings."""
        now = self._core.clock.now()
        with self._core.database.write() as session:
            for talk in session.scalars(select(Talk).where(Talk.ended_at.is_(None))).all():
                path = self._path(talk.id)
                length = microphone.recorded_ms(microphone.read_recording(path)) if path.exists() else 0
                talks.end(session, talk.id, TalkEnd.STATION, now=now, duration_ms=length)

    def archive(self) -> None:
        """Put the recordings of talks that are over into the sound store."""
        for path in sorted(self._folder.glob("*.pcm")):
            with self._core.database.read() as session:
                talk = session.get(Talk, path.stem)
            if talk is None or talk.ended_at is None:
                continue
            samples = microphone.read_recording(path)
            if talk.sound_sha256 is None and len(samples):
                now = self._core.clock.now()
                with self._core.database.write() as session:
                    talks.archive(session, talk.id, self._sound(talk, samples, now), now)
            path.unlink()

    def _sound(self, talk: Talk, samples: Samples, now: datetime) -> Sound:
        pcm = Pcm(samples, RATE_HZ)
        flac = to_flac(pcm)
        return Sound(
            sha256=self._sounds.put(flac),
            name=talk.id,
            bytes=len(flac),
            duration_ms=microphone.recorded_ms(samples),
            peaks=peaks_of(pcm),
            account_id=talk.account_id,
            created_at=now,
        )


def _rules(session: Session, now: datetime) -> Commune:
    return Commune.load(session, session.scalars(select(Station)).one(), now)
