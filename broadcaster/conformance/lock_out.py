"""Checks of the lock-out: a thief who holds a key and goes on transmitting is silent, and stays so."""

import asyncio

from broadcaster.conformance.attacks import refused
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.papers import trusted
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import LONG, SHORT
from broadcaster.wire.documents import Action, Class, Command, Event, Plan, PlanItem
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, MINUTE, SECOND


async def _thief(rig: Rig) -> SigningKey:
    """Somebody who has stolen a key that may play routine and priority."""
    thief = SigningKey.generate()
    rig.more_keys = (*rig.more_keys, trusted(thief, Class.ROUTINE, Class.PRIORITY))
    await rig.trust()
    return thief


def _plan(rig: Rig, thief: SigningKey, item: PlanItem) -> None:
    topic, plan = rig.plan_of(rig.town, item)
    rig.send(topic, rig.sign(Kind.PLAN, topic, plan, key=thief, exp=rig.now() + DAY))


async def _lock(rig: Rig, thief: SigningKey, for_ms: int, key: SigningKey | None = None) -> None:
    """Lock a key out by the emergency key, or another one; a moment later it has been heard."""
    topic = rig.topics.command(rig.zone)
    command = Command(action=Action.LOCK_OUT, keys=(thief.kid,), until=rig.now() + for_ms)
    rig.send(topic, rig.sign(Kind.COMMAND, topic, command, key=key or rig.emergency, exp=rig.now() + 20 * SECOND))
    await asyncio.sleep(0.5)


async def _silent(rig: Rig, thief: SigningKey) -> str:
    """What the thief signs now is counted as locked-out, and not played."""

    def forge(topic: str, plan: Plan) -> tuple[str, bytes]:
        return topic, rig.sign(Kind.PLAN, topic, plan, key=thief, exp=rig.now() + DAY)

    return await refused(rig, Reason.LOCKED_OUT, forge)


async def _plays(rig: Rig, thief: SigningKey) -> None:
    item = rig.item(SHORT, rig.now() + 2 * SECOND)
    _plan(rig, thief, item)
    heard = await rig.tape.until(lambda: rig.tape.events(item.id, Event.FINISHED), 8)
    expect(heard, rig.tape.story(item.id))


@check("Command", "lock-out")
async def lock_out_silences(rig: Rig) -> str:
    """A lock-out silences at once what a key has on air, and nothing more by it counts."""
    thief = await _thief(rig)
    item = rig.item(LONG, rig.slot(6 * SECOND))
    _plan(rig, thief, item)
    await rig.past(item.start_at + SECOND)
    await _lock(rig, thief, MINUTE)
    await rig.tape.until(lambda: rig.tape.events(item.id, Event.STOPPED), 5)
    stopped = rig.tape.events(item.id, Event.STOPPED)
    expect(stopped and stopped[0].receipt.played_ms < LONG.length_ms / 2, rig.tape.story(item.id))
    return await _silent(rig, thief)


@check("Command", "lock-out")
async def lock_out_ends(rig: Rig) -> str:
    """When its time is over the key is believed again."""
    thief = await _thief(rig)
    await _lock(rig, thief, 8 * SECOND)
    until = rig.now() + 8 * SECOND
    await _silent(rig, thief)
    await rig.past(until)
    await _plays(rig, thief)
    return "believed again"


@check("Command", "lock-out")
async def root_lifts_a_lock_out(rig: Rig) -> str:
    """The root key lifts a lock-out before its time."""
    thief = await _thief(rig)
    await _lock(rig, thief, 10 * MINUTE)
    await _silent(rig, thief)
    await _lock(rig, thief, -SECOND, key=rig.root)
    await _plays(rig, thief)
    return "lifted"


@check("Command", "lock-out")
async def lock_out_needs_its_scope(rig: Rig) -> str:
    """A key without the scope emergency locks nobody out."""
    thief = await _thief(rig)
    async with rig.counted(Reason.OUT_OF_SCOPE):
        await _lock(rig, thief, MINUTE, key=rig.key)
    await _plays(rig, thief)
    return "counted out-of-scope"


@check("Command", "lock-out")
async def lock_out_lasts_a_day_at_most(rig: Rig) -> str:
    """A lock-out of more than 24 hours is malformed."""
    thief = await _thief(rig)
    async with rig.counted(Reason.MALFORMED):
        await _lock(rig, thief, DAY + MINUTE)
    await _plays(rig, thief)
    return "counted malformed"


@check("Command", "lock-out")
async def thief_takes_the_highest_number(rig: Rig) -> str:
    """A thief who commands with the highest seq that counts can't keep a lock-out away."""
    thief = await _thief(rig)
    topic, seq = rig.topics.command(rig.zone), rig.now() + 4 * MINUTE
    stop = Command(action=Action.STOP, broadcast="nothing")
    rig.send(topic, rig.sign(Kind.COMMAND, topic, stop, key=thief, seq=seq, exp=seq + 20 * SECOND))
    await _lock(rig, thief, MINUTE)
    return await _silent(rig, thief)


@check("Command", "lock-out")
async def lock_out_survives_power(rig: Rig) -> str:
    """A lock-out holds over a power cut."""
    thief = await _thief(rig)
    await _lock(rig, thief, 5 * MINUTE)
    since = rig.now()
    await rig.power_cycle()
    await rig.joined(since)
    return await _silent(rig, thief)
