"""Codes into sentences: what people read about problems, reasons and states. Every sentence goes through gettext."""

from collections.abc import Iterable
from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster.airing import BroadcastState, Heard
from broadcaster.approval import NOT_APPROVED, ApprovalState
from broadcaster.permissions import Person
from broadcaster.rows import DeliveryState, ItemKind, PlaceKind, Role
from broadcaster.village import QUOTA
from broadcaster.wire.documents import Class, SpeakerState
from broadcaster.wire.fields import Fault, SpeakerRole
from scheduler.rundown import EMPTY
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


def speakers(count: int) -> str:
    """A number of speakers."""
    return ngettext("%(num)d cụm loa", "%(num)d cụm loa", count)
