"""Checks of hours and orders in which nothing may sound, and of who is above them."""

import asyncio
from datetime import timedelta
from typing import Final

from broadcaster.clock import from_ms
from broadcaster.conformance.airing import only, order, plays_whole
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.papers import UTC_OFFSET_MIN
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import LONG, SHORT
from broadcaster.wire.documents import Action, Class, Event, Why
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, SECOND

_HOUR: Final = timedelta(hours=1)


async def quiet_now(rig: Rig) -> None:
    """Set the speaker up so that it is quiet now."""
    local = from_ms(rig.now()) + timedelta(minutes=UTC_OFFSET_MIN)
    hours = {"start": f"{local - _HOUR:%H:%M}", "until": f"{local + _HOUR:%H:%M}"}
    await rig.configure(quiet=(hours,))


@check("Config", "silence")
async def quiet_hours(rig: Rig) -> str:
    """In quiet hours nothing routine begins, and its receipt says quiet-hours."""
    await quiet_now(rig)
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item)
    await rig.past(item.start_at + item.duration_ms + 500)
    skipped = await only(rig, item, Event.SKIPPED)
    await rig.configure()
    expect(skipped.why is Why.QUIET_HOURS and not rig.tape.events(item.id, Event.STARTED), rig.tape.story(item.id))
    return rig.tape.story(item.id)


@check("Config", "silence")
async def emergency_in_quiet_hours(rig: Rig) -> str:
    """An emergency item, signed by the emergency key, plays in quiet hours."""
    await quiet_now(rig)
    item = rig.item(SHORT, rig.slot(SHORT.length_ms), **{"class": Class.EMERGENCY})
    topic, plan = rig.plan_of(rig.town, item)  # alone: the emergency key may sign nothing routine
    await rig.retain(topic, rig.sign(Kind.PLAN, topic, plan, key=rig.emergency, exp=rig.now() + DAY))
    try:
        return await plays_whole(rig, item)
    finally:
        await rig.configure()


@check("Command", "silence")
async def stop_all(rig: Rig) -> str:
    """The command stop-all needs the emergency key, and ends what sounds below emergency."""
    item = rig.item(LONG, rig.slot(5 * SECOND))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    async with rig.counted(Reason.OUT_OF_SCOPE):
        await order(rig, Action.STOP_ALL)
    await asyncio.sleep(0.5)
    expect(not rig.tape.events(item.id, Event.STOPPED), "the station's key stopped all")
    await order(rig, Action.STOP_ALL, key=rig.emergency)
    stopped = await only(rig, item, Event.STOPPED)
    expect(stopped.why is Why.COMMAND, rig.tape.story(item.id))
    return f"stopped after {stopped.played_ms} ms"
