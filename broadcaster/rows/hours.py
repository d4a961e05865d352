"""When the horns may sound: hours of quiet and of volume, named exceptions from quiet, and times of on and off."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base, words
from broadcaster.rows.places import Place


class HourRule(Base):
    """Between two local times (HH:MM; ``start`` after ``until`` spans midnight) nothing sounds, or only so loud.

    ``place_id`` is where, with everything inside it; None is everywhere. The commune's own quiet hours are in its station's row.
    """

    __tablename__ = "hour_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"), index=True)
    start: Mapped[str] = mapped_column(String(5))
    until: Mapped[str] = mapped_column(String(5))
    quiet: Mapped[bool] = mapped_column(default=False)
    volume: Mapped[int | None]
    cap: Mapped[int] = mapped_column(default=100)
    why: Mapped[str] = mapped_column(String(200), default="")

    place: Mapped[Place | None] = relationship()


class HourException(Base):
    """A named exception (ngoại lệ có tên): on these days, between these local times, quiet hours don't count in its places.

    ``approver`` is who allowed it, in words; ``account_id`` who entered it. It ends with ``last_day``, or when ``ended_at`` says so.
    """

    __tablename__ = "hour_exception"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    first_day: Mapped[date]
    last_day: Mapped[date]
    start: Mapped[str] = mapped_column(String(5))
    until: Mapped[str] = mapped_column(String(5))
    cap: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    approver: Mapped[str] = mapped_column(String(200))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()
    places: Mapped[list[Place]] = relationship(secondary="hour_exception_place", order_by="Place.position")


class HourExceptionPlace(Base):
    """A place in which a named exception counts, with everything inside it."""

    __tablename__ = "hour_exception_place"

    exception_id: Mapped[int] = mapped_column(ForeignKey("hour_exception.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)


class Power(StrEnum):
    """What a switching does with the speakers in its places."""

    ON = "on"
    """On in its times, and off in all others of its days."""
    OFF = "off"


class Switching(Base):
    """Speakers are on, or off, in these places from ``start_at`` until ``until``, and again as ``rrule`` says.

    ``rrule`` is the text of a rule as in `Schedule`, counted from ``start_at``; empty for once. It holds until its rule ends, or
    until somebody ended it (``ended_at``).
    """

    __tablename__ = "switching"

    id: Mapped[int] = mapped_column(primary_key=True)
    power: Mapped[Power] = mapped_column(words(Power))
    start_at: Mapped[datetime]
    until: Mapped[datetime]
    rrule: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(String(200))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()
    places: Mapped[list[Place]] = relationship(secondary="switching_place", order_by="Place.position")


class SwitchingPlace(Base):
    """A place in which a switching counts, with everything inside it."""

    __tablename__ = "switching_place"

    switching_id: Mapped[int] = mapped_column(ForeignKey("switching.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
