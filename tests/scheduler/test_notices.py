"""Notices: told once, pushed until they arrive, and nobody waits for them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcaster import approval, notices
from broadcaster.approval import Approver
from broadcaster.carrier import SCHEMES, AppriseCarrier
from broadcaster.core import Core
from broadcaster.notices import ATTEMPTS, FIRST_PAUSE, Postman
from broadcaster.rows import (
    Account,
    Address,
    Grant,
    Notice,
    NoticeKind,
    Push,
    Role,
    Schedule,
    ScheduleKind,
    Station,
    VillageAiring,
)
from broadcaster.wire.documents import Class
from scheduler import conflicts
from tests.broadcaster.town import DOAI, DONG
from tests.broadcaster.webhook import Webhook, webhook
from tests.clocks import FixedClock
from tests.scheduler.commune_year import HANOI
from tests.scheduler.planner import Bench

MINUTE = timedelta(minutes=1)
CHAIR, LOCAL, SILENT = 2, 3, 4


@pytest.fixture
def bench(core: Core, clock: FixedClock, tmp_path: Path) -> Bench:
    """Approvers of everything and of one village, and one who is switched off."""
    bench = Bench.make(core.database, clock, tmp_path)
    with core.database.write() as session:
        session.query(Station).one().approval = True
        for number, place in ((CHAIR, None), (LOCAL, DOAI), (SILENT, None)):
            grant = Grant(role=Role.APPROVER, place_id=place, granted_at=clock.now())
            facts = {"username": f"a{number}", "password_hash": "", "created_at": clock.now()}
            session.add(Account(id=number, grants=[grant], **facts))
        session.flush()
        session.get_one(Account, SILENT).disabled_at = clock.now()
    return bench


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


def words(kind: NoticeKind, detail: dict[str, Any]) -> tuple[str, str]:
    return kind.value, str(detail.get("title", "–"))


@pytest.fixture
def postman(bench: Bench) -> Postman:
    return Postman(bench.core.database, bench.clock, AppriseCarrier(), words)


def told(bench: Bench, kind: NoticeKind) -> list[int]:
    with bench.core.database.read() as session:
        return [row.account_id for row in session.query(Notice).filter_by(kind=kind).order_by(Notice.id)]


def address(bench: Bench, url: str, account: int = CHAIR) -> None:
    with bench.core.database.write() as session:
        session.add(Address(account_id=account, url=url, created_at=bench.clock.now()))


def push(bench: Bench) -> Push:
    with bench.core.database.read() as session:
        return session.query(Push).one()


def test_those_who_may_approve_there_are_told_once_of_what_waits(bench: Bench, postman: Postman) -> None:
    bench.schedule(DONG, start_at=bench.at(5))
    for _ in range(3):
        postman.round()
    assert told(bench, NoticeKind.SUBMITTED) == [CHAIR]


def test_an_approval_that_was_voided_is_asked_for_anew(bench: Bench, postman: Postman) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(5))
    postman.round()
    with bench.core.database.write() as session:
        row = session.get_one(Schedule, schedule)
        mark = approval.fingerprint(approval.facts(row))
        approval.approve(session, row, Approver(CHAIR), seen=mark, now=bench.clock.now())
    postman.round()
    assert told(bench, NoticeKind.SUBMITTED) == [CHAIR]
    bench.give_sound(schedule, seconds=61)
    postman.round()
    assert told(bench, NoticeKind.SUBMITTED) == [CHAIR, CHAIR]


def test_approvers_are_reminded_two_hours_and_half_an_hour_before_air(bench: Bench, postman: Postman) -> None:
    bench.schedule(DONG, start_at=bench.at(3))
    bench.plan()
    reminders = []
    for minutes in range(0, 180, 10):
        postman.round()
        reminders.append((minutes, len(told(bench, NoticeKind.DEADLINE))))
        bench.clock.advance(10 * MINUTE)
    assert next(minute for minute, count in reminders if count == 1) == 60
    assert next(minute for minute, count in reminders if count == 2) == 150
    assert told(bench, NoticeKind.DEADLINE) == [CHAIR, CHAIR]


def test_a_station_that_was_off_reminds_once_and_not_of_both(bench: Bench, postman: Postman) -> None:
    bench.schedule(DONG, start_at=bench.at(0.25))
    bench.plan()
    postman.round()
    assert told(bench, NoticeKind.DEADLINE) == [CHAIR]


def test_what_is_approved_reminds_nobody(bench: Bench, postman: Postman) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    with bench.core.database.write() as session:
        row = session.get_one(Schedule, schedule)
        mark = approval.fingerprint(approval.facts(row))
        approval.approve(session, row, Approver(CHAIR), seen=mark, now=bench.clock.now())
    postman.round()
    assert told(bench, NoticeKind.DEADLINE) == []


def test_author_and_approvers_learn_what_did_not_air_for_want_of_approval(bench: Bench, postman: Postman) -> None:
    bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    bench.clock.advance(60 * MINUTE)
    bench.plan()
    postman.round()
    assert sorted(told(bench, NoticeKind.NOT_APPROVED)) == [1, CHAIR]


def test_the_author_learns_that_a_priority_bulletin_took_the_time_and_when_it_airs_instead(
    bench: Bench, postman: Postman
) -> None:
    with bench.core.database.write() as session:
        session.query(Station).one().approval = False
    bench.schedule(DONG, start_at=bench.at(1), klass=Class.PRIORITY, seconds=120)
    routine = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    postman.round()
    assert told(bench, NoticeKind.DISPLACED) == [], "the speakers have not been told either"
    for _ in range(2):
        bench.plan(confirm=True)
        postman.round()
    with bench.core.database.read() as session:
        (notice,) = session.query(Notice).filter_by(kind=NoticeKind.DISPLACED)
        assert (notice.account_id, notice.schedule_id) == (1, routine)
        assert notice.detail["from"] == bench.at(1).isoformat()
        assert notice.detail["start_at"] == (bench.at(1) + 2 * MINUTE + timedelta(seconds=2)).isoformat()


def test_whoever_wrote_what_somebody_else_replaces_is_told(bench: Bench) -> None:
    number = bench.schedule(DONG, kind=ScheduleKind.REPEATED, rrule="RRULE:FREQ=DAILY", start_at=bench.at(1))
    with bench.core.database.write() as session:
        schedule = session.get_one(Schedule, number)
        for account, day in ((CHAIR, 0), (1, 24)):
            moment, now = bench.at(1 + day), bench.clock.now()
            conflicts.displace(session, schedule, moment, HANOI, account_id=account, now=now)
    assert told(bench, NoticeKind.REPLACED) == [1]


def test_editors_learn_what_a_village_head_airs(bench: Bench, postman: Postman) -> None:
    schedule = bench.schedule(DONG, start_at=bench.at(1))
    with bench.core.database.write() as session:
        head = Grant(role=Role.VILLAGE_HEAD, place_id=DONG, granted_at=bench.clock.now(), unapproved=True)
        session.add(
            Account(
                id=9, username="tt", full_name="Ông Tư", password_hash="", created_at=head.granted_at, grants=[head]
            )
        )
        session.flush()
        row = session.get_one(Schedule, schedule)
        row.account_id = row.bulletin.account_id = 9
        session.add(VillageAiring(schedule_id=schedule, grant_id=head.id))
    for _ in range(2):
        postman.round()
    assert told(bench, NoticeKind.VILLAGE) == [1]
    assert told(bench, NoticeKind.SUBMITTED) == []


def test_a_push_survives_a_server_that_is_out_of_order(bench: Bench, postman: Postman, hook: Webhook) -> None:
    address(bench, hook.url)
    hook.status = 503
    bench.schedule(DONG, start_at=bench.at(5))
    postman.round()
    assert (hook.asked, push(bench).attempts, push(bench).sent_at) == (1, 1, None)
    postman.round()
    assert hook.asked == 1, "not before its time"
    bench.clock.advance(FIRST_PAUSE)
    postman.round()
    bench.clock.advance(FIRST_PAUSE)
    postman.round()
    assert hook.asked == 2, "the pause doubles"
    hook.status = 200
    bench.clock.advance(FIRST_PAUSE)
    postman.round()
    (said,) = hook.taken
    assert (said["title"], said["message"]) == ("submitted", "Họp thôn")
    assert push(bench).sent_at == bench.clock.now()
    bench.clock.advance(60 * MINUTE)
    postman.round()
    assert len(hook.taken) == 1, "told once"


def test_a_push_that_never_arrives_is_given_up_and_said_so(bench: Bench, postman: Postman, hook: Webhook) -> None:
    address(bench, hook.url)
    hook.status = 500
    with bench.core.database.write() as session:
        notices.tell(session, [CHAIR], NoticeKind.TRIAL, "1", bench.clock.now())
    for _ in range(ATTEMPTS + 3):
        postman.round()
        bench.clock.advance(timedelta(hours=1))
    assert hook.asked == ATTEMPTS
    assert push(bench).given_up_at is not None
    assert push(bench).problem == "refused"


def test_nobody_holds_the_database_while_a_server_thinks(bench: Bench) -> None:
    class Curious:
        """A carrier that writes to the database while it is at the door, as a page would."""

        wrote = 0

        def knows(self, url: str) -> bool:
            return bool(url)

        def send(self, url: str, title: str, body: str) -> str:
            with bench.core.database.write() as session:
                session.get_one(Account, CHAIR).full_name = title
            self.wrote += 1
            return ""

    address(bench, "json://x")
    carrier = Curious()
    bench.schedule(DONG, start_at=bench.at(5))
    Postman(bench.core.database, bench.clock, carrier, words).round()
    assert carrier.wrote == 1


def test_only_ways_to_reach_a_person_are_addresses() -> None:
    carrier = AppriseCarrier()
    assert carrier.installed
    for url in ("json://localhost/x", "ntfys://ntfy.sh/loa", "tgram://123456789:abcdefghijklmnopqrstuvwxyz123456789/1"):
        assert carrier.knows(url), url
    for url in ("syslog://", "dbus://", "file:///etc/passwd", "windows://", "http://x", "", "json://", "mqtt://x/y"):
        assert not carrier.knows(url), url
    assert not {"syslog", "dbus", "exec", "http", "https"} & SCHEMES


def test_without_apprise_the_list_behind_the_bell_still_fills(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    carrier = AppriseCarrier()
    assert not carrier.installed
    address(bench, "json://localhost/x")
    bench.schedule(DONG, start_at=bench.at(5))
    Postman(bench.core.database, bench.clock, carrier, words).round()
    assert told(bench, NoticeKind.SUBMITTED) == [CHAIR]
    assert push(bench).problem == "unknown-address"
