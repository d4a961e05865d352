"""The amplifier: on in time, off when idle, its history told, and what it makes of what it is sent noticed."""

import asyncio
import weakref
from pathlib import Path

import numpy as np
import pytest

from broadcaster.wire.fields import Fault
from device_sim.actions import Amplifier, StartSound
from device_sim.card_events import FLOOR_DBFS, Level, Measured
from device_sim.horn import Horn
from device_sim.output import RATE, Decoder, Output
from device_sim.power import WINDOWS, Power
from device_sim.self_test import SelfTest, Verdict
from device_sim.soundcard import WavCard
from device_sim.timeline import read_timeline
from tests.device_sim.bench import Bench
from tests.device_sim.station import AT, LENGTH
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit

EPOCH = 1_795_237_200_000
WARM_UP_MS = 300
LOUD = np.full(3 * RATE, 8_000, np.int16)


class Box:
    """A card, its horn and what watches over them."""

    def __init__(self, folder: Path, test: SelfTest | None = None, *, dead: bool = False, hum: int = 0) -> None:
        self.horn = Horn(RATE, WARM_UP_MS, dead, hum)
        self.card = WavCard(folder, "s", EPOCH, RATE, horn=self.horn)
        weakref.finalize(self, self.card.close)
        self.power = Power(RATE)
        self.output = Output(self.card, Decoder(), lambda _: None, power=self.power, test=test)

    def run(self, since: int, until: int) -> None:
        for now in range(since, until, 50):
            self.output.advance(EPOCH + now)

    def relay(self, at: int, *, on: bool) -> None:
        self.output.switch(Amplifier(on), EPOCH + at, EPOCH + at)

    def sounded(self) -> list[int]:
        """The first and the last millisecond of sound on the timeline."""
        self.card.close()
        there = np.flatnonzero(read_timeline(self.card.path).samples)
        return [] if not len(there) else [int(there[0]) * 1000 // RATE, int(there[-1]) * 1000 // RATE]


@pytest.mark.parametrize(("on_at", "first"), [(700, 1_000), (690, 1_000), (900, 1_200), (1_500, 1_800)])
def test_a_relay_that_closes_too_late_would_cut_the_first_syllable(tmp_path: Path, on_at: int, first: int) -> None:
    box = Box(tmp_path)
    box.card.play(LOUD, EPOCH + 1_000)
    box.run(0, on_at)
    box.relay(on_at, on=True)
    box.run(on_at, 5_000)
    assert box.sounded() == [first, 3_999]
    assert box.horn.swallowed == (first - 1_000) * RATE // 1000


@pytest.mark.parametrize("lead_ms", [WARM_UP_MS, 800, 3_000])
def test_ours_closes_in_time_so_that_the_first_sample_sounds(tmp_path: Path, lead_ms: int) -> None:
    """The machine's own switchings, on a horn that takes as long as the config says."""
    bench = Bench(tmp_path / "bench")
    item = bench.station.item("b1", AT, opus_clip(1))
    bench.station.trust(), bench.station.config(amp_lead_ms=lead_ms), bench.station.plan(item)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    bench.run(AT + 2 * LENGTH)
    (on_at, on), (off_at, off) = bench.amplifier
    assert (on, off) == (True, False)
    assert lead_ms <= AT - on_at <= lead_ms + 300
    assert 0 <= off_at - AT - LENGTH <= 1_000  # off when idle
    horn = Horn(RATE, lead_ms)
    card = WavCard(tmp_path, "s", on_at - 1_000, RATE, horn=horn)
    card.play(LOUD, AT)
    card.switch(on_at, on=True)
    for now in range(on_at, AT + 5_000, 50):
        card.advance(now)
    card.close()
    assert horn.swallowed == 0


@pytest.mark.parametrize(
    ("dead", "hum", "faults"),
    [(False, 0, set()), (True, 0, {Fault.PLAYED_SILENT}), (False, 4_000, {Fault.SOUND_WHILE_IDLE})],
)
def test_a_dead_amplifier_and_one_that_hums_are_noticed(
    tmp_path: Path, dead: bool, hum: int, faults: set[Fault]
) -> None:
    box = Box(tmp_path, dead=dead, hum=hum)
    box.relay(0, on=True)
    box.card.play(LOUD, EPOCH + 1_000)
    box.run(0, 6_000)
    assert box.power.faults == faults


def test_a_fault_that_is_repaired_is_forgotten(tmp_path: Path) -> None:
    box = Box(tmp_path, dead=True)
    box.relay(0, on=True)
    box.card.play(LOUD, EPOCH + 500)
    box.run(0, 4_000)
    assert box.power.faults == {Fault.PLAYED_SILENT}
    box.horn.dead = False
    box.card.play(LOUD, EPOCH + 4_500)
    box.run(4_000, 8_000)
    assert box.power.faults == set()
    assert box.power.heard_dbfs == pytest.approx(-12.2, abs=0.2)


@pytest.mark.parametrize("volume", [0, 100])
def test_silence_that_was_wanted_is_no_fault(volume: int) -> None:
    power = Power(RATE)
    sent = FLOOR_DBFS if volume == 0 else -55.0  # a pause between two words
    for _ in range(100):
        power.measured(Measured(Level(sent, sent, RATE // 20), Level(-90, -90, RATE // 20), Level(-90, -90, 0)))
    assert power.faults == set()


def test_the_windows_of_the_amplifier_are_kept_and_bounded() -> None:
    power = Power(RATE)
    for minute in range(WINDOWS + 50):
        power.switched(minute * 60_000, on=True)
        power.switched(minute * 60_000 + 20_000, on=False)
    power.switched(10**9, on=True)
    assert len(power.windows) == WINDOWS
    assert power.windows[-2:] == [(249 * 60_000, 249 * 60_000 + 20_000), (10**9, 0)]
    assert Power.recall(RATE, power.windows).windows[-1] == (10**9, 10**9)  # power went while it was on


def test_a_click_that_was_not_begun_is_no_window() -> None:
    power = Power(RATE)
    power.switched(5, on=False)
    assert power.windows == []


# The self-test.


def test_the_daily_self_test_passes_without_closing_the_relay_or_making_a_sound(tmp_path: Path) -> None:
    test = SelfTest(EPOCH)
    box = Box(tmp_path, test)
    box.run(0, 65_000)
    assert (test.verdict, test.running) == (Verdict.OK, False)
    assert EPOCH + 60_000 < test.at < EPOCH + 63_000
    assert box.power.windows == []
    assert box.power.faults == set()
    assert box.sounded() == []


def test_it_comes_once_a_day_over_reboots_and_waits_for_what_plays(tmp_path: Path) -> None:
    test = SelfTest(EPOCH)
    assert not test.is_due(EPOCH + 59_999)
    assert test.is_due(EPOCH + 60_000)
    again = SelfTest(EPOCH, at=EPOCH - 3_600_000, verdict=Verdict.OK)
    assert not again.is_due(EPOCH + 82_799_000)
    assert again.is_due(EPOCH + 82_800_000)
    busy = Box(tmp_path, SelfTest(EPOCH - 60_000))
    clip = tmp_path / "clip.opus"
    clip.write_bytes(opus_clip(1))

    async def play() -> None:
        busy.output.start(StartSound("b1", "c", EPOCH + 500, 100), clip, lambda: EPOCH)
        await asyncio.gather(*busy.output._decoding.values())
        busy.run(0, 1_000)
        assert busy.output.test is not None
        assert not busy.output.test.running
        busy.run(1_000, 4_000)
        assert busy.output.test.verdict is Verdict.OK
        await busy.output.close()

    asyncio.run(play())


def test_one_that_is_asked_for_does_not_wait_for_its_day() -> None:
    test = SelfTest(EPOCH, at=EPOCH - 1_000, verdict=Verdict.OK)
    assert not test.is_due(EPOCH)
    test.asked = True
    assert test.is_due(EPOCH)
    test.impossible(EPOCH + 1)
    assert (test.verdict, test.is_due(EPOCH + 2)) == (Verdict.NO_CARD, False)


def test_a_card_that_takes_the_tone_and_never_plays_it_is_stuck(tmp_path: Path) -> None:
    test = SelfTest(EPOCH - 60_000)
    box = Box(tmp_path, test)
    box.output.advance(EPOCH)
    assert test.running
    test.tick(EPOCH + 11_000)
    assert test.verdict is Verdict.STUCK


def test_a_card_that_is_fed_too_late_has_lost_the_tone(tmp_path: Path) -> None:
    test = SelfTest(EPOCH - 60_000)
    box = Box(tmp_path, test)
    box.output.advance(EPOCH)
    box.output.advance(EPOCH + 3_000)
    assert test.verdict is Verdict.LOST
