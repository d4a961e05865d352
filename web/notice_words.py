"""Notices into sentences, for the list behind the bell and for what is pushed to people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcaster.rows import NoticeKind

Translate = Callable[..., str]
_HOUR: Final = 60
"""Minutes."""
_MAX_PLACES: Final = 10


def sentences(_: Translate, kind: NoticeKind, detail: dict[str, Any], zone: ZoneInfo) -> tuple[str, str]:
    """Title and body of a notice; ``_`` translates and fills in."""
    if kind is NoticeKind.SILENT:
        return _silent(_, detail)
    if kind is NoticeKind.REHEARSAL:
        return _rehearsal(_, detail)
    return _of_bulletins(_, kind, detail, zone)


def _of_bulletins(  # noqa: PLR0911  one kind, one sentence
    _: Translate, kind: NoticeKind, detail: dict[str, Any], zone: ZoneInfo
) -> tuple[str, str]:
    title, places = str(detail.get("title", "")), str(detail.get("places", ""))
    at = _at(_, detail, zone)
    match kind:
        case NoticeKind.SUBMITTED:
            return (
                _("Có bản tin chờ duyệt"),
                _("“%(title)s”, %(places)s, %(at)s. Mời nghe và duyệt.", title=title, places=places, at=at),
            )
        case NoticeKind.DEADLINE:
            return (
                _("Sắp đến giờ phát mà chưa duyệt"),
                _("“%(title)s” phát %(at)s, còn %(left)s. Không duyệt kịp thì bản tin không phát.",
                  title=title, at=at, left=_left(_, int(detail.get("minutes", 0)))),
            )  # fmt: skip
        case NoticeKind.RETURNED:
            return (
                _("Bản tin bị trả lại"),
                _("“%(title)s”: %(comment)s", title=title, comment=str(detail.get("comment", ""))),
            )
        case NoticeKind.NOT_APPROVED:
            return (
                _("Bản tin không phát vì không được duyệt kịp giờ"),
                _("“%(title)s”, %(places)s.", title=title, places=places),
            )
        case NoticeKind.DISPLACED:
            return (
                _("Bản tin phát muộn hơn dự kiến"),
                _(
                    "“%(title)s” dời từ %(before)s sang %(at)s, nhường bản tin ưu tiên.",
                    title=title,
                    before=_moment(str(detail["from"]), zone) if "from" in detail else "?",
                    at=at,
                ),
            )
        case NoticeKind.REPLACED:
            return (
                _("Bản tin được thay bằng bản khác"),
                _("“%(title)s” không phát lúc %(at)s: một bản tin khác phát vào giờ đó.", title=title, at=at),
            )
        case NoticeKind.VILLAGE:
            return (
                _("Thôn tự phát"),
                _(
                    "%(name)s phát “%(title)s” ở %(places)s.",
                    name=str(detail.get("name", "")),
                    title=title,
                    places=places,
                ),
            )
        case NoticeKind.CAP:
            return (
                _("Có bản tin CAP chờ quyết định"),
                _(
                    "“%(title)s”, %(places)s. Mời trực ban xem và phát nếu đúng.",
                    title=title,
                    places=places or _("chưa rõ địa bàn"),
                ),
            )
        case _:
            return _("Thử thông báo"), _("Địa chỉ này nhận được thông báo của đài.")


def _silent(_: Translate, detail: dict[str, Any]) -> tuple[str, str]:
    """Short enough for a text message, and complete where that matters: places first, whom to call behind each."""
    title = _("Loa im lặng: %(title)s", title=str(detail.get("title", "?")))
    silent = list(detail.get("silent", ()))
    told = [_place(_, one) for one in silent[:_MAX_PLACES]]
    if len(silent) > _MAX_PLACES:
        told.append(_("Còn %(number)s nơi khác.", number=len(silent) - _MAX_PLACES))
    body = " ".join(told) or _("Mời mở trang cảnh báo để xem.")
    return (_("Diễn tập – %(title)s", title=title) if detail.get("drill") else title), body


def _rehearsal(_: Translate, detail: dict[str, Any]) -> tuple[str, str]:
    title = _(
        "Thử đường truyền: %(answered)s/%(asked)s cụm loa trả lời",
        answered=detail.get("answered", "?"),
        asked=detail.get("asked", "?"),
    )
    if not detail.get("silent"):
        return title, _("Không cụm loa nào im lặng.")
    names = ", ".join(detail["silent"])
    return title, _("Im lặng: %(names)s. Mới im so với lần trước: %(new)s.", names=names, new=detail["new"])


def _place(_: Translate, one: dict[str, Any]) -> str:
    speakers = ", ".join(one["speakers"])
    if one["call"]:
        return _("%(place)s: %(speakers)s. Gọi %(call)s.", place=one["place"], speakers=speakers, call=one["call"][0])
    return _("%(place)s: %(speakers)s. Chưa có số điện thoại.", place=one["place"], speakers=speakers)


def _at(_: Translate, detail: dict[str, Any], zone: ZoneInfo) -> str:
    start = str(detail.get("start_at", ""))
    if not start:
        return _("ngay khi được duyệt")
    return _moment(start, zone)


def _moment(stored: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(stored).astimezone(zone):%H:%M %d/%m/%Y}"


def _left(_: Translate, minutes: int) -> str:
    if minutes >= _HOUR:
        return _("chưa đầy %(hours)s giờ", hours=minutes // _HOUR)
    return _("chưa đầy %(minutes)s phút", minutes=minutes)
