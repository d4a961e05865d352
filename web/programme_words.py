"""What is said about programmes: kinds of items, overrun, reasons, and what is wrong with a line."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from flask_babel import lazy_gettext as _l

from broadcaster.rows import Broadcast
from scheduler.composing import pieces_of
from scheduler.relaying import RelayEvent
from scheduler.relays import Told
from scheduler.rundown import Kind, Overrun, Piece
from scheduler.submissions import Problem
from web.words import gettext as _

ITEMS: Final = {
    "tune": _l("Nhạc hiệu, nhạc kết"),
    "words": _l("Lời xướng, lời kết"),
    "relay": _l("Tiếp âm"),
    "bulletin": _l("Một bản tin"),
    "bulletins": _l("Các bản tin chờ phát"),
    "music": _l("Ca nhạc"),
}
PIECES: Final = {
    Kind.TUNE: _l("Nhạc hiệu"),
    Kind.WORDS: _l("Lời xướng"),
    Kind.RELAY: _l("Tiếp âm"),
    Kind.BULLETIN: _l("Bản tin"),
    Kind.STING: _l("Nhạc cắt"),
    Kind.MUSIC: _l("Ca nhạc"),
}
_CLOSING: Final = {Kind.WORDS: _l("Lời kết"), Kind.TUNE: _l("Nhạc kết")}
"""What comes after all that a programme is for."""
_CONTENT: Final = frozenset({Kind.RELAY, Kind.BULLETIN, Kind.MUSIC})
OVERRUNS: Final = {
    Overrun.DROP: _l("Cắt bớt ca nhạc, rồi để bản tin ít quan trọng sang buổi sau"),
    Overrun.CUT_MUSIC: _l("Cắt bớt ca nhạc, bản tin phát hết"),
    Overrun.RUN_OVER: _l("Phát hết, kéo dài thêm"),
}
PRESETS: Final = {
    "phuong": _l("Phường nội thành: 2 buổi × 15 phút, thứ Hai đến thứ Sáu"),
    "xa": _l("Xã: 3 buổi × 45 phút, có tiếp âm"),
    "trong": _l("Chương trình trống"),
}
_LEFT_OUT: Final = {
    "no-room": _l("không đủ thời lượng, để sang buổi sau"),
    "not-approved": _l("chưa được duyệt"),
    "not-prepared": _l("chưa tạo xong âm thanh"),
    "elsewhere": _l("không dành cho mọi nơi nghe chương trình"),
    "gone": _l("không còn"),
}
_RELAY_WHY: Final = {
    "dead": _l("đài phát mất tín hiệu"),
    "slow": _l("đường truyền quá chậm"),
    "silent": _l("đài phát không có tiếng"),
    "looping": _l("đài phát lặp mãi một đoạn"),
    "ended": _l("đài phát ngắt kết nối"),
    "no-sound": _l("địa chỉ này không phải âm thanh"),
    "not-there": _l("không kết nối được"),
    "unreadable": _l("địa chỉ này không phải âm thanh"),
    "refused": _l("địa chỉ không được phép"),
}


def names(pieces: Sequence[Piece]) -> list[str]:
    """What each piece is called where it stands; without anything between them the first words are the opening ones."""
    kinds = [piece.kind for piece in pieces]
    first = kinds.index(Kind.WORDS) if Kind.WORDS in kinds else len(kinds)
    last = max((number for number, kind in enumerate(kinds) if kind in _CONTENT), default=first)
    return [
        str(_CLOSING.get(kind, PIECES[kind]) if number > last else PIECES[kind]) for number, kind in enumerate(kinds)
    ]


def left_out(why: str) -> str:
    """Why an occurrence does without a bulletin."""
    return str(_LEFT_OUT.get(why, why))


def relay_event(event: str, why: str) -> str:
    """What became of a relay."""
    match event:
        case "on-air":
            return _("bắt đầu tiếp âm")
        case "fallback":
            return _("phát nội dung dự phòng vì %(reason)s", reason=str(_RELAY_WHY.get(why, why)))
        case _:
            return _("hết giờ tiếp âm")


def sounding(broadcast: Broadcast, relays: Sequence[Told], at: datetime) -> str:
    """Which piece of a programme is on at a moment, and what sounds in place of a relay; empty for what is no programme."""
    if broadcast.composition is None or broadcast.start_at is None:
        return ""
    position_ms = (at - broadcast.start_at) // timedelta(milliseconds=1)
    pieces = pieces_of(broadcast.composition)
    begun = [piece for piece in zip(pieces, names(pieces), strict=True) if piece[0].at_ms <= position_ms]
    if not begun:
        return ""
    piece, name = begun[-1]
    parts = [name, piece.title]
    if piece.kind is Kind.RELAY and relays and relays[-1].event == RelayEvent.FALLBACK:
        parts.append(relay_event(relays[-1].event, relays[-1].why))
    return _("Lúc này: %(piece)s", piece=" · ".join(part for part in parts if part))


def problem(of: Problem) -> str | None:  # noqa: PLR0911  one sentence a case
    """What is wrong with a field that only a programme has; None for one that bulletins have as well."""
    if of.field.startswith("item-"):
        return _("Mục %(number)s: %(problem)s", number=int(of.field[5:]) + 1, problem=_of_line(of))
    match of.field, of.code:
        case "start_at", "past":
            return _("Giờ này đã qua. Hãy chọn giờ khác.")
        case "title", "empty":
            return _("Hãy đặt tên chương trình.")
        case "planned", "out-of-range":
            return _("Thời lượng từ %(least)s đến %(most)s phút.", least=of.values[0], most=of.values[1])
        case "rundown", "none":
            return _(
                "Chương trình phải có bản tin, tiếp âm hoặc ca nhạc; không phát chương trình chỉ có nhạc hiệu và lời."
            )
        case "rundown", "too-many":
            return _("Nhiều nhất %(most)s mục.", most=of.values[0])
        case "times", "not-times":
            return _("“%(word)s” không phải giờ. Ví dụ: 11:00, 17:00.", word=of.values[0])
        case "times", "too-many":
            return _("Nhiều nhất %(most)s giờ khác trong ngày.", most=of.values[0])
        case _:
            return None


def _of_line(of: Problem) -> str:
    match of.code:
        case "out-of-range":
            return _("chọn từ %(least)s đến %(most)s.", least=of.values[0], most=of.values[1])
        case "too-long":
            return _("dài %(length)s ký tự; chỉ được tối đa %(limit)s.", length=of.values[0], limit=of.values[1])
        case "unknown-blanks":
            return _("không biết điền gì vào %(blanks)s.", blanks=", ".join(f"{{{blank}}}" for blank in of.values))
        case "unspeakable":
            return _("giọng đọc không đọc được: %(pieces)s.", pieces=", ".join(of.values))
        case code:
            return str(_PLAIN.get(code, code))


_PLAIN: Final = {
    "sound-gone": _l("âm thanh không còn trong kho."),
    "no-sound": _l("hãy chọn âm thanh trong kho tư liệu."),
    "no-words": _l("chưa có lời."),
    "not-an-address": _l("địa chỉ phải bắt đầu bằng http:// hoặc https://."),
    "no-fallback": _l("hãy chọn nội dung dự phòng, phát khi không tiếp âm được."),
    "bulletin-gone": _l("hãy chọn bản tin."),
}
