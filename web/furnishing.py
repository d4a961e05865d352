"""What the library has from the first day: templates, two tunes, and the bulletins of before."""

import json
from collections.abc import Container, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from broadcaster import library
from broadcaster.database import Database
from broadcaster.rows import ItemKind, LibraryItem, Sound
from broadcaster.sounds import SoundStore
from tts import tunes
from tts.decoding import peaks_of
from tts.flac import to_flac

TEMPLATES: Final = Path(__file__).parent / "starter" / "templates.json"
_TUNES: Final = {"morning": "Nhạc hiệu buổi sáng", "closing": "Nhạc kết"}


def furnish(database: Database, store: SoundStore, now: datetime) -> None:
    """Put on the shelf what was never there; done again it changes nothing."""
    with database.write() as session:
        library.catch_up(session, now)
        known = library.origins(session)
        library.furnish(session, list(_starters(known, store, now)), now)


def _starters(known: Container[str], store: SoundStore, now: datetime) -> Iterator[LibraryItem]:
    for template in json.loads(TEMPLATES.read_text("utf-8")):
        if template["origin"] not in known:
            yield LibraryItem(kind=ItemKind.TEMPLATE, created_at=now, updated_at=now, **template)
    for name, title in _TUNES.items():
        if (origin := f"tune-{name}") not in known:
            sound = _sound(store, name, title, now)
            yield LibraryItem(
                kind=ItemKind.TUNE, title=title, origin=origin, sound=sound, created_at=now, updated_at=now
            )


def _sound(store: SoundStore, name: str, title: str, now: datetime) -> Sound:
    pcm = tunes.play(name)
    flac = to_flac(pcm)
    sha256 = store.put(flac)
    length_ms = pcm.samples.size * 1000 // pcm.rate
    return Sound(sha256=sha256, name=title, bytes=len(flac), duration_ms=length_ms, peaks=peaks_of(pcm), created_at=now)
