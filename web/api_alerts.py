"""``/api/v1/alerts``: a program raises an alert, looks at it, and ends it. JSON in, JSON out, errors precisely."""

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec
from flask import Blueprint, Response, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from broadcaster import alert_reports, alerting, chain
from broadcaster.alert_orders import Order, OrderError
from broadcaster.alerting import By, Done, NotInForceError, OtherRequestError
from broadcaster.clock import Clock
from broadcaster.rows import Alert, AlertSource, ApiToken
from web.access import open_to_all
from web.context import now, services

pages = Blueprint("api_alerts", __name__, url_prefix="/api/v1/alerts")

RAISE: Final = "alerts:raise"
READ: Final = "alerts:read"
PUSH_CAP: Final = "cap:push"
SCOPES: Final = (RAISE, READ, PUSH_CAP)
_PREFIX: Final = "loa_"
_MAX_BODY: Final = 64 * 1024
_NOTED_EVERY: Final = timedelta(minutes=1)
_HTTP: Final = {
    "unauthorised": 401,
    "wrong-scope": 403,
    "not-found": 404,
    "not-in-force": 409,
    "other-request": 409,
    "too-large": 413,
    "malformed": 400,
    "no-idempotency-key": 400,
    "refused": 422,
    "wrong-type": 415,
    "too-many": 429,
}


class AlertRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a program asks for. ``life_min`` is how long it is in force at the longest; ``follows`` what it replaces."""

    template: str
    places: Annotated[tuple[str, ...], msgspec.Meta(max_length=200)]
    values: dict[str, str] = {}
    level: int | None = None
    life_min: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 360
    drill: bool = False
    follows: str | None = None
    title: Annotated[str, msgspec.Meta(max_length=300)] = ""


class ApiError(Exception):
    """An answer that says what was wrong: a code, and what it is about."""

    def __init__(self, code: str, detail: str, **more: Any) -> None:
        super().__init__(code)
        self.body = {"error": code, "detail": detail, **more}
        self.status = _HTTP[code]


def digest(token: str) -> str:
    """As a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(
    session: Session, clock: Clock, name: str, scopes: tuple[str, ...], account_id: int | None = None
) -> str:
    """Make a token; it is shown this once, and only its hash is kept. ``account_id`` None: by the command line."""
    token = _PREFIX + secrets.token_urlsafe(32)
    session.add(ApiToken(name=name, sha256=digest(token), scopes=" ".join(scopes), created_at=clock.now()))
    detail = {"scopes": list(scopes)}
    chain.audit(session, at=clock.now(), account_id=account_id, action="token.make", subject=name, detail=detail)
    return token


@pages.errorhandler(ApiError)
def answer(error: ApiError) -> ResponseReturnValue:
    """What was wrong, as JSON."""
    return in_json(error.body, error.status)


def in_json(body: object, status: int = 200) -> Response:
    """An answer of the API."""
    return current_app.response_class(msgspec.json.encode(body), status, mimetype="application/json")


@pages.before_request
def _who() -> None:
    """Whose token it is."""
    admit(READ if request.method == "GET" else RAISE)


def admit(wanted: str) -> ApiToken:
    """The token of this request, if it may do what is wanted; `note_use` finds it afterwards. Errors: ApiError.

    It decides alone: no cookie counts here, so no forged form can use one.
    """
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    with services().database.read() as session:
        known = select(ApiToken).where(ApiToken.sha256 == digest(token.strip()), ApiToken.revoked_at.is_(None))
        found = session.scalar(known) if kind.lower() == "bearer" and token.startswith(_PREFIX) else None
    if found is None:
        raise ApiError("unauthorised", "send Authorization: Bearer with a token made by loa token")
    if wanted not in found.scopes.split():
        raise ApiError("wrong-scope", f"this token may not {wanted}")
    g.token = found
    return found


@pages.after_request
def note_use(answer: Response) -> Response:
    """True to the minute, and only after what was asked for has left: an alert waits for no note."""
    token = g.get("token")
    if token and (token.last_used_at is None or now() - token.last_used_at >= _NOTED_EVERY):
        with services().database.write() as session:
            session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now()))
    return answer


@pages.post("")
@open_to_all
def create() -> ResponseReturnValue:
    """Raise an alert. The same Idempotency-Key again answers with the alert that it raised."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise ApiError("no-idempotency-key", "send Idempotency-Key with a name of your own for this request")
    if (request.content_length or 0) > _MAX_BODY:
        raise ApiError("too-large", f"at most {_MAX_BODY} bytes")
    try:
        asked = msgspec.json.decode(request.get_data(), type=AlertRequest)
    except msgspec.DecodeError as error:
        raise ApiError("malformed", str(error)) from error
    order = Order(
        request=key,
        template=asked.template,
        places=asked.places,
        values=asked.values,
        level=asked.level,
        life=timedelta(minutes=asked.life_min),
        drill=asked.drill,
        follows=asked.follows,
        title=asked.title,
    )
    done = _ordered(order)
    return in_json(_told(done.alert), 201 if done.fresh else 200)


def _ordered(order: Order) -> Done:
    try:
        return services().orders.raise_alert(order, By(AlertSource.API, token_id=g.token.id))
    except OrderError as error:
        faults = [{"field": one.field, "code": one.code, "value": one.value} for one in error.faults]
        raise ApiError("refused", "see faults", faults=faults) from error
    except OtherRequestError as error:
        raise ApiError("other-request", "this Idempotency-Key was used with other contents") from error
    except NotInForceError as error:
        raise ApiError("not-in-force", f"{error} is not in force") from error


@pages.get("/<alert_id>")
@open_to_all
def show(alert_id: str) -> ResponseReturnValue:
    """One alert, and how many speakers heard it."""
    with services().database.read() as session:
        alert = alerting.get(session, alert_id)
        if alert is None:
            raise ApiError("not-found", alert_id)
        counted = alert_reports.counts(alert_reports.by_place(session, alert, now()))
        return in_json(_told(alert) | {"speakers": {state.value: count for state, count in counted.items()}})


@pages.post("/<alert_id>/<any(end, correct):what>")
@open_to_all
def finish(alert_id: str, what: str) -> ResponseReturnValue:
    """End an alert (its words wait for the end of the quiet hours), or correct a false one."""
    by = By(AlertSource.API, token_id=g.token.id)
    try:
        if what == "correct":
            done = services().orders.correct_alert(alert_id, by)
        else:
            done = services().orders.end_alert(alert_id, by, words=True, at_once=False)
    except NotInForceError as error:
        raise ApiError("not-in-force", f"{alert_id} is not in force") from error
    return in_json(_told(done.alert))


def _told(alert: Alert) -> dict[str, Any]:
    return {
        "alert": alert.id,
        "title": alert.title,
        "level": alert.level,
        "drill": alert.drill,
        "raised_at": alert.raised_at,
        "start_at": alert.start_at,
        "expires_at": alert.expires_at,
        "ended_at": alert.ended_at,
        "end": alert.end.value if alert.end else None,
        "page": url_for("board.show", alert_id=alert.id, _external=True),
    }
