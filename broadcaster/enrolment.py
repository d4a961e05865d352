"""Which speakers belong to the station: enrol, confirm, replace, move, retire; each one audited in its transaction.

A new speaker may connect with its own credential at once, and is given nothing to play until a person has confirmed it.
The running station sees the audit log grow, whoever wrote to it, and brings the broker's users in line.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from broadcaster import chain, setup_documents
from broadcaster.broker_config import STATION_USER
from broadcaster.clock import Clock
from broadcaster.errors import LoaError
from broadcaster.rows import AuditEntry, Place, PlaceKind, Speaker
from broadcaster.wire.fields import Name, SpeakerRole
from broadcaster.wire.topics import Topics

_CLAIM_BYTES: Final = 16
_TOKEN_BYTES: Final = 24
_MAX_NAME: Final = 200
_NO_SETTINGS: Final = ("alert", "talk", "cap")
"""What is written down of these changes nothing that is signed in advance."""


class EnrolmentError(LoaError):
    """A speaker can't be changed this way.

    Attributes:
        code: ``bad-id``, ``taken``, ``retired``, ``unknown``, ``bad-place``, ``bad-name``, ``pending``, ``not-pending``,
            ``not-proved`` or ``other-key``.
    """

    def __init__(self, code: str, subject: str) -> None:
        super().__init__(f"{code}: {subject}")
        self.code, self.subject = code, subject


@dataclass(frozen=True)
class Registrar:
    """Changes which speakers there are, in one transaction and in one person's name.

    Attributes:
        account_id: who does it; None for the command line.
    """

    session: Session
    topics: Topics
    clock: Clock
    account_id: int | None = None

    def enrol(self, speaker_id: str, place: str, name: str = "", role: SpeakerRole = SpeakerRole.SPEAKER) -> Speaker:
        """A new speaker with credentials of its own, waiting to be confirmed. Errors: EnrolmentError."""
        _check_id(speaker_id)
        if known := self.session.get(Speaker, speaker_id):
            raise EnrolmentError("retired" if known.retired_at else "taken", speaker_id)
        found = self.place(place)
        called = checked_name(name or f"{found.name} – {speaker_id}")
        speaker = Speaker(id=speaker_id, place=found, name=called, role=role, connection=0)
        self._issue(speaker)
        self.session.add(speaker)
        self.session.flush()
        self._audit("speaker.enrol", speaker, {"place": place, "role": role.value})
        return speaker

    def confirm(self, speaker_id: str, key: str | None = None) -> Speaker:
        """Let a speaker play that has proved its claim code.

        ``key`` is the one that the person was shown: another may have come since. Errors: EnrolmentError.
        """
        speaker = self.speaker(speaker_id)
        if speaker.pending_since is None:
            raise EnrolmentError("not-pending", speaker_id)
        if speaker.public_key is None:
            raise EnrolmentError("not-proved", speaker_id)
        if key is not None and key != speaker.public_key:
            raise EnrolmentError("other-key", speaker_id)
        speaker.pending_since = None
        self._audit("speaker.confirm", speaker, {"key": speaker.public_key, "place": speaker.place.code})
        return speaker

    def replace(self, speaker_id: str) -> Speaker:
        """A new board in the same place: the old one's credential, claim code and key are refused from now on.

        Errors: EnrolmentError.
        """
        speaker = self.speaker(speaker_id)
        old = speaker.public_key
        self._issue(speaker)
        speaker.public_key = speaker.state = speaker.boot = None
        speaker.connection, speaker.state_since = 0, self.clock.now()
        setup_documents.withdraw_config(self.session, self.topics.down(speaker_id, "config"), self.clock.now_ms())
        self._audit("speaker.replace", speaker, {"old_key": old})
        return speaker

    def move(self, speaker_id: str, place: str) -> Speaker:
        """To another place: it gets a new config and changes its zones while it runs. Errors: EnrolmentError."""
        speaker, found = self.speaker(speaker_id), self.place(place)
        if found is not speaker.place:
            detail = {"from": speaker.place.code, "to": place}
            speaker.place = found
            self._audit("speaker.move", speaker, detail)
        return speaker

    def retire(self, speaker_id: str) -> Speaker:
        """Out of service for ever: the broker refuses it at once, its config is cleared, its history stays.

        Errors: EnrolmentError.
        """
        speaker = self.speaker(speaker_id)
        speaker.retired_at = self.clock.now()
        setup_documents.withdraw_config(self.session, self.topics.down(speaker_id, "config"), self.clock.now_ms())
        self._audit("speaker.retire", speaker, {"place": speaker.place.code})
        return speaker

    def change(self, speaker_id: str, values: Mapping[str, Any]) -> bool:
        """Change what is known of a speaker, by the names of its columns; False when nothing is new.

        Errors: EnrolmentError.
        """
        speaker = self.speaker(speaker_id)
        changed = {key: value for key, value in values.items() if getattr(speaker, key) != value}
        for key, value in changed.items():
            setattr(speaker, key, checked_name(value) if key == "name" else value)
        if changed:
            self._audit("speaker.change", speaker, changed)
        return bool(changed)

    def speaker(self, speaker_id: str) -> Speaker:
        """A speaker that is not retired. Errors: EnrolmentError."""
        speaker = self.session.get(Speaker, speaker_id)
        if speaker is None:
            raise EnrolmentError("unknown", speaker_id)
        if speaker.retired_at:
            raise EnrolmentError("retired", speaker_id)
        return speaker

    def place(self, code: str) -> Place:
        """A place in which speakers can stand. Errors: EnrolmentError."""
        place = self.session.scalar(select(Place).where(Place.code == code, Place.kind != PlaceKind.GROUP))
        if place is None:
            raise EnrolmentError("bad-place", code)
        return place

    def _issue(self, speaker: Speaker) -> None:
        """New secrets, and a person has to confirm whoever proves to have them."""
        speaker.claim_code = secrets.token_hex(_CLAIM_BYTES)
        speaker.broker_token = secrets.token_hex(_TOKEN_BYTES)
        speaker.pending_since = self.clock.now()

    def _audit(self, action: str, speaker: Speaker, detail: dict[str, Any]) -> None:
        at = self.clock.now()
        chain.audit(self.session, at=at, account_id=self.account_id, action=action, subject=speaker.id, detail=detail)


def _check_id(speaker_id: str) -> None:
    try:
        msgspec.convert(speaker_id, Name)
    except msgspec.ValidationError as error:
        raise EnrolmentError("bad-id", speaker_id) from error
    if speaker_id == STATION_USER:
        raise EnrolmentError("bad-id", speaker_id)


def checked_name(name: str) -> str:
    """A name that can be shown. Errors: EnrolmentError."""
    name = name.strip()
    if not name or len(name) > _MAX_NAME or not name.isprintable():
        raise EnrolmentError("bad-name", name[:40])
    return name


def broker_users(session: Session) -> dict[str, str]:
    """Who may connect to the broker: every speaker that is not retired, with its token."""
    rows = session.execute(select(Speaker.id, Speaker.broker_token).where(Speaker.retired_at.is_(None)))
    return {speaker: token for speaker, token in rows if token}


def mark(session: Session) -> int:
    """Grows with every change that may concern users, configs or plans; cheap enough to be asked for every second.

    An alert is none: signing everything anew would take the processor from it.
    """
    others = or_(*(AuditEntry.action.startswith(f"{one}.") for one in _NO_SETTINGS))
    return session.scalar(select(AuditEntry.id).where(~others).order_by(AuditEntry.id.desc()).limit(1)) or 0
