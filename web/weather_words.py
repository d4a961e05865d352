"""What people read about a pasted bulletin: what was recognised, and what is doubtful."""

from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster.weather.reading import Doubt
from web.context import services

MARKS: Final[dict[str, LazyString]] = {
    "hazard": _l("loại thiên tai"),
    "level": _l("cấp độ"),
    "place": _l("địa bàn"),
    "time": _l("thời gian"),
}
_DOUBTS: Final[dict[str, LazyString]] = {
    "no-diacritics": _l("Bản tin không có dấu: hãy kiểm tra tên địa bàn và gõ lại lời đọc có dấu, kẻo loa đọc sai."),
    "no-hazard": _l("Không nhận ra loại thiên tai. Hãy chọn mẫu."),
    "hazard-from-body": _l("Tiêu đề không nêu loại thiên tai; mẫu được đoán theo nội dung."),
    "no-level": _l("Bản tin không ghi cấp độ rủi ro; đang để cấp độ thường dùng của mẫu."),
    "no-alarm-level": _l("Bản tin lũ không ghi mức báo động; đang để báo động hai."),
    "no-issued": _l("Không thấy giờ phát tin. Hãy chắc rằng đây là bản tin mới nhất."),
    "issued-guessed": _l("Bản tin không ghi giờ phát tin; lấy theo giờ quan trắc."),
    "issued-ahead": _l("Giờ phát tin ở sau giờ hiện tại. Hãy xem lại ngày."),
    "old": _l("Bản tin đã phát hơn 12 giờ. Hãy tìm bản mới hơn."),
    "over": _l("Theo bản tin thì thời hạn đã qua, hoặc đã có bản tin tiếp theo. Hãy tìm bản mới hơn."),
    "no-place": _l("Bản tin không nêu địa bàn nào của đài; đang chọn toàn bộ."),
    "no-brief": _l("Không rút gọn được. Hãy tự viết lời đọc."),
}


_DOUBTS_ABOUT: Final[dict[str, LazyString]] = {
    "several-hazards": _l("Tiêu đề còn nêu: %(about)s."),
    "several-storms": _l("Bản tin nói về nhiều cơn bão: %(about)s."),
    "several-levels": _l("Bản tin ghi nhiều cấp độ rủi ro (%(about)s); đang lấy cấp cao nhất."),
    "several-alarm-levels": _l("Bản tin ghi nhiều mức báo động (%(about)s); đang lấy mức cao nhất."),
    "unsure-place": _l("Có phải %(about)s không? Chưa chọn."),
    "unknown-place": _l("Đài không có địa bàn “%(about)s”."),
    "wide-and-narrow": _l("Bản tin nêu cả địa bàn lớn lẫn riêng %(about)s; đang chọn tất cả."),
    "no-place": _l("Bản tin không nêu địa bàn nào của đài, chỉ nêu %(about)s; đang chọn toàn bộ."),
}


def doubt(of: Doubt) -> str:
    """What the officer should look at."""
    about = of.about
    if of.code == "several-hazards":
        about = ", ".join(services().alert_table.template(code).name for code in about.split(","))
    if about and of.code in _DOUBTS_ABOUT:
        return str(_DOUBTS_ABOUT[of.code]) % {"about": about}
    return str(_DOUBTS[of.code])
