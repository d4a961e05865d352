"""Checks of power and links: what a speaker keeps when either fails. One after the other; each cuts something."""

import asyncio
from typing import Final

from broadcaster.conformance.airing import near, only, order
from broadcaster.conformance.alert import alert_of, end, part, raise_it, told
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.rig import JOIN_S, TOLERANCE_MS, Rig
from broadcaster.conformance.sounds import LONG, SHORT
from broadcaster.wire.documents import Action, Event, SpeakerState, State
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, SECOND

_WILL_S: Final = 90.0
"""Twice the keepalive of hardware whose link just goes silent."""
_BOOT_MS: Final = 8 * SECOND
"""What a boot may take before air time here; a person with a plug needs longer."""


@check("Plan", "power")
async def stopped_stays_stopped(rig: Rig) -> str:
    """A broadcast that was stopped does not begin again after a power cut, though its time is not over."""
    item = rig.item(LONG, rig.slot(LONG.length_ms))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    await order(rig, Action.STOP, item.id)
    await only(rig, item, Event.STOPPED)
    since = rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    await rig.past(max(item.start_at + 8 * SECOND, rig.now() + 2 * SECOND))
    expect(len(rig.tape.events(item.id, Event.STARTED)) == 1, rig.tape.story(item.id))
    return rig.tape.story(item.id)


@check("State", "power")
async def will_says_lost(rig: Rig) -> str:
    """When its power fails the broker says lost for it, with the boot and number of that connection."""
    before = rig.tape.states()[-1]
    since = rig.now()
    await rig.subject.off()
    found = await rig.tape.until(lambda: rig.tape.says(SpeakerState.LOST, since), _WILL_S)
    lost = [state for state in rig.tape.states(since) if state.state is SpeakerState.LOST]
    await rig.switch_on()
    await rig.joined(since)
    expect(found, "no will")
    same = (lost[-1].boot, lost[-1].connection) == (before.boot, before.connection)
    expect(same, f"boot {lost[-1].boot} connection {lost[-1].connection}, not {before.boot} {before.connection}")
    return f"lost, connection {lost[-1].connection}"


@check("State", "power")
async def boots_are_told_apart(rig: Rig) -> str:
    """After a power cut the boot id is another and boot_count is higher."""
    about, state, since = rig.tape.about(), rig.tape.states()[-1], rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    after = rig.tape.about()
    expect(about and after and after.boot_count > about.boot_count, "boot_count does not grow")
    expect(rig.tape.hellos()[-1].boot != state.boot, "the same boot id")
    return f"boot {after.boot_count}" if after else ""


@check("Acceptance", "power")
async def floor_survives_power(rig: Rig) -> str:
    """The highest seq of a topic is kept over a power cut: yesterday's plan is rolled-back."""
    item = rig.item(SHORT, rig.now() + 60 * SECOND)
    topic, _ = rig.plan_of(rig.zone, item)
    await rig.plan(item)
    old = rig.in_force[topic]
    await rig.plan(rig.item(SHORT, rig.now() + 90 * SECOND))
    await rig.withdraw(item)
    await rig.tape.until(lambda: rig.tape.events(item.id, Event.CACHED), 5)
    in_force = rig.in_force[topic]
    await rig.link.publish_surely(topic, b"")  # neither the broker nor a welcome may remind it
    rig.answering = False
    try:
        since = rig.now()
        await rig.power_cycle()
        await rig.joined(since)
        async with rig.counted(Reason.ROLLED_BACK):
            rig.send(topic, old)
    finally:
        rig.answering = True
        await rig.retain(topic, in_force)
    return "counted rolled-back"


@check("Welcome", "power")
async def welcome_sets_the_floor(rig: Rig) -> str:
    """What a welcome names as in force counts at once: an older document of that topic, never seen, is rolled-back."""
    item = rig.item(SHORT, rig.now() + 48 * HOUR)
    topic, plan = rig.plan_of(rig.town, item)
    old = rig.sign(Kind.PLAN, topic, plan, exp=rig.now() + 96 * HOUR)
    rig.answering = False
    try:
        since = rig.now()
        await rig.power_cycle()
        await rig.joined(since)
        rig.welcome(rig.tape.hellos()[-1], rig.tape.of(Kind.HELLO)[-1].at, more={topic: rig.next_seq()})
        await asyncio.sleep(1)
        async with rig.counted(Reason.ROLLED_BACK):
            rig.send(topic, old)
    finally:
        rig.answering = True
    expect(not rig.tape.events(item.id), rig.tape.story(item.id))
    return "counted rolled-back"


@check("Joining", "blackout")
async def plays_alone(rig: Rig) -> str:
    """After a power cut, with broker and station gone, it plays what it has at the right moment, and says so later."""
    item = rig.item(SHORT, rig.now() + _BOOT_MS)
    await rig.plan(item)
    await only(rig, item, Event.CACHED)
    before = set(rig.tape.told)
    await rig.brokerage.down()
    await rig.close()
    await rig.power_cycle()
    await rig.past(item.start_at + item.duration_ms + SECOND)
    since = rig.now()
    await rig.brokerage.up()
    await rig.open()
    for topic, message in list(rig.in_force.items()):
        if rig.topics.parse(topic).kind is Kind.TRUST:
            await rig.retain(topic, message)
    await rig.joined(since)
    finished = await only(rig, item, Event.FINISHED, JOIN_S)
    started = await only(rig, item, Event.STARTED)
    expect(finished.id not in before and started.id not in before, "an id of the boot before")
    return near(started.at, item.start_at, "started", 2 * TOLERANCE_MS)


@check("State", "blackout")
async def connections_are_numbered(rig: Rig) -> str:
    """After a lost link the same boot says ready with a higher connection number."""
    before, since = rig.tape.states()[-1], rig.now()
    await rig.brokerage.down()
    await rig.close()
    await rig.brokerage.up()
    await rig.open()

    def back() -> list[State]:
        return [one for one in rig.tape.states(since) if one.state is SpeakerState.READY and one != before]

    expect(await rig.tape.until(back, JOIN_S), "it did not come back")
    ready = back()
    seen = f"connection {before.connection} → {ready[-1].connection}"
    expect(ready[-1].boot == before.boot and ready[-1].connection > before.connection, seen)
    return seen


@check("Alert", "blackout")
async def remembers_what_it_has_begun(rig: Rig) -> str:
    """Who lost its power in the middle of an alert says the words that are for those who had begun it."""
    alert = alert_of(rig, part(rig, LONG))
    await raise_it(rig, alert)
    await told(rig, alert, Event.STARTED)
    since = rig.now()
    await rig.subject.off()
    await end(rig, alert)
    words = alert_of(rig, part(rig, SHORT), if_begun=(alert.alert,))
    await raise_it(rig, words)
    await rig.switch_on()
    await rig.joined(since)
    await told(rig, words, Event.FINISHED, seconds=JOIN_S)
    return rig.tape.story(words.alert)


@check("Receipts", "blackout")
async def ids_never_come_again(rig: Rig) -> str:
    """No receipt id was used for two receipts, in all these boots."""
    since = rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item)
    await rig.past(item.start_at + SECOND)
    twice = [one for one in rig.tape.wrong if "used twice" in one]
    expect(not twice, "; ".join(twice[:3]))
    said = Event.STARTED, Event.SKIPPED  # a box of hardware has booted so often by now that it is in safe mode
    expect(await rig.tape.until(lambda: rig.tape.events(item.id, *said), 6), rig.tape.story(item.id))
    return f"{len(rig.tape.told)} receipts"
