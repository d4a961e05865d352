"""Who is asking, and what they may do. The only module that reads the account out of the session."""

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Final, ParamSpec, cast

from flask import abort, g, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.utils import redirect

from broadcaster.rows import Account, Role
from web.context import services

P = ParamSpec("P")

WRITERS: Final = frozenset({Role.ADMINISTRATOR, Role.EDITOR})
STOPPERS: Final = WRITERS | {Role.DUTY_OFFICER}
ENROLLERS: Final = frozenset({Role.ADMINISTRATOR, Role.TECHNICIAN})
TECHNICIANS: Final = WRITERS | {Role.TECHNICIAN}
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


def leave() -> None:
    """End the session."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language
    g.account = None


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


def may(*roles: Role) -> bool:
    """Whether the one who is signed in has one of ``roles``."""
    account = current_account()
    return account is not None and account.role in roles


def requires(*roles: Role) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """A page for those who have one of ``roles``; without roles, for everyone who is signed in."""

    def decorate(page: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(page)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if current_account() is None:
                return _sign_in_first()
            if roles and not may(*roles):
                abort(403)
            return page(*args, **kwargs)

        return guarded

    return decorate


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
