"""Ten thousand kills: a station dies at any statement of a planning pass, again and again, in simulated time.

`python -m benchmarks.kills [--points 10000] [--seed 0]`. Every planned occurrence has to end once, with a reason where it did not air; the seed
of a life in which one does not is printed.
"""

import argparse
import logging
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.scheduler import kills

A_LIFE = 250
"""Kills in one life: some three weeks."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.ERROR)  # what is missed is counted below
    begin, ended = time.process_time(), Counter[str]()
    for life in range(-(-arguments.points // A_LIFE)):
        with tempfile.TemporaryDirectory() as folder:
            ended += kills.live(Path(folder), arguments.seed + life, A_LIFE)
        print(f"kills {(life + 1) * A_LIFE}  processor_s {time.process_time() - begin:.0f}", flush=True)
    for name, count in sorted(ended.items()):
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
