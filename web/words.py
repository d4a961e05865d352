"""Flask-Babel's gettext with types. Sentences are written in Vietnamese; other languages are catalogues."""

from typing import Any

import flask_babel


def gettext(sentence: str, **values: Any) -> str:
    """The sentence in the reader's language, filled with ``values``."""
    said: str = flask_babel.gettext(sentence, **values)
    return said


def ngettext(one: str, many: str, num: int, **values: Any) -> str:
    """The sentence for ``num`` things in the reader's language; Vietnamese has one form for any number."""
    said: str = flask_babel.ngettext(one, many, num, **values)
    return said
