"""What somebody without a key may try: a plan that must not be acted on, and the reason it must be counted under."""

from collections.abc import Callable
from typing import Final

from broadcaster.conformance.check import BrokenError, expect
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import SHORT
from broadcaster.wire.documents import Event, Plan
from broadcaster.wire.rejection import Reason

SOON_MS: Final = 2_000
_AFTER_MS: Final = 700

Forge = Callable[[str, Plan], tuple[str, bytes]]
"""A plan's topic and the plan, made into what is sent where."""


async def refused(rig: Rig, reason: Reason, forge: Forge, **changes: object) -> str:
    """Send a plan of one item that airs soon, as `forge` makes it: it must be counted, and never play."""
    item, miscounted = None, ""
    try:
        async with rig.counted(reason):
            item = rig.item(SHORT, rig.now() + SOON_MS, **changes)
            topic, plan = rig.plan_of(rig.zone, item)
            rig.send(*forge(topic, plan))
    except BrokenError as error:
        miscounted = str(error)
    if item is not None:
        await rig.past(item.start_at + _AFTER_MS)
        acted_on = rig.tape.events(item.id, Event.CACHED, Event.STARTED)
        expect(not acted_on, f"acted on: {rig.tape.story(item.id)}; {miscounted}")
    expect(not miscounted, miscounted)
    return f"counted {reason.value}"
