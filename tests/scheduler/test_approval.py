"""Unapproved never airs: the planner refuses, whatever a page did."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from broadcaster import airing, approval
from broadcaster import village as village_minutes
from broadcaster.airing import BroadcastState
from broadcaster.approval import ApprovalError, ApprovalState, Approver, Paper, Standing
from broadcaster.core import Core
from broadcaster.database import Database
from broadcaster.rows import (
    Account,
    AuditEntry,
    Decision,
    Grant,
    Place,
    Role,
    Schedule,
    ScheduleKind,
    Station,
    VillageAiring,
)
from broadcaster.wire.documents import Class
from scheduler.settling import NOW_PATIENCE
from tests.broadcaster import town
from tests.broadcaster.town import DONG
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench

TODAY = "2026-11-21"
CHAIR = Approver(2)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def bench(core: Core, clock: FixedClock, tmp_path: Path) -> Bench:
    return made(core.database, clock, tmp_path)


def made(database: Database, clock: FixedClock, folder: Path) -> Bench:
    bench = Bench.make(database, clock, folder)
    with database.write() as session:
        session.scalars(select(Station)).one().approval = True
        session.add(Account(id=2, username="chu-tich", password_hash="", created_at=clock.now()))
        session.flush()
        session.add(Grant(account_id=2, role=Role.APPROVER, granted_at=clock.now()))
    return bench


def seen(bench: Bench, schedule: int) -> str:
    with bench.core.database.read() as session:
        return approval.fingerprint(approval.facts(session.get_one(Schedule, schedule)))


def approve(bench: Bench, schedule: int, by: Approver = CHAIR, paper: Paper | None = None) -> None:
    mark = seen(bench, schedule)
    with bench.core.database.write() as session:
        approval.approve(
            session, session.get_one(Schedule, schedule), by, seen=mark, now=bench.clock.now(), paper=paper
        )


def standing(bench: Bench, schedule: int) -> Standing:
    with bench.core.database.read() as session:
        return approval.standing(session, session.get_one(Schedule, schedule), bench.clock.now())


def names(bench: Bench) -> list[str]:
    """What the plan in force of the village names, if there is one."""
    return [item.id for item in bench.items("thon-dong", TODAY)] if "thon-dong/plan/" + TODAY in bench.seqs() else []


def test_what_nobody_approved_is_in_no_plan_and_ends_missed_with_the_reason(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    assert names(bench) == []
    assert bench.broadcast(schedule).sent_at is None
    bench.clock.advance(timedelta(hours=1))
    bench.plan()
    one = bench.broadcast(schedule)
    assert (bench.state(schedule), one.missed_why) == (BroadcastState.MISSED, "not-approved")
    assert {why for _, why in bench.deliveries(schedule).values()} == {"not-approved"}
    approve(bench, schedule)
    bench.plan(confirm=True)
    assert names(bench) == [], "too late is too late"


def test_what_was_approved_airs(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    approve(bench, schedule)
    bench.plan(confirm=True)
    assert names(bench) == [bench.broadcast(schedule).id]
    assert bench.broadcast(schedule).sent_at is not None


def test_what_waits_is_the_same_in_either_database(filled: Database, clock: FixedClock, tmp_path: Path) -> None:
    bench = made(filled, clock, tmp_path)
    first, second, called_off = (bench.schedule(DONG, start_at=bench.at(hours)) for hours in (1, 2, 24 * 30))
    bench.plan(confirm=True)
    with filled.write() as session:
        session.get_one(Schedule, called_off).cancelled_at = clock.now()
    with filled.read() as session:
        assert [schedule.id for schedule, _ in approval.waiting(session, clock.now())] == [first, second]
    approve(bench, first)
    with filled.read() as session:
        assert [schedule.id for schedule, _ in approval.waiting(session, clock.now())] == [second]
    clock.advance(timedelta(hours=3))
    bench.plan()
    with filled.read() as session:
        assert approval.waiting(session, clock.now()) == [], "what was missed waits for nobody"


def test_another_sound_voids_the_approval_and_takes_the_broadcast_back_off_the_plan(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    approve(bench, schedule)
    bench.plan(confirm=True)
    assert names(bench) != []
    bench.give_sound(schedule, seconds=61)
    stands = standing(bench, schedule)
    assert (stands.state, stands.changed) == (ApprovalState.SUBMITTED, ("clip",))
    bench.plan(confirm=True)
    assert names(bench) == []
    assert bench.broadcast(schedule).sent_at is None
    approve(bench, schedule)
    bench.plan(confirm=True)
    assert names(bench) != []


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("start_at", None),
        ("rrule", "RRULE:FREQ=DAILY"),
        ("repeats", 2),
        ("chime", True),
        ("spoken", "Khác"),
        ("text", "Khác"),
        ("title", "Khác"),
        ("voice", "south"),
        ("klass", Class.PRIORITY),
        ("category", "y tế"),
        ("targets", None),
    ],
)
def test_any_change_voids_the_approval_and_is_named(bench: Bench, fact: str, value: object) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    approve(bench, schedule)
    with bench.core.database.write() as session:
        row = session.get_one(Schedule, schedule)
        if fact == "targets":
            row.targets.append(session.get_one(Place, town.DOAI))
        elif fact == "start_at":
            row.start_at = bench.at(2)
        else:
            setattr(row if hasattr(row, fact) else row.bulletin, fact, value)
    stands = standing(bench, schedule)
    assert (stands.state, stands.changed) == (ApprovalState.SUBMITTED, (fact,))
    bench.plan(confirm=True)
    assert names(bench) == []


def test_what_was_returned_stays_silent(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    mark = seen(bench, schedule)
    with bench.core.database.write() as session:
        row = session.get_one(Schedule, schedule)
        with pytest.raises(ApprovalError, match="no-comment"):
            approval.give_back(session, row, CHAIR, seen=mark, comment="", now=bench.clock.now())
        approval.give_back(session, row, CHAIR, seen=mark, comment="Sai ngày", now=bench.clock.now())
    assert standing(bench, schedule).state is ApprovalState.RETURNED
    bench.clock.advance(timedelta(hours=1))
    bench.plan()
    assert bench.broadcast(schedule).missed_why == "not-approved"


def test_what_changed_since_it_was_shown_is_not_approved_unseen(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    mark = seen(bench, schedule)
    bench.give_sound(schedule, seconds=61)
    with bench.core.database.write() as session, pytest.raises(ApprovalError, match="changed"):
        approval.approve(session, session.get_one(Schedule, schedule), CHAIR, seen=mark, now=bench.clock.now())


def test_what_has_no_sound_yet_can_not_be_approved(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1), sound=False)
    with pytest.raises(ApprovalError, match="no-sound"):
        approve(bench, schedule)


def test_nobody_approves_their_own_bulletin_but_by_somebody_elses_signed_document(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    for by in (Approver(1), Approver(2, on_behalf_of=1)):
        with pytest.raises(ApprovalError, match="own"):
            approve(bench, schedule, by)
    with pytest.raises(ApprovalError, match="own"):
        approve(bench, schedule, Approver(1), Paper("12/UBND"))
    approve(bench, schedule, Approver(1), Paper("12/UBND", "abc.pdf", "duyet.pdf"))
    assert standing(bench, schedule).state is ApprovalState.APPROVED


def test_now_means_as_soon_as_it_is_approved_and_not_half_an_hour_later(bench: Bench) -> None:
    prompt, late = (bench.schedule(DONG, kind=ScheduleKind.NOW) for _ in range(2))
    bench.plan(confirm=True)
    assert bench.broadcast(prompt).start_at is None
    bench.clock.advance(10 * MINUTE)
    approve(bench, prompt)
    bench.plan(confirm=True)
    start = bench.broadcast(prompt).start_at
    assert start is not None
    assert start > bench.clock.now()
    bench.clock.advance(NOW_PATIENCE)
    bench.plan()
    assert bench.broadcast(late).missed_why == "not-approved"


def test_one_approval_holds_for_every_day_of_a_daily_schedule(bench: Bench) -> None:
    schedule = bench.schedule(DONG, kind=ScheduleKind.REPEATED, rrule="RRULE:FREQ=DAILY", start_at=bench.at(1))
    approve(bench, schedule)
    bench.plan(confirm=True)
    assert all(one.sent_at for one in bench.broadcasts(schedule))


def test_an_emergency_waits_for_nobody(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1), klass=Class.EMERGENCY)
    bench.plan(confirm=True)
    assert standing(bench, schedule).state is ApprovalState.EXEMPT
    assert names(bench) != []


def test_approval_is_switched_off_and_on_by_name_and_what_was_not_approved_waits_again(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    with bench.core.database.write() as session:
        approval.switch(session, on=False, by=1, now=bench.clock.now())
    bench.plan(confirm=True)
    assert names(bench) != []
    with bench.core.database.write() as session:
        approval.switch(session, on=True, by=1, now=bench.clock.now())
    bench.plan(confirm=True)
    assert (names(bench), standing(bench, schedule).state) == ([], ApprovalState.SUBMITTED)
    with bench.core.database.read() as session:
        assert [row.action for row in session.query(AuditEntry).filter(AuditEntry.subject == "station")] == [
            "approval.switch-off",
            "approval.switch-on",
        ]


def test_what_is_on_the_air_is_not_cut_when_approval_is_switched_on(bench: Bench) -> None:
    with bench.core.database.write() as session:
        approval.switch(session, on=False, by=1, now=bench.clock.now())
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(timedelta(hours=1, seconds=10))
    with bench.core.database.write() as session:
        approval.switch(session, on=True, by=1, now=bench.clock.now())
    bench.plan(confirm=True)
    assert bench.state(schedule) is BroadcastState.ON_AIR
    assert names(bench) != []


def test_a_village_head_airs_without_approval_as_long_as_the_grant_says_so(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    with bench.core.database.write() as session:
        held = Grant(account_id=1, role=Role.VILLAGE_HEAD, place_id=DONG, granted_at=bench.clock.now(), unapproved=True)
        session.add(held)
        session.flush()
        session.add(VillageAiring(schedule_id=schedule, grant_id=held.id))
        number = held.id
    assert standing(bench, schedule).state is ApprovalState.EXEMPT
    with bench.core.database.write() as session:
        row = session.get_one(Schedule, schedule)
        row.targets.append(session.get_one(Place, town.DOAI))
    assert standing(bench, schedule).state is ApprovalState.SUBMITTED, "not in the neighbour's village"
    with bench.core.database.write() as session:
        row = session.get_one(Schedule, schedule)
        row.targets = [session.get_one(Place, DONG)]
        session.get_one(Grant, number).revoked_at = bench.clock.now()
    assert standing(bench, schedule).state is ApprovalState.SUBMITTED


def test_a_verdict_names_what_was_heard_and_who_lent_the_right(bench: Bench) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    approve(bench, schedule, Approver(2, on_behalf_of=2), Paper("15/UBND-VH"))
    with bench.core.database.read() as session:
        made = session.scalars(select(Decision)).one()
        clip = session.get_one(Schedule, schedule).bulletin.clip_sha256
        assert (made.facts["clip"], made.facts["targets"]) == (clip, ["thon-dong"])
        assert (made.document_number, made.on_behalf_of_id) == ("15/UBND-VH", 2)
        entry = session.query(AuditEntry).filter_by(action="bulletin.approve").one()
        assert entry.detail["clip"] == clip


def village(bench: Bench, minutes: int) -> int:
    """The grant of a village head with so many minutes a day."""
    with bench.core.database.write() as session:
        held = Grant(
            account_id=1, role=Role.VILLAGE_HEAD, place_id=DONG, granted_at=bench.clock.now(), daily_minutes=minutes
        )
        held.unapproved = True
        session.add(held)
        session.flush()
        return held.id


def test_a_village_head_airs_no_longer_than_the_minutes_of_a_day_and_again_on_the_next(bench: Bench) -> None:
    grant = village(bench, 3)

    def air(seconds: int) -> int:
        schedule = bench.schedule(DONG, kind=ScheduleKind.NOW, seconds=seconds)
        with bench.core.database.write() as session:
            session.add(VillageAiring(schedule_id=schedule, grant_id=grant))
        bench.plan(confirm=True)
        bench.clock.advance(10 * MINUTE)
        return schedule

    first, too_long, second = air(120), air(61), air(60)
    assert [bench.state(one) for one in (first, second)] == [BroadcastState.AIRED] * 2
    assert bench.broadcast(too_long).missed_why == "village-quota"
    assert bench.broadcast(air(5)).missed_why == "village-quota"
    bench.clock.advance(timedelta(days=1))
    assert bench.state(air(170)) is BroadcastState.AIRED


@pytest.mark.parametrize(("on_air_s", "used_s"), [(30, 30), (-1, 0)])
def test_what_was_stopped_takes_only_the_minutes_that_were_heard(bench: Bench, on_air_s: int, used_s: int) -> None:
    grant = village(bench, 3)
    schedule = bench.schedule(DONG, kind=ScheduleKind.NOW, seconds=120)
    with bench.core.database.write() as session:
        session.add(VillageAiring(schedule_id=schedule, grant_id=grant))
    bench.plan(confirm=True)
    begin = bench.broadcast(schedule).start_at
    assert begin
    bench.clock.advance(begin - bench.clock.now() + timedelta(seconds=on_air_s))
    with bench.core.database.write() as session:
        if on_air_s > 0:
            airing.stop_broadcast(session, bench.broadcast(schedule).id, account_id=1, now=bench.clock.now())
        else:
            airing.stop_all(session, account_id=1, now=bench.clock.now())
    with bench.core.database.read() as session:
        held = session.get_one(Grant, grant)
        left = village_minutes.left_ms(session, held, bench.clock.now(), ZoneInfo("Asia/Ho_Chi_Minh"))
    assert left == (180 - used_s) * 1000


def test_what_a_village_may_not_air_takes_no_minutes_from_what_follows_in_the_same_pass(bench: Bench) -> None:
    grant, made = village(bench, 3), []
    for seconds in (120, 61, 60):
        made.append(bench.schedule(DONG, kind=ScheduleKind.NOW, seconds=seconds))
        with bench.core.database.write() as session:
            session.add(VillageAiring(schedule_id=made[-1], grant_id=grant))
        bench.clock.advance(timedelta(seconds=1))
    bench.plan()
    assert [bench.broadcast(number).missed_why for number in made] == [None, "village-quota", None]
