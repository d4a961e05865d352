"""``/api/v1/alerts``: a program raises an alert, looks at it, and ends it. JSON in, JSON out, errors precisely."""

import logging
import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec
from flask import Blueprint, Response, current_app, g, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from broadcaster import alert_reports, alerting, tokens
from broadcaster.alert_orders import Order, OrderError
from broadcaster.alerting import By, Done, NotAWarningError, NotInForceError, NotOursError, OtherRequestError
from broadcaster.geography import Geography
from broadcaster.rows import Alert, AlertSource, AlertTarget, ApiToken, Place
from scheduler import fetching
from web.access import open_to_all
from web.context import now, services

pages = Blueprint("api_alerts", __name__, url_prefix="/api/v1/alerts")
log = logging.getLogger(__name__)

_MAX_BODY: Final = 64 * 1024
_NUL: Final = re.compile(rb"\\u0000")
"""PostgreSQL keeps no such sign."""
_NOTED_EVERY: Final = timedelta(minutes=1)
_HTTP: Final = {
    "unauthorised": 401,
    "wrong-scope": 403,
    "wrong-place": 403,
    "not-secure": 403,
    "not-found": 404,
    "not-in-force": 409,
    "not-ours": 409,
    "not-a-warning": 409,
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
    if "\0" in request.path:
        raise ApiError("malformed", "no address may hold U+0000")
    admit(tokens.READ if request.method == "GET" else tokens.RAISE)


def admit(wanted: str) -> ApiToken:
    """The token of this request, if it may do what is wanted; `note_use` finds it afterwards. Errors: ApiError.

    It decides alone: no cookie counts here, so no forged form can use one.
    """
    if not (request.is_secure or fetching.is_near(request.remote_addr or "")):
        raise ApiError(
            "not-secure", "use https; a token that was sent without it may be known to others: have it revoked"
        )
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    with services().database.read() as session:
        found = tokens.find(session, secret.strip(), now()) if kind.lower() == "bearer" else None
    if found is None:
        raise ApiError("unauthorised", "send Authorization: Bearer with a token made by loa token")
    if wanted not in found.scopes.split():
        raise ApiError("wrong-scope", f"this token may not {wanted}")
    g.token = found
    return found


@pages.after_request
def note_use(answer: Response) -> Response:
    """True to the minute, and only after what was asked for has left: an alert waits for no note, nor is its answer lost with it."""
    token = g.get("token")
    if token and (token.last_used_at is None or now() - token.last_used_at >= _NOTED_EVERY):
        try:
            with services().database.write() as session:
                session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now()))
        except SQLAlchemyError:
            log.exception("use of a token was not noted token=%s", token.id)
    return answer


def body(most: int) -> bytes:
    """What was sent, in one piece or in chunks. Errors: ApiError."""
    if (request.content_length or 0) > most:
        raise ApiError("too-large", f"at most {most} bytes")
    try:
        data = request.stream.read(most + 1)
    except (OSError, ValueError) as error:  # chunks that are none, or a sender who is gone
        raise ApiError("malformed", "the body broke off") from error
    if len(data) > most:
        raise ApiError("too-large", f"at most {most} bytes")
    return data


@pages.post("")
@open_to_all
def create() -> ResponseReturnValue:
    """Raise an alert. The same Idempotency-Key again answers with the alert that it raised."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        raise ApiError("no-idempotency-key", "send Idempotency-Key with a name of your own for this request")
    data = body(_MAX_BODY)
    if _NUL.search(data):
        raise ApiError("malformed", "no text may hold U+0000")
    try:
        asked = msgspec.json.decode(data, type=AlertRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
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
    must_reach(order.places, order.follows)
    done = _ordered(order)
    return in_json(_told(done.alert), 201 if done.fresh else 200)


def must_reach(codes: Iterable[str], alert_id: str | None = None) -> None:
    """Refuse the request unless its token is for all of the places, and for wherever an alert sounds. Errors: ApiError."""
    if g.token.place_id is None:
        return
    with services().database.read() as session:
        sounding = select(AlertTarget.place_id).where(AlertTarget.alert_id == alert_id)
        wanted = select(Place).where(Place.code.in_(codes) | Place.id.in_(sounding)).order_by(Place.id)
        tree = Geography.of_places(session)
        beyond = [place.code for place in session.scalars(wanted) if not tokens.reaches(g.token, [place.id], tree)]
    if beyond:
        raise ApiError("wrong-place", "this token is not for these places", places=beyond)


def _ordered(order: Order) -> Done:
    try:
        return services().orders.raise_alert(order, By(AlertSource.API, token_id=g.token.id))
    except OrderError as error:
        faults = [{"field": one.field, "code": one.code, "value": one.value} for one in error.faults]
        raise ApiError("refused", "see faults", faults=faults) from error
    except OtherRequestError as error:
        raise ApiError("other-request", "this Idempotency-Key was used with other contents") from error
    except NotInForceError as error:
        raise _gone(error) from error


def _gone(error: NotInForceError) -> ApiError:
    if isinstance(error, NotOursError):
        return ApiError("not-ours", f"{error} was signed by somebody else: only its own key can end or replace it")
    if isinstance(error, NotAWarningError):
        return ApiError("not-a-warning", f"{error} are the words that follow an alert: they can only be ended")
    return ApiError("not-in-force", f"{error} is not in force")


@pages.get("/<alert_id>")
@open_to_all
def show(alert_id: str) -> ResponseReturnValue:
    """One alert, and how many speakers heard it: of the token's place, if it is for one."""
    with services().database.read() as session:
        alert = alerting.get(session, alert_id)
        if alert is None:
            raise ApiError("not-found", alert_id)
        heard = alert_reports.by_place(session, alert, now())
        if g.token.place_id is not None:
            heard = {place: heard.get(place, Counter()) for place in _told_in(session, alert)}
        counted = alert_reports.counts(heard)
        return in_json(_told(alert) | {"speakers": {state.value: count for state, count in counted.items()}})


def _told_in(session: Session, alert: Alert) -> list[int]:
    """Where an alert is for, of the places of this request's token. Errors: ApiError, when that is nowhere."""
    tree, targets = Geography.of_places(session), {place.code for place in alert.targets}
    told = [place for place in tree.inside(g.token.place_id) if targets.intersection(tree.zones_at(place))]
    if not told:
        raise ApiError("wrong-place", "this token is not for these places", places=sorted(targets))
    return told


@pages.post("/<alert_id>/<any(end, correct):what>")
@open_to_all
def finish(alert_id: str, what: str) -> ResponseReturnValue:
    """End an alert (its words wait for the end of the quiet hours), or correct a false one."""
    must_reach((), alert_id)
    by = By(AlertSource.API, token_id=g.token.id)
    try:
        if what == "correct":
            done = services().orders.correct_alert(alert_id, by)
        else:
            done = services().orders.end_alert(alert_id, by, words=True, at_once=False)
    except NotInForceError as error:
        raise _gone(error) from error
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
