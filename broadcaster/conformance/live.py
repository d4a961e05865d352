"""Checks of live streams: heard in step while they come, by their rank, and not when anybody else made them."""

import asyncio
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from broadcaster.conformance.airing import near, only, order
from broadcaster.conformance.alert import alert_of, part, raise_it, sounds_once
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import LONG, SHORT
from broadcaster.wire import ogg
from broadcaster.wire.documents import Action, Class, Event, Receipt, Why
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, SECOND
from broadcaster.wire.urgent import LiveOpen

_UNIT_MS = 200
_PACKETS = 10
"""In a segment, of 20 ms each."""
_LEAD_MS = 1_200
_VALID_MS = 5_000


def voice() -> list[bytes]:
    """Twelve seconds of segments of 200 ms."""
    packets = ogg.packets(LONG.data)[2:]
    pieces = [packets[n : n + _PACKETS] for n in range(0, len(packets), _PACKETS)]
    return [b"".join(len(packet).to_bytes(2) + packet for packet in piece) for piece in pieces]


@dataclass
class Voice:
    """A live stream of the station."""

    rig: Rig
    klass: Class = Class.ROUTINE
    key: SigningKey | None = None
    broadcast: str | None = None
    name: str = field(default_factory=lambda: secrets.token_hex(6))

    def __post_init__(self) -> None:
        self.start_at = self.rig.now() + _LEAD_MS
        self._units = voice()

    def open(self, *, ended: bool = False) -> None:
        """Say that it is on, or over."""
        topic = self.rig.topics.live_open(self.rig.zone, self.name)
        opened = LiveOpen(
            stream=self.name,
            klass=self.klass,
            start_at=self.start_at,
            limit_at=self.start_at + MINUTE,
            unit_ms=_UNIT_MS,
            broadcast=self.broadcast,
            ended=ended,
        )
        message = self.rig.sign(Kind.LIVE_OPEN, topic, opened, key=self.key, exp=self.rig.now() + 10 * SECOND)
        self.rig.send(topic, message, qos=0)

    def say(self, numbers: Iterable[int], key: SigningKey | None = None) -> None:
        """Send segments, in this order."""
        for number in numbers:
            topic = self.rig.topics.live(self.rig.zone, self.name, number)
            message = self.rig.sign(
                Kind.LIVE, topic, self._units[number], key=key or self.key, exp=self.rig.now() + _VALID_MS
            )
            self.rig.send(topic, message, qos=0)

    async def begin(self, numbers: Iterable[int]) -> None:
        """Open it, and speak."""
        self.open()
        await asyncio.sleep(0.2)  # a broker may hand on an open after what follows it
        self.say(numbers)

    async def receipt(self, event: Event, seconds: float = 8.0, count: int = 1) -> Receipt:
        """The last of so many receipts of an event. Errors: BrokenError."""
        tape = self.rig.tape
        await tape.until(lambda: len(tape.events(self.name, event)) >= count, seconds)
        found = tape.events(self.name, event)
        expect(len(found) == count, tape.story(self.name))
        return found[-1].receipt


async def _hears(rig: Rig, numbers: Collection[int]) -> str:
    """Speak these segments, say goodbye, and see that they were heard and nothing else."""
    one = Voice(rig)
    await one.begin(numbers)
    await rig.past(one.start_at + 500)
    one.open(ended=True)
    started, finished = await one.receipt(Event.STARTED), await one.receipt(Event.FINISHED)
    near(started.at, one.start_at, "started")
    return near(finished.played_ms, len(numbers) * _UNIT_MS, "played")


@check("Live", "live")
async def live_is_heard(rig: Rig) -> str:
    """A live stream is heard from start_at, and finished when its open says ended and what came was heard."""
    return await _hears(rig, range(10))


@check("Live", "live")
async def live_in_any_order(rig: Rig) -> str:
    """Segments that come in another order, in time, are all heard."""
    return await _hears(rig, (0, 2, 1, 5, 4, 3, 6, 9, 8, 7))


@check("Live", "live")
async def live_with_losses(rig: Rig) -> str:
    """A lost segment holds up nothing, and what was not heard is not told as played."""
    return await _hears(rig, (0, 1, 2, 4, 5, 7, 8, 9))


@check("Live", "live")
async def live_without_goodbye(rig: Rig) -> str:
    """A stream of which nothing comes for 3 s is stopped as no-signal."""
    one = Voice(rig)
    await one.begin(range(5))
    stopped = await one.receipt(Event.STOPPED)
    expect(stopped.why is Why.NO_SIGNAL, rig.tape.story(one.name))
    return near(stopped.played_ms, 5 * _UNIT_MS, "played")


@check("Live", "live")
async def live_by_a_stranger(rig: Rig) -> str:
    """Segments that a stranger signed are unknown-key, and not heard."""
    one = Voice(rig)
    await one.begin(range(5))
    async with rig.counted(Reason.UNKNOWN_KEY):
        one.say(range(5, 10), key=SigningKey.generate())
    stopped = await one.receipt(Event.STOPPED)
    return near(stopped.played_ms, 5 * _UNIT_MS, "played")


@check("Live", "live")
async def live_under_a_forged_name(rig: Rig) -> str:
    """Segments under the station's kid that somebody else signed are bad-signature, and not heard."""
    one, impostor = Voice(rig), SigningKey.generate()
    impostor.kid = rig.key.kid
    await one.begin(range(5))
    async with rig.counted(Reason.BAD_SIGNATURE):
        one.say(range(5, 10), key=impostor)
    stopped = await one.receipt(Event.STOPPED)
    return near(stopped.played_ms, 5 * _UNIT_MS, "played")


@check("Live", "live")
async def live_by_another_key(rig: Rig) -> str:
    """A segment by another trusted key than that of its open is out-of-scope."""
    one = Voice(rig)
    await one.begin(range(5))
    async with rig.counted(Reason.OUT_OF_SCOPE):
        one.say((5,), key=rig.emergency)
    return "counted out-of-scope"


@check("Live", "live")
async def live_of_no_stream(rig: Rig) -> str:
    """A segment of a stream that was not opened is unknown-stream."""
    one = Voice(rig)
    async with rig.counted(Reason.UNKNOWN_STREAM):
        one.say((0,))
    return "counted unknown-stream"


@check("Live", "live")
async def live_segment_again(rig: Rig) -> str:
    """A segment that was played, and comes again, is replayed."""
    one = Voice(rig)
    await one.begin(range(5))
    await rig.past(one.start_at + 500)
    async with rig.counted(Reason.REPLAYED):
        one.say((0,))
    return "counted replayed"


@check("Live", "live")
async def live_beyond_its_scope(rig: Rig) -> str:
    """An open of a class that its key may not play is out-of-scope."""
    one = Voice(rig, Class.EMERGENCY)
    async with rig.counted(Reason.OUT_OF_SCOPE):
        one.open()
    return "counted out-of-scope"


@check("Who has the air", "live")
async def live_outranks_its_class(rig: Rig) -> str:
    """A live routine stream takes the air from a planned routine item."""
    item = rig.item(LONG, rig.slot(6 * SECOND))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    one = Voice(rig)
    await one.begin(range(8))
    await one.receipt(Event.STARTED)
    preempted = await only(rig, item, Event.PREEMPTED)
    expect(preempted.why is Why.HIGHER_CLASS, rig.tape.story(item.id))
    return f"preempted after {preempted.played_ms} ms"


@check("Who has the air", "live")
async def alert_interrupts_live(rig: Rig) -> str:
    """An alert takes the air from a live priority stream, which is joined again when the alert is over."""
    one = Voice(rig, Class.PRIORITY)
    await one.begin(range(40))
    await rig.past(one.start_at + SECOND)
    alert = alert_of(rig, part(rig, SHORT))
    await raise_it(rig, alert)
    seen = await sounds_once(rig, alert, SHORT.length_ms)
    preempted = await one.receipt(Event.PREEMPTED)
    expect(preempted.why is Why.HIGHER_CLASS, rig.tape.story(one.name))
    again = await one.receipt(Event.STARTED, count=2)
    await order(rig, Action.STOP, one.name)  # it must not keep the air from the next check
    expect(again.at >= alert.start_at + SHORT.length_ms, "spoke into the alert")
    return seen


@check("Command", "live")
async def stop_ends_the_relay_of_a_broadcast(rig: Rig) -> str:
    """The command stop ends the stream whose open names that broadcast, and no further one takes its place."""
    item = rig.item(LONG, rig.slot(LONG.length_ms), resume=True)
    await rig.plan(item)
    first = Voice(rig, broadcast=item.id)
    await first.begin(range(20))
    await rig.past(max(first.start_at, item.start_at) + SECOND)
    await order(rig, Action.STOP, item.id)
    stopped = await first.receipt(Event.STOPPED)
    expect(stopped.why is Why.COMMAND, rig.tape.story(first.name))
    second = Voice(rig, broadcast=item.id)
    await second.begin(range(10))
    await rig.past(second.start_at + 3 * SECOND)
    expect(not rig.tape.events(second.name, Event.STARTED), rig.tape.story(second.name))
    expect(rig.tape.events(item.id, Event.STOPPED), rig.tape.story(item.id))
    return f"stopped after {stopped.played_ms} ms"


@check("Command", "live")
async def stop_holds_over_power(rig: Rig) -> str:
    """The stop of a broadcast that was never planned here keeps its streams from beginning, after a power cut too."""
    broadcast = secrets.token_hex(6)
    await order(rig, Action.STOP, broadcast)
    await asyncio.sleep(0.5)
    since = rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    again = Voice(rig, broadcast=broadcast)
    await again.begin(range(10))
    await rig.past(again.start_at + 3 * SECOND)
    expect(not rig.tape.events(again.name, Event.STARTED), rig.tape.story(again.name))
    other = Voice(rig)
    await other.begin(range(10))
    await other.receipt(Event.STARTED)
    return "another stream is heard"


@check("Command", "live")
async def stop_ends_a_stream(rig: Rig) -> str:
    """The command stop ends a stream, which does not begin again though it goes on."""
    one = Voice(rig)
    await one.begin(range(20))
    await rig.past(one.start_at + SECOND)
    await order(rig, Action.STOP, one.name)
    stopped = await one.receipt(Event.STOPPED)
    expect(stopped.why is Why.COMMAND, rig.tape.story(one.name))
    one.open()
    one.say(range(20, 30))
    await rig.past(one.start_at + 5 * SECOND)
    await one.receipt(Event.STARTED)
    return f"stopped after {stopped.played_ms} ms"
