"""Opening the page on a phone: the address as a QR code, and the station's certificate with the steps to trust it."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, render_template, request, send_file
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from web import qr, tls
from web.access import open_to_all
from web.context import services

pages = Blueprint("phone", __name__)

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def _authority() -> Path | None:
    path = services().settings.home_path / tls.FOLDER / tls.CA_CERTIFICATE
    return path if path.exists() else None


@pages.get("/phone")
@open_to_all
def show() -> ResponseReturnValue:
    """The page for whoever holds the phone; open to all, it tells no secret."""
    addresses = current_app.config["LOA_ADDRESSES"] or (request.host_url,)
    authority = _authority()
    return render_template(
        "phone.html",
        addresses=addresses,
        only_here=urlsplit(addresses[0]).hostname in _THIS_MACHINE,
        code=Markup(qr.svg(addresses[0])),  # noqa: S704  drawn by us from our own address
        fingerprint=tls.fingerprint(authority.read_bytes()) if authority else "",
    )


@pages.get("/phone/loa-ca.crt")
@open_to_all
def authority() -> ResponseReturnValue:
    """The certificate of the station's own authority."""
    path = _authority()
    if path is None:
        abort(404)
    return send_file(path, mimetype="application/x-x509-ca-cert", as_attachment=True, download_name="loa-ca.crt")
