"""Live streams on the speaker: which one has the air, which of its segments are due, what was heard of it. Pure."""

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
from device_sim.stream import Stream, split

_HAND_MS: Final = 500
"""A segment is handed to the card this long ahead."""
_LAST_CALL_MS: Final = 300
"""So long before its moment a missing segment is given up; the card's buffer and a beat are shorter."""
_AHEAD_MS: Final = 10 * SECOND
"""Segments that are due later are not kept."""
_STALLED_MS: Final = 3 * SECOND
_OPEN_MS: Final = 10 * SECOND
"""A stream that is not said to be open for so long is forgotten."""
_DRAIN_MS: Final = SECOND
"""A card that has not told of a sound so long after its end never will."""
_MOST: Final = 4


def _is_drained(stream: Stream, now: int) -> bool:
    """Whether the card has told of everything it was handed, or never will."""
    return not stream.handed or now >= stream.handed_until + _DRAIN_MS


class Live:
    """The live streams of one speaker.

    Attributes:
        emergencies_only: in safe mode nothing else sounds.
    """

    def __init__(self, journal: Journal, time: SpeakerTime) -> None:
        self._journal, self._time = journal, time
        self._streams: dict[str, Stream] = {}
        self.emergencies_only = False

    def take_open(self, admitted: Admitted, now: int) -> None:
        """A stream is on, still on, or over. Errors: RejectedError (malformed, wrong-topic, out-of-scope, too-many)."""
        opened = strict_json.decode(admitted.read.payload, LiveOpen)
        if opened.stream != admitted.address.stream:
            raise RejectedError(Reason.WRONG_TOPIC, opened.stream)
        if opened.klass not in admitted.scopes:
            raise RejectedError(Reason.OUT_OF_SCOPE, opened.klass.value)
        kid, known = admitted.read.header.kid, self._streams.get(opened.stream)
        if known is None and sum(not stream.closed for stream in self._streams.values()) >= _MOST:
            raise RejectedError(Reason.TOO_MANY, "live streams")
        if known is not None and known.kid != kid:
            raise RejectedError(Reason.OUT_OF_SCOPE, "a stream goes on under the key that opened it")
        if known is not None:
            known.open, known.open_until = opened, now + _OPEN_MS
        elif not opened.ended:
            stopped = self._journal.over(opened.stream) or self._is_stopped(opened)  # by a person, before a reboot
            self._streams[opened.stream] = Stream(opened, kid, now + _OPEN_MS, now + _STALLED_MS, closed=stopped)

    def _is_stopped(self, opened: LiveOpen) -> bool:
        """Whether the broadcast in whose place it would be heard was stopped here."""
        if opened.broadcast is None:
            return False
        scopes = self._journal.stopped.get(opened.broadcast, frozenset())
        return not scopes.isdisjoint({opened.klass, Class.EMERGENCY}) or self._journal.noted(
            opened.broadcast, Event.STOPPED
        )

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
        packets = split(admitted.read.payload)
        if stream.verdict is None and not stream.closed:
            stream.units[address.segment] = packets
            stream.signal_until = now + _STALLED_MS

    # What ends a stream from outside.

    def doubt(self, believed: frozenset[str]) -> list[Action]:
        """Streams of keys that are believed no longer are over."""
        return self._cut([stream for stream in self._streams.values() if stream.kid not in believed], Why.LOCKED_OUT)

    def stop(self, broadcast: str | None, scopes: frozenset[Class]) -> list[Action]:
        """A command ends a stream, or that of a broadcast, or, without a name, all below EMERGENCY."""
        if broadcast is None:
            kept, named = [], [stream for stream in self._streams.values() if stream.open.klass is not Class.EMERGENCY]
        else:
            kept = self._journal.stop(broadcast, scopes)
            named = [one for one in self._streams.values() if broadcast in {one.id, one.open.broadcast}]
        allowed = [stream for stream in named if stream.open.klass in scopes or Class.EMERGENCY in scopes]
        return kept + self._cut(allowed, Why.COMMAND)

    def press_stop(self) -> list[Action]:
        """Somebody at the speaker pressed its button: what is heard falls silent here."""
        return self._cut([stream for stream in self._streams.values() if stream.sounding], Why.BUTTON)

    def _cut(self, streams: list[Stream], why: Why) -> list[Action]:
        actions: list[Action] = []
        for stream in streams:
            if stream.verdict is None and not stream.closed:
                stream.verdict, stream.sounding = (Event.STOPPED, why), False
                stream.units.clear()
                actions.append(EndStream(stream.id))
        return actions

    # Which one has the air.

    def _due_at(self, stream: Stream, number: int, delay_ms: int) -> int:
        return self._time.own(stream.open.start_at + number * stream.open.unit_ms) + delay_ms

    def _obstacle(self, stream: Stream, config: Config, now: int) -> Why | None:
        if arbiter.is_excluded(stream.open.excluded, config):
            return Why.EXCLUDED
        if stream.open.klass is Class.EMERGENCY:
            return None
        if self.emergencies_only:
            return Why.SAFE_MODE
        return arbiter.silence(config, stream.open.start_at, self._time.station(now))

    def _first(self, config: Config, now: int) -> Stream | None:
        wanting = [stream for stream in self._streams.values() if stream.units or stream.sounding]
        on = [stream for stream in wanting if self._obstacle(stream, config, now) is None]
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
            elif not stream.closed:
                actions += self._keep_silent(stream, config, now)
            if stream.verdict is None and not stream.closed:
                self._drop_late(stream, config, now)
                actions += self._look(stream, now)
            actions += self._settle(stream, now)
            if stream.closed and now >= stream.open_until:
                del self._streams[name]
        return actions

    def _hand(self, stream: Stream, config: Config, now: int) -> list[Action]:
        actions: list[Action] = []
        opened = stream.open
        for number in sorted(stream.units):
            begin = self._due_at(stream, number, config.delay_ms)
            awaited = number > stream.next and self._due_at(stream, stream.next, config.delay_ms) > now + _LAST_CALL_MS
            if begin > now + _HAND_MS or awaited:
                break
            packets = stream.units.pop(number)
            stream.next = number + 1
            if begin + opened.unit_ms <= now:
                continue
            stream.sounding = True
            stream.handed += 1
            stream.handed_until = begin + opened.unit_ms
            volume = arbiter.volume_at(config, opened.volume, opened.klass, self._time.station(now))
            actions.append(PlayUnit(opened.stream, number, begin, packets, volume))
        return actions

    def _keep_silent(self, stream: Stream, config: Config, now: int) -> list[Action]:
        why = self._obstacle(stream, config, now) or (Why.HIGHER_CLASS if stream.units or stream.sounding else None)
        stream.silent_because = why or stream.silent_because
        if not stream.sounding:
            return []
        begun, stream.sounding, stream.begun = stream.begun, False, False
        if stream.verdict is not None:
            stream.verdict = Event.SKIPPED, why
        told = self._say(stream, Event.PREEMPTED, now, why, final=False) if begun else []
        return [EndStream(stream.id), *told]

    def _drop_late(self, stream: Stream, config: Config, now: int) -> None:
        late = [n for n in stream.units if self._due_at(stream, n, config.delay_ms) + stream.open.unit_ms <= now]
        for number in late:
            del stream.units[number]
            stream.next = max(stream.next, number + 1)

    def _look(self, stream: Stream, now: int) -> list[Action]:
        """Whether it is over, or has lost its signal; then it joins again when that comes back."""
        over = self._time.station(now) >= stream.open.limit_at
        if over or (stream.open.ended and not stream.units):
            stream.units.clear()
            stream.verdict = (Event.FINISHED, None) if stream.sounding else (Event.SKIPPED, stream.silent_because)
        elif now >= max(stream.open_until, stream.signal_until) and not stream.units:
            stream.verdict = Event.SKIPPED, stream.silent_because
        elif stream.sounding and not stream.units and now >= stream.signal_until and _is_drained(stream, now):
            begun, stream.sounding, stream.begun = stream.begun, False, False
            told = self._say(stream, Event.STOPPED, now, Why.NO_SIGNAL, final=False) if begun else []
            return [EndStream(stream.id), *told]
        return []

    def _settle(self, stream: Stream, now: int) -> list[Action]:
        """Say the last word about it, when the card has told of everything it was handed."""
        if stream.closed or stream.verdict is None or not _is_drained(stream, now):
            return []
        event, why = stream.verdict
        stream.closed, stream.sounding = True, False
        if event is Event.FINISHED and not stream.heard_ms:
            event, why = Event.SKIPPED, stream.silent_because
        if event is Event.SKIPPED and stream.heard_ms:
            return [EndStream(stream.id)]  # how it ended here was said already
        final = event is not Event.SKIPPED  # it may come back
        return [EndStream(stream.id), *self._say(stream, event, now, why, final=final)]

    def _say(self, stream: Stream, event: Event, now: int, why: Why | None, *, final: bool = True) -> list[Action]:
        at = self._time.station(now if stream.heard_at is None else stream.heard_at)
        return self._journal.write(stream, event, at, played_ms=stream.heard_ms, why=why, final=final)

    # What the sound card says.

    def began(self, name: str, at_own: float) -> list[Action]:
        """The first sample of a segment was heard."""
        stream = self._streams.get(name)
        if stream is None or stream.begun or not stream.sounding:
            return []  # of one that was cut the card still puts out what its device has
        stream.begun = True
        return self._journal.write(stream, Event.STARTED, self._time.station(round(at_own)))

    def heard(self, name: str, at_own: float, played_ms: int) -> None:
        """A segment is over: so much of it was heard, the last of it at ``at_own``."""
        if stream := self._streams.get(name):
            stream.handed -= 1
            stream.heard_ms += played_ms
            stream.heard_at = round(at_own) if played_ms else stream.heard_at

    def needs_amplifier(self, config: Config, now: int) -> bool:
        """Whether a stream is on or about to be: the amplifier warms up with its first word."""
        return any(
            stream.sounding or (now < stream.signal_until and self._obstacle(stream, config, now) is None)
            for stream in self._streams.values()
            if not stream.closed
        )

    def wake_at(self, now: int) -> int | None:
        """When `tick` is next needed."""
        return now + SECOND // 20 if self._streams else None
