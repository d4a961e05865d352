"""How a fault is named, and which check must notice it."""

from collections.abc import Callable
from typing import Any

Fault = Callable[[], None]
FAULTS: dict[str, tuple[Fault, str]] = {}
"""By name: how to break the reference speaker, and the check that must notice."""


def caught_by(check: str) -> Callable[[Fault], Fault]:
    def note(fault: Fault) -> Fault:
        FAULTS[fault.__name__.replace("_", "-")] = (fault, check)
        return fault

    return note


def patch(target: Any, name: str, made: Any) -> None:
    setattr(target, name, made)
