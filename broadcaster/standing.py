"""Sounds that speakers keep for an alert to come: sirens, the bell, and every sentence that needs no filling in.

They travel like any clip: a plan of a day that never comes names them, so a speaker fetches and keeps them by the rules it has
anyway. Its items are excluded from their own zone, have no volume, and lie beyond any calendar: nothing can make them sound.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.orm import Session, joinedload

from broadcaster.alert_tables import AlertTable
from broadcaster.alert_templates import Siren
from broadcaster.core import Core
from broadcaster.geography import Geography
from broadcaster.publishing import STANDING_DAY, Publisher
from broadcaster.rows import Clip, Place, PlaceKind, StandingSound
from broadcaster.wire.documents import Class, Plan, PlanItem
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs

VOICE: Final = "north"
"""Of all alerts; a voice in 'tts.VOICES'."""
BELL: Final = "chuông báo"
SIREN: Final = "còi báo động"
RECORDING: Final = "bản ghi âm"
"""Begins the text of a sound that came with a CAP message: followed by a space and its digest."""
RECORDED: Final = rf"^{RECORDING} ([0-9a-f]{{40}}|[0-9a-f]{{64}})$"
"""That text, as a regular expression; no sentence that somebody wrote is taken for it."""
PREFIX: Final = "lib-"
"""Begins the ids of plan items that are kept and never played; no receipt of them goes into the ledger."""
_NEVER_MS: Final = UnixMs(253_370_764_800_000)
"""1 January 9999."""


Row = dict[str, str | int | None]
"""Of a `StandingSound`, by column."""
Address = tuple[str, int]
"""Of the same: its key, and the place whose speakers keep it."""


def sentence_key(text: str) -> str:
    """What a spoken sentence is kept under."""
    return hashlib.sha256(f"{VOICE}\n{text}".encode()).hexdigest()


def siren_text(siren: Siren | None) -> str:
    """The text of the sound before the speech: a siren, or the bell."""
    return f"{SIREN} {siren.name}" if siren else BELL


def siren_of(text: str) -> Siren | None:
    """The siren that a text stands for; None where it is the bell, or a sentence."""
    begin = f"{SIREN} "
    return Siren.of_name(text.removeprefix(begin)) if text.startswith(begin) else None


def is_recording(text: str) -> bool:
    """Whether a text stands for a sound that came with a CAP message."""
    return bool(re.search(RECORDED, text))


def clips_of(session: Session, texts: Iterable[str]) -> dict[str, Clip]:
    """The clips that are there, by text."""
    keys = {sentence_key(text): text for text in texts}
    kept = (
        select(StandingSound)
        .where(StandingSound.key.in_(keys), StandingSound.clip_sha256.is_not(None))
        .options(joinedload(StandingSound.clip))
    )
    return {keys[sound.key]: sound.clip for sound in session.scalars(kept) if sound.clip}


def wanted(session: Session, table: AlertTable) -> dict[tuple[str, int], str]:
    """Every sound to be kept, by key and the place whose speakers keep it.

    What every place says alike is kept by the top of its tree, once.
    """
    geography = Geography.load(session)
    shared = {*table.shared_sentences(), siren_text(None), *map(siren_text, table.sirens.values())}
    kept: dict[tuple[str, int], str] = {}
    for place in session.scalars(select(Place).order_by(Place.id)):
        texts = set(table.standing_sentences(place.name)) - shared
        if place.parent_id is None and place.kind is not PlaceKind.GROUP:
            texts |= shared
        if geography.heard_by([place.code]):
            kept |= {(sentence_key(text), place.id): text for text in texts}
    return kept


def changes(session: Session, table: AlertTable) -> tuple[list[Row], list[Address]]:
    """What is to be kept and is not yet, and what is kept and need not be; by reading, so that nobody waits for it.

    A sound that is made stays for others that say the same.
    """
    now = wanted(session, table)
    rows = select(StandingSound.key, StandingSound.place_id, StandingSound.clip_sha256)
    known = {(key, place_id): clip for key, place_id, clip in session.execute(rows)}
    made = {key: clip for (key, _), clip in known.items() if clip}
    lacking: list[Row] = [
        {"key": key, "place_id": place_id, "text": text, "clip_sha256": made.get(key)}
        for (key, place_id), text in now.items()
        if (key, place_id) not in known
    ]
    return lacking, sorted(known.keys() - now.keys())


def add(session: Session, lacking: Sequence[Row]) -> None:
    """Keep these from now on."""
    session.execute(insert(StandingSound), lacking)


def remove(session: Session, surplus: Collection[Address]) -> None:
    """Keep these no longer."""
    address = tuple_(StandingSound.key, StandingSound.place_id)
    session.execute(delete(StandingSound).where(address.in_(surplus)))


def follow(session: Session, table: AlertTable) -> None:
    """Bring the rows in line with the places and the table of alerts at once."""
    lacking, surplus = changes(session, table)
    if lacking:
        add(session, lacking)
    if surplus:
        remove(session, surplus)


def unsigned(session: Session, core: Core) -> list[Plan]:
    """What the speakers of each place keep, where they have not been told so."""
    publisher, plans = Publisher(session, core.clock), _plans(session)
    publisher.recall_topics([core.topics.plan(plan.zone, STANDING_DAY) for plan in plans])
    return [plan for plan in plans if not publisher.holds(core.topics.plan(plan.zone, STANDING_DAY), plan)]


def put_plans(session: Session, core: Core, plans: Iterable[Plan]) -> None:
    """Sign what the speakers of some places keep."""
    publisher = Publisher(session, core.clock)
    for plan in plans:
        publisher.put(core.keyring.station, Kind.PLAN, core.topics.plan(plan.zone, STANDING_DAY), plan)


def _plans(session: Session) -> list[Plan]:
    by_place: dict[str, list[Clip]] = defaultdict(list)
    rows = select(StandingSound).options(joinedload(StandingSound.clip), joinedload(StandingSound.place))
    for sound in session.scalars(rows.order_by(StandingSound.key)):
        if sound.clip:
            by_place[sound.place.code].append(sound.clip)
    plans: list[Plan] = []
    for zone, clips in sorted(by_place.items()):
        items = {clip.sha256: _item(clip, zone) for clip in clips}
        plans.append(Plan(zone=zone, date=STANDING_DAY, items=tuple(items[sha256] for sha256 in sorted(items))))
    return plans


def _item(clip: Clip, zone: str) -> PlanItem:
    return PlanItem(
        id=PREFIX + clip.sha256[:24],
        start_at=_NEVER_MS,
        klass=Class.ROUTINE,
        clip=clip.sha256,
        manifest=clip.manifest_sha256,
        bytes=clip.bytes,
        duration_ms=clip.duration_ms,
        late_ms=0,
        sent_by=UnixMs(int(clip.created_at.timestamp() * 1000)),
        volume=0,
        excluded=(zone,),
    )


def progress(session: Session) -> Mapping[bool, int]:
    """How many sounds are there, and how many are still to be made."""
    made = [sha256 is not None for sha256 in session.scalars(select(StandingSound.clip_sha256))]
    return {True: sum(made), False: len(made) - sum(made)}
