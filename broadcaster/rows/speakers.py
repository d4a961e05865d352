"""Loudspeaker clusters (cụm loa): what was enrolled, and what each last said of itself."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.base import Base, words
from broadcaster.rows.places import Place
from broadcaster.wire.documents import SpeakerState
from broadcaster.wire.fields import SpeakerRole


class Speaker(Base):
    """One addressable device with its horns. ``id`` is its name on the wire.

    ``state`` is None until it was first heard of. ``clock_offset_ms``, ``clock_error_ms``, ``faults`` (words of the wire
    with a space between), the amplifier's last window and ``month_bytes`` are its own report.
    """

    __tablename__ = "speaker"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[SpeakerRole] = mapped_column(words(SpeakerRole), default=SpeakerRole.SPEAKER)
    horn_count: Mapped[int] = mapped_column(default=1)
    horn_watts: Mapped[int] = mapped_column(default=25)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    link: Mapped[str] = mapped_column(String(20), default="")
    amp_lead_ms: Mapped[int] = mapped_column(default=800)
    delay_ms: Mapped[int] = mapped_column(default=0)
    volume: Mapped[int] = mapped_column(default=70)
    pending_since: Mapped[datetime | None]
    """Enrolled and not yet confirmed by a person: it may connect, and is given nothing to play."""
    retired_at: Mapped[datetime | None]

    claim_code: Mapped[str] = mapped_column(String(32))
    broker_token: Mapped[str] = mapped_column(String(64))
    public_key: Mapped[str | None] = mapped_column(String(43))

    state: Mapped[SpeakerState | None] = mapped_column(words(SpeakerState))
    state_since: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    boot: Mapped[str | None] = mapped_column(String(64))
    connection: Mapped[int] = mapped_column(BigInteger, default=0)
    model: Mapped[str] = mapped_column(String(300), default="")
    firmware: Mapped[str] = mapped_column(String(300), default="")
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)
    clock_error_ms: Mapped[int | None] = mapped_column(BigInteger)
    rejected: Mapped[int] = mapped_column(BigInteger, default=0)
    """Messages this speaker refused since it started, by its own count."""

    faults: Mapped[str] = mapped_column(String(400), default="")
    amplifier_on_at: Mapped[datetime | None]
    amplifier_off_at: Mapped[datetime | None]
    """When it was last switched off; earlier than ``amplifier_on_at`` while it is on."""
    month_bytes: Mapped[int | None] = mapped_column(BigInteger)

    place: Mapped[Place] = relationship()

    @property
    def in_service(self) -> bool:
        """Whether it is confirmed and not retired."""
        return self.pending_since is None and self.retired_at is None
