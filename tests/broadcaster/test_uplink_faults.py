"""What comes up wrong, hostile or at the wrong moment costs only itself."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from broadcaster import alerting, deliveries, presence
from broadcaster.alert_orders import Order
from broadcaster.deliveries import Told
from broadcaster.publishing import Publisher
from broadcaster.rows import Published, Speaker
from broadcaster.transport import Message
from broadcaster.wire.documents import (
    Plan,
    Request,
)
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs
from tests.broadcaster.test_uplink import Desk, desk, heartbeat, publish_everything
from tests.broadcaster.town import TOPICS

__all__ = ["desk"]


def test_text_no_database_holds_costs_only_its_own_message(desk: Desk) -> None:
    state = desk.message("loa-1", "state", b'{"state":"ready","boot":"b","connection":1e30,"since":0}')
    surrogate = desk.message("loa-1", "about", b'{"model":"\\ud800","firmware":"1"}')
    desk.take(state, surrogate, desk.message("loa-2", "telemetry", heartbeat(offset_ms=3)))
    assert desk.speaker("loa-2").clock_offset_ms == 3


def test_an_error_nobody_foresaw_costs_only_its_own_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = presence.take_telemetry

    def fail(speaker: Speaker, payload: bytes, at: Any) -> None:
        if speaker.id == "loa-1":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        real(speaker, payload, at)

    monkeypatch.setattr(presence, "take_telemetry", fail)
    desk.take(*(desk.message(name, "telemetry", heartbeat(offset_ms=3)) for name in ("loa-1", "loa-2")))
    assert desk.speaker("loa-2").clock_offset_ms == 3


def test_a_speaker_that_says_too_much_costs_the_others_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)
    noisy = [desk.message("loa-1", "telemetry", heartbeat(offset_ms=number)) for number in range(80)]
    desk.take(*noisy, desk.message("loa-2", "telemetry", heartbeat(offset_ms=5)))
    assert desk.rejected == {"too-many": 30}
    assert desk.speaker("loa-2").clock_offset_ms == 5


def echo(desk: Desk, topic: str, payload: bytes) -> None:
    desk.line.sent.clear()
    desk.take(Message(topic, payload, desk.clock.now_ms()))


def test_a_tampered_retained_document_is_overruled_and_our_own_echo_is_not(desk: Desk) -> None:
    topic = publish_everything(desk)[3]
    with desk.core.database.read() as session:
        genuine = session.get_one(Published, topic).envelope
    echo(desk, topic, genuine)
    assert desk.line.sent == []
    for number, forged in enumerate((b"", b"junk", genuine + b" ", genuine.replace(b"xa", b"xb", 1)), 1):
        echo(desk, topic, forged)
        assert [(sent.topic, sent.payload, sent.retain) for sent in desk.line.sent] == [(topic, genuine, True)]
        assert desk.rejected["tampered"] == number


def test_an_earlier_document_of_ours_that_crossed_its_successor_is_no_tampering(desk: Desk) -> None:
    topic = publish_everything(desk)[3]
    with desk.core.database.write() as session:
        older = session.get_one(Published, topic).envelope
        Publisher(session, desk.clock).put(
            desk.core.keyring.station, Kind.PLAN, topic, Plan(zone="xa", date="2026-11-21", items=()), UnixMs(10**14)
        )
    echo(desk, topic, older)
    assert desk.rejected == {}
    desk.clock.advance(timedelta(minutes=2))
    echo(desk, topic, older)
    assert desk.rejected == {"tampered": 1}, "a rollback, long after"


def ended_alert(desk: Desk) -> tuple[str, bytes, bytes]:
    """The topic of an alert that is over, its first document and its end."""
    with desk.core.database.write() as session:
        order = Order("form-1", "bao", ("xa",))
        alert = alerting.raise_alert(session, desk.core, order, alerting.By()).alert.id
        topic = TOPICS.alert("xa", alert)
        first = session.get_one(Published, topic).envelope
        alerting.end_alert(session, desk.core, alert, alerting.By(), words=False)
        ended = session.get_one(Published, topic).envelope
    return topic, first, ended


def test_what_is_said_again_after_its_end_has_come_by_is_overruled_at_once(desk: Desk) -> None:
    topic, first, ended = ended_alert(desk)
    for crossed in (first, ended):
        echo(desk, topic, crossed)
        assert desk.line.sent == []
    for _ in range(2):
        echo(desk, topic, first)
        assert [sent.payload for sent in desk.line.sent] == [ended]


def test_an_alert_that_somebody_wiped_from_the_broker_is_put_back_and_a_grown_one_is_no_tampering(desk: Desk) -> None:
    topic, first, ended = ended_alert(desk)
    echo(desk, topic, first)
    assert desk.line.sent == []
    echo(desk, topic, b"")
    assert [(sent.topic, sent.payload, sent.retain) for sent in desk.line.sent] == [(topic, ended, True)]


def test_a_topic_we_never_wrote_to_is_left_alone(desk: Desk) -> None:
    echo(desk, TOPICS.plan("xa", "2020-01-01"), b"anything")
    assert (desk.line.sent, desk.rejected) == ([], {})


@pytest.mark.parametrize("poison", [10**30, -(10**30)])
def test_a_number_no_database_holds_costs_only_its_own_message(desk: Desk, poison: int) -> None:
    desk.take(
        desk.message("loa-1", "telemetry", heartbeat(offset_ms=poison)),
        desk.message("loa-2", "telemetry", heartbeat(offset_ms=3)),
    )
    assert desk.speaker("loa-1").seen_at is None
    assert desk.speaker("loa-2").clock_offset_ms == 3
    assert desk.core.counters.errors == {"uplink": 2}, "the batch, then the one message"


def test_a_batch_the_database_refuses_is_taken_one_by_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = deliveries.take

    def poisoned(session: Any, told: Sequence[Told]) -> None:
        if any(one.speaker == "loa-1" for one in told):
            session.execute(select(func.no_such_function()))
        real(session, told)

    monkeypatch.setattr(deliveries, "take", poisoned)
    desk.enrol("loa-1")
    desk.enrol("loa-2")
    desk.take(desk.receipt("loa-1"), desk.receipt("loa-2"))
    assert desk.ledger() == 1
    acknowledged = [sent.topic for sent in desk.line.sent]
    assert acknowledged == [TOPICS.down("loa-2", "ack")]


def test_an_answer_that_fails_does_not_cost_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_speaker: str, _request: Request) -> None:
        raise RuntimeError

    monkeypatch.setattr(desk.repairs, "repair", fail)
    desk.enrol("loa-2")
    desk.take(desk.message("loa-1", "request", Request(clip="a" * 64)), desk.receipt("loa-2"))
    assert desk.ledger() == 1
    assert [sent.topic for sent in desk.line.sent] == [TOPICS.down("loa-2", "ack")]
