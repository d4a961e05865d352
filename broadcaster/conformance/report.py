"""The report of a run as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from broadcaster.conformance.check import Result, Verdict
from broadcaster.wire.documents import PROTOCOL_VERSION


def as_json(results: Sequence[Result], seconds: float) -> bytes:
    """What was checked, what was expected, what was seen."""
    counts = Counter(one.verdict for one in results)
    report: dict[str, Any] = {
        "protocol": PROTOCOL_VERSION,
        "seconds": round(seconds, 1),
        "counts": {verdict.value: counts[verdict] for verdict in Verdict},
        "checks": [
            {
                "check": one.check.name,
                "section": one.check.section,
                "verdict": one.verdict.value,
                "expected": one.check.proves,
                "seen": one.seen,
            }
            for one in results
        ],
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=1)


def conforms(results: Sequence[Result]) -> bool:
    """Whether no check failed, and at least one passed."""
    verdicts = {one.verdict for one in results}
    return Verdict.PASSED in verdicts and Verdict.FAILED not in verdicts
