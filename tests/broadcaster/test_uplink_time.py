"""The station's side of telling the time."""

from datetime import timedelta

import pytest

from broadcaster import uplink
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Hello, Request, Welcome
from tests.broadcaster.test_uplink import Desk, desk, publish_everything
from tests.broadcaster.town import TOPICS

__all__ = ["desk"]


def ask_time(desk: Desk, nonce: str = "n2") -> None:
    desk.line.sent.clear()
    asked = desk.message("loa-1", "hello", Hello(boot="b", nonce=nonce, t1=77, time_only=True))
    desk.clock.advance(timedelta(milliseconds=3))
    desk.take(asked)


def welcomes(desk: Desk) -> list[tuple[int, Welcome]]:
    """The welcomes sent, with their ``seq``; each has a good signature."""
    found = []
    for sent in desk.line.sent:
        if sent.topic == TOPICS.down("loa-1", "welcome"):
            read = envelope.parse(sent.payload)
            envelope.verify(read, desk.core.keyring.station.public)
            found.append((read.header.seq, strict_json.decode(read.payload, Welcome)))
    return found


def test_a_hello_for_the_time_gets_the_times_and_nothing_else(desk: Desk) -> None:
    publish_everything(desk)
    greet(desk)
    for _ in range(2):
        ask_time(desk)
        now = desk.clock.now_ms()
        assert [welcome for _, welcome in welcomes(desk)] == [
            Welcome(nonce="n2", t1=77, t2=now - 3, t3=now, time_only=True)
        ]
        assert len(desk.line.sent) == 1


def greet(desk: Desk) -> None:
    desk.take(desk.message("loa-1", "hello", Hello(boot="b", nonce="n", t1=0)))


def test_a_speaker_once_known_is_told_the_time_without_the_database(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    greet(desk)

    def refuse() -> None:
        raise AssertionError

    monkeypatch.setattr(desk.core.database, "write", refuse)
    ask_time(desk)
    assert len(welcomes(desk)) == 1
    assert desk.core.counters.errors == {}


def test_a_speaker_that_was_never_welcomed_is_told_everything_though_it_asks_for_the_time(desk: Desk) -> None:
    topics = publish_everything(desk)
    ask_time(desk)
    ((_, welcome),) = welcomes(desk)
    assert welcome.current.keys() == set(topics)
    assert len(desk.line.sent) == 1 + len(topics)


def test_a_restarted_station_tells_a_speaker_it_welcomed_before_the_time_only(desk: Desk) -> None:
    publish_everything(desk)
    greet(desk)
    desk.uplink = uplink.Uplink(desk.core, desk.repairs)  # type: ignore[arg-type]
    desk.uplink.answer_over(desk.line)
    ask_time(desk)
    assert [welcome.time_only for _, welcome in welcomes(desk)] == [True]
    assert len(desk.line.sent) == 1


def test_a_stranger_is_not_told_the_time(desk: Desk) -> None:
    desk.take(desk.message("stranger", "hello", Hello(boot="b", nonce="n", t1=0, time_only=True)))
    assert (desk.line.sent, desk.rejected) == ([], {"unknown-key": 1})


def test_every_welcome_has_a_higher_seq_than_the_one_before_also_when_the_clock_is_set_back(desk: Desk) -> None:
    seen = []
    for step in range(6):
        ask_time(desk)
        seen += [seq for seq, _ in welcomes(desk)]
        desk.line.sent.clear()
        if step == 2:
            desk.clock.advance(timedelta(hours=-1))
        greet(desk)
        seen += [seq for seq, _ in welcomes(desk)]
    assert seen == sorted(set(seen))


def test_a_speaker_may_ask_for_120_repairs_a_minute(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_800_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    for number in range(130):
        now[0] += 0.1
        desk.take(desk.message("loa-1", "request", Request(clip=f"{number:064}", manifest=True)))
    assert len(desk.repairs.asked) == 120
    assert desk.rejected == {"too-many": 10}
