"""Alerts that came signed, as rows: what a document tells of its alert, and the envelope kept byte for byte."""

from datetime import datetime

from sqlalchemy.orm import Session

from broadcaster import chain, standing
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.rows import Alert, AlertEnd, AlertSound, AlertSource, Clip, GuestKey, Place, Published
from broadcaster.wire import clips, urgent
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.topics import Address


def make(
    session: Session,
    at: datetime,
    document: urgent.Alert,
    read: Envelope,
    *,
    source: AlertSource,
    token_id: int | None = None,
) -> Alert:
    """The row of an alert that was unknown here."""
    alert = Alert(
        id=document.alert,
        request=f"{source.value}:{document.alert}",
        request_sha256="",
        template="",
        source=source,
        token_id=token_id,
        raised_at=at,
        **told(session, document, read),
    )
    session.add(alert)
    return alert


def sound_text(clip: str) -> str:
    """What stands for a sound whose words we don't know."""
    return f"{standing.RECORDING} {clip}"


def told(session: Session, document: urgent.Alert, read: Envelope) -> dict[str, object]:
    """What a document says of its alert."""
    guest = session.get(GuestKey, read.header.kid)
    title = "".join(filter(str.isprintable, document.title))  # not every database holds every letter of JSON
    return {
        "title": title or (f"Cảnh báo của {guest.name}" if guest else read.header.kid),
        "level": document.level,
        "drill": document.drill,
        "siren": any(part.part is urgent.Part.SIREN for part in document.parts),
        "repeats": document.repeats,
        "every_ms": document.every_ms,
        "start_at": from_ms(document.start_at),
        "expires_at": from_ms(read.header.exp),
    }


def keep(session: Session, row: Published | None, read: Envelope, message: bytes) -> Published:
    """Make an envelope the one in force on its topic, byte for byte."""
    header = read.header
    if row is None:
        row = Published(topic=header.topic, typ=header.typ, exp=header.exp, confirmed_seq=0)
        session.add(row)
    row.seq, row.exp, row.envelope = header.seq, max(header.exp, row.exp), message
    row.payload_sha256 = clips.sha256(read.payload)
    return row


def note_sounds(session: Session, alert: Alert, place: Place, document: urgent.Alert) -> None:
    """The sounds of a document, so that they are sent to its place like those of any alert."""
    known = {sound.position: sound for sound in alert.sounds if sound.place_id == place.id}
    for position, part in enumerate(document.parts, 1):
        sound = known.get(position)
        if sound is None:
            sound = AlertSound(place_id=place.id, position=position)
            alert.sounds.append(sound)
        sound.part, sound.text, sound.at_ms = part.part, sound_text(part.clip), part.at_ms
        sound.sent_by, sound.clip = from_ms(part.sent_by), session.get(Clip, part.clip)


def withdraw(session: Session, core: Core, alert: Alert) -> None:
    """End an alert whose signer is believed no longer, and let its documents expire: housekeeping clears the retained copies."""
    now = core.clock.now()
    if alert.ended_at is None:
        alert.ended_at, alert.end = now, AlertEnd.ENDED
    alert.expires_at = now
    for place in alert.targets:
        if row := session.get(Published, core.topics.alert(place.code, alert.id)):
            row.exp = to_ms(now)


def audit(
    session: Session, at: datetime, alert: Alert, address: Address, read: Envelope, *, token_id: int | None = None
) -> None:
    """Write down that an alert came signed."""
    action = "alert.recover" if alert.source is AlertSource.RECOVERED else "alert.forward"
    detail = {
        "key": read.header.kid,
        "zone": address.zone,
        "seq": read.header.seq,
        "level": alert.level,
        "ended": bool(alert.ended_at),
        "road": "api" if token_id else "broker",
    }
    if token_id:
        detail["token"] = token_id
    chain.audit(session, at=at, account_id=None, action=action, subject=alert.id, detail=detail)
