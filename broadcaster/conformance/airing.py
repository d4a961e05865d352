"""Checks of what sounds when: items that share one speaker's air, one after the other."""

from typing import Final

import msgspec

from broadcaster.conformance.check import check, expect
from broadcaster.conformance.papers import LEAD_MS
from broadcaster.conformance.rig import TOLERANCE_MS, Rig
from broadcaster.conformance.sounds import LONG, MIDDLE, SHORT
from broadcaster.wire.documents import Action, Class, Command, Event, PlanItem, Receipt, Why
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import SECOND

_ARRIVAL_MS: Final = 2_500
"""How much later than the sound its receipt may come in."""


async def order(rig: Rig, action: Action, broadcast: str | None = None, key: SigningKey | None = None) -> bytes:
    """Give a command to the zone; returns its envelope."""
    topic = rig.topics.command(rig.zone)
    command = Command(action=action, broadcast=broadcast)
    message = rig.sign(Kind.COMMAND, topic, command, key=key, exp=rig.now() + 20 * SECOND)
    rig.send(topic, message)
    return message


async def only(rig: Rig, item: PlanItem, event: Event, seconds: float = 6.0) -> Receipt:
    """The one receipt of an event. Errors: BrokenError."""
    await rig.tape.until(lambda: rig.tape.events(item.id, event), seconds)
    found = rig.tape.events(item.id, event)
    expect(len(found) == 1, rig.tape.story(item.id))
    return found[0].receipt


def near(value: int, wanted: int, what: str, tolerance_ms: int = TOLERANCE_MS) -> str:
    """What was seen, when it is near enough. Errors: BrokenError."""
    seen = f"{what} {value - wanted:+d} ms"
    expect(abs(value - wanted) <= tolerance_ms, seen)
    return seen


async def plays_whole(rig: Rig, item: PlanItem) -> str:
    """Wait until an item is over; it must have begun and ended once, in time. Errors: BrokenError."""
    await rig.past(item.start_at + item.duration_ms)
    finished = await only(rig, item, Event.FINISHED)
    started = await only(rig, item, Event.STARTED)
    seen = near(started.at, item.start_at, "started")
    near(finished.at, item.start_at + item.duration_ms, "finished")
    near(finished.played_ms, item.duration_ms, "played")
    arrival = rig.tape.events(item.id, Event.STARTED)[0]
    expect(-TOLERANCE_MS <= arrival.arrivals[0] - item.start_at <= _ARRIVAL_MS,
           f"said started at {arrival.arrivals[0] - item.start_at:+d} ms")  # fmt: skip
    return seen


@check("Plan", "airing")
async def on_time(rig: Rig) -> str:
    """An item plays once, from start_at to its end by the station's time."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item)
    return await plays_whole(rig, item)


@check("Acceptance", "airing")
async def same_plan_again(rig: Rig) -> str:
    """The same document again, on its topic or as a copy, before and during the sound, changes nothing."""
    item = rig.item(MIDDLE, rig.slot(MIDDLE.length_ms))
    await rig.plan(item)
    topic, _ = rig.plan_of(rig.zone, item)
    for moment in (item.start_at - SECOND, item.start_at + SECOND):
        await rig.past(moment)
        rig.send(topic, rig.in_force[topic])
        rig.send(rig.topics.down(rig.speaker, "copy"), rig.in_force[topic])
    return await plays_whole(rig, item)


@check("Plan", "airing")
async def two_zones_once(rig: Rig) -> str:
    """The same id through its zone and an ancestor is one broadcast."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item)
    await rig.plan(item, rig.town)
    return await plays_whole(rig, item)


@check("Plan", "airing")
async def highest_seq_wins(rig: Rig) -> str:
    """When two zones name the same id, the document with the higher seq says when."""
    start = rig.slot(SHORT.length_ms + 4 * SECOND)
    item = rig.item(SHORT, start)
    await rig.plan(item, rig.town)
    later = msgspec.structs.replace(item, start_at=start + 3 * SECOND)
    await rig.plan(later)
    return await plays_whole(rig, later)


@check("Version rules", "airing")
async def unknown_members_ignored(rig: Rig) -> str:
    """A plan with members that this version does not know is acted on."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item, more=b'"of-version-9":{"new":[1,2]}')
    return await plays_whole(rig, item)


@check("Plan", "airing")
async def joins_in_position(rig: Rig) -> str:
    """An item that is heard of late, within late_ms, is joined in position and ends when it should."""
    item = rig.item(MIDDLE, rig.slot(MIDDLE.length_ms))
    await rig.past(item.start_at + 700)
    await rig.plan(item)
    finished = await only(rig, item, Event.FINISHED)
    started = await only(rig, item, Event.STARTED)
    expect(started.position_ms >= 500, f"began at position {started.position_ms} ms")  # noqa: PLR2004  700 less a tolerance
    near(started.at - started.position_ms, item.start_at, "in position")
    near(finished.at, item.start_at + item.duration_ms, "finished")
    return f"began {started.position_ms} ms into it"


@check("Plan", "airing")
async def too_late_is_skipped(rig: Rig) -> str:
    """An item that is later than late_ms is not begun, and its receipt says late."""
    item = rig.item(MIDDLE, rig.now() - 1_500, late_ms=1_000)
    await rig.plan(item)
    skipped = await only(rig, item, Event.SKIPPED)
    await rig.past(item.start_at + item.duration_ms + SECOND)
    expect(skipped.why is Why.LATE and not rig.tape.events(item.id, Event.STARTED), rig.tape.story(item.id))
    return rig.tape.story(item.id)


@check("Plan", "airing")
async def excluded_zone(rig: Rig) -> str:
    """A speaker in an excluded zone does not play, and its receipt says excluded."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms), excluded=(rig.zone,))
    await rig.plan(item, rig.town)
    await rig.past(item.start_at + item.duration_ms + 500)
    skipped = await only(rig, item, Event.SKIPPED)
    expect(skipped.why is Why.EXCLUDED and not rig.tape.events(item.id, Event.STARTED), rig.tape.story(item.id))
    return rig.tape.story(item.id)


@check("Plan", "airing")
async def withdrawn_stops(rig: Rig) -> str:
    """An item that is planned no longer stops, and its receipt says withdrawn."""
    item = rig.item(MIDDLE, rig.slot(MIDDLE.length_ms))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    await rig.withdraw(item)
    stopped = await only(rig, item, Event.STOPPED)
    expect(stopped.why is Why.WITHDRAWN and stopped.played_ms < item.duration_ms, rig.tape.story(item.id))
    return f"stopped after {stopped.played_ms} ms"


@check("Command", "airing")
async def stop_ends_it(rig: Rig) -> str:
    """The command stop ends a broadcast that sounds, and its receipt says command."""
    item = rig.item(MIDDLE, rig.slot(MIDDLE.length_ms))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    await order(rig, Action.STOP, item.id)
    stopped = await only(rig, item, Event.STOPPED)
    expect(stopped.why is Why.COMMAND and stopped.played_ms < item.duration_ms, rig.tape.story(item.id))
    return f"stopped after {stopped.played_ms} ms"


@check("Command", "airing")
async def stop_before_it_begins(rig: Rig) -> str:
    """The command stop keeps a broadcast from beginning."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms, LEAD_MS + SECOND))
    await rig.plan(item)
    await rig.past(item.start_at - 2 * SECOND)
    await order(rig, Action.STOP, item.id)
    await rig.past(item.start_at + item.duration_ms + 500)
    expect(not rig.tape.events(item.id, Event.STARTED, Event.FINISHED), rig.tape.story(item.id))
    await only(rig, item, Event.STOPPED)
    return rig.tape.story(item.id)


@check("Who has the air", "airing")
async def priority_preempts(rig: Rig) -> str:
    """A priority item displaces a routine one at its start; the displaced one says preempted and does not resume."""
    routine = rig.item(LONG, rig.slot(5 * SECOND))
    urgent = rig.item(SHORT, routine.start_at + 2 * SECOND, **{"class": Class.PRIORITY})
    await rig.plan(routine)
    await rig.plan(urgent)
    seen = await plays_whole(rig, urgent)
    await rig.past(urgent.start_at + 2 * SECOND)
    await order(rig, Action.STOP, routine.id)  # one that resumed wrongly must not spoil the next check
    preempted = await only(rig, routine, Event.PREEMPTED)
    near(preempted.at, urgent.start_at, "preempted")
    expect(len(rig.tape.events(routine.id, Event.STARTED)) == 1, rig.tape.story(routine.id))
    return seen


@check("Who has the air", "airing")
async def first_keeps_the_air(rig: Rig) -> str:
    """Among equals the first keeps the air; the other is skipped as busy when it can't wait."""
    first = rig.item(MIDDLE, rig.slot(MIDDLE.length_ms))
    second = rig.item(SHORT, first.start_at + SECOND, late_ms=500)
    await rig.plan(first)
    await rig.plan(second)
    seen = await plays_whole(rig, first)
    skipped = await only(rig, second, Event.SKIPPED)
    expect(skipped.why is Why.BUSY and not rig.tape.events(second.id, Event.STARTED), rig.tape.story(second.id))
    return seen
