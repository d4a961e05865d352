"""Alerts that come to the station signed: a guest's, such as a province's, and its own that a power cut took from its rows.

They are judged by the rules of the speakers and kept as they came. Nobody here changes a guest's.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import alerting, chain, guest_keys, standing
from broadcaster.alert_documents import sign
from broadcaster.alert_orders import LONGEST_LIFE
from broadcaster.clips import clip_row
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.rows import Alert, AlertEnd, AlertSound, AlertSource, Clip, GuestKey, Place, Published
from broadcaster.wire import acceptance, clips, envelope, strict_json, urgent
from broadcaster.wire.acceptance import Floor, TrustStore
from broadcaster.wire.documents import Manifest
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind
from broadcaster.wire.units import UnixMs


class LackingClipsError(RejectedError):
    """The alert names clips that the station doesn't have: it could not send them to its speakers."""

    def __init__(self, lacking: tuple[str, ...]) -> None:
        super().__init__(Reason.UNKNOWN_CLIP, " ".join(lacking))
        self.lacking = lacking


@dataclass(frozen=True)
class Taken:
    """What came of an envelope: the alert, its document as it came, and whether it is news."""

    alert: Alert
    document: Published
    fresh: bool = True


class Guests:
    """Takes in what guests have signed.

    Args:
        root: the key that signs trust.
    """

    def __init__(self, core: Core, root: Ed25519PublicKey) -> None:
        self._core, self._root = core, root

    def trust(self, session: Session) -> TrustStore:
        """The keys that a speaker believes which has heard everything that is in force."""
        store = TrustStore(self._root)
        for row in session.scalars(select(Published).where(Published.typ == Kind.TRUST.value)):
            read = envelope.parse(row.envelope)
            envelope.verify(read, self._root)
            store.learn(acceptance.read_trust(read), row.seq)
        locked = guest_keys.locked(session, self._core.clock.now())
        store.locked = {key.kid: to_ms(key.locked_until) for key in locked if key.locked_until}
        return store

    def take(
        self, session: Session, topic: str, message: bytes, *, clips_first: bool = False, token_id: int | None = None
    ) -> Taken:
        """Take in an alert, or its end; the same one again is not news. Call it in a write transaction.

        With ``clips_first``, where its sender still learns what is wrong, its sounds must be here already, unless it is an end, and it
        must not expire before what it takes the place of: that could be said again afterwards. Speakers take it all the same.

        Errors: RejectedError, LackingClipsError; nothing has been changed then.
        """
        address, read = acceptance.check_shape(self._core.topics, topic, message)
        if address.kind is not Kind.ALERT:
            raise RejectedError(Reason.WRONG_TYPE, "only alerts of guests are taken in")
        place = session.scalar(select(Place).where(Place.code == address.zone))
        if place is None:
            raise RejectedError(Reason.NOT_MINE, address.zone)
        row, known = session.get(Published, topic), session.get(Alert, address.alert)
        news = self._check_age(read, row, known)
        if clips_first and row and read.header.exp < row.exp:
            raise RejectedError(Reason.MALFORMED, "a successor does not expire before its predecessor")
        acceptance.check_guest(address, read.header.kid)
        signer = acceptance.find_signer(self.trust(session), address, read.header.kid)
        envelope.verify(read, signer.key)
        document = strict_json.decode(read.payload, urgent.Alert)
        if document.alert != address.alert:
            raise RejectedError(Reason.WRONG_TOPIC, f"alert {document.alert} in {topic}")
        acceptance.check_level(document, signer)
        if not news and row and known:
            return Taken(known, row, fresh=False)
        self._check_clips(session, document, clips_first=clips_first and not document.ended)
        kept = _keep(session, row, read, message)
        alert = known or self._make(session, document, read, AlertSource.PROVINCE, token_id)
        if place not in alert.targets:
            alert.targets.append(place)
            alert.audience_at = None
        _note_sounds(session, alert, place, document)
        session.flush()
        self._follow(session, alert)
        _audit(session, self._core.clock.now(), alert, address, read, token_id)
        return Taken(alert, kept)

    def _check_age(self, read: Envelope, row: Published | None, known: Alert | None) -> bool:
        """Time and floor; returns whether it is news. Errors: RejectedError."""
        now = self._core.clock.now()
        acceptance.check_time(Kind.ALERT, read, UnixMs(to_ms(now)))
        if read.header.exp > to_ms(now + LONGEST_LIFE):
            raise RejectedError(Reason.MALFORMED, "an alert is in force for 48 hours at most")
        if row is None:
            if known and known.ended_at:
                raise RejectedError(Reason.ROLLED_BACK, "it was ended, and its documents were withdrawn")
            return True
        floor = Floor(row.seq, row.exp, row.payload_sha256)
        return acceptance.check_floor(read, floor, clips.sha256(read.payload), once=False)

    @staticmethod
    def _check_clips(session: Session, document: urgent.Alert, *, clips_first: bool) -> None:
        lacking: list[str] = []
        for part in document.parts:
            clip = session.get(Clip, part.clip)
            if clip is None:
                lacking.append(part.clip)
            elif (clip.manifest_sha256, clip.bytes) != (part.manifest, part.bytes):
                raise RejectedError(Reason.WRONG_HASH, f"manifest or bytes of {part.clip}")
        if lacking and clips_first:
            raise LackingClipsError(tuple(dict.fromkeys(lacking)))

    def _make(
        self,
        session: Session,
        document: urgent.Alert,
        read: Envelope,
        source: AlertSource,
        token_id: int | None = None,
    ) -> Alert:
        now = self._core.clock.now()
        alert = Alert(
            id=document.alert,
            request=f"{source.value}:{document.alert}",
            request_sha256="",
            template="",
            source=source,
            token_id=token_id,
            raised_at=now,
            **_told(session, document, read),
        )
        session.add(alert)
        return alert

    def _follow(self, session: Session, alert: Alert) -> None:
        """Let the alert tell what the newest of its documents says; it is over when it is over in all of its places."""
        topics = [self._core.topics.alert(place.code, alert.id) for place in alert.targets]
        columns = select(Published.envelope, Published.exp).where(Published.topic.in_(topics)).order_by(Published.seq)
        rows = session.execute(columns).all()
        read = (envelope.parse(row.envelope) for row in rows)
        newest = envelope.parse(rows[-1].envelope)
        for name, value in _told(session, strict_json.decode(newest.payload, urgent.Alert), newest).items():
            setattr(alert, name, value)
        alert.expires_at = from_ms(max(row.exp for row in rows))
        # the oldest first: an alert that goes on somewhere is soon known to
        if all(strict_json.decode(one.payload, urgent.Alert).ended for one in read):
            alert.ended_at, alert.end = alert.ended_at or self._core.clock.now(), AlertEnd.ENDED
        else:
            alert.ended_at = alert.end = None

    def overhear(self, session: Session, topic: str, message: bytes) -> bool | None:
        """Look at what somebody has published: True, a guest's news, taken in; False, a guest's own all the same; else None."""
        if not message:
            return None
        try:
            if self.take(session, topic, message).fresh:
                return True
        except RejectedError as error:
            own = self._is_its_own(session, topic, message)
            if not own or error.reason is not Reason.ROLLED_BACK:
                self._core.counters.reject(error.reason, topic)
            return False if own else None
        return None

    def take_trust(self, session: Session, row: Published, message: bytes) -> bool:
        """Take back what the root key has signed since: an older copy of the database must undo no revocation."""
        try:
            _, read = acceptance.check_shape(self._core.topics, row.topic, message)
            envelope.verify(read, self._root)
            acceptance.read_trust(read)
        except RejectedError:
            return False
        if read.header.seq <= row.seq:
            return False
        _keep(session, row, read, message)
        detail = {"topic": row.topic, "seq": row.seq}
        at = self._core.clock.now()
        chain.audit(session, at=at, account_id=None, action="trust.recover", subject="root", detail=detail)
        return True

    def take_end(self, session: Session, row: Published, message: bytes) -> bool:
        """Take back the end of an alert that this station has signed and lost; False when it is none."""
        own = self._signed_here(row.topic, message)
        if own is None:
            return False
        address, read, document = own
        alert = alerting.get(session, document.alert, to_change=True)
        if read.header.seq <= row.seq or not document.ended or alert is None:
            return False
        _keep(session, row, read, message)
        alert.ended_at, alert.end = alert.ended_at or self._core.clock.now(), alert.end or AlertEnd.ENDED
        session.flush()
        sign(session, self._core, alert)  # in the places whose end was lost altogether
        detail = {"zone": address.zone, "seq": read.header.seq}
        at = self._core.clock.now()
        chain.audit(session, at=at, account_id=None, action="alert.recover-end", subject=alert.id, detail=detail)
        return True

    def take_back(self, session: Session, topic: str, message: bytes) -> bool:
        """Take back an alert in force that this station has signed and knows nothing of; False when it is none.

        An alert leaves before the disk has its rows, and an older copy of the database knows nothing of it either.
        """
        own = self._signed_here(topic, message)
        if own is None:
            return False
        address, read, document = own
        place = session.scalar(select(Place).where(Place.code == address.zone))
        known = session.get(Alert, address.alert)
        ours = known and known.source is not AlertSource.RECOVERED
        if ours or place is None or document.ended or document.is_rehearsal:
            return False
        _keep(session, None, read, message)
        alert = known or self._make(session, document, read, AlertSource.RECOVERED)
        alert.targets.append(place)
        alert.audience_at = None
        _note_sounds(session, alert, place, document)
        session.flush()
        if alert.ended_at:  # it is over, and nobody in this place has been told
            sign(session, self._core, alert)
        _audit(session, self._core.clock.now(), alert, address, read, None)
        return True

    def _signed_here(self, topic: str, message: bytes) -> tuple[Address, Envelope, urgent.Alert] | None:
        """An alert that this station has signed for a topic, if that is what came and it has not expired."""
        try:
            address, read = acceptance.check_shape(self._core.topics, topic, message)
            acceptance.check_time(Kind.ALERT, read, UnixMs(to_ms(self._core.clock.now())))
            envelope.verify(read, self._core.keyring.emergency.public)
        except RejectedError:
            return None
        return address, read, strict_json.decode(read.payload, urgent.Alert)

    def _is_its_own(self, session: Session, topic: str, message: bytes) -> bool:
        """Whether a guest has signed this for this topic, before or after what is in force there, and speakers believe it."""
        try:
            address, read = acceptance.check_shape(self._core.topics, topic, message)
            acceptance.check_time(Kind.ALERT, read, UnixMs(to_ms(self._core.clock.now())))
            acceptance.check_guest(address, read.header.kid)
            signer = acceptance.find_signer(self.trust(session), address, read.header.kid)
            envelope.verify(read, signer.key)
            acceptance.check_level(strict_json.decode(read.payload, urgent.Alert), signer)
        except RejectedError:
            return False
        row = session.get(Published, topic)
        return row is not None and read.header.seq != row.seq


def keep_clip(session: Session, manifest: Manifest, manifest_sha256: str, *, duration_ms: int, at: datetime) -> Clip:
    """Write down a clip that lies in the store; alerts that wait for it can be sent whole."""
    clip = clip_row(session, manifest, manifest_sha256, duration_ms=duration_ms, at=at)
    waiting = select(AlertSound).where(AlertSound.text == _text(clip.sha256), AlertSound.clip_sha256.is_(None))
    for sound in session.scalars(waiting):
        sound.clip = clip
    return clip


def _text(clip: str) -> str:
    """What stands for a sound whose words we don't know."""
    return f"{standing.RECORDING} {clip}"


def _told(session: Session, document: urgent.Alert, read: Envelope) -> dict[str, object]:
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


def _keep(session: Session, row: Published | None, read: Envelope, message: bytes) -> Published:
    """Make an envelope the one in force on its topic, byte for byte."""
    header = read.header
    if row is None:
        row = Published(topic=header.topic, typ=header.typ, exp=header.exp, confirmed_seq=0)
        session.add(row)
    row.seq, row.exp, row.envelope = header.seq, max(header.exp, row.exp), message
    row.payload_sha256 = clips.sha256(read.payload)
    return row


def _note_sounds(session: Session, alert: Alert, place: Place, document: urgent.Alert) -> None:
    """The sounds of a document, so that they are sent to its place like those of any alert."""
    known = {sound.position: sound for sound in alert.sounds if sound.place_id == place.id}
    for position, part in enumerate(document.parts, 1):
        sound = known.get(position)
        if sound is None:
            sound = AlertSound(place_id=place.id, position=position)
            alert.sounds.append(sound)
        sound.part, sound.text, sound.at_ms = part.part, _text(part.clip), part.at_ms
        sound.sent_by, sound.clip = from_ms(part.sent_by), session.get(Clip, part.clip)


def _audit(  # noqa: PLR0917  each once
    session: Session, at: datetime, alert: Alert, address: Address, read: Envelope, token_id: int | None
) -> None:
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
