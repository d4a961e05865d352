"""How many receipts a speaker keeps for a station that is gone, and which go first when there are more. Pure."""

from collections.abc import Mapping
from typing import Final

from broadcaster.wire.documents import Event, Receipt

LIMIT: Final = 20_000
"""About 4 MB: a month of 200 broadcasts a day with three receipts each."""
_SLACK: Final = 100
"""Making room costs a look at all, so it is made for many at once."""
_WORTH: Final[Mapping[Event, int]] = {Event.CACHED: 0, Event.STARTED: 1}
"""How it ended tells most; that it was cached least."""


def surplus(waiting: Mapping[str, Receipt], limit: int = LIMIT) -> tuple[str, ...]:
    """The ids to drop, none while there are no more than `limit`: the least telling first, of those the oldest."""
    if len(waiting) <= limit:
        return ()
    order = sorted(waiting, key=lambda name: _WORTH.get(waiting[name].event, 2))  # stable: the oldest stay first
    return tuple(order[: len(waiting) - limit + min(_SLACK, limit // 10)])
