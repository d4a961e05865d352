"""The words of live voice: why a talk can't begin, how it ended, and what speakers say of it."""

from collections.abc import Sequence

from broadcaster.airing import Heard
from broadcaster.rows import DeliveryState, TalkEnd
from broadcaster.talks import Report
from broadcaster.wire.documents import Class
from scheduler.submissions import Problem
from web import form_words, sentences
from web.words import gettext as _


def refusal(code: str, values: Sequence[str] = ()) -> str:
    """Why nobody can speak now."""
    if code == "occupied":
        return _("%(name)s đang nói ở một trong những nơi này. Hãy chờ người đó nói xong.", name=values[0])
    if code == "quiet-hours":
        return _(
            "Từ %(start)s đến %(until)s là khung giờ không phát; chỉ nói khẩn cấp được.",
            start=values[0],
            until=values[1],
        )
    plain = {
        "broker": _("Đài đang mất kết nối với các cụm loa nên chưa nói được."),
        "no-places": _("Chưa chọn nơi phát. Hãy chọn ít nhất một địa bàn."),
        "no-speakers": _("Nơi này chưa có cụm loa nào."),
        "approval": _("Đài này phải duyệt trước khi phát, nên tài khoản này không nói trực tiếp được."),
        "one-village": _("Trưởng thôn chỉ nói ở một thôn của mình."),
        "quota": _("Hôm nay thôn đã dùng hết số phút được phát."),
    }
    return plain.get(code) or form_words.problem(Problem("start_at", code, tuple(values)))


def ended(end: TalkEnd) -> str:
    """How a talk ended."""
    return {
        TalkEnd.RELEASED: _("Đã nói xong"),
        TalkEnd.DROPPED: _("Mất kết nối với máy của người nói"),
        TalkEnd.LIMIT: _("Đã hết thời gian cho một lượt nói"),
        TalkEnd.SILENT: _("Đã dừng vì không có tiếng nói"),
        TalkEnd.STOPPED: _("Đã có người dừng"),
        TalkEnd.DISPLACED: _("Đã nhường cho lời nói khẩn cấp"),
        TalkEnd.REVOKED: _("Quyền nói trực tiếp đã bị thu hồi"),
        TalkEnd.STATION: _("Đài dừng hoặc mất điện giữa chừng"),
    }[end]


def means(klass: Class) -> str:
    """What a class does to what sounds already."""
    return {
        Class.ROUTINE: _("chen vào bản tin thông thường"),
        Class.PRIORITY: _("chen vào cả bản tin ưu tiên"),
        Class.EMERGENCY: _("át mọi thứ, cả còi báo động, và phát cả trong khung giờ không phát"),
    }[klass]


def told(report: Report) -> str:
    """What one speaker said of a talk."""
    if report.heard is Heard.SENT:
        return _("đã gửi tới bộ chuyển tiếp; đài không nghe được loa phía sau nó")
    if report.heard is Heard.UNKNOWN:
        return sentences.why("no-report")
    if report.delivery.state is DeliveryState.PLANNED:
        return _("đang chờ loa trả lời")
    return str(sentences.DELIVERIES[report.delivery.state]).lower()
