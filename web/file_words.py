"""Why a file that somebody brought is not taken, and what to do about it."""

from typing import Final

from flask_babel import lazy_gettext as _l

from web.words import gettext as _

_IS: Final = {
    "zip": _l("tệp nén ZIP hoặc văn bản Office"),
    "archive": _l("tệp nén"),
    "image": _l("hình ảnh"),
    "video": _l("phim AVI"),
    "pdf": _l("văn bản PDF"),
    "ole": _l("văn bản Word, Excel kiểu cũ"),
    "rtf": _l("văn bản RTF"),
    "program": _l("chương trình máy tính"),
    "unknown": _l("loại tệp máy không nhận ra"),
}
_HOUR_S: Final = 3600


def refusal(code: str, values: tuple[str, ...]) -> str:
    """The sentence for a code of `tts.limited.RefusedFileError`."""
    plain = {
        "empty": _("Chưa có tệp nào, hoặc tệp rỗng. Hãy chọn tệp khác."),
        "no-sound-track": _("Tệp này không có âm thanh. Hãy chọn tệp khác."),
        "too-short": _("Âm thanh quá ngắn, chưa tới nửa giây. Hãy chọn tệp khác."),
        "silent": _("Tệp này không có tiếng, chỉ toàn im lặng. Hãy kiểm tra micrô rồi thu lại."),
        "broken": _("Tệp bị hỏng nên không mở được. Hãy thu hoặc xuất lại tệp rồi gửi lại."),
        "too-slow": _("Mở tệp này mất quá nhiều thời gian nên máy đã dừng lại. Hãy đổi sang MP3 rồi gửi lại."),
        "too-heavy": _("Tệp này cần quá nhiều bộ nhớ để mở nên máy đã dừng lại. Hãy đổi sang tệp khác."),
        "busy": _("Máy đang mở nhiều tệp khác. Thử lại sau một phút."),
        "full": _("Máy của đài không còn chỗ để lưu tệp. Hãy báo kỹ thuật viên."),
    }
    return plain.get(code) or _filled(code, values)


def _filled(code: str, values: tuple[str, ...]) -> str:
    match code, values:
        case "too-large", (megabytes,):
            return _("Tệp quá lớn; tối đa %(megabytes)s MB. Hãy đổi sang MP3 hoặc cắt ngắn.", megabytes=megabytes)
        case "not-sound", (kind,):
            really = str(_IS.get(kind, _IS["unknown"]))
            return _(
                "Đây không phải tệp âm thanh mà là %(really)s, dù tên tệp ghi thế nào. Hãy chọn tệp MP3, M4A, WAV, FLAC hoặc Ogg.",
                really=really,
            )
        case "too-long", (seconds, minutes):
            if seconds == "0":
                return _("Âm thanh dài hơn %(minutes)s phút. Hãy cắt ngắn rồi gửi lại.", minutes=minutes)
            return _(
                "Âm thanh dài %(length)s; tối đa %(minutes)s phút. Hãy cắt ngắn rồi gửi lại.",
                length=_length(int(seconds)),
                minutes=minutes,
            )
        case "cut-off", (promised, has):
            return _(
                "Tệp bị cụt: ghi là dài %(promised)s nhưng chỉ có %(has)s. Hãy chép lại tệp rồi gửi lại.",
                promised=_length(int(promised)),
                has=_length(int(has)),
            )
        case _:
            return _("Chưa dùng được giá trị này (%(code)s).", code=code)


def _length(seconds: int) -> str:
    if seconds >= _HOUR_S:
        return _("%(hours)s giờ %(minutes)s phút", hours=seconds // _HOUR_S, minutes=seconds % _HOUR_S // 60)
    minutes, rest = divmod(seconds, 60)
    return _("%(minutes)s phút %(seconds)s giây", minutes=minutes, seconds=rest)
