"""A real card's adapter, in front of a device of a few lines; and PortAudio itself where it is installed."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from broadcaster.wire.fields import Fault
from device_sim.card_events import CardEvent, Finished, Level, Started, Stopped, Underrun
from device_sim.device_card import DeviceCard, Fill
from device_sim.errors import CardError
from device_sim.power import Power

pytestmark = pytest.mark.unit

RATE = 24_000
EPOCH = 1_795_237_200_000
BLOCK_MS = 20
TONE = (8_000 * np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE)).astype(np.int16)


@dataclass
class Times:
    outputBufferDacTime: float  # noqa: N815  PortAudio's name
    currentTime: float  # noqa: N815  PortAudio's name


@dataclass
class Device:
    """A sound card: asks for a block every 20 ms of its own crystal, and keeps what it was given by true time.

    Attributes:
        now_ms: true time, which is the speaker's own clock as well.
        latency_ms: from the call to the horn.
        ppm: how much too fast its crystal runs.
    """

    now_ms: float = EPOCH
    latency_ms: float = 100.0
    ppm: float = 0.0
    tells_time: bool = True
    alive: bool = True
    opened: int = 0
    heard: list[tuple[float, np.ndarray[Any, np.dtype[np.int16]]]] = field(default_factory=list)
    switched: list[tuple[str, float]] = field(default_factory=list)

    def open(self, fill: Fill) -> "Device":
        if not self.alive:
            raise OSError("no such device")
        self.opened += 1
        self.running = True
        self._fill, self.time = fill, 7.0
        self._opened_at = self.now_ms
        return self

    def __post_init__(self) -> None:
        self.latency = self.latency_ms / 1000

    def start(self) -> None:
        pass

    def close(self) -> None:
        self.running = False

    def on(self) -> None:
        self.switched.append(("on", self.now_ms))

    def off(self) -> None:
        self.switched.append(("off", self.now_ms))

    def run(self, card: DeviceCard, until_ms: float, then: Callable[[float], None] = lambda _: None) -> list[CardEvent]:
        told = []
        while self.now_ms < until_ms:
            self.now_ms += BLOCK_MS / (1 + self.ppm / 1e6)
            self.time = 7.0 + (self.now_ms - self._opened_at) / 1000
            if self.alive and self.running:
                frames = RATE * BLOCK_MS // 1000
                block = np.full((frames, 1), 99, np.int16)
                dac = self.time + self.latency if self.tells_time else 0.0
                self._fill(block, frames, Times(dac, self.time if self.tells_time else 0.0), 0)
                self.heard.append((self.now_ms + self.latency_ms, block[:, 0]))
            told += card.advance(self.now_ms)
            then(self.now_ms)
        return told

    def starts(self) -> float:
        """When the horn made its first sound."""
        at, block = next((at, block) for at, block in self.heard if block.any())
        first: float = at + float(np.flatnonzero(block)[0]) * 1000 / RATE
        return first

    def ends(self) -> float:
        """When it made its last."""
        at, block = next((at, block) for at, block in reversed(self.heard) if block.any())
        last: float = at + float(np.flatnonzero(block)[-1]) * 1000 / RATE
        return last


def card_on(device: Device, sense: Any = None) -> DeviceCard:
    return DeviceCard(device.open, lambda: device.now_ms, RATE, relay=device, sense=sense)


@pytest.mark.parametrize("tells_time", [True, False])
@pytest.mark.parametrize("latency_ms", [20.0, 250.0])
def test_the_first_sample_leaves_the_device_at_its_millisecond_whatever_the_latency(
    latency_ms: float, tells_time: bool
) -> None:
    device = Device(latency_ms=latency_ms, tells_time=tells_time)
    card = card_on(device)
    device.run(card, EPOCH + 500)
    card.play(TONE, EPOCH + 1_000)
    told = device.run(card, EPOCH + 4_000)
    assert device.starts() == pytest.approx(EPOCH + 1_000, abs=1.5)
    assert [type(event) for event in told] == [Started, Finished]
    assert [event.at_ms for event in told] == [EPOCH + 1_000, EPOCH + 3_000]


@pytest.mark.parametrize("ppm", [-50.0, 50.0, 200.0])
def test_a_crystal_that_drifts_neither_shifts_nor_tears_a_long_sound(ppm: float) -> None:
    device = Device(ppm=ppm)
    card = card_on(device)
    card.play(np.tile(TONE, 60), EPOCH + 500)
    told = device.run(card, EPOCH + 121_000)
    assert device.ends() == pytest.approx(EPOCH + 120_500, abs=3)
    assert [type(event) for event in told] == [Started, Finished]
    assert card.slips == pytest.approx(abs(ppm) * 1e-6 * 121 * RATE, abs=50)
    assert card.jumps == 1  # the first block finds its place


def test_nothing_is_finished_before_the_device_has_played_it() -> None:
    device = Device(latency_ms=250)
    card = card_on(device)
    card.play(TONE, EPOCH + 500)
    assert [type(event) for event in device.run(card, EPOCH + 2_480)] == [Started]
    assert [type(event) for event in device.run(card, EPOCH + 2_600)] == [Finished]


def test_a_late_sound_is_joined_in_position_and_a_stopped_one_fades() -> None:
    device = Device()
    card = card_on(device)
    device.run(card, EPOCH + 1_000)
    handle = card.play(TONE, EPOCH + 600)
    told = device.run(card, EPOCH + 1_500)
    card.stop(handle, device.now_ms, EPOCH + 2_000)
    told += device.run(card, EPOCH + 3_000)
    started, stopped = told
    assert isinstance(started, Started)
    assert started.skipped == pytest.approx((started.at_ms - EPOCH - 600) * RATE / 1000, abs=1)
    assert isinstance(stopped, Stopped)
    assert stopped.at_ms == EPOCH + 2_000
    assert device.ends() == pytest.approx(EPOCH + 2_000, abs=1.5)


def test_a_card_that_is_pulled_out_and_plugged_in_again_goes_on_in_position_and_says_what_was_lost() -> None:
    device = Device()
    card = card_on(device)
    card.play(np.tile(TONE, 10), EPOCH + 500)
    device.run(card, EPOCH + 2_000)
    device.alive = False
    told = device.run(card, EPOCH + 8_000)
    device.alive = True
    told += device.run(card, EPOCH + 22_000)
    assert device.opened == 2
    lost = sum(event.samples for event in told if isinstance(event, Underrun))
    (finished,) = [event for event in told if isinstance(event, Finished)]
    assert finished.at_ms == EPOCH + 20_500
    assert finished.lost == lost
    assert 5 * RATE < lost < 12 * RATE
    assert device.ends() == pytest.approx(EPOCH + 20_500, abs=1.5)


def test_a_clock_that_is_set_back_cuts_what_sounds_and_keeps_what_is_to_come() -> None:
    device = Device()
    card = card_on(device)
    card.play(TONE, EPOCH + 500)
    card.play(TONE, EPOCH + 60_000)
    device.run(card, EPOCH + 1_000)
    device.now_ms -= 30_000
    told = device.run(card, EPOCH + 63_000)
    assert [type(event) for event in told] == [Stopped, Started, Finished]
    assert told[1].at_ms == EPOCH + 60_000


def test_the_relay_is_the_machines_and_opens_at_the_end() -> None:
    device = Device()
    card = card_on(device)
    card.switch(device.now_ms, on=True)
    device.run(card, EPOCH + 1_000)
    card.switch(device.now_ms, on=False)
    card.close()
    assert [word for word, _ in device.switched] == ["on", "off", "off"]


@dataclass
class Sensor:
    dbfs: float

    def level(self) -> Level:
        return Level(self.dbfs, self.dbfs, RATE // 50)


@pytest.mark.parametrize(
    ("dbfs", "playing", "fault"),
    [
        (-20.0, True, set()),
        (-90.0, True, {Fault.PLAYED_SILENT}),
        (-90.0, False, set()),
        (-15.0, False, {Fault.SOUND_WHILE_IDLE}),
    ],
)
def test_a_sensor_behind_the_amplifier_tells_a_dead_one_from_one_that_sounds_by_itself(
    dbfs: float, playing: bool, fault: set[Fault]
) -> None:
    device, power = Device(), Power(RATE)
    card = card_on(device, Sensor(dbfs))
    if playing:
        card.play(np.tile(TONE, 3), EPOCH + 200)
    device.run(card, EPOCH + 5_000, lambda _: power.measured(card.measured()))
    assert power.faults == fault


def test_without_a_sensor_nothing_is_claimed_about_the_horn() -> None:
    device, power = Device(), Power(RATE)
    card = card_on(device)
    card.play(TONE, EPOCH + 200)
    device.run(card, EPOCH + 3_000, lambda _: power.measured(card.measured()))
    assert power.heard_dbfs is None
    assert power.faults == set()


def test_a_card_that_is_not_there_is_said_at_once() -> None:
    with pytest.raises(CardError):
        card_on(Device(alive=False))


REAL = """
import time
from device_sim import hardware
from device_sim.device_card import DeviceCard
from device_sim.output import RATE
card = hardware.cards(device="nothing", sense=None, relay_pin=None, active_low=False)("s", lambda: time.time() * 1000)
deadline = time.monotonic() + 20
while not card.jumps and time.monotonic() < deadline:
    time.sleep(0.01)
print("asked for samples" if card.jumps else "was never asked")
card.close()
try:
    hardware.output_stream("there is no such card", lambda *_: None)
except OSError:
    print("refused")
"""


@pytest.mark.whole
def test_portaudio_opens_a_real_stream_and_asks_for_samples(tmp_path: Path) -> None:
    """ALSA's null device: it is opened, asks, and is closed; it keeps no time, so nothing is said about moments."""
    config = tmp_path / "asound.conf"
    config.write_text('pcm.!default { type null }\npcm.nothing { type null hint { show on description "Nothing" } }\n')
    ran = subprocess.run(
        [sys.executable, "-c", REAL],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"ALSA_CONFIG_PATH": str(config)},
    )
    if "needs the extra `device`" in ran.stderr:
        pytest.skip("sounddevice or libportaudio2 is not installed")
    assert ran.stdout.split("\n")[:2] == ["asked for samples", "refused"], ran.stderr
