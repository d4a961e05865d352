"""People and rights (Người và quyền): accounts, what each may do where, and their passwords."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from broadcaster import chain, people
from broadcaster.people import Given, LastAdministratorError
from broadcaster.permissions import Person
from broadcaster.rows import Account, Grant, Place, Role, Station
from web import passwords
from web.access import MANAGERS, me, must_at, must_everywhere, requires
from web.context import now, services
from web.words import gettext as _

pages = Blueprint("people", __name__)

_MAX_NAME: Final = 200
_MAX_USERNAME: Final = 60
_WHOLE_STATION: Final = ""


class _VillageMissingError(Exception):
    """A village head needs a village."""


@dataclass(frozen=True)
class Line:
    """One account on the page."""

    account: Account
    person: Person
    grants: tuple[Grant, ...]


@pages.get("/people")
@requires(*MANAGERS)
def listing() -> ResponseReturnValue:
    """Everyone, and the form for somebody new."""
    return _show()


def _show(status: int = 200, *, problem: str = "", shown: tuple[str, str] | None = None) -> ResponseReturnValue:
    """The page; ``shown`` is a username with the password that is shown this once."""
    with services().database.read() as session:
        lines = [
            Line(each, people.person_of(each, now()), tuple(g for g in each.grants if g.revoked_at is None))
            for each in people.everyone(session)
        ]
        page = render_template(
            "people.html",
            lines=lines,
            places=session.scalars(select(Place).order_by(Place.position, Place.id)).all(),
            roles=tuple(Role),
            typed={} if shown else request.form,
            problem=problem,
            shown=shown,
            most_minutes=people.MAX_MINUTES,
            approval=session.scalars(select(Station.approval)).one(),
        )
    return page, status


def _line(name: str, most: int) -> str:
    return request.form.get(name, "").strip()[:most]


def _given(session: Session) -> Given:
    """The role and place of the form, which the one who asks must manage."""
    code = _line("place", _MAX_NAME)
    try:
        role = Role(request.form.get("role", ""))
    except ValueError:
        abort(400)
    place = session.scalar(select(Place).where(Place.code == code)) if code != _WHOLE_STATION else None
    if code != _WHOLE_STATION and place is None:
        abort(400)
    if place is None:
        must_everywhere(*MANAGERS)
        if role is Role.VILLAGE_HEAD:
            raise _VillageMissingError
    else:
        must_at([place], *MANAGERS)
    minutes = request.form.get("minutes", "15")
    return Given(
        role,
        place.id if place else None,
        unapproved=bool(request.form.get("unapproved")),
        daily_minutes=int(minutes) if minutes.isdecimal() and len(minutes) < 5 else 15,  # noqa: PLR2004  no longer number
    )


@pages.post("/people")
@requires(*MANAGERS)
def add() -> ResponseReturnValue:
    """Somebody new, with a first role and a password that is shown once."""
    username, name = _line("username", _MAX_USERNAME).lower(), _line("name", _MAX_NAME)
    if not username or not username.replace("-", "").replace(".", "").isalnum():
        return _show(422, problem=_("Tên đăng nhập gồm chữ, số, dấu chấm, dấu gạch nối."))
    password = passwords.new_password()
    try:
        with services().database.write() as session:
            given = _given(session)
            if session.scalar(select(Account.id).where(func.lower(Account.username) == username)):
                return _show(422, problem=_("Đã có tài khoản “%(name)s”.", name=username))
            account = Account(
                username=username,
                full_name=name,
                password_hash=passwords.hash_password(password),
                created_at=now(),
            )
            session.add(account)
            session.flush()
            chain.audit(session, at=now(), account_id=me().id, action="account.add", subject=username)
            people.grant(session, account, given, by=me().id, now=now())
    except _VillageMissingError:
        return _show(422, problem=_("Trưởng thôn cần một địa bàn. Hãy chọn thôn."))
    except IntegrityError:  # somebody else took the name at the same moment
        return _show(422, problem=_("Đã có tài khoản “%(name)s”.", name=username))
    return _show(shown=(username, password))


def _change(number: int, act: Callable[[Session, Account], object], done: str) -> ResponseReturnValue:
    """Change one account, in one transaction. Whoever manages all of what it holds may do so."""
    try:
        with services().database.write() as session:
            account = session.get(Account, number) or abort(404)
            _must_manage(account)
            act(session, account)
        flash(done, "success")
    except LastAdministratorError:
        flash(_("Phải còn ít nhất một người quản trị toàn đài."), "warning")
    return redirect(url_for("people.listing"), 303)


def _must_manage(account: Account) -> None:
    held = [grant for grant in account.grants if grant.revoked_at is None]
    if any(grant.place_id is None for grant in held) or not held:
        must_everywhere(*MANAGERS)
    else:
        must_at([grant.place_id for grant in held if grant.place_id is not None], *MANAGERS)


@pages.post("/people/<int:number>/grants")
@requires(*MANAGERS)
def grant(number: int) -> ResponseReturnValue:
    """Give somebody one more role."""
    try:
        with services().database.write() as session:
            given = _given(session)
            account = session.get(Account, number) or abort(404)
            people.grant(session, account, given, by=me().id, now=now())
    except _VillageMissingError:
        return _show(422, problem=_("Trưởng thôn cần một địa bàn. Hãy chọn thôn."))
    flash(_("Đã giao quyền."), "success")
    return redirect(url_for("people.listing"), 303)


@pages.post("/people/<int:number>/grants/<int:grant_id>/revoke")
@requires(*MANAGERS)
def revoke(number: int, grant_id: int) -> ResponseReturnValue:
    """Take a role back; what was lent from it ends too."""

    def act(session: Session, account: Account) -> None:
        found = session.get(Grant, grant_id)
        if found is None or found.account_id != account.id:
            abort(404)
        people.revoke(session, found, by=me().id, now=now())

    return _change(number, act, _("Đã thu hồi quyền."))


@pages.post("/people/<int:number>/switch")
@requires(*MANAGERS)
def switch(number: int) -> ResponseReturnValue:
    """Switch an account off, which ends its sessions at once, or on again."""
    on = request.form.get("to") == "on"

    def act(session: Session, account: Account) -> None:
        people.switch(session, account, on=on, by=me().id, now=now())

    done = _("Đã mở lại tài khoản.") if on else _("Đã tắt tài khoản; người đó bị đăng xuất ngay.")
    return _change(number, act, done)


@pages.post("/people/<int:number>/password")
@requires(*MANAGERS)
def password(number: int) -> ResponseReturnValue:
    """A new password, shown once; every session of the account ends."""
    made = passwords.new_password()
    with services().database.write() as session:
        account = session.get(Account, number) or abort(404)
        _must_manage(account)
        account.password_hash = passwords.hash_password(made)
        username = account.username
        chain.audit(session, at=now(), account_id=me().id, action="account.reset", subject=username)
    return _show(shown=(username, made))
