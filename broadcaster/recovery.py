"""What this station has signed itself and lost: a power cut, or an older copy of the database, took it from the rows.

The broker still has it, and a signature proves whose it is.
"""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import alerting, chain, signed_alerts
from broadcaster.alert_documents import sign
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.rows import Alert, AlertEnd, AlertSource, Place, Published
from broadcaster.wire import acceptance, envelope, strict_json, urgent
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import RejectedError
from broadcaster.wire.topics import Address, Kind
from broadcaster.wire.units import UnixMs


class Recovery:
    """Takes back from the broker what the rows have lost.

    Args:
        root: the key that signs trust.
    """

    def __init__(self, core: Core, root: Ed25519PublicKey) -> None:
        self._core, self._root = core, root

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
        signed_alerts.keep(session, row, read, message)
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
        signed_alerts.keep(session, row, read, message)
        alert.ended_at, alert.end = alert.ended_at or self._core.clock.now(), alert.end or AlertEnd.ENDED
        session.flush()
        sign(session, self._core, alert)  # in the places whose end was lost altogether
        detail = {"zone": address.zone, "seq": read.header.seq}
        at = self._core.clock.now()
        chain.audit(session, at=at, account_id=None, action="alert.recover-end", subject=alert.id, detail=detail)
        return True

    def take_back(self, session: Session, topic: str, message: bytes) -> bool:
        """Take back an alert, or its end, that this station has signed and knows nothing of; False when it is none.

        An alert leaves before the disk has its rows, and an older copy of the database knows nothing of it either. What is known to
        be over is not taken back again, whoever says its earlier document once more.
        """
        own = self._signed_here(topic, message)
        if own is None:
            return False
        address, read, document = own
        place = session.scalar(select(Place).where(Place.code == address.zone))
        known = session.get(Alert, address.alert)
        ours = known and known.source is not AlertSource.RECOVERED
        if ours or place is None or (document.is_rehearsal and not document.ended):
            return False
        signed_alerts.keep(session, None, read, message)
        alert = known or self._make(session, document, read)
        alert.targets.append(place)
        alert.audience_at = None
        signed_alerts.note_sounds(session, alert, place, document)
        if document.ended and alert.ended_at is None:
            alert.ended_at, alert.end = self._core.clock.now(), AlertEnd.ENDED
        session.flush()
        if alert.ended_at:  # it is over everywhere, and in some place nobody may have been told
            sign(session, self._core, alert)
        signed_alerts.audit(session, self._core.clock.now(), alert, address, read)
        return True

    def _make(self, session: Session, document: urgent.Alert, read: Envelope) -> Alert:
        at, source = self._core.clock.now(), AlertSource.RECOVERED
        alert = signed_alerts.make(session, at, document, read, source=source)
        if document.if_begun:  # the words after a drill or a false alarm, which warn of nothing
            alert.template = self._core.alert_table.of_kind("end" if document.drill else "correction").code
            alert.follows_id = next((name for name in document.if_begun[:1] if session.get(Alert, name)), None)
        return alert

    def _signed_here(self, topic: str, message: bytes) -> tuple[Address, Envelope, urgent.Alert] | None:
        """An alert that this station has signed for a topic, if that is what came and it has not expired."""
        try:
            address, read = acceptance.check_shape(self._core.topics, topic, message)
            acceptance.check_time(Kind.ALERT, read, UnixMs(to_ms(self._core.clock.now())))
            envelope.verify(read, self._core.keyring.emergency.public)
        except RejectedError:
            return None
        return address, read, strict_json.decode(read.payload, urgent.Alert)
