"""The small closed tables of the reading rules, read once from the data files."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Final


def load(name: str) -> dict[str, Any]:
    """A data file of this package, parsed."""
    text = resources.files("tts.reading").joinpath("data", name).read_text(encoding="utf-8")
    return tomllib.loads(text)


UNITS: Final[Mapping[str, str]] = {
    written: said for group in load("units.toml").values() for written, said in group.items()
}
"""Written unit to spoken unit, over all groups."""


def _contexts() -> dict[str, frozenset[str]]:
    return {name: frozenset(group["words"].split()) for name, group in load("context.toml").items()}


_CONTEXT: Final = _contexts()


def context(name: str) -> frozenset[str]:
    """A set of words of ``context.toml``."""
    return _CONTEXT[name]
