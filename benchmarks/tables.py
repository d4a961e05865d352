"""What the benchmarks have in common: percentiles, and lines for people or programs."""

import json
from collections.abc import Mapping, Sequence


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value that ``share`` percent of an ordered sequence do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def print_line(figures: Mapping[str, object], *, as_json: bool) -> None:
    """One measurement."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        print("  ".join(f"{name}={value}" for name, value in figures.items()), flush=True)


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A Markdown table, as `docs/numbers.md` has it."""
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)
