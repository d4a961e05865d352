from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from broadcaster import airing, chain, deliveries
from broadcaster.clock import from_ms, to_ms
from broadcaster.database import Database
from broadcaster.deliveries import Told
from broadcaster.rows import Broadcast, Delivery, DeliveryState, LedgerEntry, Speaker
from broadcaster.wire.documents import Event, Receipt, Why
from broadcaster.wire.units import UnixMs
from tests.broadcaster import town
from tests.clocks import FixedClock

AT = 1_800_000_000_000


def receipt(number: int, event: Event, at: int = AT, **facts: Any) -> Receipt:
    told: dict[str, Any] = {"id": f"r{number}", "broadcast": "b", "event": event, "at": at}
    return Receipt(**told | facts)


RECEIPTS = st.lists(
    st.builds(
        lambda number, event, seconds, position, why: receipt(
            number, event, AT + seconds * 1000, position_ms=position, played_ms=position, why=why
        ),
        st.integers(0, 10**6),
        st.sampled_from(Event),
        st.integers(0, 5),
        st.integers(0, 3),
        st.none() | st.sampled_from(Why),
    ),
    max_size=6,
)


def known_after(receipts: list[Receipt], start: DeliveryState) -> tuple[Any, ...]:
    delivery = Delivery(state=start, why="broker-down" if start is DeliveryState.MISSED else None, start_position_ms=0)
    for one in receipts:
        deliveries.apply(delivery, one)
    moments = delivery.cached_at, delivery.started_at, delivery.ended_at
    return (delivery.state, delivery.why, *moments, delivery.start_position_ms, delivery.played_ms)


@given(st.data(), RECEIPTS, st.sampled_from([DeliveryState.PLANNED, DeliveryState.MISSED]))
def test_receipts_in_any_order_and_any_number_of_times_give_the_same_delivery(
    data: st.DataObject, receipts: list[Receipt], start: DeliveryState
) -> None:
    shuffled = data.draw(st.permutations(receipts))
    again = data.draw(st.lists(st.sampled_from(receipts), max_size=3)) if receipts else []
    assert known_after(shuffled + again, start) == known_after(receipts, start)


@pytest.mark.parametrize("event", [Event.STARTED, Event.FINISHED])
def test_what_a_speaker_played_outweighs_that_the_station_called_it_missed(event: Event) -> None:
    state, why, *_ = known_after([receipt(1, event)], DeliveryState.MISSED)
    assert state in {DeliveryState.PLAYING, DeliveryState.FINISHED}
    assert why is None


def test_a_speaker_that_lost_power_and_joined_again_started_when_it_first_did() -> None:
    delivery = Delivery(state=DeliveryState.PLANNED, speaker=Speaker(delay_ms=0))
    deliveries.apply(delivery, receipt(1, Event.STARTED, AT + 90_000, position_ms=90_000))
    deliveries.apply(delivery, receipt(2, Event.STARTED, AT + 7))
    assert deliveries.start_error(delivery, Broadcast(start_at=from_ms(AT))) == timedelta(milliseconds=7)


def test_a_late_join_in_position_is_no_start_error() -> None:
    delivery = Delivery(state=DeliveryState.PLANNED, speaker=Speaker(delay_ms=0))
    deliveries.apply(delivery, receipt(1, Event.STARTED, AT + 30_002, position_ms=30_000))
    assert deliveries.start_error(delivery, Broadcast(start_at=from_ms(AT))) == timedelta(milliseconds=2)
    assert deliveries.start_error(Delivery(), Broadcast(start_at=from_ms(AT))) is None


def test_a_speaker_that_sounds_later_for_its_distance_is_not_late_by_that() -> None:
    delivery = Delivery(state=DeliveryState.PLANNED, speaker=Speaker(delay_ms=120))
    deliveries.apply(delivery, receipt(1, Event.STARTED, AT + 125))
    assert deliveries.start_error(delivery, Broadcast(start_at=from_ms(AT))) == timedelta(milliseconds=5)


@pytest.fixture
def aired(filled: Database, clock: FixedClock) -> str:
    with filled.write() as session:
        return town.broadcast(session, clock).id


def take(database: Database, speaker: str, *receipts: Receipt) -> None:
    with database.write() as session:
        deliveries.take(session, [Told(speaker, receipts, UnixMs(AT + 500))])


def entries(database: Database) -> int:
    with database.read() as session:
        assert chain.first_break(session, LedgerEntry) is None
        return session.scalar(select(func.count()).select_from(LedgerEntry)) or 0


def state(database: Database, broadcast: str, speaker: str) -> DeliveryState:
    with database.read() as session:
        return session.get_one(Delivery, (broadcast, speaker)).state


def test_receipts_come_into_the_ledger_and_the_delivery(filled: Database, aired: str) -> None:
    told = [receipt(n, event, broadcast=aired) for n, event in enumerate((Event.CACHED, Event.STARTED, Event.FINISHED))]
    take(filled, "loa-1", *told)
    assert entries(filled) == 3
    assert state(filled, aired, "loa-1") is DeliveryState.FINISHED
    assert state(filled, aired, "loa-2") is DeliveryState.PLANNED


def test_duplicates_change_nothing(filled: Database, aired: str) -> None:
    one = receipt(1, Event.STARTED, broadcast=aired)
    take(filled, "loa-1", one, one)
    take(filled, "loa-1", one)
    assert entries(filled) == 1


def test_what_is_told_again_is_left_out_and_the_rest_of_its_batch_is_written(filled: Database, aired: str) -> None:
    take(filled, "loa-1", receipt(1, Event.CACHED, broadcast=aired), receipt(2, Event.STARTED, broadcast=aired))
    told = [
        receipt(n, event, broadcast=aired) for n, event in ((1, Event.CACHED), (3, Event.FINISHED), (2, Event.STARTED))
    ]
    with filled.write() as session:
        deliveries.take(session, [Told(name, tuple(told), UnixMs(AT)) for name in ("loa-2", "loa-1")])
    assert entries(filled) == 6
    assert {state(filled, aired, name) for name in ("loa-1", "loa-2")} == {DeliveryState.FINISHED}


def test_what_more_receipts_tell_than_one_query_can_name_is_written_whole(
    filled: Database, aired: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "_AT_ONCE", 3)
    told = [receipt(number, Event.CACHED, broadcast=aired) for number in range(7)]
    take(filled, "loa-1", *told, receipt(7, Event.FINISHED, broadcast="another"))
    take(filled, "loa-1", *told)
    assert entries(filled) == 8
    assert state(filled, aired, "loa-1") is DeliveryState.CACHED


def test_the_same_receipt_id_of_two_speakers_is_two_receipts(filled: Database, aired: str) -> None:
    for name in ("loa-1", "loa-2"):
        take(filled, name, receipt(1, Event.FINISHED, broadcast=aired))
    assert entries(filled) == 2
    assert state(filled, aired, "loa-2") is DeliveryState.FINISHED


def test_a_broadcast_nobody_knows_is_recorded_in_the_ledger_alone(filled: Database, aired: str) -> None:
    take(filled, "loa-1", receipt(1, Event.FINISHED, broadcast="unknown"))
    assert entries(filled) == 1
    with filled.read() as session:
        assert session.get(Delivery, ("unknown", "loa-1")) is None


def test_a_speaker_nobody_expected_gets_a_delivery_of_its_own(filled: Database, clock: FixedClock) -> None:
    with filled.write() as session:
        made = town.broadcast(session, clock, town.DONG).id
    take(filled, "loa-4", receipt(1, Event.STARTED, broadcast=made))
    assert state(filled, made, "loa-4") is DeliveryState.PLAYING


def test_a_finish_after_the_station_said_missed_is_believed(filled: Database, clock: FixedClock, aired: str) -> None:
    with filled.write() as session:
        airing.miss(session, [aired], "broker-down", clock.now())
    take(filled, "loa-1", receipt(1, Event.FINISHED, broadcast=aired, played_ms=60_000))
    with filled.read() as session:
        row = session.get_one(Delivery, (aired, "loa-1"))
        assert (row.state, row.why, row.played_ms) == (DeliveryState.FINISHED, None, 60_000)
        assert session.get_one(Delivery, (aired, "loa-2")).why == "broker-down"


def test_the_furthest_moment_the_protocol_knows_is_stored(filled: Database, clock: FixedClock, aired: str) -> None:
    take(filled, "loa-1", receipt(1, Event.CACHED, 253_402_300_799_999, broadcast=aired))
    with filled.read() as session:
        assert to_ms(session.scalars(select(LedgerEntry.at)).one()) == 253_402_300_799_999
