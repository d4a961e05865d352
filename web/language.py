"""The language of the pages: Vietnamese is the source, other catalogues are compiled in memory at the start."""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final, cast

from babel.messages import mofile, pofile
from babel.support import NullTranslations, Translations
from flask import Blueprint, Flask, abort, redirect, request, session
from flask_babel import Babel, Domain, get_locale
from werkzeug.wrappers import Response

from web.access import open_to_all
from web.links import back

LANGUAGES: Final = {"vi": "Tiếng Việt", "en": "English"}
"""Each by its own name."""
SOURCE: Final = "vi"
FOLDER: Final = Path(__file__).parent / "translations"

pages = Blueprint("language", __name__)


@cache
def compile_catalogue(path: Path) -> Translations:
    """The translations of one ``.po`` file, read once in a process."""
    with path.open("rb") as file:
        catalogue = pofile.read_po(file)
    compiled = BytesIO()
    mofile.write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


class _Catalogues(Domain):
    """Flask-Babel's domain, without ``.mo`` files."""

    def __init__(self) -> None:
        super().__init__()
        self._by_language = {
            path.parent.parent.name: compile_catalogue(path) for path in FOLDER.glob("*/LC_MESSAGES/messages.po")
        }

    def get_translations(self) -> NullTranslations:
        return self._by_language.get(current()) or NullTranslations()


class _Babel(Babel):
    """Flask-Babel with our domain."""

    catalogues: _Catalogues

    @property
    def domain_instance(self) -> Domain:
        return self.catalogues


def speak(app: Flask) -> None:
    """Give an application its languages."""
    babel = _Babel()
    babel.catalogues = _Catalogues()
    babel.init_app(app, default_locale=SOURCE, locale_selector=_chosen)
    app.register_blueprint(pages)


def current() -> str:
    """The language of this request."""
    locale = get_locale()
    return locale.language if locale else SOURCE


def _chosen() -> str:
    return cast("str", session.get("language", SOURCE))


@pages.post("/language")
@open_to_all
def choose() -> Response:
    """Remember the language for this session."""
    language = request.form.get("language", "")
    if language not in LANGUAGES:
        abort(400)
    session["language"] = language
    return redirect(back(), 303)
