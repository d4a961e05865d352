"""Sound card, relay and button of a small Linux computer: the one importer of sounddevice and gpiozero (extra ``device``)."""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from device_sim.card_events import Level
from device_sim.device_card import DeviceCard, Fill, Lamp, Relay, Sense, Stream
from device_sim.errors import CardError
from device_sim.mixer import Meter
from device_sim.output import RATE

try:
    import sounddevice
except (ImportError, OSError) as error:  # OSError: the package is there, PortAudio is not
    raise CardError(f"--output device needs the extra `device` and the library libportaudio2: {error}") from error

log = logging.getLogger(__name__)

_BLOCK_MS: Final = 20
_LATENCY_S: Final = 0.1
"""A small computer is late now and then; a tenth of a second is far less than the amplifier's lead."""


def _named(device: str | None) -> str | int | None:
    return int(device) if device is not None and device.isdecimal() else device


def output_stream(device: str | None, fill: Fill) -> Stream:
    """Open a card. Errors: OSError."""
    try:
        stream: Stream = sounddevice.OutputStream(
            samplerate=RATE,
            channels=1,
            dtype="int16",
            blocksize=RATE * _BLOCK_MS // 1000,
            latency=_LATENCY_S,
            device=_named(device),
            callback=fill,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise OSError(f"{device or 'default'}: {error}") from error
    return stream


class InputSense:
    """A line input that hears what the amplifier puts out."""

    def __init__(self, device: str) -> None:
        """Open it. Errors: CardError."""
        self._meter = Meter()
        try:
            self._stream = sounddevice.InputStream(
                samplerate=RATE, channels=1, dtype="int16", device=_named(device), callback=self._take
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise CardError(f"--sense {device}: {error}") from error

    def _take(self, block: NDArray[np.int16], frames: int, times: object, status: object) -> None:  # noqa: ARG002
        self._meter.add(block[:, 0].astype(np.float64))

    def level(self) -> Level:
        """What it heard since the last call."""
        meter, self._meter = self._meter, Meter()
        return meter.level()


class InputMicrophone:
    """A microphone for announcing on the spot; what nobody has read for half a second is forgotten."""

    def __init__(self, device: str) -> None:
        """Open it. Errors: CardError."""
        self._lock, self._said = threading.Lock(), np.zeros(0, np.int16)
        try:
            self._stream = sounddevice.InputStream(
                samplerate=RATE, channels=1, dtype="int16", device=_named(device), callback=self._take
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise CardError(f"--microphone {device}: {error}") from error

    def _take(self, block: NDArray[np.int16], frames: int, times: object, status: object) -> None:  # noqa: ARG002
        with self._lock:
            self._said = np.concatenate((self._said, block[:, 0]))[-RATE // 2 :]

    def read(self, count: int) -> NDArray[np.int16]:
        """The next samples, silence where there are none yet."""
        with self._lock:
            said, self._said = self._said[:count], self._said[count:]
        return np.pad(said, (0, count - len(said)))


def relay(pin: int, *, active_low: bool) -> Relay:
    """The relay on a GPIO pin, open until it is switched. Errors: CardError."""
    gpiozero = _gpiozero()
    try:
        found: Relay = gpiozero.DigitalOutputDevice(pin, active_high=not active_low, initial_value=False)
    except gpiozero.GPIOZeroError as error:
        raise CardError(f"--relay-pin {pin}: {error}") from error
    return found


def lamp(pin: int) -> Lamp:
    """A lamp on a GPIO pin. Errors: CardError."""
    gpiozero = _gpiozero()
    try:
        found: Lamp = gpiozero.LED(pin)
    except gpiozero.GPIOZeroError as error:
        raise CardError(f"--lamp-pin {pin}: {error}") from error
    return found


def watch_button(pin: int, pressed: Callable[[], None]) -> object:
    """Call `pressed`, on a thread of its own, at each press of a button against ground. Errors: CardError."""
    gpiozero = _gpiozero()
    try:
        button = gpiozero.Button(pin, bounce_time=0.05)
    except gpiozero.GPIOZeroError as error:
        raise CardError(f"--button-pin {pin}: {error}") from error
    button.when_pressed = pressed
    return button  # as long as it is held, it is watched


def _gpiozero() -> Any:
    try:
        import gpiozero  # noqa: PLC0415  a box without pins does without
    except ImportError as error:
        raise CardError(f"pins need the extra `device`: {error}") from error
    return gpiozero


def cards(
    *, device: str | None, sense: str | None, relay_pin: int | None, active_low: bool, lamp_pin: int | None = None
) -> Callable[[str, Callable[[], float]], DeviceCard]:
    """Opens the one card of this computer. Errors: CardError."""
    ear: Sense | None = InputSense(sense) if sense else None
    light = lamp(lamp_pin) if lamp_pin is not None else None
    switch = relay(relay_pin, active_low=active_low) if relay_pin is not None else None

    def open_card(name: str, now_ms: Callable[[], float]) -> DeviceCard:
        log.info("sound card opens speaker=%s device=%s", name, device or "default")
        return DeviceCard(lambda fill: output_stream(device, fill), now_ms, RATE, relay=switch, sense=ear, lamp=light)

    return open_card
