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
    **dict.fromkeys(
        ("wav", "mp3", "flac", "ogg", "mp4", "aac", "amr", "webm", "caf", "aiff"), _l("tệp âm thanh hoặc phim")
    ),
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
        "old-doc": _(
            "Đây là tệp Word kiểu cũ (.doc) hoặc tệp có mật khẩu. Hãy mở bằng Word, chọn Lưu thành (Save As) kiểu .docx rồi tải lên lại."
        ),
        "rtf": _("Đây là tệp RTF. Hãy mở bằng Word, chọn Lưu thành (Save As) kiểu .docx rồi tải lên lại."),
        "scanned": _(
            "Đây là ảnh chụp hoặc bản quét, không có chữ để lấy. Hãy xin tệp gốc (.docx), hoặc gõ lại nội dung cần phát."
        ),
        "locked": _("Tệp PDF có mật khẩu. Hãy lưu lại không có mật khẩu rồi tải lên lại."),
        "not-docx": _("Đây không phải tệp Word. Hãy chọn tệp .docx, .pdf hoặc .txt."),
        "entities": _(
            "Tệp này có phần khai báo không an toàn nên máy không mở. Hãy lưu lại bằng Word rồi tải lên lại."
        ),
        "unknown-code": _(
            "Máy không nhận ra bảng mã của tệp này. Hãy lưu lại theo mã UTF-8 (Unicode) rồi tải lên lại."
        ),
        "no-words": _("Tệp này không có chữ nào để đọc."),
        "full": _("Máy của đài không còn chỗ để lưu tệp. Hãy báo kỹ thuật viên."),
    }
    return plain.get(code) or _filled(code, values)


def _filled(code: str, values: tuple[str, ...]) -> str:
    match code, values:
        case "too-large", (megabytes,):
            said = _("Tệp quá lớn; tối đa %(megabytes)s MB. Hãy đổi sang MP3 hoặc cắt ngắn.", megabytes=megabytes)
        case "legacy-font", ("UTF-8",):
            said = _("Chữ bị sai bảng mã khi chép. Hãy mở tệp gốc, chép lại nội dung rồi dán vào đây.")
        case "legacy-font", (name,):
            said = _(
                "Văn bản dùng phông chữ cũ %(name)s nên máy không đọc được. "
                "Hãy bôi đen, chép (Ctrl+C), bấm Ctrl+Shift+F6 trong UniKey để chuyển mã sang Unicode, rồi dán lại.",
                name=name,
            )
        case "not-text", (kind,):
            really = str(_IS.get(kind, _IS["unknown"]))
            said = _("Đây không phải văn bản mà là %(really)s. Hãy chọn tệp .docx, .pdf hoặc .txt.", really=really)
        case "too-long-text", (length, most):
            said = _("Văn bản dài %(length)s ký tự; chỉ lấy được tối đa %(most)s.", length=length, most=most)
        case "not-sound", (kind,):
            really = str(_IS.get(kind, _IS["unknown"]))
            said = _(
                "Đây không phải tệp âm thanh mà là %(really)s, dù tên tệp ghi thế nào. Hãy chọn tệp MP3, M4A, WAV, FLAC hoặc Ogg.",
                really=really,
            )
        case "too-long", (seconds, minutes):
            said = _over_limit(int(seconds), minutes)
        case "cut-off", (promised, has):
            said = _(
                "Tệp bị cụt: ghi là dài %(promised)s nhưng chỉ có %(has)s. Hãy chép lại tệp rồi gửi lại.",
                promised=_length(int(promised)),
                has=_length(int(has)),
            )
        case _:
            said = _("Chưa dùng được giá trị này (%(code)s).", code=code)
    return said


def _over_limit(seconds: int, minutes: str) -> str:
    if not seconds:
        return _("Âm thanh dài hơn %(minutes)s phút. Hãy cắt ngắn rồi gửi lại.", minutes=minutes)
    return _(
        "Âm thanh dài %(length)s; tối đa %(minutes)s phút. Hãy cắt ngắn rồi gửi lại.",
        length=_length(seconds),
        minutes=minutes,
    )


def _length(seconds: int) -> str:
    if seconds >= _HOUR_S:
        return _("%(hours)s giờ %(minutes)s phút", hours=seconds // _HOUR_S, minutes=seconds % _HOUR_S // 60)
    minutes, rest = divmod(seconds, 60)
    return _("%(minutes)s phút %(seconds)s giây", minutes=minutes, seconds=rest)
