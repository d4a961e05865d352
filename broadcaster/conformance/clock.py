"""Checks of a speaker whose own clock is an hour slow and that no NTP sets right."""

from typing import Final

from broadcaster.conformance.airing import plays_whole
from broadcaster.conformance.alert import alert_of, part, raise_it, told
from broadcaster.conformance.check import BrokenError, check, expect
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import SHORT
from broadcaster.wire.documents import Event
from broadcaster.wire.units import HOUR, SECOND

WRONG_MS: Final = -HOUR
_NEAR_MS: Final = 2 * SECOND


@check("Welcome", "clock")
async def follows_the_welcome(rig: Rig) -> str:
    """A clock that is an hour wrong and unsynchronised is set by the welcome: items air at the station's time."""
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item)
    try:
        return await plays_whole(rig, item)
    except BrokenError as error:
        told = [f"{beat.offset_ms:+d} ± {beat.error_ms}" for beat in rig.tape.telemetry()[-3:]]
        raise BrokenError(f"{error}; its offsets in ms: {', '.join(told)}") from error


@check("Telemetry", "clock")
async def says_its_offset(rig: Rig) -> str:
    """Telemetry names the offset and its error."""
    found = await rig.tape.until(lambda: any(beat.offset_ms for beat in rig.tape.telemetry()), 10)
    expect(found, "no offset")
    beat = rig.tape.telemetry()[-1]
    seen = f"{beat.offset_ms:+d} ± {beat.error_ms} ms"
    expect(abs(beat.offset_ms + WRONG_MS) < _NEAR_MS, seen)
    return seen


@check("Acceptance", "clock")
async def no_time_no_sound(rig: Rig) -> str:
    """After a power cut an unsynchronised speaker plays nothing routine until a welcome gives it the time."""
    rig.answering = False
    since = rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    item = rig.item(SHORT, rig.now() + WRONG_MS + 4 * SECOND)  # soon, by its own wrong clock
    await rig.plan(item)
    await rig.past(rig.now() + 6 * SECOND)
    heard = rig.tape.events(item.id, Event.STARTED)
    rig.answering = True
    expect(not heard, rig.tape.story(item.id))
    return "silent"


@check("Alert", "clock")
async def alert_without_a_clock(rig: Rig) -> str:
    """A speaker that does not know the time yet plays an alert at once."""
    rig.answering = False
    since = rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    alert = alert_of(rig, part(rig, SHORT), start_at=rig.now())
    await raise_it(rig, alert)
    try:
        arrival = (await told(rig, alert, Event.STARTED)).arrivals[0]
    finally:
        rig.answering = True
    return f"said started {arrival - alert.start_at} ms after it was raised"
