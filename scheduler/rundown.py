"""Programmes (chương trình): what a rundown asks for, and what one occurrence is made of. Pure (see `scheduler.choosing`).

The pieces of an occurrence are sounds that lie end to end in one clip. A relay is its fallback there; the live stream comes
over it (docs/adr/0029).
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias

import msgspec

from broadcaster.errors import LoaError
from broadcaster.wire.documents import Class
from broadcaster.wire.units import SECOND

EMPTY: Final = "programme-empty"
"""Why an occurrence does not air: nothing but tunes and words."""
NO_ROOM: Final = "no-room"
LEAST_MUSIC_MS: Final = 20 * SECOND
"""Music that is cut shorter is left out."""
MAX_ITEMS: Final = 30
PLANNED_MINUTES: Final = range(2, 121)
RELAY_MINUTES: Final = range(1, 91)
BULLETIN_DAYS: Final = range(1, 32)


class RundownError(LoaError):
    """A stored rundown can't be read."""


class Overrun(StrEnum):
    """What happens when more is there than the planned length holds."""

    CUT_MUSIC = "cut-music"
    DROP = "drop"
    RUN_OVER = "run-over"


class Tune(msgspec.Struct, frozen=True, tag="tune"):
    """A tune of the library: SHA-256 of its sound."""

    sound: str


class Words(msgspec.Struct, frozen=True, tag="words"):
    """Words that are read anew each time; blanks in braces are filled in (see `scheduler.announcing`)."""

    text: str


class Relay(msgspec.Struct, frozen=True, tag="relay"):
    """A radio station's stream for some minutes; ``fallback`` is the sound of the library that is heard without it."""

    address: str
    minutes: int
    fallback: str
    name: str = ""


class Fixed(msgspec.Struct, frozen=True, tag="bulletin"):
    """One bulletin, by its id."""

    bulletin: int


class Bulletins(msgspec.Struct, frozen=True, tag="bulletins"):
    """All bulletins for programmes, approved and not older than ``days``, with a sting between them.

    Attributes:
        categories: only these; empty for all.
        sting: SHA-256 of a sound of the library, or empty.
    """

    categories: tuple[str, ...] = ()
    days: int = 1
    sting: str = ""


class Music(msgspec.Struct, frozen=True, tag="music"):
    """Music of the library, which may be cut to fit."""

    sound: str


Item: TypeAlias = Tune | Words | Relay | Fixed | Bulletins | Music


class Rundown(msgspec.Struct, frozen=True):
    """A programme as it is stored."""

    planned_ms: int
    overrun: Overrun
    items: tuple[Item, ...]


class Kind(StrEnum):
    """What a piece is."""

    TUNE = "tune"
    WORDS = "words"
    RELAY = "relay"
    BULLETIN = "bulletin"
    STING = "sting"
    MUSIC = "music"


class Piece(msgspec.Struct, frozen=True):
    """One sound of an occurrence.

    Attributes:
        at_ms: when it begins in the programme; estimated, like ``length_ms``, until the sound is made.
        sound: SHA-256 of a sound of the library; of a relay its fallback.
        text: what is read.
        clip: SHA-256 of a bulletin's clip.
        cut: whether music ends after ``length_ms`` instead of at its end.
    """

    kind: Kind
    title: str = ""
    at_ms: int = 0
    length_ms: int = 0
    sound: str = ""
    text: str = ""
    clip: str = ""
    bulletin: int = 0
    address: str = ""
    cut: bool = False

    def made_of(self) -> tuple[Any, ...]:
        """Everything that changes its sound, and nothing else."""
        timed = self.cut or self.kind is Kind.RELAY
        return self.kind.value, self.sound, self.text, self.clip, self.length_ms if timed else 0, self.address


class LeftOut(msgspec.Struct, frozen=True):
    """A bulletin that the occurrence does without, and why: no-room, not-approved, not-prepared, elsewhere, gone."""

    bulletin: int
    title: str
    why: str


@dataclass(frozen=True)
class Candidate:
    """A bulletin that may be taken in.

    Attributes:
        at: when it was written.
        aired: whether an earlier programme has had it.
        why_not: why it can't be taken now; empty when it can.
    """

    bulletin: int
    title: str
    category: str
    klass: Class
    at: datetime
    length_ms: int
    clip: str = ""
    aired: bool = False
    why_not: str = ""


@dataclass(frozen=True)
class Shelf:
    """What there is to compose from.

    Attributes:
        slot: bulletins for programmes of these places.
        fixed: bulletins that the rundown names, by id.
        sounds: milliseconds of the library's sounds, and their titles.
        announce: from the text of `Words` and the titles in the programme to what is read and its length in milliseconds.
    """

    announce: Callable[[str, Sequence[str]], tuple[str, int]]
    slot: Collection[Candidate] = ()
    fixed: Mapping[int, Candidate] = field(default_factory=dict)
    sounds: Mapping[str, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Composed:
    """One occurrence: what will air, what is left out, and why nothing airs, if nothing does."""

    pieces: tuple[Piece, ...]
    left_out: tuple[LeftOut, ...]
    why: str = ""

    @property
    def length_ms(self) -> int:
        """From the first sound to the last."""
        return sum(piece.length_ms for piece in self.pieces)

    @property
    def key(self) -> str:
        """The name of all that its sound is made of."""
        facts = msgspec.json.encode([piece.made_of() for piece in self.pieces])
        return hashlib.sha256(facts).hexdigest()


def read(stored: Mapping[str, Any]) -> Rundown:
    """A stored rundown. Errors: RundownError."""
    try:
        return msgspec.convert(dict(stored), Rundown)
    except msgspec.ValidationError as error:
        raise RundownError(str(error)) from error


def stored(rundown: Rundown) -> dict[str, Any]:
    """A rundown as it is stored."""
    plain: dict[str, Any] = msgspec.to_builtins(rundown)
    return plain
