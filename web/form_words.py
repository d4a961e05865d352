"""What is wrong with a form, and what to do about it: problems, notes and conflicts as sentences."""

from typing import Final
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l

from broadcaster.clock import to_ms
from scheduler.conflicts import Conflict, Outcome
from scheduler.lint import Fields, Note
from scheduler.submissions import Problem
from web import file_words
from web.sentences import WEEKDAYS, Words, reading_refused
from web.words import gettext as _


def problem(of: Problem) -> str:
    """What is wrong with a field, and what to do about it."""
    plain: dict[tuple[str, str], str] = {
        ("text", "empty"): _("Chưa có nội dung. Hãy viết bản tin."),
        ("text", "no-words"): _("Văn bản chưa có chữ nào để đọc."),
        ("start_at", "missing"): _("Hãy chọn ngày và giờ phát."),
        ("start_at", "past"): _("Giờ này đã qua. Hãy chọn giờ khác hoặc chọn “Phát ngay”."),
        ("start_at", "not-a-date"): _("Ngày phát không đúng. Ví dụ: 25/11/2026."),
        ("start_at", "not-a-time"): _("Giờ phát không đúng. Ví dụ: 05:30."),
        ("start_at", "no-such-time"): _("Hôm đó không có giờ này vì đổi giờ mùa. Hãy chọn giờ khác."),
        ("until", "before-start"): _("Ngày kết thúc phải từ ngày phát đầu tiên trở đi."),
        ("places", "none"): _("Chưa chọn nơi phát. Hãy chọn ít nhất một địa bàn."),
        ("kind", "unknown"): _("Hãy chọn phát khi nào."),
        ("until", "not-a-date"): _("Ngày kết thúc không đúng. Ví dụ: 25/11/2026."),
        ("dates", "none"): _("Hãy ghi những ngày phát. Ví dụ: 25/11, 27/11/2026."),
        ("weekdays", "none"): _("Hãy chọn ít nhất một ngày trong tuần."),
        ("lunar", "unknown"): _("Hãy chọn ngày âm lịch."),
        ("last", "not-a-time"): _("Giờ kết thúc không đúng. Ví dụ: 17:00."),
        ("last", "before-start"): _("Giờ kết thúc phải sau giờ bắt đầu, trong cùng một ngày."),
        ("count", "with-until"): _("Chỉ chọn một trong hai: ngày kết thúc hoặc số ngày."),
        ("rest", "unknown"): _("Hãy chọn cách phát vào ngày lễ."),
        ("klass", "unknown"): _("Hãy chọn mức ưu tiên."),
        ("category", "unknown"): _("Hãy chọn loại tin."),
        ("voice", "unknown"): _("Hãy chọn giọng đọc."),
        ("repeats", "unknown"): _("Hãy chọn số lần đọc."),
        ("sound", "gone"): _("Tệp âm thanh không còn. Hãy tải lên lại."),
        ("sound", "not-a-time"): _("Giây bắt đầu hoặc kết thúc không đúng. Ví dụ: 12,5."),
        ("sound", "too-short"): _("Phần âm thanh được chọn quá ngắn, chưa tới nửa giây."),
        ("sound", "silent"): _("Phần âm thanh được chọn không có tiếng."),
        ("speed", "unknown"): _("Hãy chọn tốc độ đọc."),
        ("opening_tune", "gone"): _("Nhạc hiệu này không còn. Hãy chọn nhạc khác."),
        ("closing_tune", "gone"): _("Nhạc kết này không còn. Hãy chọn nhạc khác."),
        ("opening_tune", "too-long"): _("Nhạc hiệu dài quá 60 giây. Hãy chọn nhạc ngắn hơn."),
        ("closing_tune", "too-long"): _("Nhạc kết dài quá 60 giây. Hãy chọn nhạc ngắn hơn."),
        ("pause", "unknown"): _("Hãy chọn quãng nghỉ."),
        ("replaces", "gone"): _("Lịch phát này vừa được sửa hoặc hủy ở nơi khác. Hãy mở lại rồi sửa."),
    }
    if said := plain.get((of.field, of.code)):
        return said
    if of.code == "reading":
        return reading_refused(*of.values)
    if of.code == "unfilled":
        return _unfilled(of)
    of_file = of.code == "legacy-font" or (of.field in {"sound", "document"} and of.code != "quota")
    return _of_file(of) if of_file else _filled(of)


def legacy(code: str) -> str:
    """What to do about a text in an old font."""
    return file_words.refusal("legacy-font", (code,))


def _unfilled(of: Problem) -> str:
    return _("Còn chỗ trống chưa điền: %(pieces)s.", pieces=", ".join(of.values))


def _of_file(of: Problem) -> str:
    if of.code == "too-long" and len(of.values) == 1:
        return _(
            "Âm thanh nhân với số lần phát dài quá %(minutes)s phút. Hãy cắt ngắn hoặc bớt số lần.",
            minutes=of.values[0],
        )
    return file_words.refusal(of.code, of.values)


def _filled(of: Problem) -> str:  # noqa: PLR0911  one sentence a case
    values = of.values
    match of.field, of.code:
        case "text" | "title" | "category", "too-long":
            length, limit = (_number(value) for value in values)
            return _("Dài %(length)s ký tự; chỉ được tối đa %(limit)s.", length=length, limit=limit)
        case "text", "unspeakable":
            return _(
                "Giọng đọc không đọc được: %(pieces)s. Hãy bỏ đi hoặc viết lại bằng chữ Việt.", pieces=_list(values)
            )
        case "start_at", _:
            return broken_rule(of.code, values)
        case "places", "unknown":
            return _("Không có địa bàn “%(place)s”.", place=values[0])
        case "text" | "sound", "quota":
            return _("Hôm nay thôn còn %(left)s; bản tin này dài hơn. Hãy rút ngắn.", left=values[0])
        case "places", "not-yours":
            return _("Tài khoản này không được phát ở %(place)s.", place=values[0])
        case "places", "no-speaker":
            return _("%(place)s chưa có cụm loa nào.", place=values[0])
        case _:
            return _about_when(of)


def broken_rule(code: str, values: tuple[str, ...]) -> str:
    """Which rule of the commune a broadcast would break."""
    match code, values:
        case "quiet-hours", (start, until):
            return _(
                "Từ %(start)s đến %(until)s là khung giờ không phát, cả lúc bản tin kết thúc. Hãy chọn giờ khác.",
                start=start,
                until=until,
            )
        case "off", (start, until):
            return _(
                "Loa ở đó tắt từ %(start)s đến %(until)s. Hãy chọn giờ khác, hoặc bật lại.", start=start, until=until
            )
        case "weekday", _values:
            return _("Hôm đó không phải ngày được phát theo quy định. Hãy chọn ngày khác.")
        case "too-many-slots", (most,):
            return _("Ngày đó sẽ vượt quá %(most)s buổi phát theo quy định.", most=most)
        case "slot-too-long", (minutes,):
            return _("Buổi phát đó sẽ dài quá %(minutes)s phút theo quy định.", minutes=minutes)
        case _:
            return _("Chưa dùng được giá trị này (%(code)s).", code=code)


def note(of: Note) -> str:
    """What to look at before a schedule is sent, and why."""
    plain = {
        "empty": _("Bản tin chưa có lời nào."),
        "never-ending": _("Lịch này không có ngày kết thúc, sẽ phát mãi đến khi có người hủy."),
        "everywhere": _("Phát ở mọi cụm loa của đài."),
    }
    if of.code in plain:
        return plain[of.code]
    if of.refused:
        return broken_rule(of.code, of.values)
    value = of.values[0] if of.values else ""
    return {
        "night": _("%(time)s là ban đêm. Có phải định chọn buổi chiều không?", time=value),
        "overlong": _("Dài khoảng %(minutes)s phút; người nghe khó theo dõi quá 15 phút.", minutes=value),
        "often": _("Phát %(times)s lần trong một ngày.", times=value),
        "some-silent": _("Có %(places)s địa bàn sẽ im lặng vì giờ riêng của nơi đó.", places=value),
    }.get(of.code, of.code)


def fix(fields: Fields) -> str:
    """What one click would change."""
    given = dict(fields)
    if "kind" in given:
        days = ", ".join(str(WEEKDAYS[value]) for name, value in fields if name == "weekdays")
        return _("Chỉ phát %(days)s", days=days)
    if "until" in given:
        return _("Phát đến hết %(day)s", day="/".join(reversed(given["until"].split("-"))))
    if "date" in given:
        day = "/".join(reversed(given["date"].split("-")))
        return _("Đổi thành %(time)s ngày %(day)s", time=given["time"], day=day)
    return _("Đổi thành %(time)s", time=given["time"])


_OUTCOMES: Final[Words] = {
    Outcome.OTHER_WAITS: _l("Bản tin này ưu tiên hơn: bản kia sẽ phát ngay sau."),
    Outcome.WE_WAIT: _l("Bản kia ưu tiên hơn: bản tin này sẽ phát ngay sau."),
    Outcome.FIRST_PLAYS: _l("Bản nào bắt đầu trước thì được phát, bản kia sẽ không nghe được."),
}


def conflict(of: Conflict, when: str) -> str:
    """What else sounds at that time, and what comes of it when nobody decides."""
    met = _("Trùng với “%(title)s” lúc %(when)s.", title=of.other.title, when=when)
    return f"{met} {_OUTCOMES[of.outcome]}"


def verbs(of: Conflict, zone: ZoneInfo) -> list[tuple[str, Fields]]:
    """What can be done about a conflict: play after it, take a free time, replace it."""
    made: list[tuple[str, Fields]] = []
    for label, moment in ((_("Phát sau đó"), of.after), (_("Chọn khung trống"), of.free)):
        if moment is not None:
            local = moment.astimezone(zone)
            moved = local.date() != of.moment.astimezone(zone).date()
            date: Fields = (("date", f"{local:%Y-%m-%d}"),) if moved else ()
            made.append((f"{label} ({local:%H:%M})", (*date, ("time", f"{local:%H:%M}"))))
    if of.replaceable:
        place = f"{of.other.schedule}@{to_ms(of.other.occurrence)}"
        made.append((_("Thay thế bản đó"), (("displaces", place),)))
    return made


def _about_when(of: Problem) -> str:
    """What is wrong with the fields that say when."""
    values = of.values
    match of.field, of.code:
        case _, "out-of-range":
            least, most = values
            return _("Hãy ghi một số từ %(least)s đến %(most)s.", least=least, most=most)
        case _, "not-days":
            return _("“%(word)s” không phải là ngày. Ví dụ: 25/11/2026.", word=values[0])
        case "rule", "not-understood":
            return _("Không hiểu được lịch phát này (%(part)s).", part=values[0])
        case _:
            return _("Chưa dùng được giá trị này (%(code)s).", code=of.code)


def _number(text: str) -> str:
    return f"{int(text):,}".replace(",", "\u202f")


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(f"“{value}”" for value in values)
