"""How a fault is named, and which check must notice it."""

import inspect
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
    if not isinstance(made, property):  # those stand for what only instances have
        inspect.getattr_static(target, name)  # what is not there any more breaks nothing
    setattr(target, name, made)
