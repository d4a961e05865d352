"""Which speakers are there: what each last said of itself, in rows."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from broadcaster.clock import from_ms, to_ms
from broadcaster.rows import Speaker
from broadcaster.wire import enrolment, strict_json
from broadcaster.wire.documents import About, SpeakerState, State, Telemetry
from broadcaster.wire.fields import Fault, SpeakerRole
from broadcaster.wire.rejection import Reason, RejectedError

log = logging.getLogger(__name__)

SILENT_AFTER: Final = 3
"""Heartbeats that may be missing before a speaker counts as lost."""


def take_state(speaker: Speaker, payload: bytes, at: datetime) -> None:
    """Believe a state, unless a newer connection has spoken already or it is no news.

    The last will of a connection arrives after the next connection's first word when the link flaps: ``connection``
    tells them apart. A retained state comes again whenever the station itself connects, also that of a speaker which
    has been dead since: it must not count as seen. Errors: RejectedError.
    """
    state = strict_json.decode(payload, State)
    if speaker.boot == state.boot:
        told = state.connection == speaker.connection and speaker.state in {state.state, SpeakerState.LOST}
        if told or state.connection < speaker.connection:
            return  # nothing follows a will; when "lost" was the station's own mistake, the next heartbeat shows it
    if speaker.boot != state.boot and state.state is SpeakerState.LOST and speaker.boot is not None:
        return  # the will of a boot that has been followed by another
    if speaker.state is not state.state:
        log.info("speaker speaker=%s state=%s", speaker.id, state.state.value)
        speaker.state_since = at
    speaker.state, speaker.boot, speaker.connection = state.state, state.boot, state.connection
    if state.state is not SpeakerState.LOST:
        speaker.seen_at = at


def take_about(station: str, speaker: Speaker, payload: bytes, at: datetime) -> None:
    """Believe what a speaker is, and pin its key when it proves that it knows its claim code.

    One that says it is a gateway is one; that it is none is left to the person who said so, whose word claims less.

    Errors: RejectedError (bad-signature for a wrong proof).
    """
    about = strict_json.decode(payload, About)
    if not enrolment.proves(about.proof, speaker.claim_code, station, speaker.id, about.key):
        raise RejectedError(Reason.BAD_SIGNATURE, f"claim of {speaker.id}")
    if speaker.public_key != about.key:
        log.info("speaker key pinned speaker=%s", speaker.id)
    speaker.public_key = about.key
    if about.role == SpeakerRole.GATEWAY:
        speaker.role = SpeakerRole.GATEWAY
    speaker.model, speaker.firmware, speaker.seen_at = about.model, about.firmware, at


def take_telemetry(speaker: Speaker, payload: bytes, at: datetime) -> None:
    """Believe a heartbeat. Errors: RejectedError."""
    telemetry = strict_json.decode(payload, Telemetry)
    speaker.seen_at = at
    speaker.clock_offset_ms, speaker.clock_error_ms = telemetry.offset_ms, telemetry.error_ms
    speaker.rejected = sum(telemetry.rejected.values())
    known = [fault.value for fault in Fault if fault in telemetry.faults]
    if known != (speaker.faults or "").split():
        log.info("speaker speaker=%s faults=%s", speaker.id, " ".join(known) or "none")
    speaker.faults = " ".join(known)
    speaker.amplifier_on_at = _latest((on for on, _ in telemetry.amplifier), at) or speaker.amplifier_on_at
    speaker.amplifier_off_at = _latest((off for _, off in telemetry.amplifier), at) or speaker.amplifier_off_at
    if telemetry.month_bytes is not None:
        speaker.month_bytes = telemetry.month_bytes
    if speaker.state is SpeakerState.LOST:  # its will was an old connection's
        speaker.state, speaker.state_since = SpeakerState.READY, at


def _latest(moments: Iterable[int], at: datetime) -> datetime | None:
    """The latest of some moments; 0 is none, and one of tomorrow is a lie."""
    limit = to_ms(at + timedelta(days=1))
    latest = max((moment for moment in moments if moment < limit), default=0)
    return from_ms(latest) if latest else None


def mark_silent(session: Session, now: datetime, report_ms: int) -> None:
    """A speaker whose heartbeats stay away is lost, whether or not a will told so."""
    limit = now - timedelta(milliseconds=SILENT_AFTER * report_ms)
    session.execute(
        update(Speaker)
        .where(Speaker.state.in_([SpeakerState.READY, SpeakerState.INIT]), Speaker.seen_at < limit)
        .values(state=SpeakerState.LOST, state_since=now)
    )
