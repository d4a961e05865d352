"""What people read about CAP messages: what became of them and why, notes, faults, troubles of feeds. Every sentence goes through gettext."""

from typing import Any, Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster.alert_orders import Fault
from broadcaster.rows import CapMessage, CapOutcome, CapSource
from web import alert_words
from web.words import gettext as _

OUTCOMES: Final[dict[str, LazyString]] = {
    CapOutcome.REFUSED: _l("Từ chối"),
    CapOutcome.IGNORED: _l("Không phát"),
    CapOutcome.PROPOSED: _l("Chờ quyết định"),
    CapOutcome.DUE: _l("Đang xử lý"),
    CapOutcome.DONE: _l("Đã thực hiện"),
    CapOutcome.DISMISSED: _l("Đã bỏ qua"),
    CapOutcome.SUPERSEDED: _l("Đã có bản mới hơn"),
}
STATUSES: Final[dict[str, LazyString]] = {
    "Actual": _l("thật"),
    "Exercise": _l("diễn tập"),
    "Test": _l("thử"),
    "System": _l("hệ thống"),
    "Draft": _l("nháp"),
}
KINDS: Final[dict[str, LazyString]] = {
    "Alert": _l("cảnh báo"),
    "Update": _l("cập nhật"),
    "Cancel": _l("hủy"),
    "Ack": _l("báo nhận"),
    "Error": _l("báo lỗi"),
}
_REASONS: Final[dict[str, LazyString]] = {
    "not-valid": _l("Không phải bản tin CAP 1.2 đúng chuẩn."),
    "other-content": _l("Trùng tên với một bản tin đã nhận nhưng nội dung khác."),
    "status-system": _l("Bản tin nội bộ giữa các hệ thống."),
    "status-draft": _l("Bản nháp."),
    "kind-ack": _l("Bản tin báo nhận, không có gì để phát."),
    "kind-error": _l("Bản tin báo lỗi, không có gì để phát."),
    "not-public": _l("Bản tin không dành cho công chúng."),
    "drill-silent": _l("Bản tin thử hoặc diễn tập; nguồn này được đặt không phát diễn tập."),
    "superseded": _l("Đã nhận bản thay thế trước đó."),
    "known-from-other-source": _l("Đã nhận từ nguồn khác."),
    "nothing-to-cancel": _l("Không có cảnh báo nào đang phát để hủy."),
    "no-info": _l("Bản tin không có nội dung."),
    "expired": _l("Đã hết hạn."),
    "past": _l("Việc đã qua."),
    "all-clear": _l("Báo an toàn trở lại, không có cảnh báo nào đang phát."),
    "outside": _l("Không có loa nào trong vùng của bản tin."),
    "by-setting": _l("Nguồn này được đặt chờ người quyết định."),
    "doubtful": _l("Có điểm chưa rõ, cần người quyết định."),
    "order-refused": _l("Không phát được như bản tin yêu cầu."),
}
_NOTES: Final[dict[str, LazyString]] = {
    "sent-in-future": _l("Giờ gửi ở tương lai: đồng hồ của nơi gửi hoặc của đài sai."),
    "older-than-named": _l("Bản tin cũ hơn bản tin mà nó thay."),
    "same-name": _l("Nguồn khác đã gửi bản tin cùng tên nhưng nội dung khác."),
    "ended-elsewhere": _l("Cảnh báo này đã phát từ nguồn khác và đã được kết thúc trước hạn"),
    "not-safe": _l("Lấy về không qua https: trên đường truyền có thể đã bị sửa."),
    "other-source": _l("Cảnh báo mà bản tin này nói tới do nguồn khác đưa vào."),
    "not-vietnamese": _l("Không có tiếng Việt: loa đọc lời có sẵn của mẫu"),
    "outside": _l("Ngoài địa bàn"),
    "area-without-geometry": _l("Vùng chỉ có tên, không có tọa độ"),
    "no-area": _l("Bản tin không nói vùng nào."),
    "area-too-large": _l("Vùng quá nhiều hình hoặc quá nhiều điểm, đã bỏ."),
    "bad-polygon": _l("Đường bao sai, đã bỏ"),
    "bad-circle": _l("Hình tròn sai, đã bỏ"),
    "polygon-not-closed": _l("Đường bao không khép kín; đài tự nối điểm cuối với điểm đầu."),
    "polygon-crosses-itself": _l("Đường bao tự cắt nhau; đài lấy phần nằm trong."),
    "place-without-position": _l("Chưa biết nơi này nằm đâu (chưa có tọa độ loa, chưa có ranh giới)"),
    "severity-unknown": _l("Nơi gửi không rõ mức nghiêm trọng."),
    "certainty-unlikely": _l("Nơi gửi cho là khó xảy ra."),
    "certainty-unknown": _l("Nơi gửi không rõ có xảy ra không."),
    "urgency-unknown": _l("Nơi gửi không rõ khi nào xảy ra."),
    "words-cut": _l("Lời quá dài, loa chỉ đọc phần đầu."),
    "nothing-to-say": _l("Không có lời nào để loa đọc."),
    "effective-later": _l("Chưa đến lúc có hiệu lực"),
    "audio-without-digest": _l("Tệp âm thanh không có mã kiểm tra, không dùng."),
    "order": _l("Chưa phát được"),
}
_FAULTS: Final[dict[str, LazyString]] = {
    "too-large": _l("Quá lớn"),
    "not-utf8": _l("Không phải chữ UTF-8"),
    "has-dtd": _l("Có DOCTYPE hoặc ENTITY, không nhận"),
    "not-xml": _l("XML hỏng"),
    "too-deep": _l("Lồng quá sâu"),
    "not-cap": _l("Không phải bản tin CAP"),
    "wrong-namespace": _l("Sai không gian tên, cần CAP 1.2"),
    "schema": _l("Sai chuẩn CAP 1.2"),
    "bad-name": _l("Tên không hợp lệ"),
    "bad-date": _l("Thời điểm không hợp lệ"),
    "bad-reference": _l("Tham chiếu không hợp lệ"),
}
_PROBLEMS: Final[dict[str, LazyString]] = {
    "too-slow": _l("trả lời quá chậm"),
    "too-large": _l("trả lời quá lớn"),
    "unreachable": _l("không kết nối được"),
    "tls": _l("chứng chỉ không tin được"),
    "other-host": _l("chỉ sang máy chủ chưa được cho phép"),
    "bad-address": _l("địa chỉ không hợp lệ"),
    "too-many-redirects": _l("chuyển hướng quá nhiều lần"),
    "encoded": _l("trả lời bị nén"),
    "broken-off": _l("kết nối bị ngắt"),
    "not-feed": _l("không phải nguồn tin Atom, RSS hay CAP"),
    "more-to-come": _l("còn bản tin chưa lấy, lấy tiếp ở lượt sau"),
    "broken": _l("lỗi của đài"),
}


def reason(row: CapMessage) -> str:
    """Why a message came to what it came to; empty where nothing has to be explained."""
    return str(_REASONS.get(row.reason, row.reason))


def note(of: dict[str, Any]) -> str:
    """One remark about a message."""
    said = str(_NOTES.get(of["code"], of["code"]))
    faults = " ".join(alert_words.fault(Fault(**one)) for one in of.get("faults", ()))
    return ": ".join(part for part in (said, of.get("what", ""), faults) if part)


def fault(of: dict[str, Any]) -> str:
    """What is wrong with a document, and where."""
    said = str(_FAULTS.get(of["code"], of["code"]))
    if of.get("line"):
        said = _("Dòng %(line)s: %(said)s", line=of["line"], said=said)
    if of.get("element"):
        said = f"{said} <{of['element']}>"
    return f"{said} ({of['text']})" if of.get("text") else said


def problem(source: CapSource) -> str:
    """What is the matter with a feed; empty when nothing is."""
    code, rest = source.problem.partition(" ")[::2]
    if not code:
        return ""
    if code == "entry":
        return _("một bản tin trong nguồn: %(why)s", why=_trouble(rest.partition(" ")[0]))
    return _trouble(code)


def _trouble(code: str) -> str:
    if code.startswith("status-"):
        return _("máy chủ trả lời lỗi %(status)s", status=code.removeprefix("status-"))
    return str(_PROBLEMS.get(code, code))
