"""What village heads air by themselves: whose right it is, and how many minutes of the day it has used."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import talks
from broadcaster.rows import Broadcast, Bulletin, Clip, Grant, Schedule, VillageAiring

QUOTA: Final = "village-quota"
"""Why a broadcast ended that would have taken more minutes than its village has in a day."""
_MINUTE_MS: Final = 60_000
_RECENT: Final = timedelta(days=2)


def day_of(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The local day of a moment, from midnight to midnight."""
    begin = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return begin, (begin + timedelta(days=1)).replace(tzinfo=zone)


def used_ms(
    session: Session,
    grant_id: int,
    moment: datetime,
    zone: ZoneInfo,
    *,
    now: datetime,
    before: Broadcast | None = None,
    missed: Collection[str] = (),
) -> int:
    """Milliseconds a grant has aired, spoken live or is about to air, on the local day of ``moment``.

    What was stopped counts until then. With ``before``, only what was sent in earlier than that broadcast; ``missed`` are broadcasts that will not air either.
    """
    begin, end = day_of(moment, zone)
    rows = (
        select(Broadcast, Clip.duration_ms)
        .join(VillageAiring, VillageAiring.schedule_id == Broadcast.schedule_id)
        .join(Broadcast.bulletin)
        .join(Bulletin.clip)
        .where(
            VillageAiring.grant_id == grant_id,
            Broadcast.occurrence >= begin,
            Broadcast.occurrence < end,
            Broadcast.cancelled_at.is_(None),
            Broadcast.missed_at.is_(None),
        )
    )
    mine = (before.occurrence, before.id) if before else None
    airs = ((one, length) for one, length in session.execute(rows) if one.id not in missed)
    aired = sum(_aired_ms(one, length) for one, length in airs if mine is None or (one.occurrence, one.id) < mine)
    return aired + talks.used_ms(session, grant_id, begin, before.occurrence if before else end, now)


def _aired_ms(broadcast: Broadcast, length_ms: int) -> int:
    """How much of its sound a broadcast takes of the day; nothing when it was stopped before it began."""
    if broadcast.stopped_at is None:
        return length_ms
    if broadcast.start_at is None:
        return 0
    heard = max(broadcast.stopped_at - broadcast.start_at, timedelta(0))
    return min(heard // timedelta(milliseconds=1), length_ms)


def left_ms(session: Session, grant: Grant, now: datetime, zone: ZoneInfo) -> int:
    """Milliseconds a grant may still air today."""
    return max(0, grant.daily_minutes * _MINUTE_MS - used_ms(session, grant.id, now, zone, now=now))


def recent(session: Session, now: datetime) -> dict[int, Grant]:
    """The schedules of village heads that may still be waiting to air, with the grant of each."""
    rows = select(VillageAiring).join(VillageAiring.schedule).where(Schedule.created_at > now - _RECENT)
    return {airing.schedule_id: airing.grant for airing in session.scalars(rows)}


def over_quota(  # noqa: PLR0917  one broadcast of one grant
    session: Session,
    broadcast: Broadcast,
    length_ms: int,
    grant: Grant,
    zone: ZoneInfo,
    missed: Collection[str],
    now: datetime,
) -> bool:
    """Whether a broadcast would take its village beyond the minutes of its day; ``missed`` will not air any more."""
    used = used_ms(session, grant.id, broadcast.occurrence, zone, now=now, before=broadcast, missed=missed)
    return used + length_ms > grant.daily_minutes * _MINUTE_MS
