"""Codes into sentences: what people read about problems, reasons and states. Every sentence goes through gettext."""

from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster.airing import BroadcastState, Heard
from broadcaster.approval import NOT_APPROVED, ApprovalState
from broadcaster.clock import to_ms
from broadcaster.permissions import Person
from broadcaster.rows import DeliveryState, ItemKind, PlaceKind, Role
from broadcaster.village import QUOTA
from broadcaster.wire.documents import Class, SpeakerState
from broadcaster.wire.fields import Fault, SpeakerRole
from scheduler.conflicts import Conflict, Outcome
from scheduler.lint import Fields, Note
from scheduler.rundown import EMPTY
from scheduler.submissions import Problem
from tts.reading.model import DOUBTFUL, FOREIGN_WORD, UNKNOWN_CAPITALS, UNSPEAKABLE
from tts.voice import VOICES
from web import file_words
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
    BroadcastState.UNSENT: _l("Chưa gửi được xuống loa"),
    BroadcastState.ON_AIR: _l("Đang phát"),
    BroadcastState.AIRED: _l("Đã phát"),
    BroadcastState.STOPPED: _l("Đã dừng"),
    BroadcastState.CANCELLED: _l("Đã hủy"),
    BroadcastState.MISSED: _l("Lỡ giờ"),
}
HEARD: Final[Words] = {
    Heard.HEARD: _l("Đã phát xong"),
    Heard.SENT: _l("Đã gửi tới bộ chuyển tiếp"),
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
DEVICES: Final[Words] = {
    SpeakerRole.SPEAKER: _l("Cụm loa"),
    SpeakerRole.GATEWAY: _l("Bộ chuyển tiếp FM, loa có dây"),
}
FAULTS: Final[Words] = {
    Fault.PLAYED_SILENT: _l("có phát mà không ra tiếng (hỏng âm ly hoặc loa nén)"),
    Fault.SOUND_WHILE_IDLE: _l("có tiếng khi không phát gì"),
    Fault.STORE_FULL: _l("bộ nhớ của loa đã đầy"),
    Fault.SELF_TEST: _l("tự kiểm tra không đạt"),
    Fault.RECEIPTS_DROPPED: _l("đã mất một số phản hồi vì mất kết nối quá lâu"),
    Fault.SAFE_MODE: _l("đang ở chế độ an toàn vì khởi động lại liên tục, chỉ phát khẩn cấp"),
}
ITEM_KINDS: Final[Words] = {
    ItemKind.TEMPLATE: _l("Mẫu bản tin"),
    ItemKind.RECORDING: _l("Bản ghi âm"),
    ItemKind.TUNE: _l("Nhạc hiệu"),
    ItemKind.STING: _l("Nhạc cắt"),
    ItemKind.BULLETIN: _l("Bản tin cũ"),
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
    "speed": _l("tốc độ đọc"),
    "pause": _l("quãng nghỉ"),
    "opening_tune": _l("nhạc hiệu"),
    "closing_tune": _l("nhạc kết"),
    "readings": _l("cách đọc"),
    "sound_sha256": _l("tệp âm thanh"),
    "sound_start_ms": _l("đoạn âm thanh"),
    "sound_end_ms": _l("đoạn âm thanh"),
    "klass": _l("mức ưu tiên"),
    "category": _l("loại tin"),
    "targets": _l("nơi phát"),
    "start_at": _l("giờ phát"),
    "kind": _l("lịch phát"),
    "rrule": _l("lịch phát"),
    "rundown": _l("các mục của chương trình"),
}
_NO_ROLE: Final = _l("Chưa được giao quyền")
KINDS_OF_SCHEDULE: Final[Words] = {
    "now": _l("Phát ngay"),
    "programme": _l("Trong chương trình"),
    "once": _l("Một lần"),
    "dates": _l("Chọn nhiều ngày"),
    "daily": _l("Hằng ngày"),
    "weekly": _l("Các ngày trong tuần"),
    "monthly": _l("Hằng tháng"),
    "days": _l("Cách mấy ngày"),
    "minutes": _l("Cách mấy phút"),
    "lunar": _l("Âm lịch"),
}
WEEKDAYS: Final[Words] = {
    "MO": _l("thứ Hai"),
    "TU": _l("thứ Ba"),
    "WE": _l("thứ Tư"),
    "TH": _l("thứ Năm"),
    "FR": _l("thứ Sáu"),
    "SA": _l("thứ Bảy"),
    "SU": _l("Chủ nhật"),
}
MONTHLY: Final[Words] = {
    "day": _l("Cùng ngày của tháng"),
    "weekday": _l("Cùng thứ của tuần ấy trong tháng"),
    "last": _l("Ngày cuối tháng"),
}
LUNAR: Final[Words] = {
    "1": _l("Mùng một hằng tháng"),
    "15": _l("Rằm hằng tháng"),
    "1,15": _l("Mùng một và rằm hằng tháng"),
    "30": _l("Ngày cuối tháng âm lịch"),
    "year": _l("Một ngày âm lịch mỗi năm"),
}
REST_DAYS: Final[Words] = {
    "": _l("Phát như ngày thường"),
    "SKIP": _l("Không phát ngày lễ, Tết"),
    "ONLY": _l("Chỉ phát ngày lễ, Tết"),
    "SKIP-TET": _l("Không phát dịp Tết Nguyên đán"),
    "ONLY-TET": _l("Chỉ phát dịp Tết Nguyên đán"),
}
CUT_OFF: Final = _l(
    "Đài mất kết nối với các cụm loa: lệnh sẽ tới khi có lại kết nối. Hãy gọi điện hoặc đến báo trực tiếp ngay."
)
"""What the duty officer reads while the broker does not answer."""
CLOCK_DOUBTS: Final[Words] = {
    "before-last-row": _l("Giờ của máy sớm hơn lần ghi sổ gần nhất, có thể bị sai."),
    "far-from-speakers": _l("Giờ của máy lệch xa đồng hồ các cụm loa, có thể bị sai."),
}
_VOICES: Final[Words] = {
    "north": _l("Giọng Bắc"),
    "north-female": _l("Giọng Bắc, nữ"),
    "central": _l("Giọng Trung"),
    "central-female": _l("Giọng Trung, nữ"),
    "south": _l("Giọng Nam"),
    "south-female": _l("Giọng Nam, nữ"),
    "north-piper": _l("Giọng Bắc, nữ, tự nhiên"),
    "online": _l("Giọng Bắc, nữ, qua internet"),
    "recorded": _l("Câu đã ghi âm của đài"),
}
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
    "off": _l("loa ở đó đang tắt"),
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
    "not-begun": _l("loa này chưa phát cảnh báo đó"),
    "broker-down": _l("máy chủ truyền tin mất kết nối"),
    "not-prepared": _l("chưa tạo xong giọng đọc"),
    "no-report": _l("loa không phản hồi"),
    "station-off": _l("máy của đài đã tắt"),
    QUOTA: _l("thôn đã dùng hết số phút trong ngày"),
    NOT_APPROVED: _l("không được duyệt kịp giờ"),
    EMPTY: _l("chương trình không có bản tin hay tiếp âm nào"),
    "weekday": _l("hôm đó không phải ngày được phát"),
    "slot-too-long": _l("buổi phát dài quá quy định"),
    "too-many-slots": _l("quá số buổi phát trong ngày"),
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


def weekday(code: str) -> str:
    """The name of a weekday as a label begins with it; inside a sentence it stays as in ``WEEKDAYS``."""
    word = str(WEEKDAYS[code])
    return word[:1].upper() + word[1:]


def why(code: str | None) -> str:
    """The reason sentence "vì …"; empty without a reason. A code this version does not know is shown as it is."""
    if not code:
        return ""
    return _("vì %(reason)s", reason=str(_WHY.get(code, code)))


def silence(code: str) -> str:
    """Why something that is planned is not heard in one place."""
    return str(_WHY[code])


def flag(reason: str) -> str:
    """Why a piece of a text should be looked at."""
    return str(_FLAGS.get(reason, reason))


def spoken_by(key: str, reason: str) -> str:
    """Which voice speaks in the place of the one that was chosen."""
    told = reason.replace("not installed", _("chưa cài"))
    return _("Đọc bằng %(voice)s, vì giọng đã chọn chưa dùng được (%(reason)s).", voice=voice(key), reason=told)


def reading_refused(written: str, spoken: str) -> str:
    """Why a corrected reading can't be kept."""
    return _(
        "Không dùng được lời đọc “%(spoken)s” cho “%(written)s”: chỉ viết bằng chữ, cách nhau bằng dấu cách hoặc phẩy.",
        spoken=spoken,
        written=written,
    )


SPEEDS: Final[Words] = {"slow": _l("Chậm"), "normal": _l("Vừa"), "fast": _l("Nhanh")}
PAUSES: Final[Words] = {
    "short": _l("Ngắn"),
    "normal": _l("Vừa"),
    "long": _l("Dài (nhiều loa, nhiều tiếng vọng)"),
}


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


def speakers(count: int) -> str:
    """A number of speakers."""
    return ngettext("%(num)d cụm loa", "%(num)d cụm loa", count)
