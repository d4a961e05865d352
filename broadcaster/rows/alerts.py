"""Emergencies: what was raised, of which sounds it consists, who heard it, and who was told by a person."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.accounts import Account
from broadcaster.rows.base import Base, words
from broadcaster.rows.bulletins import Clip
from broadcaster.rows.places import Place
from broadcaster.rows.speakers import Speaker
from broadcaster.wire.urgent import Part


class AlertSource(StrEnum):
    """Who raised an alert."""

    DUTY = "duty"
    API = "api"
    CAP = "cap"
    REHEARSAL = "rehearsal"
    PROVINCE = "province"
    """Signed by a guest's key, and handed on as it came: nobody here can change it."""
    RECOVERED = "recovered"
    """Signed here and lost: taken back from the broker. Its words are not known any more."""


class AlertEnd(StrEnum):
    """How an alert came to its end before its time."""

    ENDED = "ended"
    CORRECTED = "corrected"
    REPLACED = "replaced"


class Alert(Base):
    """A raised emergency (bản tin khẩn cấp), in force from ``start_at`` until ``expires_at`` or ``ended_at``.

    ``id`` is its name on the wire. ``request`` is the name its source gave the request, so that one sent twice raises
    one alert; ``request_sha256`` is what it asked for. ``follows_id`` is the alert that this one replaces, corrects or
    takes back in words. Before ``hold_until`` nothing of it is sent. ``every_ms`` 0: it is said in one round only.
    """

    __tablename__ = "alert"
    __table_args__ = (Index("ix_alert_expires_at", "expires_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request: Mapped[str] = mapped_column(String(160), unique=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    template: Mapped[str] = mapped_column(String(40))
    title: Mapped[str] = mapped_column(String(300))
    level: Mapped[int]
    drill: Mapped[bool]
    siren: Mapped[bool]
    repeats: Mapped[int]
    every_ms: Mapped[int]
    source: Mapped[AlertSource] = mapped_column(words(AlertSource))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    token_id: Mapped[int | None] = mapped_column(ForeignKey("api_token.id"))
    follows_id: Mapped[str | None] = mapped_column(ForeignKey("alert.id"))
    raised_at: Mapped[datetime]
    hold_until: Mapped[datetime | None]
    start_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end: Mapped[AlertEnd | None] = mapped_column(words(AlertEnd))
    audience_at: Mapped[datetime | None]
    """When its speakers were written down."""

    account: Mapped[Account | None] = relationship()
    targets: Mapped[list[Place]] = relationship(secondary="alert_target", order_by="Place.position")
    sounds: Mapped[list["AlertSound"]] = relationship(order_by="AlertSound.position", back_populates="alert")

    def in_force(self, now: datetime) -> bool:
        """Whether it may sound at ``now``, or will as soon as it is sent."""
        return self.ended_at is None and now < self.expires_at


class AlertTarget(Base):
    """A place that an alert is for."""

    __tablename__ = "alert_target"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)


class AlertSound(Base):
    """One sound of an alert in one of its places: the siren, or a sentence.

    The clip is None until the sentence has been spoken, ``at_ms`` and ``sent_by`` until it is part of what was sent; none of
    them changes afterwards. ``failed`` tells why it can't be spoken: it is left out, and the rest follows;
    ``at_ms`` is then the moment that it let pass.
    """

    __tablename__ = "alert_sound"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[Part] = mapped_column(words(Part))
    text: Mapped[str] = mapped_column(Text)
    at_ms: Mapped[int | None]
    sent_by: Mapped[datetime | None]
    clip_sha256: Mapped[str | None] = mapped_column(ForeignKey("clip.sha256"))
    failed: Mapped[str | None] = mapped_column(String(300))

    alert: Mapped[Alert] = relationship(back_populates="sounds")
    clip: Mapped[Clip | None] = relationship()


class StandingSound(Base):
    """A sound that every speaker of a place keeps for an alert to come: a siren, or a sentence of a template.

    ``key`` is the SHA-256 of what it says and with which voice; ``place_id`` whose speakers keep it.
    """

    __tablename__ = "standing_sound"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    clip_sha256: Mapped[str | None] = mapped_column(ForeignKey("clip.sha256"))

    clip: Mapped[Clip | None] = relationship()
    place: Mapped[Place] = relationship()


class AlertReport(Base):
    """What is known of an alert on one speaker; ``why`` is a code of `wire.documents.Why` of its last refusal."""

    __tablename__ = "alert_report"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    speaker_id: Mapped[str] = mapped_column(ForeignKey("speaker.id"), primary_key=True)
    armed_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    silent_at: Mapped[datetime | None]
    why: Mapped[str | None] = mapped_column(String(40))

    speaker: Mapped[Speaker] = relationship()


class Contact(Base):
    """A person who can tell a place what its horns did not: the head of a village, a leader of a group."""

    __tablename__ = "contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(60), default="")
    phone: Mapped[str] = mapped_column(String(20))

    place: Mapped[Place] = relationship()


class ToldByPerson(Base):
    """Somebody has seen to it that a place knows of an alert, by telephone or on foot. Never counted as heard."""

    __tablename__ = "told_by_person"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]

    account: Mapped[Account] = relationship()


class AlertConfirmation(Base):
    """An approver has seen afterwards what a duty officer raised, and stands by it."""

    __tablename__ = "alert_confirmation"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]

    account: Mapped[Account] = relationship()


class RehearsalPlan(Base):
    """When the whole chain is tried every week: ``weekday`` 0 is Monday, ``at`` a local HH:MM. The newest row counts.

    ``audible``: spoken as a drill; otherwise the speakers answer without a sound.
    """

    __tablename__ = "rehearsal_plan"

    id: Mapped[int] = mapped_column(primary_key=True)
    active: Mapped[bool]
    weekday: Mapped[int]
    at: Mapped[str] = mapped_column(String(5))
    audible: Mapped[bool]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    changed_at: Mapped[datetime]


class ApiToken(Base):
    """A program's right to do one thing; only the SHA-256 of the token is kept.

    Attributes:
        scopes: words of `broadcaster.tokens` with spaces between.
        place_id: with all that lies in it, where it may raise and end; None for the whole station.
        expires_at: from when on it opens nothing; None for never.
        last_used_at: true to the minute.
    """

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"))
    expires_at: Mapped[datetime | None]

    place: Mapped[Place | None] = relationship()

    def opens(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
