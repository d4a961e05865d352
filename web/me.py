"""One's own page: notices behind the bell, addresses they are pushed to, and lending the right to approve."""

from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from broadcaster import chain, notices, people
from broadcaster.carrier import AppriseCarrier
from broadcaster.people import NotLendableError
from broadcaster.rows import Account, Address, Grant, Notice, NoticeKind, Push, Role
from web import notice_words
from web.access import current_person, me, requires
from web.context import now, services, zone
from web.typed import row_number
from web.week import day_typed, midnight
from web.words import gettext as _

pages = Blueprint("me", __name__)

_carrier: Final = AppriseCarrier()
_MAX_URL: Final = 500
_MAX_ADDRESSES: Final = 5
_LISTED: Final = 50


@pages.get("/notices")
@requires()
def listing() -> ResponseReturnValue:
    """What one was told lately; looking at it is having read it."""
    with services().database.write() as session:
        mine = select(Notice).where(Notice.account_id == me().id).order_by(Notice.id.desc()).limit(_LISTED)
        found = [
            (notice, notice.read_at is None, *notice_words.sentences(_, notice.kind, notice.detail, zone()))
            for notice in session.scalars(mine)
        ]
        notices.mark_read(session, me().id, now())
        return render_template("notices.html", notices=found)


def masked(url: str) -> str:
    """An address without its secrets."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}/…"


@pages.get("/me")
@requires()
def show() -> ResponseReturnValue:
    """One's roles, addresses, and what was lent."""
    with services().database.read() as session:
        own = _own_grant(session)
        lent = [grant for grant in session.scalars(_lent()) if grant.revoked_at is None]
        return render_template(
            "me.html",
            addresses=[(each, masked(each.url), _latest(session, each)) for each in _addresses(session)],
            carrier=_carrier.installed,
            may_lend=own is not None,
            others=session.scalars(select(Account).where(Account.id != me().id, Account.disabled_at.is_(None))).all(),
            lent=[grant for grant in lent if grant.valid_until and grant.valid_until > now()],
            today=now().astimezone(zone()).date(),
        )


def _addresses(session: Session) -> list[Address]:
    mine = select(Address).where(Address.account_id == me().id, Address.removed_at.is_(None)).order_by(Address.id)
    return list(session.scalars(mine))


def _latest(session: Session, address: Address) -> Push | None:
    """The last push to an address that was tried."""
    tried = select(Push).where(Push.address_id == address.id, Push.attempts > 0)
    return session.scalar(tried.order_by(Push.notice_id.desc()).limit(1))


@pages.post("/me/addresses")
@requires()
def add() -> ResponseReturnValue:
    """One more address, and a first notice to it."""
    url = request.form.get("url", "").strip()
    if len(url) > _MAX_URL or not _carrier.knows(url):
        flash(_("Không dùng được địa chỉ này. Hãy xem các ví dụ."), "warning")
        return redirect(url_for("me.show"), 303)
    with services().database.write() as session:
        if len(_addresses(session)) >= _MAX_ADDRESSES:
            flash(_("Đã có đủ địa chỉ; hãy bỏ bớt một địa chỉ cũ."), "warning")
            return redirect(url_for("me.show"), 303)
        address = Address(account_id=me().id, url=url, created_at=now())
        session.add(address)
        session.flush()
        scheme = urlsplit(url).scheme  # the rest is a secret
        detail = {"scheme": scheme}
        chain.audit(session, at=now(), account_id=me().id, action="address.add", subject=me().username, detail=detail)
        notices.tell(session, [me().id], NoticeKind.TRIAL, str(address.id), now())
    services().orders.wake()
    flash(_("Đã thêm địa chỉ và gửi thử một thông báo."), "success")
    return redirect(url_for("me.show"), 303)


@pages.post("/me/addresses/<int:number>/remove")
@requires()
def remove(number: int) -> ResponseReturnValue:
    """Nothing more goes to an address."""
    with services().database.write() as session:
        address = session.get(Address, number)
        if address is None or address.account_id != me().id or address.removed_at is not None:
            abort(404)
        address.removed_at = now()
        address.url = masked(address.url)[:_MAX_URL]
        waiting = select(Push).where(Push.address_id == number, Push.sent_at.is_(None), Push.given_up_at.is_(None))
        for push in session.scalars(waiting):
            push.given_up_at = now()
        chain.audit(session, at=now(), account_id=me().id, action="address.remove", subject=me().username)
    flash(_("Đã bỏ địa chỉ."), "success")
    return redirect(url_for("me.show"), 303)


def _own_grant(session: Session) -> Grant | None:
    """The right to approve that one holds oneself, if one does."""
    for holding in current_person().holdings:
        if holding.role is Role.APPROVER and holding.on_behalf_of is None:
            return session.get(Grant, holding.grant_id)
    return None


def _lent() -> Select[Grant]:
    """What one has lent."""
    own = select(Grant.id).where(Grant.account_id == me().id)
    return select(Grant).where(Grant.delegated_from_id.in_(own)).order_by(Grant.id)


def _day(name: str) -> datetime:
    """The beginning of a local day of the form. Errors: NotLendableError."""
    day = day_typed(request.form.get(name, ""))
    if day is None:
        raise NotLendableError("dates")
    return midnight(day, zone()).astimezone(UTC)


@pages.post("/me/lend")
@requires()
def lend() -> ResponseReturnValue:
    """Let somebody approve in one's place, both days included."""
    try:
        with services().database.write() as session:
            own = _own_grant(session) or abort(403)
            to = (
                session.get(Account, request.form.get("to", type=row_number) or 0) or own.account
            )  # nobody lends to oneself
            until = _day("until") + timedelta(days=1)
            people.lend(session, own, to, valid_from=_day("from"), valid_until=until, now=now())
        flash(_("Đã ủy quyền duyệt."), "success")
    except NotLendableError:
        flash(_("Chưa ủy quyền được: hãy chọn người khác và ngày kết thúc từ hôm nay trở đi."), "warning")
    return redirect(url_for("me.show"), 303)


@pages.post("/me/lend/<int:number>/end")
@requires()
def end(number: int) -> ResponseReturnValue:
    """Take a lent right back before its time."""
    with services().database.write() as session:
        found = next((grant for grant in session.scalars(_lent()) if grant.id == number), None)
        if found is None:
            abort(404)
        people.revoke(session, found, by=me().id, now=now())
    flash(_("Đã kết thúc ủy quyền."), "success")
    return redirect(url_for("me.show"), 303)
