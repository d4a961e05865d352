"""A check: one rule of the protocol page, the section it proves, and how it is put to a speaker."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from broadcaster.errors import LoaError

if TYPE_CHECKING:
    from broadcaster.conformance.rig import Rig


class Verdict(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class BrokenError(LoaError):
    """The speaker broke the rule; the text is what was seen instead."""


class CannotCheckError(LoaError):
    """The rule can't be checked here; the text says why."""


Run = Callable[["Rig"], Awaitable[str]]


@dataclass(frozen=True)
class Check:
    """One rule.

    Attributes:
        section: the heading of docs/protocol.md it proves.
        bench: where it runs, see `benches`.
        proves: what is expected, in one English sentence.
        run: puts it to a speaker and returns what was seen; raises `BrokenError` or `CannotCheckError`.
    """

    name: str
    section: str
    bench: str
    proves: str
    run: Run


@dataclass(frozen=True)
class Result:
    """A check with its verdict; ``seen`` is in the words of the wire."""

    check: Check
    verdict: Verdict
    seen: str


def check(section: str, bench: str) -> Callable[[Run], Check]:
    """Make a check of a function: its name with hyphens, its docstring's first line as what it proves."""

    def make(run: Run) -> Check:
        name = getattr(run, "__name__", "").replace("_", "-")
        return Check(name, section, bench, (inspect.getdoc(run) or "").splitlines()[0], run)

    return make


def expect(true: object, seen: str) -> None:
    """Go on only if the speaker did what it should; ``seen`` is what it did instead. Errors: BrokenError."""
    if not true:
        raise BrokenError(seen)
