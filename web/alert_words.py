"""What people read about alerts: states, ends, faults of an order. Every sentence goes through gettext."""

from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster import alert_reports, alert_templates
from broadcaster.alert_orders import Fault
from broadcaster.alert_reports import Hearing, Line
from broadcaster.rows import Alert, AlertEnd, AlertSource
from web import sentences
from web.words import gettext as _

HEARINGS: Final[dict[str, LazyString]] = {
    Hearing.HEARD: _l("Đã phát hết"),
    Hearing.SOUNDING: _l("Đã cất tiếng"),
    Hearing.WAITING: _l("Đang chờ loa trả lời"),
    Hearing.SILENT: _l("Im lặng"),
    Hearing.OFFLINE: _l("Mất kết nối"),
    Hearing.SPARED: _l("Không cần phát"),
}
ENDS: Final[dict[str, LazyString]] = {
    AlertEnd.ENDED: _l("Đã kết thúc"),
    AlertEnd.CORRECTED: _l("Phát nhầm, đã đính chính"),
    AlertEnd.REPLACED: _l("Đã thay bằng bản mới"),
}
SOURCES: Final[dict[str, LazyString]] = {
    AlertSource.DUTY: _l("trực ban"),
    AlertSource.API: _l("phần mềm khác"),
    AlertSource.CAP: _l("bản tin CAP"),
    AlertSource.REHEARSAL: _l("thử hằng tuần"),
    AlertSource.PROVINCE: _l("tỉnh"),
    AlertSource.RECOVERED: _l("khôi phục sau khi mất điện"),
}
_WHY: Final[dict[str, LazyString]] = {
    "not-started": _l("đã nhận lệnh nhưng chưa báo phát"),
    alert_reports.TOLD: _l("nhưng ở đây đã báo trực tiếp cảnh báo đó, cần báo lại"),
    alert_reports.FORGOTTEN: _l("đã phát cảnh báo đó nhưng không còn nhớ"),
}
_FAULTS: Final[dict[tuple[str, str], LazyString]] = {
    ("template", "unknown"): _l("Không có mẫu này."),
    ("template", "not-alone"): _l("Mẫu này chỉ dùng khi kết thúc hoặc đính chính một cảnh báo."),
    ("places", "none"): _l("Chưa chọn nơi phát. Hãy chọn ít nhất một địa bàn."),
    ("level", "unknown"): _l("Cấp độ rủi ro từ 1 đến 5."),
    ("life", "expired"): _l("Bản tin đã hết hạn, không phát được nữa."),
    ("life", "out-of-range"): _l("Thời hạn từ 5 phút đến 48 giờ."),
    ("held", "missing"): _l("Hãy nhấn giữ nút 2 giây để phát."),
}


def level(of: int) -> str:
    """A risk level with the name of its colour."""
    return _("Cấp %(level)s (%(colour)s)", level=of, colour=_(alert_templates.colour(of).colour))


def fault(of: Fault) -> str:
    """What is wrong with a field of an order."""
    if words := _FAULTS.get((of.field, of.code)):
        return str(words)
    match of.code:
        case "missing":
            return _("Ô này phải điền.")
        case "too-long":
            return _("Nội dung quá dài.")
        case "unknown" if of.field == "places":
            return _("Không có địa bàn “%(place)s”.", place=of.value)
        case _:
            return _("Chưa dùng được giá trị này (%(code)s).", code=f"{of.field}: {of.code}")


def why(line: Line) -> str:
    """Why a speaker is silent, as far as is known; empty where nothing has to be explained."""
    return str(_WHY[line.why]) if line.why in _WHY else sentences.why(line.why)


def state(alert: Alert, *, in_force: bool, held: bool) -> str:
    """Where an alert stands."""
    if alert.end:
        return str(ENDS[alert.end])
    if held:
        return _("Chờ hết khung giờ không phát")
    return _("Đang có hiệu lực") if in_force else _("Đã hết hạn")


COLOURS: Final = (_l("xanh dương nhạt"), _l("vàng nhạt"), _l("da cam"), _l("đỏ"), _l("tím"))
"""The colours of the risk levels, to be translated."""
