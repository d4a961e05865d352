"""Signing in and out, and changing one's own password."""

from typing import Final, cast

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import select

from broadcaster import chain
from broadcaster.rows import Account
from web import links, passwords
from web.access import current_account, enter, leave, me, open_to_all, requires
from web.context import now, services
from web.words import gettext as _
from web.words import ngettext

pages = Blueprint("signin", __name__)

_KEY: Final = "loa.attempts"
_MINUTES: Final = 5
_PER_NAME: Final = RateLimitItemPerMinute(8, _MINUTES)
_PER_ADDRESS: Final = RateLimitItemPerMinute(40, _MINUTES)


class Attempts:
    """Counts failed sign-ins by name and by address, so that guessing is slow."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def may_try(self, address: str, username: str) -> bool:
        """Whether another attempt is looked at now."""
        by_name = self._limiter.test(_PER_NAME, address, username.casefold()[:60])
        return by_name and self._limiter.test(_PER_ADDRESS, address)

    def failed(self, address: str, username: str) -> None:
        """Count a failure."""
        self._limiter.hit(_PER_NAME, address, username.casefold()[:60])
        self._limiter.hit(_PER_ADDRESS, address)


def count_attempts(app: Flask) -> None:
    """Give an application its counter of failed sign-ins."""
    app.extensions[_KEY] = Attempts()


@pages.post("/sign-in")
@open_to_all
def check() -> ResponseReturnValue:
    """Let somebody in, or say why not."""
    attempts = cast("Attempts", current_app.extensions[_KEY])
    username, password = request.form.get("username", "").strip(), request.form.get("password", "")
    address = request.remote_addr or ""
    if not attempts.may_try(address, username):
        return _again(_too_many(), username, 429)
    account = _find(username)
    stored = account.password_hash if account and not account.disabled_at else None
    if not passwords.is_right(password[: passwords.MAX_LENGTH], stored) or account is None:
        attempts.failed(address, username)
        return _again(_("Tên đăng nhập hoặc mật khẩu không đúng."), username, 401)
    enter(account)
    _audit(account, "account.sign-in")
    if path := request.form.get("kept_path"):
        return render_template("resend.html", kept=_kept(), kept_path=links.safe(path))
    return redirect(links.back(), 303)


@pages.get("/sign-in")
@open_to_all
def sign_in() -> ResponseReturnValue:
    """The form."""
    if current_account():
        return redirect(links.safe(request.args.get("next", "")), 303)
    return render_template("sign_in.html", problem="", username="", kept={}, kept_path="")


@pages.post("/sign-out")
@open_to_all
def sign_out() -> ResponseReturnValue:
    """End the session."""
    leave()
    return redirect(url_for("signin.sign_in"), 303)


@pages.route("/password", methods=["GET", "POST"])
@requires()
def password() -> ResponseReturnValue:
    """Change one's own password."""
    problems: dict[str, str] = {}
    if request.method == "POST":
        problems = _password_problems()
        if not problems:
            _store_password(request.form["new"])
            flash(_("Đã đổi mật khẩu. Các máy khác phải đăng nhập lại."), "success")
            return redirect(url_for("broadcasts.home"), 303)
    return render_template("password.html", problems=problems, least=passwords.MIN_LENGTH), 422 if problems else 200


def _password_problems() -> dict[str, str]:
    form, account = request.form, me()
    new = form.get("new", "")
    problems = {}
    if not passwords.is_right(form.get("current", "")[: passwords.MAX_LENGTH], account.password_hash):
        problems["current"] = _("Mật khẩu hiện tại không đúng.")
    if not passwords.MIN_LENGTH <= len(new) <= passwords.MAX_LENGTH:
        least = passwords.MIN_LENGTH
        problems["new"] = ngettext("Cần ít nhất %(num)d ký tự.", "Cần ít nhất %(num)d ký tự.", least)
    elif new.casefold() == account.username.casefold() or len(set(new)) < 4:  # noqa: PLR2004  "aaaaaaaaaa"
        problems["new"] = _("Mật khẩu này quá dễ đoán.")
    if form.get("again", "") != new:
        problems["again"] = _("Hai lần nhập mật khẩu mới không giống nhau.")
    return problems


def _store_password(new: str) -> None:
    with services().database.write() as session:
        account = session.get_one(Account, me().id)
        account.password_hash = passwords.hash_password(new)
        chain.audit(session, at=now(), account_id=account.id, action="account.password", subject=account.username)
    enter(account)


def _find(username: str) -> Account | None:
    with services().database.read() as session:
        account = session.scalar(select(Account).where(Account.username == username))
        if account:
            session.expunge(account)
        return account


def _audit(account: Account, action: str) -> None:
    with services().database.write() as session:
        chain.audit(session, at=now(), account_id=account.id, action=action, subject=account.username)


def _kept() -> dict[str, list[str]]:
    return {name.removeprefix("kept."): values for name, values in request.form.lists() if name.startswith("kept.")}


def _again(problem: str, username: str, status: int) -> ResponseReturnValue:
    path = request.form.get("kept_path", "")
    page = render_template("sign_in.html", problem=problem, username=username, kept=_kept(), kept_path=path)
    return page, status


def _too_many() -> str:
    return ngettext(
        "Sai nhiều lần quá. Chờ %(num)d phút rồi thử lại.", "Sai nhiều lần quá. Chờ %(num)d phút rồi thử lại.", _MINUTES
    )
