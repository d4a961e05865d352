"""An alert as its speakers are told of it: a playlist that grows, computed from rows and signed with the emergency key."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from broadcaster import alert_templates, standing
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.publishing import Publisher
from broadcaster.rows import Alert, AlertSound, AlertSource, Clip, Published
from broadcaster.wire import urgent
from broadcaster.wire.topics import Kind
from broadcaster.wire.urgent import AlertPart, Part

_AFTER_SIREN_MS: Final = 500
_BETWEEN_MS: Final = 350
_TRAVEL: Final = timedelta(seconds=2)
"""In which a freshly spoken sentence has reached its speakers; they ask for what is missing afterwards."""
_AHEAD_MS: Final = 1_500
"""A sentence that comes when its turn is over is said so much later."""
_LOUD_LEVEL: Final = 4
"""From this risk level on nothing but full volume will do."""


def settle(alert: Alert, now: datetime, sent_by: datetime) -> None:
    """Give every sound whose turn has come its moment in the round; one that can't be made lets its own pass."""
    for sounds in by_place(alert).values():
        cursor = 0
        for sound in sounds:
            if sound.failed:
                sound.at_ms = cursor
                continue
            if sound.clip is None:
                break
            if sound.at_ms is None:
                late_ms = to_ms(now) - to_ms(alert.start_at) + _AHEAD_MS
                sound.at_ms = max(cursor, late_ms) if now > alert.start_at else cursor
                sound.sent_by = sent_by
            gap = _AFTER_SIREN_MS if sound.part is Part.SIREN else _BETWEEN_MS
            cursor = sound.at_ms + sound.clip.duration_ms + gap


def having_turn(session: Session, alerts: Collection[str]) -> set[str]:
    """Those of the alerts in which `settle` would find a sound whose turn has come."""
    waiting = (
        select(AlertSound.alert_id, AlertSound.place_id, func.coalesce(AlertSound.clip_sha256, AlertSound.failed))
        .where(AlertSound.alert_id.in_(alerts), AlertSound.at_ms.is_(None))
        .order_by(AlertSound.position)
    )
    first: dict[tuple[str, int], str | None] = {}
    for alert, place, ready in session.execute(waiting):
        first.setdefault((alert, place), ready)
    return {alert for (alert, _), ready in first.items() if ready}


def by_place(alert: Alert) -> dict[int, list[AlertSound]]:
    """The sounds of each place, by its id, in order."""
    found: dict[int, list[AlertSound]] = {}
    for sound in sorted(alert.sounds, key=lambda sound: sound.position):
        found.setdefault(sound.place_id, []).append(sound)
    return found


def grow(session: Session, core: Core, alert: Alert) -> tuple[Published, ...]:
    """Append the sentences that have been spoken since; returns the successors to hand over."""
    now = core.clock.now()
    settle(alert, now, now + _TRAVEL)
    return sign(session, core, alert)


def is_growing(sounds: Collection[AlertSound]) -> bool:
    """Whether something of a place is still to be spoken, or has not been sent."""
    return any(sound.at_ms is None and not sound.failed for sound in sounds)


def spoken_of(session: Session, alert: Alert) -> tuple[str, ...]:
    """The alerts that these words are about, the newest first, where only those need them who have heard one of those.

    A correction, and every word after a drill: to others they would be news of a danger that there never was. The end of a
    real alert is for everybody, since people learn of danger from neighbours and by telephone as well.
    """
    kind = alert_templates.kind_of(alert.template)
    if kind != "correction" and not (kind == "end" and alert.drill):
        return ()
    names: list[str] = []
    before: Alert | None = alert
    while before and before.follows_id and len(names) < urgent.MOST_BEFORE:
        names.append(before.follows_id)
        before = session.get(Alert, before.follows_id)
    return tuple(names)


def document(alert: Alert, sounds: Sequence[AlertSound], if_begun: tuple[str, ...] = ()) -> urgent.Alert:
    """An alert as the speakers of one place are told of it; ``sounds`` are that place's, in order."""
    return urgent.Alert(
        alert=alert.id,
        level=alert.level,
        start_at=to_ms(alert.start_at),
        parts=tuple(
            _part(sound, sound.clip) for sound in sounds if sound.at_ms is not None and sound.clip and not sound.failed
        ),
        growing=alert.ended_at is None and is_growing(sounds),
        repeats=alert.repeats,
        every_ms=alert.every_ms,
        volume=100 if alert.level >= _LOUD_LEVEL else None,
        if_begun=if_begun,
        drill=alert.drill,
        ended=alert.ended_at is not None,
        title=alert.title,
        text="" if alert.ended_at else _text(sounds),
    )


def _text(sounds: Iterable[AlertSound]) -> str:
    """What is said, for those who read it; a recording has no words."""
    said = (sound.text for sound in sounds if sound.part is Part.SPEECH and not standing.is_recording(sound.text))
    return "\n".join(said)[: urgent.MOST_TEXT]


def _part(sound: AlertSound, clip: Clip) -> AlertPart:
    return AlertPart(
        part=sound.part,
        at_ms=sound.at_ms or 0,
        clip=clip.sha256,
        manifest=clip.manifest_sha256,
        bytes=clip.bytes,
        duration_ms=clip.duration_ms,
        sent_by=to_ms(sound.sent_by or sound.alert.raised_at),
    )


def sign(session: Session, core: Core, alert: Alert) -> tuple[Published, ...]:
    """Bring the documents of an alert in line with its rows; returns those that changed. A guest's are never ours to sign."""
    if alert.source is AlertSource.PROVINCE:
        return ()
    if alert.hold_until and alert.hold_until > core.clock.now() and alert.ended_at is None:
        return ()
    publisher = Publisher(session, core.clock)
    topics = {place.id: core.topics.alert(place.code, alert.id) for place in alert.targets}
    publisher.recall_topics(topics.values())
    exp, sounds, about = to_ms(alert.expires_at), by_place(alert), spoken_of(session, alert)
    changed = [
        topic
        for place_id, topic in topics.items()
        if publisher.put(
            core.keyring.emergency, Kind.ALERT, topic, document(alert, sounds.get(place_id, ()), about), exp
        )
    ]
    session.flush()
    return tuple(row for topic in changed if (row := publisher.kept(topic)))
