"""The one edge where errors of the pages are caught: told to the officer in words, logged and counted once."""

import logging
from collections import Counter
from typing import Final, cast

from flask import Flask, current_app, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, InternalServerError

from web.access import current_account, kept_fields
from web.words import gettext as _

_log = logging.getLogger(__name__)
_KEY: Final = "loa.faults"


def catch(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(CSRFError, _expired)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(InternalServerError, _broken)


def count(app: Flask) -> None:
    """Give an application its counter of errors."""
    app.extensions[_KEY] = Counter[str]()


def counted() -> Counter[str]:
    """Errors of pages since the start, by endpoint."""
    return cast("Counter[str]", current_app.extensions[_KEY])


def is_broken() -> bool:
    """Whether this request has failed already: its page asks the station nothing more."""
    return bool(g.get("broken"))


def _wants_json() -> bool:
    return request.is_json or request.headers.get("X-Requested-With") == "fetch"


def _of_program() -> bool:
    return request.path.startswith("/api/")


def _expired(error: HTTPException) -> ResponseReturnValue:
    """The page was open for too long: show everything again with one button to send it."""
    _log.info("form refused endpoint=%s reason=%s", request.endpoint, error.description)
    if _wants_json():
        return jsonify(problem="expired"), 400
    if request.endpoint == "signin.check" or current_account() is None:
        kept = {} if request.endpoint == "signin.check" else kept_fields()
        problem = _("Trang đã để lâu. Mời đăng nhập lại.")
        page = render_template("sign_in.html", problem=problem, username="", kept=kept, kept_path=request.path)
        return page, 400
    return render_template(
        "resend.html", kept=kept_fields(), kept_path=request.full_path.rstrip("?"), expired=True
    ), 400


def _refused(error: HTTPException) -> ResponseReturnValue:
    """Anything HTTP has a number for."""
    code = error.code or 500
    if error.response is not None or code < 400:  # noqa: PLR2004  redirects travel as exceptions too
        return cast("ResponseReturnValue", error.get_response())
    if _of_program():
        return jsonify(error=error.name.lower().replace(" ", "-"), detail=error.description or ""), code
    if _wants_json():
        return jsonify(problem=error.name), code
    return render_template("error.html", title=_title(code), advice=_advice(code), code=code), code


def _broken(_error: HTTPException) -> ResponseReturnValue:
    """A fault of ours; Flask has logged it with its trace."""
    counted()[request.endpoint or "?"] += 1
    g.broken = True
    if _of_program():
        return jsonify(
            error="fault", detail="a fault of the station, which is logged; the same request may be sent again"
        ), 500
    if _wants_json():
        return jsonify(problem="fault"), 500
    return render_template("broken.html", title=_title(500), advice=_advice(500)), 500


def _title(code: int) -> str:
    titles = {
        401: _("Cần đăng nhập"),
        403: _("Tài khoản này không được làm việc đó"),
        404: _("Không có trang này"),
        413: _("Nội dung gửi lên quá lớn"),
        500: _("Máy chủ gặp lỗi"),
    }
    return titles.get(code, _("Không làm được việc này"))


def _advice(code: int) -> str:
    advice = {
        401: _("Mời đăng nhập rồi làm lại."),
        403: _("Cần quyền khác thì hỏi người quản trị."),
        404: _("Có thể địa chỉ gõ sai hoặc mục này đã bị xóa."),
        413: _("Hãy rút gọn văn bản hoặc tệp rồi gửi lại."),
        500: _("Lỗi đã được ghi lại. Các bản tin đã lưu vẫn phát đúng giờ. Hãy thử lại sau ít phút."),
    }
    return advice.get(code, _("Hãy quay lại trang trước và thử lại."))
