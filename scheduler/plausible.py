"""Is the station's clock to be believed? A wrong one would air everything at the wrong hour, so planning waits for a person.

The judgement is pure; `evidence` collects what it is made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster.clock import to_ms
from broadcaster.rows import AuditEntry, LedgerEntry, Published, Speaker, Station
from broadcaster.wire.documents import SpeakerState
from broadcaster.wire.units import DAY, MINUTE

BACK_MS: Final = 2 * MINUTE
"""How far before the last row the clock may be: what NTP puts right in one step, and more than a document's numbering runs ahead."""
FAR_MS: Final = 5 * MINUTE
"""How far the speakers' own clocks may be from the station's, by their median."""
_AGREE_MS: Final = MINUTE
_ENOUGH: Final = 3
_UNSET_MS: Final = 400 * DAY
"""A speaker that is further off has no clock of its own: it began at 1970 with the last power cut."""


class Doubt(StrEnum):
    """Why the clock is not believed."""

    NONE = ""
    BEFORE_LAST_ROW = "before-last-row"
    FAR_FROM_SPEAKERS = "far-from-speakers"


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against the clock, in milliseconds.

    Attributes:
        last_row: the latest moment the station has written down itself; 0 when it has not written anything.
        offsets: station clock minus own clock of each speaker that is there.
        trusted_row: a last row that a person has told to overlook; ``trusted_offset`` likewise a median.
    """

    last_row: int
    offsets: Sequence[int] = ()
    trusted_row: int = 0
    trusted_offset: int = 0

    @property
    def offset(self) -> int | None:
        """The median of the speakers, where enough of them agree."""
        known = [offset for offset in self.offsets if abs(offset) < _UNSET_MS]
        if len(known) < _ENOUGH:
            return None
        middle = median(known)
        agree = median(abs(offset - middle) for offset in known) <= _AGREE_MS
        return round(middle) if agree else None


def judge(now_ms: int, evidence: Evidence) -> Doubt:
    """Why the clock should not be believed; NONE when it may be."""
    if now_ms < evidence.last_row - BACK_MS and evidence.last_row > evidence.trusted_row + BACK_MS:
        return Doubt.BEFORE_LAST_ROW
    offset = evidence.offset
    if offset is not None and abs(offset) > FAR_MS and abs(offset - evidence.trusted_offset) > _AGREE_MS:
        return Doubt.FAR_FROM_SPEAKERS
    return Doubt.NONE


def evidence(session: Session, station: Station) -> Evidence:
    """What the rows say."""
    told = session.scalar(select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1))
    heard = session.scalar(select(LedgerEntry.received_at).order_by(LedgerEntry.id.desc()).limit(1))
    signed = session.scalar(select(func.max(Published.seq))) or 0
    here = select(Speaker.clock_offset_ms).where(
        Speaker.state == SpeakerState.READY, Speaker.clock_offset_ms.is_not(None), Speaker.retired_at.is_(None)
    )
    return Evidence(
        max(signed, *(to_ms(moment) for moment in (told, heard) if moment), 0),
        tuple(offset for offset in session.scalars(here) if offset is not None),
        station.clock_trusted_ms,
        station.clock_trusted_offset_ms,
    )


def trust(session: Session, station: Station) -> None:
    """A person has looked at the clock and found it right: what spoke against it is overlooked from now on."""
    found = evidence(session, station)
    station.clock_trusted_ms, station.clock_trusted_offset_ms = found.last_row, found.offset or 0
    station.clock_doubt = Doubt.NONE
