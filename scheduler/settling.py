"""Settling what is still to air: the sound, the moment and the audience of each broadcast as far as they are known by now.

Decides in memory alone; `scheduler.planning` writes down what was decided.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from broadcaster import airing, approval, village
from broadcaster.clock import from_ms, to_ms
from broadcaster.counters import Counters
from broadcaster.distribution import Distributor
from broadcaster.publishing import HORIZON
from broadcaster.rows import Broadcast, Clip, ScheduleKind
from broadcaster.wire.documents import Class
from scheduler import room
from scheduler.outlook import Outlook

log = logging.getLogger(__name__)

NOW_PATIENCE: Final = timedelta(minutes=30)
"""How long a broadcast that shall air now is waited for: later it would come as a surprise."""
_SENT_MARGIN_MS: Final = 2_000

BROKER_DOWN: Final = "broker-down"
NOT_PREPARED: Final = "not-prepared"
STATION_OFF: Final = "station-off"


@dataclass(frozen=True)
class Terms:
    """What does not change from pass to pass: how long sound travels, what goes wrong is counted, and since when."""

    distributor: Distributor
    counters: Counters
    now_lead_ms: int
    on_since: datetime


@dataclass(frozen=True)
class Change:
    """What was decided about one broadcast: the columns that planning writes, and why it is missed if it is."""

    broadcast: str
    facts: dict[str, Any]
    missed: str | None = None


@dataclass
class Settlement:
    """What a pass decides.

    Attributes:
        meant: speakers of broadcasts whose deliveries may not be in line with them yet, by id.
        missed: why broadcasts will not air, by id.
        ahead: clips that will be sent before the next one, with their bytes, by who hears them.
    """

    this: Outlook
    terms: Terms
    meant: dict[str, frozenset[str]] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)
    _ahead: dict[frozenset[str], dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    _before: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, this: Outlook, terms: Terms) -> "Settlement":
        """Settle everything that is pending, the next to air first."""
        made = cls(this, terms)
        for broadcast in this.pending:
            made._before[broadcast.id] = _facts(broadcast)
            this.agenda.add(broadcast, this.audience(broadcast))
            if room.pushes(broadcast):
                this.pushing.add(broadcast, this.audience(broadcast))
        for broadcast in this.pending:
            with terms.counters.edge("planning"):
                made._settle(broadcast)
        return made

    def changes(self) -> Iterator[Change]:
        """What has to be written down; the next to air first."""
        for broadcast in self.this.pending:
            facts, number = _facts(broadcast), broadcast.id
            if facts != self._before[number] or number in self.meant or number in self.missed:
                yield Change(number, facts, self.missed.get(number))

    def _settle(self, broadcast: Broadcast) -> None:
        now = self.this.now
        begun = broadcast.start_at is not None and broadcast.start_at <= now
        sound = broadcast.bulletin.clip
        if sound is not None and sound is not broadcast.clip and (broadcast.clip is None or not begun):
            broadcast.clip, broadcast.sent_by, broadcast.sent_at = sound, None, None
        clip = broadcast.clip
        if not (begun and broadcast.sent_at) and not self.this.may_air(broadcast):
            self._hold(broadcast)
        elif broadcast.sent_at is None and (last := _last_moment(broadcast)) and last <= now:
            self._miss(broadcast, NOT_PREPARED if clip is None else BROKER_DOWN, last)
        elif clip is not None and broadcast.sent_at is None and self.this.over_quota(broadcast, clip.duration_ms):
            self._miss(broadcast, village.QUOTA, now)
        elif clip is not None:
            self._settle_moment(broadcast, clip, begun=begun)

    def _hold(self, broadcast: Broadcast) -> None:
        """Keep an unapproved broadcast out of every plan; once its moment has come, it is missed."""
        broadcast.sent_by = broadcast.sent_at = None
        now_kind = broadcast.schedule.kind is ScheduleKind.NOW
        broadcast.start_at = None if now_kind else broadcast.start_at
        last = broadcast.occurrence + (NOW_PATIENCE if now_kind else timedelta(0))
        if last <= self.this.now:
            self._miss(broadcast, approval.NOT_APPROVED if broadcast.clip else NOT_PREPARED, last)

    def _settle_moment(self, broadcast: Broadcast, clip: Clip, *, begun: bool) -> None:
        audience = self.this.audience(broadcast)
        if broadcast.sent_by is None or (self.this.regrouped and not begun):
            self.meant[broadcast.id] = audience
        shift = broadcast.schedule.kind is ScheduleKind.NOW and broadcast.sent_at is None and begun
        if broadcast.sent_by is None or shift:
            travel = timedelta(milliseconds=self._travel_ms(broadcast, clip, audience) + _SENT_MARGIN_MS)
            broadcast.sent_by = self.this.now + travel
        if broadcast.start_at is None or shift:
            start = from_ms(to_ms(broadcast.sent_by) + self.terms.now_lead_ms)  # the wire knows whole milliseconds
            broadcast.start_at, begun = room.after_what_sounds(self.this, broadcast, start), False
            log.info("broadcast planned broadcast=%s start_at=%s", broadcast.id, broadcast.start_at.isoformat())
        elif not begun and broadcast.schedule.kind is not ScheduleKind.NOW:
            self._make_room(broadcast, clip)
        if broadcast.klass is not Class.EMERGENCY and not begun and (broken := room.breach(self.this, broadcast)):
            self._miss(broadcast, broken.rule, self.this.now)
        elif broadcast.sent_at is None:
            self._ahead[audience][clip.sha256] = clip.bytes

    def _make_room(self, broadcast: Broadcast, clip: Clip) -> None:
        """Let a broadcast begin after what displaces it, and at its own time again when nothing does any more."""
        start = room.after_what_displaces(self.this, broadcast, clip)
        if start != broadcast.start_at and start > self.this.now:
            log.info("broadcast moved broadcast=%s start_at=%s", broadcast.id, start.isoformat())
            if not room.pushes(broadcast):
                self.this.pushing.add(broadcast, self.this.audience(broadcast))
            broadcast.start_at, broadcast.sent_at = start, None

    def _travel_ms(self, broadcast: Broadcast, clip: Clip, audience: frozenset[str]) -> int:
        """How long the clip will take, behind those that go first; nothing where every zone has had it."""
        if self.this.has.get(clip.sha256, set()).issuperset(self.this.zones[broadcast.schedule_id]):
            return 0
        ahead: dict[str, int] = {}
        for near in self.this.neighbours.of(audience):
            ahead |= self._ahead.get(near, {})
        ahead.pop(clip.sha256, None)
        return self.terms.distributor.estimate_ms(clip.bytes + sum(ahead.values()), audience)

    def _miss(self, broadcast: Broadcast, why: str, last: datetime) -> None:
        """It will not air any more; ``last`` is when it still could have."""
        if last < self.terms.on_since:
            why = STATION_OFF
        broadcast.missed_at, broadcast.missed_why = self.this.now, why
        self.missed[broadcast.id] = why
        self.meant[broadcast.id] = self.this.audience(broadcast)
        log.error("broadcast missed broadcast=%s why=%s", broadcast.id, why)


def _facts(broadcast: Broadcast) -> dict[str, Any]:
    """The columns that planning writes."""
    return {
        "clip_sha256": broadcast.clip.sha256 if broadcast.clip else None,
        "start_at": broadcast.start_at,
        "sent_by": broadcast.sent_by,
        "sent_at": broadcast.sent_at,
    }


def _last_moment(broadcast: Broadcast) -> datetime | None:
    """Until when an unsent broadcast can still air; None while only its sound is waited for."""
    if broadcast.schedule.kind is ScheduleKind.NOW:
        return broadcast.occurrence + NOW_PATIENCE
    last = max(broadcast.occurrence, broadcast.start_at or broadcast.occurrence)
    last += timedelta(milliseconds=broadcast.late_ms)
    return min(last, airing.end_of(broadcast) or last)


def is_planned(broadcast: Broadcast, now: datetime) -> bool:
    """Whether a plan names the broadcast: one that has ended stays in its day's plan, so that no slow clock cuts it."""
    settled = broadcast.clip is not None and broadcast.sent_by is not None and broadcast.missed_at is None
    return settled and broadcast.start_at is not None and broadcast.start_at < now + HORIZON
