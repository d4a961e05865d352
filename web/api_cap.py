"""``/api/v1/cap``: CAP 1.2 by HTTP push. The same admission as the API; whatever comes is answered with what became of it, and why."""

from typing import Any, Final

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broadcaster import tokens
from broadcaster.cap.safe_xml import MAX_CAP_BYTES
from broadcaster.rows import ApiToken, CapMessage, CapOutcome, CapSource
from scheduler.cap_archive import TooManyError
from web.access import open_to_all
from web.api_alerts import ApiError, admit, answer, body, in_json, note_use
from web.context import now, services

pages = Blueprint("api_cap", __name__, url_prefix="/api/v1/cap")
pages.register_error_handler(ApiError, answer)
pages.after_request(note_use)

_TYPES: Final = frozenset({"application/cap+xml", "application/xml", "text/xml"})
_HTTP: Final = {CapOutcome.DONE: 201, CapOutcome.PROPOSED: 202, CapOutcome.DUE: 202, CapOutcome.REFUSED: 422}


@pages.post("")
@open_to_all
def push() -> ResponseReturnValue:
    """Take one message. The same one again is answered as it was the first time."""
    token = admit(tokens.PUSH_CAP)
    if request.mimetype not in _TYPES:
        raise ApiError("wrong-type", "send application/cap+xml")
    try:
        taken = services().cap.take(source_of(token), body(MAX_CAP_BYTES))
    except TooManyError as error:
        raise ApiError("too-many", "wait a minute") from error
    status = _HTTP.get(taken.row.outcome, 200)
    if taken.row.reason == "other-content":
        status = 409
    elif not taken.fresh and taken.row.outcome is CapOutcome.DONE:
        status = 200
    return in_json(_told(taken.row), status)


def source_of(token: ApiToken) -> int:
    """The source that stands for a token; its messages sound at once until an administrator says otherwise."""
    with services().database.read() as session:
        found = _source(session, token)
    if found is not None:
        return found
    try:
        with services().database.write() as session:
            source = CapSource(name=token.name, token_id=token.id, direct=True, drills=True, created_at=now())
            session.add(source)
            session.flush()
            return source.id
    except IntegrityError:  # another request was first
        with services().database.read() as session:
            if (found := _source(session, token)) is None:
                raise
            return found


def _source(session: Session, token: ApiToken) -> int | None:
    return session.scalar(select(CapSource.id).where(CapSource.token_id == token.id))


def _told(row: CapMessage) -> dict[str, Any]:
    return {
        "message": row.id,
        "outcome": row.outcome.value,
        "reason": row.reason,
        "notes": row.notes.get("notes", []),
        "faults": row.notes.get("faults", []),
        "alerts": row.done.get("alerts", []),
        "page": url_for("cap.show", number=row.id, _external=True),
    }
