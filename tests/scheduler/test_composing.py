"""Programmes in the planner: composed from rows, sounded, planned, and recomposed until shortly before they air."""

from collections.abc import Iterator
from datetime import time, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event

from broadcaster import airing, approval
from broadcaster.airing import BroadcastState
from broadcaster.approval import Approver
from broadcaster.database import Database
from broadcaster.rows import Broadcast, Composition, Schedule, ScheduleKind, Station
from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE
from scheduler import composition_pass, conflicts, rule_text
from scheduler.composing import FREEZE, pieces_of
from scheduler.materialisation import rule_of
from scheduler.preparation import Preparation
from scheduler.production import Production
from scheduler.rundown import EMPTY, Bulletins, Fixed, Kind, Music, Overrun, Piece, Relay, Tune, Words
from scheduler.submissions import SubmissionError
from tests.broadcaster import town
from tests.broadcaster.town import COMMUNE, DONG
from tests.clocks import FixedClock
from tests.scheduler.programme_bench import ZONE, Programmes
from tts import joining
from tts.encoding import RATE, decode


@pytest.fixture
def desk(sqlite_database: Database, clock: FixedClock, tmp_path: Path) -> Iterator[Programmes]:
    with sqlite_database.write() as session:
        town.fill(session, clock)
    made = Programmes.make(sqlite_database, clock, tmp_path)
    yield made
    assert made.bench.core.counters.errors == {}


def pieces(desk: Programmes, schedule: int) -> tuple[Piece, ...]:
    return pieces_of(desk.next(schedule)[1])


def titles(desk: Programmes, schedule: int) -> list[str]:
    return [piece.title for piece in pieces(desk, schedule) if piece.kind is Kind.BULLETIN]


def test_a_programme_airs_as_one_clip_of_its_pieces_in_order(
    filled: Database, clock: FixedClock, tmp_path: Path
) -> None:
    desk = Programmes.make(filled, clock, tmp_path)
    desk.bulletin("Tiêm phòng")
    desk.bulletin("Họp dân")
    number = desk.programme(hours=2)
    desk.plan(confirm=True)
    broadcast, kept = desk.next(number)
    assert broadcast.clip_sha256 == kept.clip_sha256
    assert broadcast.sent_at is not None
    found = pieces_of(kept)
    kinds = [Kind.TUNE, Kind.WORDS, Kind.BULLETIN, Kind.STING, Kind.BULLETIN, Kind.WORDS, Kind.TUNE]
    assert [piece.kind for piece in found] == kinds
    (item,) = [one for one in desk.bench.items("xa", "2026-11-21") if one.id == broadcast.id]
    assert (item.title, item.resume, item.duration_ms) == ("Bản tin sáng", True, sum(p.length_ms for p in found))


def test_the_clip_holds_every_bulletin_packet_for_packet_where_its_piece_says(desk: Programmes) -> None:
    desk.bulletin("Tiêm phòng")
    number = desk.programme()
    desk.plan()
    _broadcast, kept = desk.next(number)
    assert kept.clip_sha256
    whole = desk.store.opus(kept.clip_sha256)
    (piece,) = [piece for piece in pieces_of(kept) if piece.kind is Kind.BULLETIN]
    single, _ = decode(desk.store.opus(piece.clip))
    heard, _ = decode(whole)
    part = heard[piece.at_ms * RATE // 1000 :][: single.size]
    assert np.abs(part - single)[RATE // 10 :].max() < 0.01
    assert joining.length_ms(whole) == heard.size * 1000 // RATE == sum(p.length_ms for p in pieces_of(kept))


def test_a_bulletin_that_comes_later_is_taken_in_and_one_that_goes_is_left_at_once(desk: Programmes) -> None:
    first = desk.bulletin("Tiêm phòng")
    number = desk.programme(hours=3)
    desk.plan(confirm=True)
    before = desk.next(number)[0].clip_sha256
    desk.bulletin("Họp dân")
    desk.bench.plan()
    assert desk.next(number)[0].clip_sha256 == before, "what is there stays planned until the new sound is made"
    desk.plan(confirm=True)
    assert titles(desk, number) == ["Tiêm phòng", "Họp dân"]
    assert desk.next(number)[0].clip_sha256 != before
    with desk.bench.core.database.write() as session:
        airing.cancel_schedule(session, first, account_id=1, now=desk.bench.clock.now())
    desk.bench.plan()
    assert desk.next(number)[0].clip_sha256 is None, "it must not be heard any more"
    desk.plan()
    assert titles(desk, number) == ["Họp dân"]


def test_shortly_before_it_airs_nothing_is_added_but_what_was_withdrawn_still_goes(desk: Programmes) -> None:
    first = desk.bulletin("Tiêm phòng")
    desk.bulletin("Họp dân")
    number = desk.programme(hours=2)
    desk.plan(confirm=True)
    desk.bench.clock.advance(timedelta(hours=2) - FREEZE + timedelta(minutes=1))
    desk.bulletin("Tin muộn")
    desk.plan()
    assert titles(desk, number) == ["Tiêm phòng", "Họp dân"]
    with desk.bench.core.database.write() as session:
        airing.cancel_schedule(session, first, account_id=1, now=desk.bench.clock.now())
    desk.plan()
    assert titles(desk, number) == ["Họp dân", "Tin muộn"]


def test_without_bulletins_it_is_missed_with_the_reason(desk: Programmes) -> None:
    number = desk.programme(hours=2)
    desk.plan()
    broadcast, kept = desk.next(number)
    assert (kept.why, kept.clip_sha256, broadcast.missed_at) == (EMPTY, None, None)
    desk.bench.clock.advance(timedelta(hours=2) - FREEZE)
    desk.plan()
    assert desk.next(number)[0].missed_why == EMPTY
    assert {why for _, why in desk.bench.deliveries(number).values()} == {EMPTY}


def test_bulletins_of_other_places_are_not_heard(desk: Programmes) -> None:
    desk.bulletin("Của thôn Đông", DONG)
    desk.bulletin("Của cả xã", COMMUNE)
    commune, village = desk.programme(hours=2), desk.programme(hours=3, places=("thon-dong",))
    desk.plan()
    assert titles(desk, commune) == ["Của cả xã"]
    assert titles(desk, village) == ["Của thôn Đông", "Của cả xã"]


def test_a_named_bulletin_is_heard_where_it_is_for_and_nowhere_else(desk: Programmes) -> None:
    with desk.bench.core.database.read() as session:
        named = Fixed(session.get_one(Schedule, desk.bulletin("Của thôn Đông", DONG)).bulletin_id)
    village, commune = desk.programme(named, hours=2, places=("thon-dong",)), desk.programme(named, hours=3)
    desk.bench.plan()
    assert titles(desk, village) == ["Của thôn Đông"]
    assert [one["why"] for one in desk.next(commune)[1].left_out] == ["elsewhere"]


def test_unapproved_never_airs_and_a_changed_rundown_waits_again(desk: Programmes) -> None:
    approver = desk.approval()
    bulletin = desk.bulletin("Tiêm phòng")
    number = desk.programme(hours=2)

    def approve(schedule: int) -> None:
        with desk.bench.core.database.write() as session:
            row = session.get_one(Schedule, schedule)
            seen = approval.fingerprint(approval.facts(row))
            approval.approve(session, row, Approver(approver), seen=seen, now=desk.bench.clock.now())

    desk.plan()
    assert desk.next(number)[1].left_out[0]["why"] == "not-approved"
    approve(bulletin)
    desk.plan(confirm=True)
    assert titles(desk, number) == ["Tiêm phòng"]
    assert not desk.bench.seqs(), "the programme itself waits"
    approve(number)
    desk.plan(confirm=True)
    assert desk.next(number)[0].sent_at is not None
    desk.bulletin("Chưa duyệt")
    desk.plan(confirm=True)
    assert titles(desk, number) == ["Tiêm phòng"]
    with desk.bench.core.database.write() as session:
        row = session.get_one(Schedule, number)
        assert row.bulletin.rundown
        row.bulletin.rundown = row.bulletin.rundown | {"planned_ms": 7 * MINUTE}
    desk.plan()
    assert desk.bench.items("xa", "2026-11-21") == ()


def test_a_relay_is_filled_with_its_fallback_to_the_millisecond(desk: Programmes) -> None:
    song, tune = desk.sound(7, 400), desk.sound(1, 500)
    number = desk.programme(Tune(tune), Relay("http://127.0.0.1:9/vov", 1, song, "VOV1"), Tune(tune), minutes=5)
    desk.plan()
    _, relay, last = pieces(desk, number)
    assert (relay.length_ms, last.at_ms) == (MINUTE, relay.at_ms + MINUTE)
    clip = desk.next(number)[1].clip_sha256
    assert clip
    heard, _ = decode(desk.store.opus(clip))
    second = np.abs(heard[relay.at_ms * RATE // 1000 :][: 58 * RATE]).reshape(58, RATE).max(axis=1)
    assert (second > 0.05).all(), "no second of it is silent"


def test_cut_music_ends_when_it_should(desk: Programmes) -> None:
    desk.bulletin("Tiêm phòng")
    song = desk.sound(40, 400)
    number = desk.programme(Bulletins(), Music(song), minutes=2, overrun=Overrun.CUT_MUSIC)
    with desk.bench.core.database.write() as session:
        bulletin = session.get_one(Schedule, number).bulletin
        assert bulletin.rundown
        bulletin.rundown = bulletin.rundown | {"planned_ms": 30_000}
    desk.plan()
    music = pieces(desk, number)[-1]
    assert music.cut
    assert 28_000 < sum(piece.length_ms for piece in pieces(desk, number)) <= 30_000
    assert desk.next(number)[1].clip_sha256


def test_every_time_of_the_day_is_a_schedule_of_the_same_programme(desk: Programmes) -> None:
    desk.bulletin("Tiêm phòng")
    number = desk.programme(hours=2, times=(time(17), time(20)))
    desk.plan()
    with desk.bench.core.database.read() as session:
        rows = session.query(Schedule).filter_by(bulletin_id=session.get_one(Schedule, number).bulletin_id)
        assert len({row.id for row in rows}) == 3
        near = session.query(Composition).join(Broadcast, Broadcast.id == Composition.broadcast_id).count()
        far = session.query(Broadcast).count()
    assert (near, far) == (4, 21), "what is near, and the next of each"


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ((Tune("x" * 64), Words("Xin chào.")), ("rundown", "none")),
        ((Tune("x" * 64), Bulletins()), ("item-0", "sound-gone")),
        ((Words("{tên}"), Bulletins()), ("item-0", "unknown-blanks")),
        ((Words(" "), Bulletins()), ("item-0", "no-words")),
        ((Bulletins(days=0),), ("item-0", "out-of-range")),
        ((Relay("file:///etc/passwd", 5, ""),), ("item-0", "not-an-address")),
        ((Relay("http://vov", 50, ""),), ("item-0", "out-of-range")),
        ((Relay("http://vov", 5, ""),), ("item-0", "no-fallback")),
    ],
)
def test_a_rundown_nobody_can_air_is_refused_at_its_item(
    desk: Programmes, items: tuple[Tune | Words | Bulletins | Relay, ...], problem: tuple[str, str]
) -> None:
    with pytest.raises(SubmissionError) as caught:
        desk.programme(*items)
    assert problem in [(one.field, one.code) for one in caught.value.problems]


def test_a_programme_for_this_very_moment_is_refused(desk: Programmes) -> None:
    with pytest.raises(SubmissionError) as caught:
        desk.programme(hours=0, kind=ScheduleKind.ONCE, rule="")
    assert ("start_at", "past") in [(one.field, one.code) for one in caught.value.problems]


def test_a_priority_bulletin_goes_first_in_the_programme(desk: Programmes) -> None:
    desk.bulletin("Thường")
    desk.bulletin("Gấp", klass=Class.PRIORITY)
    number = desk.programme(hours=2)
    desk.plan()
    assert titles(desk, number) == ["Gấp", "Thường"]


def test_a_station_that_was_off_says_so_of_the_programme_too(desk: Programmes) -> None:
    desk.bulletin("Tiêm phòng")
    number = desk.programme(hours=2)
    desk.bench.plan()
    desk.bench.clock.advance(timedelta(hours=5))
    desk.bench.restart()
    desk.plan()
    with desk.bench.core.database.read() as session:
        first = desk.bench.broadcasts(number)[0]
        assert airing.state_of(session.get_one(Broadcast, first.id), desk.bench.clock.now()) is BroadcastState.MISSED
    assert first.missed_why == "station-off"


def test_what_is_composed_is_written_a_few_at_a_time_and_nothing_when_nothing_changes(
    desk: Programmes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(composition_pass, "AT_ONCE", 2)
    database = desk.bench.core.database
    desk.bulletin("Tiêm phòng")
    desk.programme(times=(time(11), time(15), time(17), time(18)))
    desk.bench.plan()
    with database.write() as session:
        session.query(Composition).delete()
    counts: list[int] = []

    def count(*_facts: object) -> None:
        if _facts[2] == "BEGIN IMMEDIATE":
            with Database(database.url).read() as session:
                counts.append(session.query(Composition).count())

    event.listen(database.engine, "before_cursor_execute", count)
    composition_pass.compose_all(desk.bench.core, desk.bench.clock.now())
    assert len(counts) > 2
    assert counts == list(range(0, 2 * len(counts), 2))
    written = len(counts)
    composition_pass.compose_all(desk.bench.core, desk.bench.clock.now())
    event.remove(database.engine, "before_cursor_execute", count)
    assert len(counts) == written


def test_what_is_stopped_while_others_are_composed_stays_as_it_is(desk: Programmes) -> None:
    database, now = desk.bench.core.database, desk.bench.clock.now()
    desk.bulletin("Tiêm phòng")
    number = desk.programme()
    desk.bench.plan()
    with database.write() as session:
        session.query(Composition).delete()
    stopped: list[str] = []

    def stop(*_facts: object) -> None:
        if _facts[2] == "BEGIN IMMEDIATE" and not stopped:
            stopped.append(desk.bench.broadcasts(number)[0].id)
            with Database(database.url).write() as session:
                airing.stop_broadcast(session, stopped[0], account_id=1, now=now)

    event.listen(database.engine, "before_cursor_execute", stop)
    composition_pass.compose_all(desk.bench.core, now)
    event.remove(database.engine, "before_cursor_execute", stop)
    with database.read() as session:
        assert session.get(Composition, stopped[0]) is None
        assert session.query(Composition).count() == 1


def test_a_programme_that_was_sent_in_a_second_before_its_time_joins_in_position(desk: Programmes) -> None:
    desk.bulletin("Tiêm phòng")
    number = desk.programme(hours=1 / 3600, kind=ScheduleKind.ONCE, rule="")
    desk.bench.clock.advance(timedelta(seconds=3))
    desk.plan(confirm=True)
    broadcast, _ = desk.next(number)
    assert broadcast.clip_sha256
    assert broadcast.sent_at is not None
    assert [item.id for item in desk.bench.items("xa", "2026-11-21")] == [broadcast.id]


def test_a_programme_that_was_sent_in_a_second_before_its_time_without_bulletins_says_so(desk: Programmes) -> None:
    number = desk.programme(hours=1 / 3600, kind=ScheduleKind.ONCE, rule="")
    desk.bench.clock.advance(timedelta(seconds=3))
    desk.plan()
    assert desk.next(number)[0].missed_why == EMPTY


@pytest.mark.parametrize("gone", ["file", "damaged"])
def test_a_named_bulletin_whose_sound_was_lost_is_made_again(desk: Programmes, gone: str) -> None:
    single = desk.bulletin("Tiêm phòng")
    with desk.bench.core.database.write() as session:
        schedule = session.get_one(Schedule, single)
        schedule.kind, schedule.start_at = ScheduleKind.ONCE, desk.bench.at(-48)  # it aired by itself once, and is over
        bulletin = schedule.bulletin
        session.add(
            Broadcast(
                id="aired",
                schedule=schedule,
                bulletin=bulletin,
                occurrence=desk.bench.at(-48),
                start_at=desk.bench.at(-48),
                klass=bulletin.klass,
                late_ms=0,
                created_at=desk.bench.at(-49),
                sent_at=desk.bench.at(-49),
                clip_sha256=bulletin.clip_sha256,
            )
        )
        named, clip = Fixed(schedule.bulletin_id), bulletin.clip_sha256
    assert clip
    number = desk.programme(named, hours=2)
    file = next(desk.store.folder.rglob(f"{clip}.opus"))
    file.unlink() if gone == "file" else file.write_bytes(b"OggS")
    desk.plan()
    made_again = Preparation(
        desk.bench.core.database, desk.speech, desk.store, desk.bench.clock, lambda: None, sounds=desk.sounds
    )
    made_again.prepare_all()
    desk.production = Production(desk.bench.core, desk.speech, desk.store, desk.sounds, lambda: None)
    desk.plan(confirm=True)
    assert titles(desk, number) == ["Tiêm phòng"]
    assert desk.next(number)[0].sent_at is not None


def test_no_programme_runs_over_into_quiet_hours_whatever_its_overrun_policy(desk: Programmes) -> None:
    start = desk.bench.at(2)
    quiet = (start + timedelta(minutes=2)).astimezone(ZONE)
    with desk.bench.core.database.write() as session:
        station = session.query(Station).one()
        station.quiet_start, station.quiet_until = f"{quiet:%H:%M}", "05:30"
    for _ in range(6):
        desk.bulletin("Bản tin " * 20)
    number = desk.programme(Tune(desk.sound(90, 300)), Bulletins(), hours=2, minutes=2, overrun=Overrun.RUN_OVER)
    desk.plan(confirm=True)
    broadcast, kept = desk.next(number)
    assert kept.left_out
    assert titles(desk, number)
    assert broadcast.missed_at is None
    with desk.bench.core.database.read() as session:
        end = airing.end_of(session.get_one(Broadcast, broadcast.id))
    assert end is not None
    assert end.astimezone(ZONE) <= quiet


def test_an_edited_programme_leaves_out_what_it_left_out_and_keeps_what_was_moved(desk: Programmes) -> None:
    desk.bulletin("Tiêm phòng")
    database, clock = desk.bench.core.database, desk.bench.clock
    first = desk.programme(hours=2, times=(time(17), time(19)))
    with database.write() as session:
        rows = session.query(Schedule).filter(Schedule.kind == ScheduleKind.REPEATED).order_by(Schedule.id).all()
        places = rows[0].targets
        for row in rows[:2]:
            assert row.start_at
            moment = row.start_at + timedelta(days=2)
            conflicts.take_off(session, row, moment, ZONE, account_id=1, now=clock.now())
        moved = Schedule(
            bulletin=rows[0].bulletin,
            kind=ScheduleKind.ONCE,
            start_at=desk.bench.at(60),
            account_id=1,
            created_at=clock.now(),
        )
        moved.targets = list(places)
        session.add(moved)
        began = rows[0].start_at
    desk.programme(start_at=began, times=(time(17), time(19, 30)), replaces=first)
    with database.read() as session:
        live = session.query(Schedule).filter(Schedule.cancelled_at.is_(None), Schedule.start_at.is_not(None))
        found = {rule_text.write(rule) for row in live if (rule := rule_of(row, ZONE))}
        assert began
        morning = (began + timedelta(days=2)).astimezone(ZONE)
        assert found == {
            f"RRULE:FREQ=DAILY\nEXDATE:{morning:%Y%m%dT%H%M%S}",
            f"RRULE:FREQ=DAILY\nEXDATE:{morning:%Y%m%d}T170000",
            "RRULE:FREQ=DAILY",
            "",
        }
        assert [row.start_at for row in live if row.kind is ScheduleKind.ONCE] == [desk.bench.at(60)]


def test_composing_again_from_the_same_rows_changes_nothing(desk: Programmes) -> None:
    for title in ("Một", "Hai", "Ba"):
        desk.bulletin(title)
    number = desk.programme(Tune(desk.sound(118, 300)), Bulletins(), hours=2, minutes=2)
    desk.bench.plan()
    before = desk.next(number)
    assert before[1].left_out
    desk.bench.plan()
    assert desk.next(number)[1].composed_at == before[1].composed_at
    assert desk.next(number)[0].sent_at == before[0].sent_at
