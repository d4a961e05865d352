"""From broadcasts to signed plans: what every zone airs on each local day of the horizon, computed from rows alone.

A pass that is missed, late, repeated or killed half-way changes nothing: the next one begins from the rows again. It
decides while others write, and writes in short transactions, so that nobody waits for longer than one of them.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broadcaster import airing
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.rows import Broadcast, Station
from scheduler import composition_pass, plans, plausible
from scheduler.materialisation import Materialisation
from scheduler.outlook import Outlook
from scheduler.plausible import Doubt
from scheduler.settling import Change, Settlement, Terms, is_planned

if TYPE_CHECKING:
    from broadcaster.geography import Geography

log = logging.getLogger(__name__)

AT_ONCE: Final = 2_000
"""Deliveries that are written in one transaction, or those of one broadcast: while it lasts, nobody else writes."""


class Planner:
    """Keeps broadcasts, deliveries and the plans in force in step with the rows."""

    def __init__(self, core: Core, distributor: Distributor, now_lead_ms: int) -> None:
        self._core, self._database, self._clock = core, core.database, core.clock
        self._distributor, self._now_lead_ms = distributor, now_lead_ms
        self._materialisation = Materialisation(core.database, core.counters)
        self._on_since: datetime | None = None
        self._geography: Geography | None = None

    def plan(self) -> None:
        """One pass over everything that is still to air. Call it outside of any transaction."""
        now = self._clock.now()
        self._on_since = self._on_since or now
        with self._database.read() as session:
            station = session.scalars(select(Station)).one()
            doubt = plausible.judge(self._clock.now_ms(), plausible.evidence(session, station))
        if doubt != station.clock_doubt:
            self._note_doubt(doubt)
        if doubt:
            return
        self._materialisation.run(ZoneInfo(station.timezone), now)
        with self._core.counters.edge("composing"):  # whatever is wrong with programmes must not hold up bulletins
            composition_pass.compose_all(self._core, now)
        terms = Terms(self._distributor, self._core.counters, self._now_lead_ms, self._on_since)
        with self._database.read() as session, session.no_autoflush:  # what is decided here is written below
            this = Outlook.load(session, now, self._geography)
            settled = Settlement.of(this, terms)
            known = plans.in_force(session, now)
            planned = [broadcast for broadcast in this.pending if is_planned(broadcast, now)]
            every = plans.of(this, planned, self._core.topics, known)
            changed = [plan for plan in every if not plan.is_in_force(known)]
            confirmed = {topic for topic, facts in known.items() if facts.confirmed}
            self._note_sent(this, planned, confirmed.difference(plan.topic for plan in changed))
            unmatched = airing.unmatched(session, settled.meant)
            changes = list(settled.changes(unmatched))
        gone: set[str] = set()
        for part in _parts(changes, unmatched):
            with self._database.write() as session:
                gone |= _write(session, part, unmatched, now)
        plans.sign(self._core, [plan for plan in changed if not plan.names(gone)], known)
        self._geography = this.geography

    def _note_doubt(self, doubt: Doubt) -> None:
        """Nothing may be planned because the station's clock can't be right, or may be again; a person is asked."""
        log.log(logging.ERROR if doubt else logging.INFO, "clock doubt=%s", doubt or "none")
        with self._database.write() as session:
            session.scalars(select(Station)).one().clock_doubt = doubt

    def _note_sent(self, this: Outlook, planned: Iterable[Broadcast], confirmed: Collection[str]) -> None:
        """Note when the broker has confirmed every plan that holds a broadcast."""
        for broadcast in planned:
            if broadcast.sent_at is None and broadcast.start_at is not None:
                day = this.day(broadcast.start_at)
                zones = this.zones[broadcast.schedule_id]
                if all(self._core.topics.plan(zone, day) in confirmed for zone in zones):
                    broadcast.sent_at = this.now


def _parts(changes: Iterable[Change], meant: Mapping[str, Collection[str]]) -> Iterator[list[Change]]:
    """What has to be written, cut into transactions that are short."""
    part: list[Change] = []
    rows = 0
    for change in changes:
        part.append(change)
        rows += 1 + len(meant.get(change.broadcast, ()))
        if rows >= AT_ONCE:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _write(session: Session, changes: Collection[Change], meant: airing.Meant, now: datetime) -> set[str]:
    """Write down what was decided, but for broadcasts that somebody has stopped or called off since: those are returned."""
    named = {change.broadcast for change in changes}
    still = airing.undecided(session, named)
    if rows := [{"id": each.broadcast, **each.facts} for each in changes if each.facts and each.broadcast in still]:
        session.execute(update(Broadcast), rows)
    airing.ensure_deliveries(session, {number: speakers for number in still if (speakers := meant.get(number))})
    missed: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        if change.missed and change.broadcast in still:
            missed[change.missed].append(change.broadcast)
    for why, broadcasts in missed.items():
        airing.miss(session, broadcasts, why, now)
    return named - still
