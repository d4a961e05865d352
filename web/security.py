"""What protects every page: secret key, cookies, size limits and response headers. Knows no page."""

import os
import secrets
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Final

from flask import Flask, Response, abort, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect

MAX_REQUEST_BYTES: Final = 8 * 2**20
"""Far above the longest text, so that a text that is too long is refused in words and not by the server."""
_SESSION: Final = timedelta(hours=12)
_SOURCES: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",  # Bootstrap draws its ticks with data: images
    "media-src": "'self'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(f"{kind} {source}" for kind, source in _SOURCES.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=()",
}


_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class _Sessions(SecureCookieSessionInterface):
    """Session cookies that are marked Secure whenever the page came over HTTPS."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  Flask's signature
        return request.is_secure


def refuse_nul(app: Flask) -> None:
    """Refuse a character that no keyboard makes and PostgreSQL does not store."""

    @app.before_request
    def _look() -> None:
        given = [request.path, *chain(*request.args.items(multi=True))]
        if request.mimetype in _FORMS:  # what else is sent is for its page to read, as far as that allows
            given += chain(*request.form.items(multi=True))
        if any("\0" in text for text in given):
            abort(400)


def secret_key(path: Path) -> str:
    """The key that signs session cookies: made once, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path.read_text("ascii").strip()


def protect(app: Flask) -> CSRFProtect:
    """Set an application up with limits, cookies, headers and the check against forged forms."""
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_REQUEST_BYTES,
        SESSION_COOKIE_NAME="loa",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=_SESSION,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a bulletin may stay open all afternoon
        WTF_CSRF_SSL_STRICT=True,
    )
    app.session_interface = _Sessions()
    app.after_request(_add_headers)
    return CSRFProtect(app)


def _add_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint and not request.endpoint.endswith("static"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response
