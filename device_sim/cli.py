"""``loa-speaker``: the reference speaker from the command line."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from device_sim.errors import DeviceError
from device_sim.fleet import Fleet, Watch, read_kits, run_until_signalled, wav_cards
from device_sim.kit import Kit
from device_sim.microphone import Simulated, Source
from device_sim.output import RATE, OpenCard
from device_sim.own_clock import OwnClock
from device_sim.system_time import always, is_synchronised, never


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="loa-speaker", description="Simulated loudspeakers of a Loa Phường station")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one speaker from its kit")
    run.add_argument("kit", type=Path)
    run.add_argument("--clock-offset-ms", type=int, default=0, help=argparse.SUPPRESS)  # for the conformance kit
    run.add_argument("--unsynchronised", action="store_true", help=argparse.SUPPRESS)
    run.add_argument("--synchronised", action="store_true", help=argparse.SUPPRESS)
    fleet = commands.add_parser("fleet", help="run every speaker whose kit lies in a folder")
    fleet.add_argument("kits", type=Path)
    for command in (run, fleet):
        command.add_argument("--state", type=Path, required=True, help="folder of what the speakers keep")
        command.add_argument("--wav", type=Path, help="folder of what they sound like")
        command.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    run.add_argument("--output", choices=["wav", "device"], default="wav", help="a WAV file, or the sound card")
    run.add_argument("--device", help="name or number of the sound card (default: the system's)")
    run.add_argument("--sense", help="input that listens behind the amplifier, to notice a dead one")
    run.add_argument("--relay-pin", type=int, help="GPIO number of the amplifier's relay")
    run.add_argument("--relay-active-low", action="store_true", help="the relay closes when the pin is low")
    run.add_argument(
        "--lamp-pin", type=int, help="GPIO number of a lamp that blinks when somebody asks which box this is"
    )
    run.add_argument("--microphone", help="input for announcing on the spot, switched by SIGUSR2")
    run.add_argument("--button-pin", type=int, help="GPIO number of the stop button, against ground")
    arguments = parser.parse_args(given)
    if arguments.wav is None and getattr(arguments, "output", "wav") == "wav":
        parser.error("--wav names the folder of what the speakers sound like")
    return arguments


def _run(arguments: argparse.Namespace, kits: Sequence[Kit]) -> None:
    """Run speakers until a signal. Errors: DeviceError."""
    if arguments.command == "fleet":  # a simulation shares the station's clock
        fleet = Fleet(kits, arguments.state, wav_cards(arguments.wav), source=Simulated(RATE), synchronised=always)
        asyncio.run(run_until_signalled(fleet))
        return
    kept = always if arguments.synchronised else is_synchronised
    synchronised = never if arguments.unsynchronised else kept
    clock = OwnClock(arguments.clock_offset_ms)
    hardware: tuple[OpenCard, Source | None, Watch | None]
    hardware = (
        _hardware(arguments) if arguments.output == "device" else (wav_cards(arguments.wav), Simulated(RATE), None)
    )
    open_card, source, watch = hardware
    one = Fleet(kits, arguments.state, open_card, source=source, durable=True, synchronised=synchronised, clock=clock)
    asyncio.run(run_until_signalled(one, watch))


def _hardware(arguments: argparse.Namespace) -> tuple[OpenCard, Source | None, Watch | None]:
    """Sound card, microphone and button of a real speaker. Errors: DeviceError."""
    from device_sim import hardware  # noqa: PLC0415  the extra `device` is not everybody's

    open_card = hardware.cards(
        device=arguments.device,
        sense=arguments.sense,
        relay_pin=arguments.relay_pin,
        active_low=arguments.relay_active_low,
        lamp_pin=arguments.lamp_pin,
    )
    source = hardware.InputMicrophone(arguments.microphone) if arguments.microphone else None
    pin = arguments.button_pin
    watch = None if pin is None else (lambda pressed: hardware.watch_button(pin, pressed))
    return open_card, source, watch


def main(given: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns the exit code."""
    arguments = _arguments(given)
    logging.basicConfig(level=arguments.log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        kits = [Kit.read(arguments.kit)] if arguments.command == "run" else read_kits(arguments.kits)
        if not kits:
            print(f"no kits in {arguments.kits}", file=sys.stderr)
            return 2
        _run(arguments, kits)
    except DeviceError as error:
        print(f"loa-speaker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
