"""Speakers that should have sounded an alert and have not: named to the people who can do something about it.

Follows from rows like every notice: each person is told of each speaker of an alert once, and a place that a person has told
(đã báo trực tiếp) is asked about no more.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import alert_reports, alerting
from broadcaster.alert_reports import NAMED_AFTER, Line
from broadcaster.notices import tell
from broadcaster.people import Everybody
from broadcaster.permissions import Action
from broadcaster.rows import Alert, Contact, Notice, NoticeKind, Place, ToldByPerson

_CONCERNED = (Action.RAISE, Action.AIR_LOCALLY)
"""The duty officers, and the head of the village, who can go and tell."""


def look(session: Session, now: datetime) -> int:
    """Name the silent speakers of what is in force; returns how many notices that were."""
    everybody, made = Everybody(session, now), 0
    for alert in alerting.in_force(session, now):
        if alerting.is_warning(alert) and now >= alert.raised_at + NAMED_AFTER:
            made += _tell(session, everybody, alert, now)
    return made


def _tell(session: Session, everybody: Everybody, alert: Alert, now: datetime) -> int:
    told = set(session.scalars(select(ToldByPerson.place_id).where(ToldByPerson.alert_id == alert.id)))
    silent: dict[Place, list[Line]] = defaultdict(list)
    for line in alert_reports.unheard(session, alert, now):
        if line.speaker.place_id not in told:
            silent[line.speaker.place].append(line)
    concerned: dict[int, list[Place]] = defaultdict(list)
    for place in sorted(silent, key=lambda place: (place.position, place.id)):
        for account in {one for action in _CONCERNED for one in everybody.allowed(action, [place.id])}:
            concerned[account].append(place)
    contacts, made = _contacts(session, silent), 0
    for account, places in concerned.items():
        named = _named(session, alert, account)
        fresh = [line for place in places for line in silent[place] if line.speaker.id not in named]
        if fresh:
            key = f"{alert.id}:{len(named)}"
            made += tell(session, [account], NoticeKind.SILENT, key, now, detail=_detail(alert, fresh, contacts))
    return made


def _named(session: Session, alert: Alert, account: int) -> set[str]:
    """The speakers of an alert that somebody has been told of."""
    rows = select(Notice.detail).where(
        Notice.account_id == account, Notice.kind == NoticeKind.SILENT, Notice.key.startswith(f"{alert.id}:")
    )
    return {speaker for detail in session.scalars(rows) for speaker in detail["speakers"]}


def _contacts(session: Session, places: Collection[Place]) -> Mapping[int, Sequence[Contact]]:
    """Whom to call, by place."""
    found: dict[int, list[Contact]] = defaultdict(list)
    wanted = {place.id for place in places}
    for contact in session.scalars(select(Contact).where(Contact.place_id.in_(wanted)).order_by(Contact.id)):
        found[contact.place_id].append(contact)
    return found


def _detail(alert: Alert, lines: Sequence[Line], contacts: Mapping[int, Sequence[Contact]]) -> dict[str, Any]:
    by_place: dict[Place, list[Line]] = defaultdict(list)
    for line in lines:
        by_place[line.speaker.place].append(line)
    return {
        "alert": alert.id,
        "title": alert.title,
        "drill": alert.drill,
        "speakers": sorted(line.speaker.id for line in lines),
        "silent": [
            {
                "place": place.name,
                "speakers": [line.speaker.name for line in inside],
                "call": [f"{one.role} {one.name} {one.phone}".strip() for one in contacts.get(place.id, ())],
            }
            for place, inside in by_place.items()
        ],
    }
