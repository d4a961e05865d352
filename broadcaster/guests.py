"""Alerts that a guest has signed, such as a province: judged by the rules of the speakers, and kept as they came.

Nobody here changes them.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import lock_outs, signed_alerts
from broadcaster.clips import clip_row
from broadcaster.clock import from_ms, to_ms
from broadcaster.core import Core
from broadcaster.rows import Alert, AlertEnd, AlertSound, AlertSource, Clip, Place, Published
from broadcaster.wire import acceptance, clips, envelope, strict_json, urgent
from broadcaster.wire.acceptance import Floor, TrustStore
from broadcaster.wire.documents import Manifest
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Kind
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
        store.locked = {lock.kid: lock.until for lock in lock_outs.in_force(session, self._core.clock.now())}
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
        kept = signed_alerts.keep(session, row, read, message)
        alert = known or signed_alerts.make(
            session, self._core.clock.now(), document, read, source=AlertSource.PROVINCE, token_id=token_id
        )
        if place not in alert.targets:
            alert.targets.append(place)
            alert.audience_at = None
        signed_alerts.note_sounds(session, alert, place, document)
        session.flush()
        self._follow(session, alert)
        signed_alerts.audit(session, self._core.clock.now(), alert, address, read, token_id=token_id)
        return Taken(alert, kept)

    def _check_age(self, read: Envelope, row: Published | None, known: Alert | None) -> bool:
        """Time and floor; returns whether it is news. Errors: RejectedError."""
        acceptance.check_time(Kind.ALERT, read, UnixMs(to_ms(self._core.clock.now())))
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

    def _follow(self, session: Session, alert: Alert) -> None:
        """Let the alert tell what the newest of its documents says; it is over when it is over in all of its places."""
        topics = [self._core.topics.alert(place.code, alert.id) for place in alert.targets]
        columns = select(Published.envelope, Published.exp).where(Published.topic.in_(topics)).order_by(Published.seq)
        rows = session.execute(columns).all()
        read = (envelope.parse(row.envelope) for row in rows)
        newest = envelope.parse(rows[-1].envelope)
        for name, value in signed_alerts.told(
            session, strict_json.decode(newest.payload, urgent.Alert), newest
        ).items():
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
    waiting = select(AlertSound).where(
        AlertSound.text == signed_alerts.sound_text(clip.sha256), AlertSound.clip_sha256.is_(None)
    )
    for sound in session.scalars(waiting):
        sound.clip = clip
    return clip
