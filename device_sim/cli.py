"""``loa-speaker``: the reference speaker from the command line."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from device_sim.errors import DeviceError
from device_sim.fleet import Fleet, read_kits, run_until_signalled
from device_sim.kit import Kit
from device_sim.own_clock import OwnClock


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loa-speaker", description="Simulated loudspeakers of a Loa Phường station")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one speaker from its kit")
    run.add_argument("kit", type=Path)
    run.add_argument("--clock-offset-ms", type=int, default=0, help=argparse.SUPPRESS)  # for the conformance kit
    run.add_argument("--unsynchronised", action="store_true", help=argparse.SUPPRESS)
    fleet = commands.add_parser("fleet", help="run every speaker whose kit lies in a folder")
    fleet.add_argument("kits", type=Path)
    for command in (run, fleet):
        command.add_argument("--state", type=Path, required=True, help="folder of what the speakers keep")
        command.add_argument("--wav", type=Path, required=True, help="folder of what they sound like")
        command.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit code."""
    arguments = _arguments(given)
    logging.basicConfig(level=arguments.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        kits = [Kit.read(arguments.kit)] if arguments.command == "run" else read_kits(arguments.kits)
        if not kits:
            print(f"no kits in {arguments.kits}", file=sys.stderr)
            return 2
        alone = arguments.command == "run"
        fleet = Fleet(kits, arguments.state, arguments.wav, durable=alone)
        if alone:
            fleet.clock = OwnClock(arguments.clock_offset_ms)
            fleet.synchronised = not arguments.unsynchronised
        asyncio.run(run_until_signalled(fleet))
    except DeviceError as error:
        print(f"loa-speaker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
