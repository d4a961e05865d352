"""Where: the station itself, the tree of places, and free groups of them."""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from broadcaster.rows.base import Base, words


class PlaceKind(StrEnum):
    """What a place is in the administrative tree, whatever the local word for it."""

    PROVINCE = "province"
    COMMUNE = "commune"
    VILLAGE = "village"
    GROUP = "group"


class Station(Base):
    """The one station of this database, with the rules of its commune.

    ``quiet_start`` and ``quiet_until`` are local HH:MM, both or neither. ``slots_a_day`` and ``slot_minutes`` are None
    without a limit; ``weekdays`` are those on which anything below EMERGENCY may air. ``clock_doubt`` is why the station's
    own clock is not believed ("" while it is), ``clock_trusted_…`` what a person has told to overlook (see
    `scheduler.plausible`). ``approval`` is whether nothing below EMERGENCY airs without
    an approver's word.
    """

    __tablename__ = "station"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(60))
    quiet_start: Mapped[str | None] = mapped_column(String(5))
    quiet_until: Mapped[str | None] = mapped_column(String(5))
    approval: Mapped[bool] = mapped_column(default=False)
    slots_a_day: Mapped[int | None]
    slot_minutes: Mapped[int | None]
    weekdays: Mapped[str] = mapped_column(String(20), default="MO,TU,WE,TH,FR,SA,SU")
    clock_doubt: Mapped[str] = mapped_column(String(40), default="")
    clock_trusted_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    clock_trusted_offset_ms: Mapped[int] = mapped_column(BigInteger, default=0)


class Place(Base):
    """One node of the tree, or a group. ``code`` is its zone on the wire; ``word`` the local word (thôn, bản, ấp…).

    ``outline`` is its border as the text of a GeoJSON Polygon or MultiPolygon (WGS84, longitude first), read with
    `geography.outlines` only: nobody who looks for a name should have to carry a map.
    """

    __tablename__ = "place"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[PlaceKind] = mapped_column(words(PlaceKind))
    word: Mapped[str] = mapped_column(String(40), default="")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    outline: Mapped[str | None] = mapped_column(Text, deferred=True)

    parent: Mapped["Place | None"] = relationship(remote_side="Place.id", back_populates="children")
    children: Mapped[list["Place"]] = relationship(back_populates="parent", order_by="Place.position")
    members: Mapped[list["Place"]] = relationship(
        secondary="group_member",
        primaryjoin="Place.id == GroupMember.group_id",
        secondaryjoin="Place.id == GroupMember.place_id",
        order_by="Place.position",
    )


class GroupMember(Base):
    """A place that belongs to a group."""

    __tablename__ = "group_member"

    group_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
