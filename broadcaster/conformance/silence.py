"""Checks of hours and orders in which nothing may sound, and of who is above them."""

import asyncio
from datetime import timedelta
from typing import Final

from broadcaster.clock import from_ms
from broadcaster.conformance.airing import only, order, plays_whole
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.papers import UTC_OFFSET_MIN
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import LONG, MIDDLE, SHORT
from broadcaster.wire.documents import Action, Class, Event, PlanItem, Why
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, SECOND

_HOUR: Final = timedelta(hours=1)


async def quiet_now(rig: Rig, **more: object) -> None:
    """Set the speaker up so that it is quiet now."""
    local = from_ms(rig.now()) + timedelta(minutes=UTC_OFFSET_MIN)
    hours = {"start": f"{local - _HOUR:%H:%M}", "until": f"{local + _HOUR:%H:%M}"}
    await rig.configure(quiet=(hours,), **more)


async def _kept_silent(rig: Rig, item: PlanItem, why: Why) -> str:
    """An item that is planned and not begun, for that reason."""
    await rig.plan(item)
    await rig.past(item.start_at + item.duration_ms + 500)
    skipped = await only(rig, item, Event.SKIPPED)
    expect(skipped.why is why and not rig.tape.events(item.id, Event.STARTED), rig.tape.story(item.id))
    return rig.tape.story(item.id)


@check("Config", "silence")
async def quiet_hours(rig: Rig) -> str:
    """In quiet hours nothing routine begins, and its receipt says quiet-hours."""
    await quiet_now(rig)
    try:
        return await _kept_silent(rig, rig.item(SHORT, rig.slot(SHORT.length_ms)), Why.QUIET_HOURS)
    finally:
        await rig.configure()


@check("Config", "silence")
async def ends_before_quiet_hours(rig: Rig) -> str:
    """An item that may begin, and would end in quiet hours, is not begun; here a named exception ends while it sounds."""
    item = rig.item(MIDDLE, rig.slot(MIDDLE.length_ms))
    named = {"name": "x", "start": item.start_at - 10 * SECOND, "until": item.start_at + SECOND}
    await quiet_now(rig, exceptions=(named,))
    try:
        return await _kept_silent(rig, item, Why.QUIET_HOURS)
    finally:
        await rig.configure()


@check("Config", "silence")
async def permitted_weekdays(rig: Rig) -> str:
    """On a weekday that the config does not permit nothing routine begins, and its receipt says weekday."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    today = (from_ms(item.start_at) + timedelta(minutes=UTC_OFFSET_MIN)).isoweekday()
    await rig.configure(weekdays=[day for day in range(1, 8) if day != today])
    try:
        return await _kept_silent(rig, item, Why.WEEKDAY)
    finally:
        await rig.configure()


@check("Config", "silence")
async def off_until(rig: Rig) -> str:
    """While it is off nothing routine begins, and its receipt says off; what begins at the end of off plays."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    until = item.start_at + item.duration_ms
    after = rig.item(SHORT, max(until, rig.slot(SHORT.length_ms)))
    await rig.configure(off=({"start": rig.now() - SECOND, "until": until},))
    try:
        await rig.plan(after)
        told = await _kept_silent(rig, item, Why.OFF)
        return f"{told}; {await plays_whole(rig, after)}"
    finally:
        await rig.configure()


@check("Config", "silence")
async def switched_off_while_it_sounds(rig: Rig) -> str:
    """An item that sounds when the speaker is switched off is stopped, and its receipt says off."""
    item = rig.item(LONG, rig.slot(5 * SECOND))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    await rig.configure(off=({"start": rig.now(), "until": rig.now() + 20 * SECOND},))
    try:
        stopped = await only(rig, item, Event.STOPPED)
    finally:
        await rig.configure()
    expect(stopped.why is Why.OFF, rig.tape.story(item.id))
    return f"stopped after {stopped.played_ms} ms"


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
