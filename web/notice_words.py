"""Notices into sentences, for the list behind the bell and for what is pushed to people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcaster.rows import NoticeKind

Translate = Callable[..., str]
_HOUR: Final = 60
"""Minutes."""


def sentences(_: Translate, kind: NoticeKind, detail: dict[str, Any], zone: ZoneInfo) -> tuple[str, str]:  # noqa: PLR0911  one sentence a kind
    """Title and body of a notice; ``_`` translates and fills in."""
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
                    before=_moment(str(detail["from"]), zone),
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
        case NoticeKind.TRIAL:
            return _("Thử thông báo"), _("Địa chỉ này nhận được thông báo của đài.")


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
