"""Silent speakers are named within a minute to those who can do something, once, until somebody has told the place."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broadcaster import alert_notices, alert_reports, alerting
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.carrier import AppriseCarrier
from broadcaster.core import Core
from broadcaster.geography import Geography
from broadcaster.notices import Postman
from broadcaster.rows import Account, Address, Alert, Contact, Grant, Notice, NoticeKind, Role, Speaker, ToldByPerson
from broadcaster.wire.documents import Event, Receipt, SpeakerState
from tests.broadcaster.town import DOAI, SPEAKERS
from tests.broadcaster.webhook import webhook
from tests.clocks import FixedClock
from web import notice_words
from web.say import speaker_of

OFFICER, HEAD, OTHER = 2, 3, 4
VI = speaker_of("vi")


@pytest.fixture
def alert(core: Core) -> str:
    """A storm over the commune; an officer, the head of Đoài, and somebody whom it is none of the business of."""
    now = core.clock.now()
    with core.database.write() as session:
        held = {
            OFFICER: Grant(role=Role.DUTY_OFFICER, granted_at=now),
            HEAD: Grant(role=Role.VILLAGE_HEAD, place_id=DOAI, granted_at=now),
            OTHER: Grant(role=Role.APPROVER, granted_at=now),
        }
        for number, grant in held.items():
            session.add(Account(id=number, username=f"a{number}", password_hash="", created_at=now, grants=[grant]))
        session.add(Contact(place_id=DOAI, name="Trần Thị Mai", role="trưởng thôn", phone="0912345678"))
        for name in SPEAKERS:
            session.get_one(Speaker, name).state = SpeakerState.READY
        session.flush()
        done = alerting.raise_alert(session, core, Order("r", "bao", ("xa",)), By(account_id=OFFICER))
        alert_reports.write_audience(session, done.alert, Geography.load(session), now)
        return done.alert.id


def sounds(core: Core, alert: str, *speakers: str) -> None:
    with core.database.write() as session:
        told = [Receipt(id="r", broadcast=alert, event=Event.STARTED, at=core.clock.now_ms()) for _ in speakers]
        alert_reports.take(session, zip(speakers, told, strict=True))


def look(core: Core) -> list[tuple[int, list[str]]]:
    """Who has been told of whom by now."""
    with core.database.write() as session:
        alert_notices.look(session, core.clock.now())
        rows = session.query(Notice).filter_by(kind=NoticeKind.SILENT).order_by(Notice.id)
        return [(row.account_id, row.detail["speakers"]) for row in rows]


def test_within_a_minute_each_is_told_of_what_is_silent_in_their_places(
    core: Core, clock: FixedClock, alert: str
) -> None:
    sounds(core, alert, "loa-1", "loa-2", "loa-4")
    clock.advance(timedelta(seconds=44))
    assert look(core) == []
    clock.advance(timedelta(seconds=6))
    assert look(core) == [(OFFICER, ["loa-3"]), (HEAD, ["loa-3"])]


def test_nothing_is_said_twice_and_only_what_is_new_afterwards(core: Core, clock: FixedClock, alert: str) -> None:
    sounds(core, alert, "loa-1", "loa-4")
    clock.advance(timedelta(seconds=50))
    first = look(core)
    assert first == [(OFFICER, ["loa-2", "loa-3"]), (HEAD, ["loa-3"])]
    sounds(core, alert, "loa-3")
    clock.advance(timedelta(minutes=5))
    assert look(core) == first
    with core.database.write() as session:
        receipt = Receipt(id="s", broadcast=alert, event=Event.FAILED, at=core.clock.now_ms())
        alert_reports.take(session, [("loa-4", receipt)])
    assert look(core)[2:] == [(OFFICER, ["loa-4"])]


def test_a_place_that_a_person_has_told_and_an_alert_that_is_over_are_left_alone(
    core: Core, clock: FixedClock, alert: str
) -> None:
    sounds(core, alert, "loa-1", "loa-2", "loa-4")
    with core.database.write() as session:
        session.add(ToldByPerson(alert_id=alert, place_id=DOAI, account_id=OFFICER, at=clock.now()))
    clock.advance(timedelta(seconds=50))
    assert look(core) == []
    with core.database.write() as session:
        session.query(ToldByPerson).delete()
        session.get_one(Alert, alert).ended_at = clock.now()
    assert look(core) == []


def test_it_is_pushed_as_a_text_message_gateway_wants_it(core: Core, clock: FixedClock, alert: str) -> None:
    sounds(core, alert, "loa-1", "loa-2", "loa-4")
    clock.advance(timedelta(seconds=50))

    def words(kind: NoticeKind, detail: dict[str, Any]) -> tuple[str, str]:
        return notice_words.sentences(VI, kind, detail, ZoneInfo("Asia/Ho_Chi_Minh"))

    with webhook() as hook:
        gateway = (
            "?:message=noi_dung&:title=tieu_de&:to=0912345678&:version=&:type=&:attachments=&+Authorization=Key%20abc"
        )
        with core.database.write() as session:
            session.add(Address(account_id=OFFICER, url=hook.url + gateway, created_at=clock.now()))
        Postman(core.database, clock, AppriseCarrier(), words, (alert_notices.look,)).round()
    assert hook.taken == [
        {
            "tieu_de": "Loa im lặng: Bão",
            "noi_dung": "thon-doai: loa-3. Gọi trưởng thôn Trần Thị Mai 0912345678.",
            "to": "0912345678",
        }
    ]
    assert hook.headers[0]["Authorization"] == "Key abc"


def test_many_places_fit_into_one_message() -> None:
    silent = [{"place": f"Thôn {n}", "speakers": ["cụm 1"], "call": []} for n in range(13)]
    title, body = notice_words.sentences(
        VI, NoticeKind.SILENT, {"title": "Bão", "drill": True, "silent": silent}, ZoneInfo("UTC")
    )
    assert title == "Diễn tập – Loa im lặng: Bão"
    assert body.startswith("Thôn 0: cụm 1. Chưa có số điện thoại.")
    assert body.endswith("Còn 3 nơi khác.")
