from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster import airing, chain
from broadcaster.airing import BroadcastState, Coverage, Heard, NotOnAirError
from broadcaster.database import Database
from broadcaster.geography import Geography
from broadcaster.rows import AuditEntry, Broadcast, Delivery, DeliveryState, Schedule, Speaker
from broadcaster.wire.documents import Class
from broadcaster.wire.fields import SpeakerRole
from tests.broadcaster import town
from tests.broadcaster.town import COMMUNE, DOAI, DONG
from tests.clocks import FixedClock

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
def planned(filled: Database, clock: FixedClock) -> str:
    """A minute of sound in the whole commune, in an hour."""
    with filled.write() as session:
        return town.broadcast(session, clock).id


def state(database: Database, number: str, clock: FixedClock) -> BroadcastState:
    with database.read() as session:
        return airing.state_of(session.get_one(Broadcast, number), clock.now())


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (timedelta(0), BroadcastState.PLANNED),
        (HOUR - SECOND, BroadcastState.PLANNED),
        (HOUR, BroadcastState.ON_AIR),
        (HOUR + 59 * SECOND, BroadcastState.ON_AIR),
        (HOUR + 60 * SECOND, BroadcastState.AIRED),
    ],
)
def test_the_state_of_a_broadcast_follows_from_the_time(
    filled: Database, clock: FixedClock, planned: str, later: timedelta, expected: BroadcastState
) -> None:
    clock.advance(later)
    assert state(filled, planned, clock) is expected


def test_what_the_broker_has_not_confirmed_is_never_called_on_air(filled: Database, clock: FixedClock) -> None:
    with filled.write() as session:
        made = town.broadcast(session, clock)
        made.sent_at = None
        moments = (clock.now(), clock.now() + HOUR, clock.now() + 2 * HOUR)
        told = [airing.state_of(made, moment) for moment in moments]
        assert told == [BroadcastState.PLANNED, BroadcastState.UNSENT, BroadcastState.UNSENT]
        clock.advance(HOUR)
        assert airing.on_air(session, clock.now()) == []
        assert airing.stop_all(session, account_id=1, now=clock.now()) == [made.id]  # it must not begin late either


def test_a_broadcast_without_sound_or_moment_is_being_prepared(filled: Database, clock: FixedClock) -> None:
    with filled.write() as session:
        made = town.broadcast(session, clock)
        made.clip = None
        assert airing.state_of(made, clock.now()) is BroadcastState.PREPARING
        assert airing.end_of(made) is None


def test_a_broadcast_is_meant_for_every_speaker_of_its_places_once(
    filled: Database, clock: FixedClock, planned: str
) -> None:
    with filled.write() as session:
        town.ensure_deliveries(session, session.get_one(Broadcast, planned))
        assert sorted(session.scalars(select(Delivery.speaker_id))) == ["loa-1", "loa-2", "loa-3", "loa-4"]


def test_a_speaker_that_moves_away_is_no_longer_meant_unless_it_has_reported(
    filled: Database, clock: FixedClock
) -> None:
    with filled.write() as session:
        made = town.broadcast(session, clock, DONG)
        session.get_one(Delivery, (made.id, "loa-2")).state = DeliveryState.PLAYING
        for name in ("loa-1", "loa-2"):
            session.get_one(Speaker, name).place_id = DOAI
        session.add(town.speaker("loa-9", DONG))
        session.flush()
        town.ensure_deliveries(session, made)
        session.flush()
        assert sorted(session.scalars(select(Delivery.speaker_id))) == ["loa-2", "loa-9"]


def test_a_missed_broadcast_says_so_of_every_speaker_that_has_not_played(
    filled: Database, clock: FixedClock, planned: str
) -> None:
    with filled.write() as session:
        session.get_one(Delivery, (planned, "loa-1")).state = DeliveryState.FINISHED
        session.get_one(Delivery, (planned, "loa-2")).state = DeliveryState.CACHED
        session.flush()
        airing.miss(session, [planned], "broker-down", clock.now())
    with filled.read() as session:
        told = {row.speaker_id: (row.state, row.why) for row in session.scalars(select(Delivery))}
    missed = (DeliveryState.MISSED, "broker-down")
    assert told == {"loa-1": (DeliveryState.FINISHED, None), "loa-2": missed, "loa-3": missed, "loa-4": missed}
    assert state(filled, planned, clock) is BroadcastState.MISSED


@pytest.mark.parametrize(
    ("reported", "after_end", "expected"),
    [
        (DeliveryState.FINISHED, -HOUR, Heard.HEARD),
        (DeliveryState.PLAYING, -SECOND, Heard.WAITING),
        (DeliveryState.PLAYING, 19 * SECOND, Heard.WAITING),
        (DeliveryState.PLAYING, 20 * SECOND, Heard.UNKNOWN),
        (DeliveryState.CACHED, 20 * SECOND, Heard.UNKNOWN),
        *((silent, -HOUR, Heard.SILENT) for silent in sorted(airing._SILENT)),
    ],
)
def test_a_delivery_is_in_one_of_the_plain_states(
    clock: FixedClock, reported: DeliveryState, after_end: timedelta, expected: Heard
) -> None:
    assert airing.heard_of(reported, SpeakerRole.SPEAKER, clock.now(), clock.now() + after_end) is expected


def test_what_a_gateway_has_finished_was_sent_and_nobody_knows_who_heard_it(clock: FixedClock) -> None:
    states = {one: airing.heard_of(one, SpeakerRole.GATEWAY, clock.now(), clock.now()) for one in DeliveryState}
    assert states[DeliveryState.FINISHED] is Heard.SENT
    assert Heard.HEARD not in states.values()


def test_coverage_counts_every_speaker_once(clock: FixedClock) -> None:
    roles = (SpeakerRole.SPEAKER, SpeakerRole.GATEWAY)
    deliveries = [Delivery(state=one, speaker=Speaker(role=role)) for one in DeliveryState for role in roles]
    counted = airing.coverage(deliveries, clock.now(), clock.now() + HOUR)
    assert counted == Coverage(heard=1, sent=1, waiting=0, silent=10, unknown=6)
    assert counted.total == len(deliveries)


def test_stopping_before_the_start_calls_off(filled: Database, clock: FixedClock, planned: str) -> None:
    with filled.write() as session:
        airing.stop_broadcast(session, planned, account_id=1, now=clock.now())
    assert state(filled, planned, clock) is BroadcastState.CANCELLED


def test_stopping_during_the_sound_stops(filled: Database, clock: FixedClock, planned: str) -> None:
    clock.advance(HOUR + SECOND)
    with filled.write() as session:
        airing.stop_broadcast(session, planned, account_id=1, now=clock.now())
    assert state(filled, planned, clock) is BroadcastState.STOPPED


def test_what_is_over_or_unknown_can_not_be_stopped(filled: Database, clock: FixedClock, planned: str) -> None:
    clock.advance(2 * HOUR)
    for stop in (planned, "unknown"):
        with pytest.raises(NotOnAirError), filled.write() as session:
            airing.stop_broadcast(session, stop, account_id=1, now=clock.now())
        with pytest.raises(NotOnAirError), filled.write() as session:
            airing.stop_in_place(session, stop, DONG, account_id=1, now=clock.now())
    with filled.read() as session:
        assert session.scalars(select(AuditEntry)).all() == []


def test_stopping_in_one_place_leaves_the_others_and_is_written_down_once(
    filled: Database, clock: FixedClock, planned: str
) -> None:
    for _ in range(2):
        with filled.write() as session:
            airing.stop_in_place(session, planned, DONG, account_id=1, now=clock.now())
    with filled.read() as session:
        made = session.get_one(Broadcast, planned)
        assert [place.id for place in made.excluded] == [DONG]
        assert airing.state_of(made, clock.now()) is BroadcastState.PLANNED
        assert session.scalars(select(AuditEntry.subject)).all() == [f"{planned} thon-dong"]


def test_a_place_that_does_not_exist_can_not_be_stopped(filled: Database, clock: FixedClock, planned: str) -> None:
    with pytest.raises(NotOnAirError), filled.write() as session:
        airing.stop_in_place(session, planned, 999, account_id=1, now=clock.now())


def test_stop_all_stops_what_sounds_below_emergency_and_leaves_what_is_to_come(
    filled: Database, clock: FixedClock
) -> None:
    with filled.write() as session:
        sounding = [town.broadcast(session, clock, starts_in=timedelta(0)).id for _ in range(2)]
        alert = town.broadcast(session, clock, starts_in=timedelta(0))
        alert.klass = Class.EMERGENCY
        later = town.broadcast(session, clock).id
        session.flush()
        assert sorted(airing.stop_all(session, account_id=1, now=clock.now())) == sorted(sounding)
        states = {number: airing.state_of(session.get_one(Broadcast, number), clock.now()) for number in sounding}
        assert set(states.values()) == {BroadcastState.STOPPED}
        assert [found.id for found in airing.on_air(session, clock.now())] == [alert.id]
        assert airing.state_of(session.get_one(Broadcast, later), clock.now()) is BroadcastState.PLANNED
        assert chain.first_break(session, AuditEntry) is None


def test_stop_all_stops_what_waits_for_its_sound_or_its_turn_and_what_was_sent_in_a_moment_ago(
    filled: Database, clock: FixedClock
) -> None:
    with filled.write() as session:
        silent, pushed, later = (town.broadcast(session, clock, starts_in=timedelta(0)) for _ in range(3))
        silent.clip = silent.start_at = silent.sent_at = None
        pushed.start_at = clock.now() + HOUR
        later.occurrence = later.start_at = clock.now() + HOUR
        later.clip = None
        sent_in = town.schedule(session, clock)
        alert = town.schedule(session, clock, klass=Class.EMERGENCY)
        tomorrow = town.schedule(session, clock, start_at=clock.now() + 24 * HOUR)
        session.flush()
        assert set(airing.stop_all(session, account_id=1, now=clock.now())) == {silent.id, pushed.id}
        states = [airing.state_of(one, clock.now()) for one in (silent, pushed, later)]
        assert states == [BroadcastState.STOPPED, BroadcastState.STOPPED, BroadcastState.PREPARING]
        assert [bool(one.cancelled_at) for one in (sent_in, alert, tomorrow)] == [True, False, False]


def test_cancelling_a_schedule_calls_off_what_is_ahead_and_lets_what_sounds_go_on(
    filled: Database, clock: FixedClock
) -> None:
    with filled.write() as session:
        sounding = town.broadcast(session, clock, starts_in=timedelta(0))
        ahead = town.broadcast(session, clock, starts_in=24 * HOUR)
        unready = town.broadcast(session, clock, starts_in=48 * HOUR)
        for other in (ahead, unready):
            other.schedule = sounding.schedule
        unready.clip = None
        session.flush()
        number = sounding.schedule_id
        airing.cancel_schedule(session, number, account_id=1, now=clock.now())
        states = [airing.state_of(one, clock.now()) for one in (sounding, ahead, unready)]
        assert states == [BroadcastState.ON_AIR, BroadcastState.CANCELLED, BroadcastState.CANCELLED]
        assert session.get_one(Schedule, number).cancelled_at == clock.now()
        with pytest.raises(NotOnAirError):
            airing.cancel_schedule(session, number, account_id=1, now=clock.now())
        with pytest.raises(NotOnAirError):
            airing.cancel_schedule(session, 999, account_id=1, now=clock.now())


def test_the_commune_reaches_all(filled: Database) -> None:
    with filled.read() as session:
        assert len(Geography.load(session).heard_by([town.PLACES[COMMUNE]])) == 4
