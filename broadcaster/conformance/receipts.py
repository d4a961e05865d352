"""Checks of receipts: signed, sent until they are acknowledged, and then no more."""

from typing import Final

from broadcaster.conformance.check import check, expect
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import SHORT
from broadcaster.conformance.tape import Told
from broadcaster.wire.documents import Event
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason
from broadcaster.wire.units import MINUTE, SECOND

_AGAIN_MS: Final = 15 * SECOND
_AGAIN_S: Final = 40.0
"""15 s, and once more when a message was lost."""


async def _cached(rig: Rig, silent: bool) -> Told:  # noqa: FBT001  the one thing that differs
    item = rig.item(SHORT, rig.now() + 30 * MINUTE)
    if silent:
        rig.silent_about.add(item.id)
    await rig.plan(item)
    expect(await rig.tape.until(lambda: rig.tape.events(item.id, Event.CACHED), 10), "no receipt")
    return rig.tape.events(item.id, Event.CACHED)[0]


@check("Receipts", "receipts")
async def signed_by_its_key(rig: Rig) -> str:
    """Receipts are envelopes of the speaker's own key for its own topic, without exp."""
    await _cached(rig, silent=False)
    expect(not rig.tape.wrong, "; ".join(rig.tape.wrong[:3]))
    return f"{len(rig.tape.told)} receipts"


@check("Receipts", "receipts")
async def again_until_acknowledged(rig: Rig) -> str:
    """A receipt that is not acknowledged is sent again after 15 s."""
    told = await _cached(rig, silent=True)
    again = await rig.tape.until(lambda: len(told.arrivals) > 1, _AGAIN_S)
    rig.acknowledge((told.receipt.id,))
    expect(again, "not sent again")
    return f"again after {(told.arrivals[1] - told.arrivals[0]) / 1000:.1f} s"


@check("Ack", "receipts")
async def acknowledged_is_forgotten(rig: Rig) -> str:
    """A receipt that was acknowledged is not sent again."""
    told = await _cached(rig, silent=False)
    await rig.past(told.arrivals[0] + _AGAIN_MS + 3 * SECOND)
    expect(len(told.arrivals) == 1, f"sent {len(told.arrivals)} times")
    return "sent once"


@check("Ack", "receipts")
async def forged_ack(rig: Rig) -> str:
    """An ack that a stranger signed is counted, and the receipt is sent again."""
    told = await _cached(rig, silent=True)
    async with rig.counted(Reason.UNKNOWN_KEY):
        rig.acknowledge((told.receipt.id,), key=SigningKey.generate())
    again = await rig.tape.until(lambda: len(told.arrivals) > 1, _AGAIN_S)
    rig.acknowledge((told.receipt.id,))
    expect(again, "forgotten")
    return "counted, sent again"
