"""Whatever comes in, nothing is raised: it is acted on, or counted."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcaster.wire.documents import Action
from broadcaster.wire.units import MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import DATE, NOON, OWN, SPEAKER, Message
from tests.wire.opus import opus_clip

pytestmark = pytest.mark.unit

CLIP = "0" * 64
TOPICS = (
    f"loa/1/st/zone/{OWN}/trust",
    f"loa/1/st/zone/{OWN}/plan/{DATE}",
    f"loa/1/st/zone/{OWN}/command",
    f"loa/1/st/zone/{OWN}/clip/{CLIP}/m",
    f"loa/1/st/zone/{OWN}/clip/{CLIP}/0",
    *(f"loa/1/st/speaker/{SPEAKER}/down/{what}" for what in ("config", "welcome", "copy", "ack", "command")),
    f"loa/1/st/speaker/{SPEAKER}/down/clip/{CLIP}/999999",
    f"loa/1/st/speaker/{SPEAKER}/up/receipt",
    "loa/1/st/zone//trust",
    "",
)


def joined(folder: Path) -> tuple[Bench, list[Message]]:
    """A speaker that has joined, and good messages for it of every kind."""
    bench = Bench(folder)
    station = bench.station
    item = station.item("b1", NOON + MINUTE, opus_clip(6))
    station.trust(), station.config()
    bench.join()
    bench.deliver(station.plan(item))
    good = [
        *station.documents.values(),
        *map(station.copy, station.documents.values()),
        station.command(Action.STOP, "b1"),
        station.ack(["a-1"]),
        station.welcome(bench.hello),
        *station.sound(item),
    ]
    return bench, good


TEXT = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"..\n", b"e30..e30\n{}", b"[" * 50_000, b'{"a":' * 5_000, b"9" * 5_000, b"\n", b"{}" * 9]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(topic=st.one_of(st.sampled_from(TOPICS), st.text(max_size=80)), payload=TEXT)
def test_no_bytes_on_any_topic_raise(tmp_path: Path, topic: str, payload: bytes) -> None:
    bench = _KEPT.setdefault(tmp_path, joined(tmp_path)[0] if tmp_path not in _KEPT else _KEPT[tmp_path])
    before = sum(bench.machine.rejected.values())
    bench.deliver(Message(topic, payload))
    assert sum(bench.machine.rejected.values()) in {before, before + 1}
    assert bench.heard == []


_KEPT: dict[Path, Bench] = {}


def test_mutated_good_messages_never_raise_and_play_nothing(tmp_path: Path) -> None:
    bench, good = joined(tmp_path)
    dice = random.Random(8)
    for _ in range(3_000):
        message = dice.choice(good)
        payload = bytearray(message.payload)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(payload))
            match dice.randrange(4):
                case 0:
                    payload[at] ^= 1 << dice.randrange(8)
                case 1:
                    del payload[at : at + dice.randint(1, 30)]
                case 2:
                    payload[at:at] = dice.randbytes(dice.randint(1, 20))
                case _:
                    payload[at:at] = payload[dice.randrange(len(payload)) :][:40]
            payload = payload or bytearray(b"x")
        topic = dice.choice((message.topic, message.topic, dice.choice(good).topic))
        bench.deliver(Message(topic, bytes(payload)))
    bench.run(NOON + 5 * MINUTE)
    assert bench.heard == []
    assert sum(bench.machine.rejected.values()) > 2_000


def test_signed_nonsense_never_raises(tmp_path: Path) -> None:
    """Also our own keys may sign what makes no sense, such as the end of time."""
    bench, _ = joined(tmp_path)
    station = bench.station
    for start_at in (0, 253_402_300_799_999):
        for duration_ms in (0, 86_400_000):
            bench.run(bench.now + SECOND)
            item = station.item("odd", start_at, opus_clip(6), duration_ms=duration_ms, sent_by=0)
            bench.deliver(station.plan(item), *station.sound(item), station.config(utc_offset_min=840))
            bench.run(bench.now + MINUTE, answered=True)
    assert bench.heard == []
