"""Why a speaker or a list of speakers could not be taken, in words. Knows no HTTP: ``say`` translates."""

from web.say import Say


def refusal(say: Say, code: str, subject: str) -> str:
    """A sentence for one refused speaker."""
    sentences = {
        "bad-id": say("Mã loa “%(it)s” không đúng: chỉ gồm chữ thường không dấu, số và dấu gạch nối.", it=subject),
        "taken": say("Mã loa %(it)s đã có.", it=subject),
        "retired": say("Cụm loa %(it)s đã thôi dùng; hãy chọn mã khác.", it=subject),
        "unknown": say("Không có cụm loa %(it)s.", it=subject),
        "bad-place": say("Không có địa bàn “%(it)s” để đặt loa.", it=subject),
        "bad-name": say("Tên “%(it)s” trống, quá dài hoặc có ký tự không hiện được.", it=subject),
        "not-pending": say("Cụm loa %(it)s đã được xác nhận từ trước.", it=subject),
        "not-proved": say("Cụm loa %(it)s chưa kết nối và chưa trình mã nhận loa.", it=subject),
        "other-key": say("Vừa có khóa khác trình mã của %(it)s. Hãy xem lại rồi xác nhận.", it=subject),
        "twice": say("Mã loa %(it)s có hai dòng.", it=subject),
    }
    return sentences.get(code) or say("Giá trị không dùng được: %(it)s", it=subject)


def list_refusal(say: Say, code: str, detail: str) -> str:
    """A sentence for a file that is no list at all."""
    sentences = {
        "no-id-column": say("Dòng đầu của tệp phải có cột “mã loa”."),
        "too-long": say("Tệp quá lớn (%(it)s).", it=detail),
        "no-xlsx": say("Máy này chưa cài phần đọc XLSX (%(it)s); hãy dùng CSV.", it=detail),
    }
    unreadable = say("Không đọc được tệp này (%(it)s). Hãy dùng tệp CSV (UTF-8) hoặc XLSX.", it=detail)
    return sentences.get(code, unreadable)
