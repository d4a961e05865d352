"""What people read about a pasted bulletin: what was recognised, and what is doubtful."""

from typing import Final

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from broadcaster import alert_templates
from broadcaster.weather.reading import Doubt
from web.words import gettext as _

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
    "no-brief": _l("Không rút gọn được. Hãy tự viết lời đọc."),
}


def doubt(of: Doubt) -> str:
    """What the officer should look at."""
    match of.code:
        case "several-hazards":
            names = ", ".join(alert_templates.template(code).name for code in of.about.split(","))
            return _("Tiêu đề còn nêu: %(names)s.", names=names)
        case "several-storms":
            return _("Bản tin nói về nhiều cơn bão: %(numbers)s.", numbers=of.about)
        case "several-levels":
            return _("Bản tin ghi nhiều cấp độ rủi ro (%(levels)s); đang lấy cấp cao nhất.", levels=of.about)
        case "several-alarm-levels":
            return _("Bản tin ghi nhiều mức báo động (%(levels)s); đang lấy mức cao nhất.", levels=of.about)
        case "unsure-place":
            return _("Có phải %(place)s không? Chưa chọn.", place=of.about)
        case "unknown-place":
            return _("Đài không có địa bàn “%(place)s”.", place=of.about)
        case "wide-and-narrow":
            return _("Bản tin nêu cả xã lẫn riêng %(places)s; đang chọn tất cả.", places=of.about)
        case "no-place":
            if of.about:
                return _("Bản tin không nêu địa bàn nào của đài, chỉ nêu %(names)s; đang chọn toàn bộ.", names=of.about)
            return _("Bản tin không nêu địa bàn nào của đài; đang chọn toàn bộ.")
        case _:
            return str(_DOUBTS[of.code])
