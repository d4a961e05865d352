"""Codes into sentences: what people read about problems, reasons and states. Every sentence goes through gettext."""

from collections.abc import Iterable
from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster.airing import BroadcastState, Heard
from broadcaster.approval import NOT_APPROVED, ApprovalState
from broadcaster.permissions import Person
from broadcaster.rows import DeliveryState, PlaceKind, Role
from broadcaster.village import QUOTA
from broadcaster.wire.documents import Class, SpeakerState
from scheduler.submissions import Problem
from tts.reading.model import DOUBTFUL, FOREIGN_WORD, UNKNOWN_CAPITALS, UNSPEAKABLE
from tts.voice import VOICES
from web.words import gettext as _
from web.words import ngettext

Words = dict[str, LazyString]

CLASSES: Final[Words] = {
    Class.ROUTINE: _l("Thông thường"),
    Class.PRIORITY: _l("Ưu tiên"),
    Class.EMERGENCY: _l("Khẩn cấp"),
}
BROADCASTS: Final[Words] = {
    BroadcastState.PREPARING: _l("Đang chuẩn bị"),
    BroadcastState.PLANNED: _l("Chờ phát"),
    BroadcastState.ON_AIR: _l("Đang phát"),
    BroadcastState.AIRED: _l("Đã phát"),
    BroadcastState.STOPPED: _l("Đã dừng"),
    BroadcastState.CANCELLED: _l("Đã hủy"),
    BroadcastState.MISSED: _l("Lỡ giờ"),
}
HEARD: Final[Words] = {
    Heard.HEARD: _l("Đã phát xong"),
    Heard.WAITING: _l("Đang chờ"),
    Heard.SILENT: _l("Không phát"),
    Heard.UNKNOWN: _l("Chưa rõ"),
}
DELIVERIES: Final[Words] = {
    DeliveryState.PLANNED: _l("Chờ loa tải"),
    DeliveryState.CACHED: _l("Loa đã tải xong"),
    DeliveryState.PLAYING: _l("Đang phát"),
    DeliveryState.FINISHED: _l("Phát xong"),
    DeliveryState.SKIPPED: _l("Bỏ qua"),
    DeliveryState.MISSED: _l("Lỡ giờ"),
    DeliveryState.FAILED: _l("Lỗi"),
    DeliveryState.STOPPED: _l("Đã dừng"),
    DeliveryState.PREEMPTED: _l("Nhường bản tin khẩn cấp"),
}
SPEAKERS: Final[Words] = {
    SpeakerState.INIT: _l("Đang khởi động"),
    SpeakerState.READY: _l("Sẵn sàng"),
    SpeakerState.SLEEPING: _l("Nghỉ"),
    SpeakerState.DISCONNECTED: _l("Đã tắt"),
    SpeakerState.LOST: _l("Mất kết nối"),
    "never": _l("Chưa từng kết nối"),
}
ROLES: Final[Words] = {
    Role.ADMINISTRATOR: _l("Quản trị"),
    Role.EDITOR: _l("Biên tập viên"),
    Role.APPROVER: _l("Người duyệt"),
    Role.DUTY_OFFICER: _l("Trực ban"),
    Role.VILLAGE_HEAD: _l("Trưởng thôn"),
    Role.TECHNICIAN: _l("Kỹ thuật viên"),
    Role.VIEWER: _l("Người xem"),
}
APPROVALS: Final[Words] = {
    ApprovalState.EXEMPT: _l("Không cần duyệt"),
    ApprovalState.SUBMITTED: _l("Chờ duyệt"),
    ApprovalState.APPROVED: _l("Đã duyệt"),
    ApprovalState.RETURNED: _l("Đã trả lại"),
}
_FACTS: Final[Words] = {
    "clip": _l("âm thanh"),
    "title": _l("tiêu đề"),
    "text": _l("văn bản"),
    "spoken": _l("lời đọc"),
    "voice": _l("giọng đọc"),
    "repeats": _l("số lần đọc"),
    "chime": _l("chuông báo"),
    "klass": _l("mức ưu tiên"),
    "category": _l("loại tin"),
    "targets": _l("nơi phát"),
    "start_at": _l("giờ phát"),
    "kind": _l("lịch phát"),
    "rrule": _l("lịch phát"),
}
_NO_ROLE: Final = _l("Chưa được giao quyền")
_VOICES: Final[Words] = {"north": _l("Giọng Bắc"), "central": _l("Giọng Trung"), "south": _l("Giọng Nam")}
_CATEGORIES: Final[Words] = {
    "thông báo chung": _l("Thông báo chung"),
    "nông nghiệp": _l("Nông nghiệp"),
    "hành chính công": _l("Hành chính công"),
    "họp dân": _l("Họp dân"),
    "điện nước": _l("Điện nước"),
    "an ninh": _l("An ninh"),
    "y tế": _l("Y tế"),
    "giáo dục": _l("Giáo dục"),
    "thiên tai": _l("Thiên tai"),
    "văn hóa – thể thao": _l("Văn hóa – thể thao"),
    "trả lời phản ánh": _l("Trả lời phản ánh"),
}
_WHY: Final[Words] = {
    "late": _l("đến muộn quá giờ cho phép"),
    "quiet-hours": _l("đang trong khung giờ không phát"),
    "not-cached": _l("loa chưa tải xong âm thanh"),
    "no-clock": _l("đồng hồ của loa chưa đúng"),
    "excluded": _l("địa bàn này đã được dừng riêng"),
    "withdrawn": _l("lượt phát đã bị hủy"),
    "command": _l("có lệnh dừng"),
    "busy": _l("loa đang phát bản tin khác"),
    "power": _l("loa mất điện"),
    "undecodable": _l("tệp âm thanh hỏng"),
    "store-full": _l("bộ nhớ của loa đã đầy"),
    "safe-mode": _l("loa đang ở chế độ an toàn, chỉ phát khẩn cấp"),
    "button": _l("có người bấm nút dừng tại loa"),
    "higher-class": _l("nhường bản tin khẩn cấp"),
    "locked-out": _l("nguồn phát đã bị khóa"),
    "no-signal": _l("mất tín hiệu phát trực tiếp"),
    "broker-down": _l("máy chủ tin mất kết nối"),
    "not-prepared": _l("chưa tạo xong giọng đọc"),
    "no-report": _l("loa không phản hồi"),
    "station-off": _l("máy của đài đã tắt"),
    QUOTA: _l("thôn đã dùng hết số phút trong ngày"),
    NOT_APPROVED: _l("không được duyệt kịp giờ"),
}
_FLAGS: Final[Words] = {
    UNKNOWN_CAPITALS: _l("chữ viết tắt chưa biết, sẽ đọc từng chữ cái"),
    FOREIGN_WORD: _l("từ nước ngoài, đọc gần đúng"),
    DOUBTFUL: _l("có thể đọc theo hai cách"),
    UNSPEAKABLE: _l("giọng đọc không đọc được"),
}
_KINDS: Final[Words] = {
    PlaceKind.PROVINCE: _l("Tỉnh"),
    PlaceKind.COMMUNE: _l("Cả xã, phường"),
    PlaceKind.VILLAGE: _l("Thôn, bản, tổ dân phố"),
    PlaceKind.GROUP: _l("Nhóm cụm loa"),
}


_REASONS: Final[Words] = {
    "oversized": _l("tin quá lớn"),
    "malformed": _l("tin sai dạng"),
    "duplicate-member": _l("tin có mục lặp lại"),
    "unknown-topic": _l("chủ đề không có"),
    "wrong-type": _l("sai loại tin"),
    "wrong-topic": _l("tin đến sai chủ đề"),
    "not-mine": _l("tin của nơi khác"),
    "expired": _l("tin đã hết hạn"),
    "future-dated": _l("tin ghi giờ chưa tới"),
    "unknown-key": _l("khóa ký lạ"),
    "revoked-key": _l("khóa ký đã bị thu hồi"),
    "out-of-scope": _l("khóa ký không được phép"),
    "bad-signature": _l("chữ ký sai"),
    "replayed": _l("tin cũ phát lại"),
    "rolled-back": _l("tin cũ hơn bản đang dùng"),
    "unknown-clip": _l("tệp âm thanh lạ"),
    "wrong-hash": _l("nội dung không khớp mã băm"),
    "stale-welcome": _l("lời chào đã cũ"),
    "locked-out": _l("khóa ký đang bị khóa phát"),
    "unknown-stream": _l("luồng phát trực tiếp lạ"),
    "too-many": _l("gửi quá nhiều"),
}


def refusal(reason: str) -> str:
    """Why a message was refused; a reason this version does not know is shown as it is."""
    return str(_REASONS.get(reason, reason))


def category(word: str) -> str:
    """What a bulletin is about, as people read it."""
    return str(_CATEGORIES.get(word, word))


def voice(key: str) -> str:
    """The name of a voice."""
    if key in _VOICES:
        return str(_VOICES[key])
    return VOICES[key].name if key in VOICES else key


def roles(person: Person) -> str:
    """What somebody is, in words."""
    return ", ".join(str(ROLES[role]) for role in person.roles) or str(_NO_ROLE)


def changed(facts: Iterable[str]) -> tuple[str, ...]:
    """What is not as it was when it was approved, each word once."""
    return tuple(dict.fromkeys(str(_FACTS.get(fact, _l("cách phát"))) for fact in facts))


def approval_problem(code: str) -> str:
    """Why a verdict was not taken."""
    problems = {
        "changed": _("Bản tin đã thay đổi sau khi mở trang. Hãy đọc, nghe lại rồi duyệt."),
        "no-sound": _("Chưa có âm thanh để nghe nên chưa duyệt được."),
        "over": _("Lịch phát này đã hủy."),
        "own": _("Không ai tự duyệt bản tin của mình. Cần người khác duyệt, hoặc kèm văn bản đã ký."),
        "no-comment": _("Hãy ghi ý kiến để người viết biết cần sửa gì."),
    }
    return problems[code]


def document_problem(code: str) -> str:
    """Why a document was not taken."""
    problems = {
        "too-large": _("Tệp lớn hơn 5 MB. Hãy chụp lại nhỏ hơn."),
        "wrong-kind": _("Chỉ nhận tệp PDF, JPEG hoặc PNG."),
        "no-number": _("Hãy ghi số văn bản."),
    }
    return problems[code]


def kind(of: PlaceKind) -> str:
    """What a kind of place is called when the place itself has no word."""
    return str(_KINDS[of])


def why(code: str | None) -> str:
    """The reason sentence "vì …"; empty without a reason. A code this version does not know is shown as it is."""
    if not code:
        return ""
    return _("vì %(reason)s", reason=str(_WHY.get(code, code)))


def flag(reason: str) -> str:
    """Why a piece of a text should be looked at."""
    return str(_FLAGS.get(reason, reason))


def reading_error(error: str) -> str:
    """What became of the last attempt to make the sound."""
    return _("Chưa tạo được giọng đọc; máy đang thử lại. (%(error)s)", error=error)


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
        ("until", "not-a-date"): _("Ngày kết thúc không đúng. Ví dụ: 25/11/2026."),
        ("until", "before-start"): _("Ngày kết thúc phải từ ngày phát đầu tiên trở đi."),
        ("places", "none"): _("Chưa chọn nơi phát. Hãy chọn ít nhất một địa bàn."),
        ("kind", "unknown"): _("Hãy chọn phát ngay, hẹn giờ hay hằng ngày."),
        ("klass", "unknown"): _("Hãy chọn mức ưu tiên."),
        ("category", "unknown"): _("Hãy chọn loại tin."),
        ("voice", "unknown"): _("Hãy chọn giọng đọc."),
        ("repeats", "unknown"): _("Hãy chọn số lần đọc."),
        ("replaces", "gone"): _("Lịch phát này vừa được sửa hoặc hủy ở nơi khác. Hãy mở lại rồi sửa."),
    }
    return plain.get((of.field, of.code)) or _filled(of)


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
        case "start_at", "quiet-hours":
            start, until = values
            return _("Từ %(start)s đến %(until)s là khung giờ không phát. Hãy chọn giờ khác.", start=start, until=until)
        case "places", "unknown":
            return _("Không có địa bàn “%(place)s”.", place=values[0])
        case "text", "quota":
            return _("Hôm nay thôn còn %(left)s; bản tin này dài hơn. Hãy rút ngắn.", left=values[0])
        case "places", "not-yours":
            return _("Tài khoản này không được phát ở %(place)s.", place=values[0])
        case "places", "no-speaker":
            return _("%(place)s chưa có cụm loa nào.", place=values[0])
        case _:
            return _("Chưa dùng được giá trị này (%(code)s).", code=of.code)


def _number(text: str) -> str:
    return f"{int(text):,}".replace(",", "\u202f")


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(f"“{value}”" for value in values)


def speakers(count: int) -> str:
    """A number of speakers."""
    return ngettext("%(num)d cụm loa", "%(num)d cụm loa", count)
