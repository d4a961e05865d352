"""Live streams on the speaker: which one has the air, and which of its segments are due. Pure.

A segment's payload is Opus packets, each after its length in two bytes, most significant first.
"""

from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire import strict_json
from broadcaster.wire.documents import Class, Config, Event, Why
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address
from broadcaster.wire.units import SECOND
from broadcaster.wire.urgent import LiveOpen
from device_sim import arbiter
from device_sim.actions import Action, EndStream, PlayUnit
from device_sim.beliefs import Admitted
from device_sim.journal import Journal
from device_sim.speaker_time import SpeakerTime

_HAND_MS: Final = 500
_AHEAD_MS: Final = 10 * SECOND
"""Segments that are due later are not kept."""
_STALLED_MS: Final = 3 * SECOND
_MOST: Final = 4
_LENGTH_BYTES: Final = 2


def split(payload: bytes) -> tuple[bytes, ...]:
    """The packets of a segment. Errors: RejectedError (malformed)."""
    packets = []
    while payload:
        end = _LENGTH_BYTES + int.from_bytes(payload[:_LENGTH_BYTES])
        if len(payload) < end or end == _LENGTH_BYTES:
            raise RejectedError(Reason.MALFORMED, "live segment")
        packets.append(payload[_LENGTH_BYTES:end])
        payload = payload[end:]
    if not packets:
        raise RejectedError(Reason.MALFORMED, "empty live segment")
    return tuple(packets)


@dataclass
class Stream:
    """One live stream.

    Attributes:
        units: segments that wait for their moment, by number.
        next: the lowest number that may still sound.
        fresh_until: by the own clock; without a segment it has stalled then.
    """

    open: LiveOpen
    kid: str
    fresh_until: int
    units: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    next: int = 0
    heard_ms: int = 0
    sounding: bool = False

    @property
    def id(self) -> str:
        """Its name in receipts."""
        return self.open.stream

    @property
    def start_at(self) -> int:
        """When segment 0 was due."""
        return self.open.start_at

    @property
    def duration_ms(self) -> int:
        """How long it may last."""
        return max(0, self.open.limit_at - self.open.start_at)

    @property
    def rank(self) -> int:
        """Its place among what wants the air."""
        return arbiter.live_rank(self.open.klass)


class Live:
    """The live streams of one speaker."""

    def __init__(self, journal: Journal, time: SpeakerTime) -> None:
        self._journal, self._time = journal, time
        self._streams: dict[str, Stream] = {}

    def take_open(self, admitted: Admitted, now: int) -> None:
        """A stream is on, still on, or over. Errors: RejectedError (malformed, wrong-topic, out-of-scope, too-many)."""
        opened = strict_json.decode(admitted.read.payload, LiveOpen)
        if opened.stream != admitted.address.stream:
            raise RejectedError(Reason.WRONG_TOPIC, opened.stream)
        if opened.klass not in admitted.scopes:
            raise RejectedError(Reason.OUT_OF_SCOPE, opened.klass.value)
        known = self._streams.get(opened.stream)
        if known is None and len(self._streams) >= _MOST:
            raise RejectedError(Reason.TOO_MANY, "live streams")
        kid = admitted.read.header.kid
        if known is None:
            self._streams[opened.stream] = Stream(opened, kid, now + _STALLED_MS)
        elif known.kid != kid:
            raise RejectedError(Reason.OUT_OF_SCOPE, "a stream goes on under the key that opened it")
        else:
            known.open = opened

    def expect(self, address: Address, now: int) -> None:
        """A cheap look before any signature. Errors: RejectedError (unknown-stream, replayed, future-dated)."""
        stream = self._streams.get(address.stream)
        if stream is None or stream.open.ended:
            raise RejectedError(Reason.UNKNOWN_STREAM, address.stream)
        if address.segment < stream.next or address.segment in stream.units:
            raise RejectedError(Reason.REPLAYED, f"{address.stream} {address.segment}")
        if self._due_at(stream, address.segment, 0) > now + _AHEAD_MS:
            raise RejectedError(Reason.FUTURE_DATED, f"{address.stream} {address.segment}")

    def take_unit(self, admitted: Admitted, now: int) -> None:
        """A segment came in. Errors: RejectedError (out-of-scope, malformed)."""
        address, stream = admitted.address, self._streams[admitted.address.stream]
        if admitted.read.header.kid != stream.kid:
            raise RejectedError(Reason.OUT_OF_SCOPE, "not the key that opened the stream")
        stream.units[address.segment] = split(admitted.read.payload)
        stream.fresh_until = now + _STALLED_MS

    def doubt(self, believed: frozenset[str]) -> None:
        """Streams of keys that are believed no longer are over."""
        for stream in self._streams.values():
            if stream.kid not in believed:
                stream.units.clear()
                stream.fresh_until = 0

    def stop(self, broadcast: str | None, scopes: frozenset[Class]) -> None:
        """A command ends a stream, or, without a name, all below EMERGENCY."""
        for stream in self._streams.values():
            meant = stream.id == broadcast or (broadcast is None and stream.open.klass is not Class.EMERGENCY)
            if meant and (stream.open.klass in scopes or Class.EMERGENCY in scopes):
                stream.units.clear()
                stream.fresh_until = 0

    def _due_at(self, stream: Stream, number: int, delay_ms: int) -> int:
        return self._time.own(stream.open.start_at + number * stream.open.unit_ms) + delay_ms

    def _is_on(self, stream: Stream, config: Config, now: int) -> bool:
        if arbiter.is_excluded(stream.open.excluded, config) or not (stream.units or stream.sounding):
            return False
        at = self._time.station(now)
        return stream.open.klass is Class.EMERGENCY or not arbiter.is_quiet(config, at)

    def _first(self, config: Config, now: int) -> Stream | None:
        on = [stream for stream in self._streams.values() if self._is_on(stream, config, now)]
        return max(on, key=lambda stream: (stream.rank, stream.sounding), default=None)

    def rank(self, config: Config, now: int) -> int:
        """The rank of the stream that wants the air."""
        first = self._first(config, now)
        return first.rank if first else arbiter.NOBODY

    def tick(self, config: Config, now: int, taken: int) -> list[Action]:
        """Hand over the segments that are due; below the rank ``taken`` all are silent."""
        actions: list[Action] = []
        first = self._first(config, now)
        for name, stream in list(self._streams.items()):
            if stream is first and stream.rank >= taken:
                actions += self._hand(stream, config, now)
            elif stream.sounding:
                stream.sounding = False
                at, why = self._time.station(now), Why.HIGHER_CLASS
                actions.append(EndStream(name))
                actions += self._journal.write(stream, Event.PREEMPTED, at, why=why, final=False)
            self._drop_late(stream, config, now)
            actions += self._end_if_over(name, stream, now)
        return actions

    def _hand(self, stream: Stream, config: Config, now: int) -> list[Action]:
        actions: list[Action] = []
        opened = stream.open
        for number in sorted(stream.units):
            begin = self._due_at(stream, number, config.delay_ms)
            if begin > now + _HAND_MS:
                break
            packets = stream.units.pop(number)
            stream.next = number + 1
            if begin + opened.unit_ms <= now:
                continue
            if not stream.sounding:
                stream.sounding = True
                actions += self._journal.write(stream, Event.STARTED, self._time.station(max(begin, now)))
            volume = arbiter.volume_at(config, opened.volume, opened.klass, self._time.station(now))
            actions.append(PlayUnit(opened.stream, number, begin, packets, volume))
            stream.heard_ms += opened.unit_ms
        return actions

    def _drop_late(self, stream: Stream, config: Config, now: int) -> None:
        late = [n for n in stream.units if self._due_at(stream, n, config.delay_ms) + stream.open.unit_ms <= now]
        for number in late:
            del stream.units[number]
            stream.next = max(stream.next, number + 1)

    def _end_if_over(self, name: str, stream: Stream, now: int) -> list[Action]:
        at = self._time.station(now)
        ended = stream.open.ended and not stream.units
        if not ended and at < stream.open.limit_at and now < stream.fresh_until:
            return []
        del self._streams[name]
        actions: list[Action] = [EndStream(name)] if stream.sounding else []
        if not stream.heard_ms:
            return actions
        event, why = (Event.FINISHED, None) if ended or at >= stream.open.limit_at else (Event.STOPPED, Why.NO_SIGNAL)
        return actions + self._journal.write(stream, event, at, played_ms=stream.heard_ms, why=why)

    def needs_amplifier(self) -> bool:
        """Whether a stream is open: the amplifier warms up with its first word of it."""
        return any(not stream.open.ended for stream in self._streams.values())

    def wake_at(self, now: int) -> int | None:
        """When `tick` is next needed."""
        return now + SECOND // 20 if self._streams else None
