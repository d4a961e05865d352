"""Relays of a radio station on this machine, well and ill."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from broadcaster.clock import SystemClock
from broadcaster.core import Core
from broadcaster.live import LivePlan, LiveStream
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Class
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import SECOND, UnixMs
from broadcaster.wire.urgent import LiveOpen
from device_sim.opus import PacketDecoder
from device_sim.stream import split
from scheduler import relaying
from scheduler.relaying import UNIT_MS, Relay, RelayEvent, RelayOrder
from tests.broadcaster.town import TOPICS, FakeTransport
from tests.streams import Radio, encoded, on_air, programme
from tts.relay_watch import alike

WINDOW_S = 3.0
SOUND = programme(14)
Told = list[tuple[RelayEvent, str]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "_TRIED_AGAIN_MS", 500)


@contextmanager
def relay(
    core: Core, address: str, *, lasts_s: float = 30
) -> Iterator[tuple[FakeTransport, Told, Callable[[int], None]]]:
    """A relay that begins now."""
    line, told, more = FakeTransport(), Told(), threading.Condition()
    real = Core(core.database, core.keyring, core.topics, SystemClock(), core.counters)
    now = real.clock.now_ms()

    def note(event: RelayEvent, why: str, _at: UnixMs) -> None:
        with more:
            told.append((event, why))
            more.notify_all()

    def wait(count: int) -> None:
        with more:
            assert more.wait_for(lambda: len(told) >= count, 40), told

    order = RelayOrder(address, Class.ROUTINE, ("xa",), now, UnixMs(now + round(lasts_s * SECOND)), title="VOV1")
    made = Relay(real, line, order, note, window_s=WINDOW_S)
    made.start()
    try:
        yield line, told, wait
    finally:
        made.stop()
        assert made.over


def opens(line: FakeTransport) -> list[LiveOpen]:
    return [
        strict_json.decode(envelope.parse(sent.payload).payload, LiveOpen)
        for sent in line.sent
        if TOPICS.parse(sent.topic).kind is Kind.LIVE_OPEN
    ]


def segments(line: FakeTransport) -> list[tuple[int, bytes]]:
    live = [(TOPICS.parse(sent.topic), sent.payload) for sent in line.sent]
    return [(topic.segment, envelope.parse(payload).payload) for topic, payload in live if topic.kind is Kind.LIVE]


@pytest.mark.parametrize("kind", ["mp3", "aac", "opus"])
def test_a_station_is_relayed_until_its_time_is_over(core: Core, kind: str) -> None:
    with on_air(vov=Radio(encoded(SOUND, kind), 14, kind=kind)) as base:
        with relay(core, f"{base}/vov", lasts_s=5.5) as (line, told, wait):
            wait(2)
        assert told == [(RelayEvent.ON_AIR, ""), (RelayEvent.OVER, "")]
    first, last = opens(line)[0], opens(line)[-1]
    assert (first.title, first.ended, last.ended, {one.stream for one in opens(line)}) == (
        "VOV1",
        False,
        True,
        {first.stream},
    )
    numbers = [number for number, _ in segments(line)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 3
    decoder = PacketDecoder()
    heard = np.concatenate([decoder.decode(split(payload)) for _, payload in segments(line)]).astype(float)
    part = heard[24_000:36_000]
    size = len(SOUND) + len(part)
    found = np.fft.irfft(np.fft.rfft(SOUND, size) * np.conj(np.fft.rfft(part, size)), size).max()
    assert found / np.square(part).sum() == pytest.approx(1, abs=0.1), "it stands in what the station sent"


@pytest.mark.parametrize(
    ("radio", "why"),
    [
        (lambda: Radio(encoded(programme(5)), 5, stalls=True), "dead"),
        (lambda: Radio(encoded(programme(5)), 5), "ended"),
        (lambda: Radio(encoded(SOUND), 14, speed=0.5), "slow"),
        (lambda: Radio(encoded(np.zeros(24_000 * 10, np.int16)), 10), "silent"),
        (lambda: Radio(encoded(programme(0.7)), 0.7, loops=True), "looping"),
        (lambda: Radio(b"<html>no sound here</html>" * 1000, 5), "unreadable"),
        (lambda: Radio(b"", 5, stalls=True), "not-there"),
    ],
    ids=["stalls", "hangs-up", "slow", "silent", "loop", "a-web-page", "answers-nothing"],
)
def test_what_is_wrong_with_a_stream_is_noticed_and_said(core: Core, radio: Callable[[], Radio], why: str) -> None:
    with on_air(vov=radio()) as base, relay(core, f"{base}/vov") as (line, told, wait):
        wait(1 if why in {"unreadable", "not-there"} else 2)
    assert (RelayEvent.FALLBACK, why) in told
    assert not opens(line) or opens(line)[-1].ended, "the speakers are told, and go on with the fallback"


def test_a_station_that_comes_back_is_relayed_again_as_another_stream(core: Core) -> None:
    ill, well = Radio(encoded(programme(4)), 4), Radio(encoded(SOUND), 14)
    radios = {"vov": ill}
    with on_air(**radios) as base, relay(core, f"{base}/vov") as (line, told, wait):
        wait(2)
        ill.sound, ill.seconds = well.sound, well.seconds
        wait(3)
    assert told[:3] == [(RelayEvent.ON_AIR, ""), (RelayEvent.FALLBACK, "ended"), (RelayEvent.ON_AIR, "")]
    assert len({one.stream for one in opens(line)}) == 2


def test_when_the_station_key_is_replaced_another_stream_goes_on_with_the_new_one(core: Core) -> None:
    old, new = core.keyring.station.kid, SigningKey.generate()
    with on_air(vov=Radio(encoded(SOUND), 14)) as base, relay(core, f"{base}/vov") as (line, told, wait):
        wait(1)
        core.keyring.put(replace(core.keyring, station=new))
        wait(2)
    assert told[:2] == [(RelayEvent.ON_AIR, ""), (RelayEvent.ON_AIR, "")]
    signers = {sent.topic.split("/")[-2]: set[str]() for sent in line.sent}
    for sent in line.sent:
        signers[sent.topic.split("/")[-2]].add(envelope.parse(sent.payload).header.kid)
    assert sorted(map(sorted, signers.values())) == sorted([[old], [new.kid]])


def test_nobody_is_told_twice_that_a_station_is_not_there(core: Core) -> None:
    with on_air() as base, relay(core, f"{base}/vov", lasts_s=4) as (_, told, wait):
        wait(2)
    assert told == [(RelayEvent.FALLBACK, "not-there"), (RelayEvent.OVER, "")]


@pytest.mark.parametrize("address", ["file:///etc/hostname", "/etc/hostname", "ftp://127.0.0.1/x"])
def test_nothing_but_the_web_is_opened(core: Core, address: str) -> None:
    with relay(core, address, lasts_s=2) as (_, told, wait):
        wait(1)
    assert told[0] == (RelayEvent.FALLBACK, "refused")


def test_speech_is_no_loop_and_a_loop_is_one_after_encoding() -> None:
    assert alike(SOUND[: 24_000 * 8]) < 0.5
    assert alike(np.tile(programme(1.3), 7)[: 24_000 * 8]) > 0.98


def test_a_place_that_is_left_out_is_told_at_once_and_the_stream_goes_on(core: Core) -> None:
    line, now = FakeTransport(), core.clock.now_ms()
    plan = LivePlan(Class.ROUTINE, ("xa",), now, UnixMs(now + SECOND), UNIT_MS, broadcast="b1")
    stream = LiveStream(core, line, plan)
    for _ in range(2):
        stream.exclude(("thon-dong",))
    assert [(one.stream, one.broadcast, one.excluded) for one in opens(line)] == [
        (stream.name, "b1", ()),
        (stream.name, "b1", ("thon-dong",)),
    ]
