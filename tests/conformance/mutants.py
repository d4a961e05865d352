"""Faulty speakers: the reference speaker with one rule broken. ``python -m tests.conformance.mutants NAME run KIT …``."""

import sys

from device_sim import cli
from tests.conformance import careless, gullible, heedless
from tests.conformance.faults import FAULTS

__all__ = ["FAULTS", "careless", "gullible", "heedless"]

if __name__ == "__main__":
    FAULTS[sys.argv[1]][0]()
    sys.exit(cli.main(sys.argv[2:]))
