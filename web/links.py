"""Where to go after a form: only ever inside this station."""

from flask import request, url_for


def safe(target: str) -> str:
    """``target`` when it is a path of this station, otherwise the home page."""
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if inside else url_for("broadcasts.home")


def back() -> str:
    """Where the form says it came from."""
    return safe(request.form.get("next", ""))
