"""Every sentence that goes through gettext, as it stands in code and templates."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from babel.messages.extract import extract_from_dir

import web

ROOT: Final = Path(web.__file__).parent
_METHODS: Final = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS: Final[dict[str, Any]] = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2), "say": None}
_OPTIONS: Final = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}


def sentences_in_use() -> set[str | tuple[str, ...]]:
    """The sentences; a pair for one that depends on a number."""
    return set(_found())


def _found() -> Iterator[str | tuple[str, ...]]:
    for _, _, sentence, _, _ in extract_from_dir(str(ROOT), _METHODS, _OPTIONS, _KEYWORDS):
        if sentence:
            yield sentence
