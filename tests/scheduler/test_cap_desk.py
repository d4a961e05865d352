"""The desk of CAP messages over both databases, and where a message is near."""

import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from broadcaster.alerting import Done
from broadcaster.database import Database
from broadcaster.rows import Alert, ApiToken, CapMessage, CapOutcome, CapSource, PlaceGeocode, Speaker
from scheduler import cap_archive, cap_town
from scheduler.cap_decision import Planned
from scheduler.cap_desk import DecidedError, Desk
from tests import cap
from tests.broadcaster import town
from tests.broadcaster.databases import emptied
from tests.clocks import FixedClock
from tests.web.station import FakeOrders

AREA = cap.area(polygons=(), geocodes=[("GSO", "1")])


@pytest.fixture
def desk(filled: Database, clock: FixedClock) -> Desk:
    return prepared(filled, clock)


def prepared(database: Database, clock: FixedClock) -> Desk:
    with database.write() as session:
        session.add(PlaceGeocode(scheme="gso", value="1", place_id=town.COMMUNE))
        session.add(CapSource(name="tỉnh", direct=True, created_at=clock.now()))
        session.add(CapSource(name="nguồn", url="http://x/", direct=False, created_at=clock.now()))
    return Desk(town.core(database, clock), FakeOrders(database, clock))


def message(name: str = "1", **changes: str) -> bytes:
    return cap.alert(name, [cap.info(areas=AREA)], **changes)


def alerts(database: Database) -> int:
    with database.read() as session:
        return len(session.scalars(select(Alert.id).where(Alert.template == "bao")).all())


def test_a_message_that_comes_many_times_at_once_is_raised_once(desk: Desk, database: Database) -> None:
    found: list[CapMessage] = []
    threads = [
        threading.Thread(target=lambda: found.append(desk.take(1, message()).row), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len({row.id for row in found}) == 1
    assert len(found) == 4
    assert alerts(database) == 1


def test_a_message_goes_its_whole_way(desk: Desk, database: Database) -> None:
    proposed = desk.take(2, message()).row
    assert proposed.outcome is CapOutcome.PROPOSED
    assert desk.take(1, message()).row.outcome is CapOutcome.DONE, "the trusted source need not wait"
    with pytest.raises(DecidedError):
        desk.press(proposed.id, 1, [])
    update = message("2", msgType="Update", references=cap.reference("1"))
    assert desk.take(1, update).row.outcome is CapOutcome.DONE
    cancel = message("3", msgType="Cancel", references=cap.reference("2"))
    assert len(desk.take(1, cancel).row.done["alerts"]) == 1
    assert desk.take(1, message("x", sender="a b")).row.outcome is CapOutcome.REFUSED
    assert alerts(database) == 2


@pytest.mark.parametrize("other", ["a press", "another source"])
def test_the_same_content_that_two_decide_on_at_once_is_raised_once(
    postgres_kept: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    database = emptied(postgres_kept)  # on SQLite nobody reads what another is about to write
    with database.write() as session:
        town.fill(session, clock)
    desk = prepared(database, clock)
    with database.write() as session:
        session.add(CapSource(name="trung ương", direct=True, created_at=clock.now()))
    proposed = desk.take(2, message()).row
    elsewhere, first = cap_town.elsewhere, threading.current_thread()

    def decide() -> None:
        with suppress(DecidedError):
            if other == "a press":
                desk.press(proposed.id, 1, msgspec.convert(proposed.plan["orders"], list[Planned]))
            else:
                desk.take(3, message())

    def look_and_dawdle(*given: Any) -> list[CapMessage]:
        found = elsewhere(*given)
        if threading.current_thread() is first:
            second.start()
            while second.is_alive() and not is_waited_for(database):
                second.join(0.01)
        return found

    second = threading.Thread(target=decide, daemon=True)
    monkeypatch.setattr(cap_town, "elsewhere", look_and_dawdle)
    desk.take(1, message())
    second.join(30)
    assert alerts(database) == 1


def is_waited_for(database: Database) -> bool:
    """Whether a transaction waits for another one's lock."""
    with database.read() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


class Killed(BaseException):
    """The station's process is gone."""


def test_what_a_message_has_done_is_known_after_a_kill_between_two_of_its_steps(
    desk: Desk, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [cap.info(areas=AREA), cap.info(event="Lũ quét", severity="Extreme", headline="Lũ", areas=AREA)]
    raised = desk.take(1, cap.alert("1", both)).row.done["alerts"]
    assert len(raised) == 2
    end = FakeOrders.end_alert

    def end_and_die(*given: Any, **more: Any) -> Done:
        end(*given, **more)
        raise Killed

    cancel = message("2", msgType="Cancel", references=cap.reference("1"))
    with monkeypatch.context() as patch:
        patch.setattr(FakeOrders, "end_alert", end_and_die)
        with pytest.raises(Killed):
            desk.take(1, cancel)
        with pytest.raises(Killed):
            desk.carry_out_due()
    desk.carry_out_due()
    with database.read() as session:
        done = session.scalars(select(CapMessage).order_by(CapMessage.id.desc())).first()
        assert done
        assert (done.outcome, sorted(done.done["alerts"])) == (CapOutcome.DONE, sorted(raised))


def test_what_was_raised_before_a_kill_is_known_though_it_expired_meanwhile(
    desk: Desk, database: Database, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    raise_alert = FakeOrders.raise_alert

    def raise_and_die(*given: Any) -> None:
        raise_alert(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(FakeOrders, "raise_alert", raise_and_die)
        with pytest.raises(Killed):
            desk.take(1, message())
    clock.advance(timedelta(days=2))
    desk.carry_out_due()
    with database.read() as session:
        [row] = session.scalars(select(CapMessage))
        assert (row.outcome, row.done["alerts"]) == (CapOutcome.DONE, [session.scalars(select(Alert.id)).one()])


@pytest.mark.parametrize(("place", "left"), [(town.DONG, CapOutcome.PROPOSED), (None, CapOutcome.SUPERSEDED)])
def test_what_a_narrow_source_raises_at_once_leaves_the_proposal_for_everywhere(
    desk: Desk, database: Database, clock: FixedClock, place: int | None, left: CapOutcome
) -> None:
    proposed = desk.take(2, message()).row
    with database.write() as session:
        token = ApiToken(name="thôn", sha256="0" * 64, scopes="", created_at=clock.now(), place_id=place)
        narrow = CapSource(name="thôn", direct=True, created_at=clock.now(), token=token)
        session.add(narrow)
    assert desk.take(narrow.id, message()).row.outcome is CapOutcome.DONE
    with database.read() as session:
        assert session.get_one(CapMessage, proposed.id).outcome is left


def test_what_nobody_hears_does_not_fill_the_disk(
    desk: Desk, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cap_archive, "_KEPT", 2)
    for number in range(5):
        desk.take(1, message(f"draft-{number}", status="Draft"))
        desk.take(1, b"<bad/>" + b" " * number)
    with database.read() as session:
        rows = session.scalars(select(CapMessage).order_by(CapMessage.id)).all()
        ignored = [bool(row.original) for row in rows if row.outcome is CapOutcome.IGNORED]
        assert ignored == [False, False, False, True, True]
        assert sum(row.outcome is CapOutcome.REFUSED for row in rows) == 2
    assert not desk.take(1, message("draft-0", status="Draft")).fresh, "its name is known for good"


@pytest.mark.parametrize(
    ("polygon", "outcome"),
    [
        ("20.9,106.1 20.9,106.11 20.91,106.11 20.9,106.1", CapOutcome.PROPOSED),
        ("10,100 10,101 11,101 10,100", CapOutcome.IGNORED),
    ],
)
def test_a_place_that_nobody_can_locate_matters_only_near_by(
    desk: Desk, database: Database, polygon: str, outcome: CapOutcome
) -> None:
    with database.write() as session:
        session.get_one(Speaker, "loa-1").longitude, session.get_one(Speaker, "loa-1").latitude = 106.0, 20.8
    row = desk.take(1, cap.alert("1", [cap.info(areas=cap.area(polygons=[polygon]))])).row
    assert row.outcome is outcome
