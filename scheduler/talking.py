"""Live voice: who has a microphone open now, and what ends it.

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
from broadcaster.rows import Account, Place, Station, Talk, TalkEnd
from broadcaster.sounds import SoundStore
from broadcaster.talks import Order
from broadcaster.transport import Transport
from broadcaster.wire.documents import Class
from broadcaster.wire.units import SECOND, UnixMs
from scheduler import microphone, rules
from scheduler.microphone import Microphone
from scheduler.recordings import Recordings
from scheduler.rules import Breach, Commune
from tts.live_encoding import Samples

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
class _Closing:
    """An end that is still to be written down."""

    name: str
    why: TalkEnd
    at: datetime
    duration_ms: int
    by: int | None


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
        self._core, self._transport = core, transport
        self.recordings = Recordings(core, folder, sounds)
        """Of the talks that are over."""
        self._on_air: dict[str, OnAir] = {}
        self._ended: dict[str, tuple[str, TalkEnd]] = {}
        self._beginning, self._changing = threading.Lock(), threading.Lock()
        self._closing: list[_Closing] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="talks", daemon=True)

    def start(self) -> None:
        """Begin to watch, first of all over what a station that was killed has left."""
        self._recover()
        self.recordings.start()
        self._thread.start()

    def stop(self) -> None:
        """End every talk, and archive it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(10)
        for talk in self.on_air():
            self._end(talk, TalkEnd.STATION)
        self.recordings.stop()

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
            recording = self.recordings.path(name)
            try:
                opened = Microphone(self._core, self._transport, plan, name=name, rate_hz=rate_hz, recording=recording)
            except BaseException:
                self._close(_Closing(name, TalkEnd.STATION, now, 0, None))
                raise
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
        with self._core.counters.edge("talks"):
            talk.microphone.end()
        by = by if by is not None else talk.order.account_id if why is TalkEnd.RELEASED else None
        self._close(_Closing(talk.name, why, self._core.clock.now(), talk.microphone.duration_ms, by))
        log.info("talk ended talk=%s why=%s ms=%s", talk.name, why.value, talk.microphone.duration_ms)

    def _close(self, closing: _Closing) -> None:
        """Write an end down; when that is not possible now, with one of the next looks."""
        with self._changing:
            self._closing.append(closing)
        self._write_ends()

    def _write_ends(self) -> None:
        for one in list(self._closing):
            with self._core.counters.edge("talks"):
                with self._core.database.write() as session:
                    talks.end(session, one.name, one.why, now=one.at, duration_ms=one.duration_ms, by=one.by)
                with self._changing:
                    self._closing = [other for other in self._closing if other is not one]
                self.recordings.wake()

    def _watch(self) -> None:
        while not self._stopping.wait(_LOOK_S if self._on_air else _IDLE_S):
            with self._core.counters.edge("talks"):
                self.look()

    def look(self) -> None:
        """End the talks whose phone is gone, whose time or right is over, or in which nobody speaks."""
        self._write_ends()
        for talk in self.on_air():
            if self._core.clock.now_ms() - talk.microphone.heard_at >= DROPPED_MS:
                self._end(talk, TalkEnd.DROPPED)
            elif self._core.clock.now() >= talk.limit_at:
                self._end(talk, TalkEnd.LIMIT)
            elif talk.microphone.silent_ms >= SILENT_MS:
                self._end(talk, TalkEnd.SILENT)
            else:
                talk.microphone.beat()
        if going := self.on_air():
            with self._core.database.read() as session:
                over = [talk for talk in going if not talks.is_allowed(session, talk.order, self._core.clock.now())]
            for talk in over:
                self._end(talk, TalkEnd.REVOKED)

    def _recover(self) -> None:
        """A station that was killed has left talks without an end, and their recordings."""
        now = self._core.clock.now()
        with self._core.database.write() as session:
            for talk in session.scalars(select(Talk).where(Talk.ended_at.is_(None))).all():
                talks.end(session, talk.id, TalkEnd.STATION, now=now, duration_ms=self.recordings.length_ms(talk.id))


def _rules(session: Session, now: datetime) -> Commune:
    return Commune.load(session, session.scalars(select(Station)).one(), now)
