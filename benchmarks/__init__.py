"""Measurements; each is run by ``python -m benchmarks.NAME`` from the top folder. docs/numbers.md has the results."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "script"))  # the tests' town uses the demo's checks
