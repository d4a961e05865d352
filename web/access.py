"""Who is asking, and what they may do. The only module that reads the account out of the session.

Every page declares what it takes with `requires` or `open_to_all`; one that does not is refused to everybody.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

from flask import Flask, abort, current_app, g, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.utils import redirect

from broadcaster import people, permissions
from broadcaster.permissions import Action, Person
from broadcaster.rows import Account, Place
from web.context import geography, now, services

P = ParamSpec("P")
View = TypeVar("View", bound=Callable[..., Any])

VIEWERS: Final = (Action.VIEW,)
WRITERS: Final = (Action.WRITE,)
APPROVERS: Final = (Action.APPROVE,)
STOPPERS: Final = (Action.STOP,)
RAISERS: Final = (Action.RAISE,)
ENROLLERS: Final = (Action.ENROL,)
TECHNICIANS: Final = (Action.SEE_STATUS,)
VILLAGE_HEADS: Final = (Action.AIR_LOCALLY,)
TALKERS: Final = (*RAISERS, *APPROVERS, *WRITERS, *VILLAGE_HEADS)
MANAGERS: Final = (Action.MANAGE,)
_NEEDS: Final = "loa_needs"
_ANYBODY: Final = "anybody"
_STATIC: Final = "static"
_log = logging.getLogger(__name__)
_SECRET_FIELDS: Final = frozenset({"csrf_token", "password", "current", "new", "again"})


def mark_of(account: Account) -> str:
    """Changes with the password, so that an old session ends when the password does."""
    return hashlib.sha256(account.password_hash.encode()).hexdigest()[:16]


def enter(account: Account) -> None:
    """Begin a session as ``account``; only the language survives from the one before."""
    language = session.get("language")
    session.clear()
    session.permanent = True
    session["account"] = account.id
    session["mark"] = mark_of(account)
    if language:
        session["language"] = language
    g.account = account
    g.pop("person", None)


def leave() -> None:
    """End the session."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    g.account = None
    g.pop("person", None)


def current_account() -> Account | None:
    """Who is signed in, detached; None for nobody."""
    if "account" not in g:
        g.account = _load()
    return cast("Account | None", g.account)


def _load() -> Account | None:
    number = session.get("account")
    if number is None:
        return None
    with services().database.read() as database:
        account = database.get(Account, number)
        if account is None or account.disabled_at or session.get("mark") != mark_of(account):
            return None
        database.expunge(account)
        return account


def me() -> Account:
    """Who is signed in, on a page that requires somebody."""
    account = current_account()
    if account is None:
        abort(401)
    return account


def current_person() -> Person:
    """What the one who is signed in holds now; nothing for nobody."""
    if "person" not in g:
        account = current_account()
        g.person = Person(0)
        if account is not None:
            with services().database.read() as database:
                g.person = people.person_of(database.get_one(Account, account.id), now())
    return cast("Person", g.person)


def may(*actions: Action) -> bool:
    """Whether the one who is signed in may do one of ``actions`` in some place."""
    return permissions.may_somewhere(current_person(), *actions)


def may_everywhere(*actions: Action) -> bool:
    """Whether the one who is signed in may do one of ``actions`` in the whole station."""
    person = current_person()
    return may(*actions) and any(
        person.everywhere(action) or permissions.may(person, action, None, geography()) for action in actions
    )


def may_at(places: Iterable[Place | int], *actions: Action) -> bool:
    """Whether the one who is signed in may do one of ``actions`` in all of ``places``."""
    if not may(*actions):
        return False
    person, wanted = current_person(), [place if isinstance(place, int) else place.id for place in places]
    return any(
        person.everywhere(action) or permissions.may_all(person, action, wanted, geography()) for action in actions
    )


def must_at(places: Iterable[Place | int], *actions: Action) -> None:
    """Refuse the request unless it may be done in all of ``places``."""
    if not may_at(places, *actions):
        abort(403)


def must_everywhere(*actions: Action) -> None:
    """Refuse the request unless it may be done in the whole station."""
    if not may_everywhere(*actions):
        abort(403)


def requires(*actions: Action) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """A page for those who may do one of ``actions`` somewhere; without actions, for everyone who is signed in.

    Where it is done is for the page to check, with `must_at`: only it knows the places.
    """

    def decorate(page: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(page)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if current_account() is None:
                return _sign_in_first()
            if actions and not may(*actions):
                abort(403)
            return page(*args, **kwargs)

        setattr(guarded, _NEEDS, frozenset(actions))
        return guarded

    return decorate


def open_to_all(page: View) -> View:
    """A page that anybody may see, signed in or not."""
    setattr(page, _NEEDS, _ANYBODY)
    return page


def declared(app: Flask, endpoint: str) -> frozenset[Action] | str | None:
    """What a page takes: actions, "anybody", or None for one that was never declared."""
    if endpoint.rpartition(".")[2] == _STATIC:
        return _ANYBODY
    return cast("frozenset[Action] | str | None", getattr(app.view_functions[endpoint], _NEEDS, None))


def refuse_undeclared(app: Flask) -> None:
    """Make an application refuse every page that does not say whom it is for."""

    @app.before_request
    def _look() -> None:
        if request.endpoint and declared(current_app, request.endpoint) is None:
            _log.error("page without a declared permission endpoint=%s", request.endpoint)
            abort(403)


def kept_fields() -> Mapping[str, list[str]]:
    """The fields of the form that was sent, without passwords, to be carried through a page in between."""
    return {name: values for name, values in request.form.lists() if name not in _SECRET_FIELDS}


def _sign_in_first() -> ResponseReturnValue:
    """To the sign-in page and back; a form that was sent meanwhile is carried along."""
    if request.is_json or request.headers.get("X-Requested-With"):
        abort(401)
    if request.method == "GET":
        return redirect(url_for("signin.sign_in", next=request.full_path.rstrip("?")), 303)
    return render_template("sign_in.html", kept=kept_fields(), kept_path=request.path, problem="", username=""), 401
