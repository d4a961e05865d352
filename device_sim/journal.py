"""What the speaker did: notes that keep it from doing it twice, and receipts until the station has them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.documents import Class, Event, Receipt, Why
from broadcaster.wire.units import DAY
from device_sim import receipt_limit
from device_sim.actions import Action, CountDropped, ForgetNotes, ForgetReceipts, KeepNote, KeepReceipt, KeepStopped
from device_sim.arbiter import Airing, end_of

TERMINAL: Final = frozenset({Event.FINISHED, Event.SKIPPED, Event.STOPPED, Event.FAILED, Event.PREEMPTED})
_KEPT_MS: Final = 2 * DAY
"""How long after its end a broadcast is remembered: longer than any plan that could name it is valid."""
_MOST_STOPPED: Final = 100
"""Broadcasts; with a stolen key nobody fills the memory."""


@dataclass
class Journal:
    """Notes by broadcast, and receipts that wait.

    Attributes:
        name: random, of this boot; with the counter it makes every receipt's id unique for ever.
        count: receipts written so far; it orders them over reboots as well.
        waiting: receipts by id, oldest first.
        notes: events done with each broadcast, and until when they are remembered.
        stopped: the last broadcasts that commands have stopped, planned here or not, and what the keys of those may stop.
        dropped: receipts that were never acknowledged and had to go, over reboots.
    """

    name: str
    count: int = 0
    waiting: dict[str, Receipt] = field(default_factory=dict)
    notes: dict[str, dict[Event, int]] = field(default_factory=dict)
    dropped: int = 0
    stopped: dict[str, frozenset[Class]] = field(default_factory=dict)

    def noted(self, broadcast: str, event: Event) -> bool:
        """Whether this was done with the broadcast."""
        return event in self.notes.get(broadcast, {})

    def over(self, broadcast: str) -> bool:
        """Whether the broadcast has ended here, one way or another."""
        return not TERMINAL.isdisjoint(self.notes.get(broadcast, {}))

    def write(
        self,
        item: Airing,
        event: Event,
        at: int,
        *,
        position_ms: int = 0,
        played_ms: int = 0,
        why: Why | None = None,
        final: bool = True,
    ) -> list[Action]:
        """Note an event at station time ``at`` and make its receipt; `STARTED` may be written again after a reboot.

        What is not ``final``, such as being displaced for a while, makes a receipt and no note.
        """
        if event is not Event.STARTED and self.noted(item.id, event):
            return []
        until = end_of(item) + _KEPT_MS
        if final:
            self.notes.setdefault(item.id, {})[event] = until
        self.count += 1
        receipt = Receipt(
            id=f"{self.name}-{self.count}",
            broadcast=item.id,
            event=event,
            at=max(at, 0),
            position_ms=position_ms,
            played_ms=played_ms,
            why=why,
        )
        self.waiting[receipt.id] = receipt
        note = [KeepNote(item.id, event, until)] if final else []
        return [*note, KeepReceipt(receipt), *self._make_room()]

    def stop(self, broadcast: str, scopes: frozenset[Class]) -> list[Action]:
        """Note that a command has stopped a broadcast: no stream takes its place, in this boot or a later one."""
        known = self.stopped.pop(broadcast, frozenset())
        self.stopped = dict([*self.stopped.items(), (broadcast, known | scopes)][-_MOST_STOPPED:])
        return [KeepStopped(self.stopped)]

    def _make_room(self) -> list[Action]:
        """Drop receipts beyond the limit, and count them: the station is told that they are gone."""
        surplus = receipt_limit.surplus(self.waiting)
        if not surplus:
            return []
        for name in surplus:
            del self.waiting[name]
        self.dropped += len(surplus)
        return [ForgetReceipts(surplus), CountDropped(self.dropped)]

    def acknowledged(self, ids: Iterable[str]) -> list[Action]:
        """The station has committed these."""
        mine = tuple(receipt for receipt in ids if receipt in self.waiting)
        for receipt in mine:
            del self.waiting[receipt]
        return [ForgetReceipts(mine)] if mine else []

    def tidy(self, now: int) -> list[Action]:
        """Drop the notes whose time is over."""
        old = [broadcast for broadcast, events in self.notes.items() if max(events.values()) < now]
        for broadcast in old:
            del self.notes[broadcast]
        return [ForgetNotes(now)] if old else []
