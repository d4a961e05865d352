"""How far apart speakers without NTP begin to sound: python -m benchmarks.skew [--json] [--plot docs/images/skew.svg].

Groups of 50 simulated speakers run the real machine in virtual time: clocks that are up to a minute wrong and drift by up to
50 ppm, and a link that delays every message anew. Beside each figure stand the statistical limit, which is what the same
exchanges tell one who knows the drift exactly, and what taking the one exchange with the least round trip would give.
"""

import argparse
import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.simulated_speaker import START, Link, SimulatedSpeaker
from benchmarks.svg import cumulative_plot
from benchmarks.tables import percentile, print_line

SPEAKERS: Final = 50
GROUPS: Final = 2
BUDGET_MS: Final = 20.0


def uniform(rng: random.Random) -> float:
    """30-300 ms, all alike."""
    return rng.uniform(30, 300)


def tailed(rng: random.Random) -> float:
    """As on 4G under load: a floor of 30 ms, a median near 90, one in fifty takes 0.5-3 s."""
    return 30 + rng.lognormvariate(4.1, 0.8) + (rng.uniform(500, 3_000) if rng.random() < 1 / 50 else 0)


def slower(rng: random.Random) -> float:
    """The same with 80 ms more each time: nobody can see a constant difference between the two ways."""
    return uniform(rng) + 80


LINKS: Final = {
    "uniform 30-300 ms": Link(uniform, uniform),
    "long-tailed": Link(tailed, tailed),
    "uniform, 5 % lost": Link(uniform, uniform, loss=0.05),
    "uniform, 80 ms more upwards": Link(slower, uniform),
}


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line a link")
    parser.add_argument("--plot", type=Path, help="write the plot here")
    parser.add_argument("--groups", type=int, default=GROUPS, help="of 50 speakers each")
    parser.add_argument("--links", nargs="+", choices=list(LINKS), default=list(LINKS))
    arguments = parser.parse_args()
    curves = {}
    for name in arguments.links:
        groups = [group(LINKS[name], number) for number in range(arguments.groups)]
        print_line({"link": name} | figures(groups), as_json=arguments.json)
        if name in {"uniform 30-300 ms", "long-tailed"}:
            curves[name] = pairwise([[error(one) for one in speakers] for speakers in groups])
            least = [[by_least_round_trip(one) for one in speakers] for speakers in groups]
            curves[f"{name}: least round trip only"] = pairwise(least)
    if arguments.plot:
        arguments.plot.parent.mkdir(parents=True, exist_ok=True)
        title = "Skew between two speakers without NTP (ms)"
        arguments.plot.write_text(cumulative_plot(title, curves, BUDGET_MS), "utf-8")


def group(link: Link, number: int) -> list[SimulatedSpeaker]:
    """Speakers that begin the same bulletin."""
    speakers = [SimulatedSpeaker(link, random.Random(f"{number}-{one}")) for one in range(SPEAKERS)]
    for speaker in speakers:
        speaker.run()
    return speakers


def figures(groups: Sequence[Sequence[SimulatedSpeaker]]) -> dict[str, float]:
    """Start error against the plan and skew between any two of a group, milliseconds."""
    errors = sorted(abs(error(one)) for speakers in groups for one in speakers)
    skew = pairwise([[error(one) for one in speakers] for speakers in groups])
    limit = pairwise([[by_known_drift(one) for one in speakers] for speakers in groups])
    least = pairwise([[by_least_round_trip(one) for one in speakers] for speakers in groups])
    everyone = [one for speakers in groups for one in speakers]
    return {
        "start_error_p50_ms": round(percentile(errors, 50), 1),
        "start_error_p99_ms": round(percentile(errors, 99), 1),
        "skew_p50_ms": round(percentile(skew, 50), 1),
        "skew_p99_ms": round(percentile(skew, 99), 1),
        "skew_worst_ms": round(skew[-1], 1),
        "budget_p99_ms": BUDGET_MS,
        "limit_p99_ms": round(percentile(limit, 99), 1),
        "least_round_trip_p99_ms": round(percentile(least, 99), 1),
        "told_error_median_ms": percentile(sorted(one.machine.time.error_ms for one in everyone), 50),
        "exchanges_each": round(sum(len(one.exchanges) for one in everyone) / len(everyone)),
    }


def error(speaker: SimulatedSpeaker) -> float:
    """How late it began."""
    if speaker.started is None:
        raise SystemExit("a speaker did not play")
    return speaker.started - START


def by_known_drift(speaker: SimulatedSpeaker) -> float:
    """How late one would begin who knows the drift of this clock and makes the best of the same exchanges."""
    own = speaker.own(START)
    rate = speaker.drift / (1 + speaker.drift)
    low = max(one.low - rate * (own - one.at) for one in speaker.exchanges)
    high = min(one.high - rate * (own - one.at) for one in speaker.exchanges)
    return START - (own + (low + high) / 2)


def by_least_round_trip(speaker: SimulatedSpeaker) -> float:
    """How late one would begin who believes the one exchange with the least round trip."""
    best = min(speaker.exchanges, key=lambda one: one.high - one.low)
    return START - (speaker.own(START) + (best.low + best.high) / 2)


def pairwise(groups: Sequence[Sequence[float]]) -> list[float]:
    """The distances between any two of the same group, in order."""
    return sorted(abs(one - other) for group in groups for one, other in itertools.combinations(group, 2))


if __name__ == "__main__":
    main()
