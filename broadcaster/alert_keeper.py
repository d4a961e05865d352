"""Looks after alerts on a thread of its own: successors, clips, copies for those who have not answered, and the audience.

Every look computes what is due from rows; one that is missed, late or repeated changes nothing. What a person does leaves at
once, without waiting for this thread.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from broadcaster import alert_reports, alerting, publishing, setup_documents, standing
from broadcaster.alert_documents import grow, having_turn, sign
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.geography import Geography
from broadcaster.outbox import Outbox
from broadcaster.rows import Alert, AlertSound, AlertSource, Clip, Distribution, Place, Published, StandingSound
from broadcaster.transport import Transport
from broadcaster.wire.units import UnixMs
from broadcaster.worker import Worker

log = logging.getLogger(__name__)
T = TypeVar("T")

_LOOK_S: Final = 0.25
_IDLE_S: Final = 2.0
_WARM_UP_S: Final = 3_600
_REPEATS: Final = tuple(timedelta(seconds=seconds) for seconds in (1, 3, 10, 30))
"""When an alert is said again to connected speakers that have not answered."""
_SETTLING: Final = timedelta(seconds=3)
"""Receipts come in before the audience is written down, so that both do not wait for each other."""
_LISTEN_S: Final = 5.0
"""After a new connection some alerts are neither said again nor continued before all that the broker has kept was read, for it may know of
their end: a guest's, which it may have ended while nobody listened here, and those from before this process, whose end a power cut or an
older copy of the database may have taken from the rows."""
_LISTEN_LONGEST_S: Final = 60.0
"""A flood of messages that never lets up must not keep these alerts from being continued."""
_COPIES_A_LOOK: Final = 500
_ROWS_A_TIME: Final = 500
"""Of an audience: the next alert must not wait for ten thousand."""
_PLANS_A_TIME: Final = 20
"""Of what speakers keep, for the same reason."""
_LATER: Final = UnixMs(253_370_764_800_000)
"""Clips that wait for an alert travel behind all that is planned."""


class Lacking(NamedTuple):
    """A clip of so many bytes that has never been sent to a zone."""

    clip: str
    bytes: int
    zone: str


class AlertKeeper(Worker):
    """Does what time and speakers ask for.

    Args:
        transport: takes copies to single speakers.
        outbox: takes alerts to the broker, on a connection where nothing is ever before them.
        backlog: how many messages of speakers wait to be read.
    """

    def __init__(
        self,
        core: Core,
        distributor: Distributor,
        transport: Transport,
        outbox: Outbox,
        *,
        backlog: Callable[[], int],
    ) -> None:
        super().__init__("alerts", core.counters, self._look_and_rest, rest_s=_IDLE_S)
        self._core, self._distributor, self._transport = core, distributor, transport
        self._outbox, self._backlog = outbox, backlog
        self._began = core.clock.now()
        self._warm_up_at = self._connected_at = float("-inf")
        self._has_listened = True
        self._covered: set[Lacking] = set()
        """What need not be sent, since a wider zone has had it."""
        self._said: dict[tuple[str, bool], int] = {}
        self._asked: dict[tuple[str, bool], set[str]] = {}
        """Who was told again in the repeat under way."""

    def broker_connected(self) -> None:
        """The broker is (back) there: what is in force is sent again."""
        self._connected_at, self._has_listened = time.monotonic(), False
        self._outbox.broker_connected()
        self.wake()

    def hand_over(self, documents: Iterable[Published]) -> None:
        """What a person has ordered leaves on the thread that asks, and this one looks after it."""
        self._outbox.hand_over(documents)
        self.wake()

    def _look_and_rest(self) -> float:
        if time.monotonic() > self._warm_up_at:
            self._warm_up_at = time.monotonic() + _WARM_UP_S
            with self._core.database.write() as session:
                alerting.warm_up(session, self._core)
        return _LOOK_S if self.look() else _IDLE_S

    def look(self) -> bool:
        """Do what is due; returns whether something is in force."""
        now = self._core.clock.now()
        self._outbox.note()
        patience_s = _LISTEN_LONGEST_S if self._backlog() else _LISTEN_S
        self._has_listened |= self._transport.connected and time.monotonic() - self._connected_at > patience_s
        with self._core.database.read() as session:
            alerts = alerting.unexpired(session, now)
            waiting = publishing.unconfirmed_of(session, self._topics(filter(self._may_repeat, alerts)))
            if waiting:  # signed anew, they are believed by who has heard of the new key
                trust = map(self._core.topics.trust, setup_documents.top_zones(session))
                waiting = [*publishing.unconfirmed_of(session, [*trust]), *waiting]
            running = [alert for alert in alerts if alert.ended_at is None]
            turns = having_turn(session, [alert.id for alert in running])
            news = [alert for alert in running if _has_news(alert, now, has_turn=alert.id in turns)]
            growing = [alert.id for alert in filter(self._may_repeat, news)]
            lacking = self._lacking(session, AlertSound, AlertSound.alert_id.in_([alert.id for alert in running]))
            unwritten = [
                alert.id for alert in alerts if alert.audience_at is None and _sent_for(alert, now) > _SETTLING
            ]
        if self._outbox.connected:
            self._outbox.hand_over(waiting)
        if growing:
            self._grow(growing)
        for name in unwritten:
            self._write_audience(name)
        self._send(lacking, UnixMs(0))  # before everything else
        if alerts:
            self._repeat(alerts, now)
        return bool(alerts)

    def _may_repeat(self, alert: Alert) -> bool:
        is_known_here = alert.source is not AlertSource.PROVINCE and alert.raised_at >= self._began
        return is_known_here or self._has_listened

    def _topics(self, alerts: Iterable[Alert]) -> list[str]:
        return [self._core.topics.alert(place.code, alert.id) for alert in alerts for place in alert.targets]

    def _grow(self, names: Iterable[str]) -> None:
        with self._core.database.write(urgent=True) as session:
            documents: list[Published] = []
            for name in names:
                if alert := alerting.get(session, name, to_change=True):
                    documents += (
                        grow(session, self._core, alert) if alert.ended_at is None else sign(session, self._core, alert)
                    )
        self._outbox.hand_over(documents)

    def _write_audience(self, name: str) -> None:
        """Write down for whom an alert is, some at a time; where this is interrupted, the next look goes on."""
        with self._core.database.read() as session:
            geography = Geography.load(session)
        whole = False
        while not whole:
            with self._core.database.write() as session:
                alert, now = session.get_one(Alert, name), self._core.clock.now()
                whole = alert_reports.write_audience(session, alert, geography, now, _ROWS_A_TIME)

    def _lacking(
        self, session: Session, table: type[AlertSound | StandingSound], *which: ColumnElement[bool]
    ) -> list[Lacking]:
        """What has been made and was never sent to its place."""
        sent = exists().where(Distribution.clip_sha256 == table.clip_sha256, Distribution.zone == Place.code)
        rows = (
            select(Clip.sha256, Clip.bytes, Place.code)
            .join(table, table.clip_sha256 == Clip.sha256)
            .join(Place, Place.id == table.place_id)
            .where(~sent, *which)
            .distinct()
            .order_by(Clip.sha256, Place.code)
        )
        found = (Lacking(clip, size, zone) for clip, size, zone in session.execute(rows))
        return [one for one in found if one not in self._covered]

    def _send(self, lacking: Sequence[Lacking], start_at: UnixMs) -> None:
        """Send clips to zones, but for those that every listener has had through a wider one."""
        if not lacking:
            return
        with self._core.database.read() as session:
            geography = Geography.load(session)
            kept = (
                select(Distribution.clip_sha256, Distribution.zone)
                .join(Place, Place.code == Distribution.zone)
                .join(
                    StandingSound,
                    (StandingSound.clip_sha256 == Distribution.clip_sha256) & (StandingSound.place_id == Place.id),
                )
            )
            if len(names := {one.clip for one in lacking}) <= _ROWS_A_TIME:
                kept = kept.where(Distribution.clip_sha256.in_(names))
            had: dict[str, list[str]] = defaultdict(list)
            for clip, zone in session.execute(kept):
                had[clip].append(zone)
        for one in lacking:
            listeners = geography.heard_by([one.zone])
            if any(listeners <= geography.heard_by([zone]) for zone in had[one.clip]):
                self._covered.add(one)
                continue
            done = partial(self._distributed, one.clip, one.zone)
            self._distributor.send(one.clip, one.bytes, one.zone, listeners, start_at=start_at, done=done)

    def _distributed(self, clip: str, zone: str) -> None:
        with self._core.database.write() as session:
            session.merge(Distribution(clip_sha256=clip, zone=zone, sent_at=self._core.clock.now()))

    def keep_standing(self) -> None:
        """Bring what speakers keep in line with places and the table of alerts; sign it, and send what has been made.

        Written a few at a time: what is interrupted here is found again by the next look.
        """
        with self._core.database.read() as session:
            lacking, surplus = standing.changes(session, self._core.alert_table)
        for rows in _portions(lacking, _ROWS_A_TIME):
            with self._core.database.write() as session:
                standing.add(session, rows)
        for addresses in _portions(surplus, _ROWS_A_TIME):
            with self._core.database.write() as session:
                standing.remove(session, addresses)
        if lacking or surplus:
            self._covered.clear()
        with self._core.database.read() as session:
            plans = standing.unsigned(session, self._core)
        for some in _portions(plans, _PLANS_A_TIME):
            with self._core.database.write() as session:
                standing.put_plans(session, self._core, some)
        with self._core.database.read() as session:
            unsent = self._lacking(session, StandingSound)
        self._send(unsent, _LATER)

    # Copies.

    def _repeat(self, alerts: Iterable[Alert], now: datetime) -> None:
        """Say an alert, or its end, again to connected speakers that have not answered, some at a time.

        While answers wait to be read, nobody is thought silent; who answers meanwhile drops out.
        """
        due = [alert for alert in alerts if self._due(alert, now)]
        if not due or self._backlog():
            return
        with self._core.database.read() as session:
            geography = Geography.load(session)
            for alert in due:
                key = alert.id, bool(alert.ended_at)
                asked = self._asked.setdefault(key, set())
                waiting = [copy for copy in self._copies_of(session, geography, alert) if copy[0] not in asked]
                for topic, envelope in waiting[:_COPIES_A_LOOK]:
                    self._transport.publish(topic, envelope)
                    asked.add(topic)
                if len(waiting) <= _COPIES_A_LOOK:
                    log.info("alert repeated alert=%s speakers=%s", alert.id, len(asked))
                    self._said[key] = self._passed(alert, now)
                    del self._asked[key]

    def _due(self, alert: Alert, now: datetime) -> bool:
        if alert.hold_until and alert.hold_until > now:
            return False
        return self._passed(alert, now) > self._said.get((alert.id, bool(alert.ended_at)), 0)

    @staticmethod
    def _passed(alert: Alert, now: datetime) -> int:
        return sum(_sent_for(alert, now) >= after for after in _REPEATS)

    def _copies_of(self, session: Session, geography: Geography, alert: Alert) -> Iterable[tuple[str, bytes]]:
        told: set[str] = set()
        for place in alert.targets:
            row = session.get(Published, self._core.topics.alert(place.code, alert.id))
            if row is None:
                continue
            audience = geography.heard_by([place.code]) - told
            told |= audience
            for speaker in alert_reports.unarmed(session, alert, audience):
                yield self._core.topics.down(speaker, "copy"), row.envelope


def _portions(found: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (found[first : first + size] for first in range(0, len(found), size))


def _sent_for(alert: Alert, now: datetime) -> timedelta:
    """How long ago the last thing that a person did to an alert was sent."""
    return now - (alert.ended_at or max(alert.raised_at, alert.hold_until or alert.raised_at))


def _has_news(alert: Alert, now: datetime, *, has_turn: bool) -> bool:
    """Whether sounds have been made, or its hour has come, since it was last signed."""
    if alert.hold_until and alert.hold_until > now:
        return False
    held_back = bool(alert.hold_until) and alert.audience_at is None
    return held_back or has_turn
