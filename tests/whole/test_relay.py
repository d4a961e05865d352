"""A commune relays radio stations that are well and ill, through the whole station, and every speaker goes on with the fallback."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from broadcaster import chain
from broadcaster.clock import SystemClock
from broadcaster.rows import Account, Delivery, LedgerEntry, LibraryItem, ScheduleKind, Speaker
from broadcaster.wire.units import MINUTE
from scheduler import programmes, relays
from scheduler.rundown import Overrun, Relay, Rundown
from scheduler.submissions import Submission
from tests.streams import Radio, encoded, on_air, programme
from tests.whole.town import LiveTown, Town, live, wait_until

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("town")]

SPEAKERS = 12


def radios() -> dict[str, Radio]:
    """Five that are ill, and one that is well."""
    return {
        "dead": Radio(encoded(programme(6)), 6, stalls=True),
        "ended": Radio(encoded(programme(6)), 6),
        "slow": Radio(encoded(programme(20)), 20, speed=0.5),
        "silent": Radio(encoded(np.zeros(24_000 * 25, np.int16)), 25),
        "looping": Radio(encoded(programme(0.7)), 0.7, loops=True),
        "well": Radio(encoded(programme(60)), 60),
    }


@pytest.fixture
def town(tmp_path: Path) -> Iterator[LiveTown]:
    made = Town.make(tmp_path, SPEAKERS)
    with live(made) as running:
        wait_until(lambda: made.ready() == SPEAKERS)
        yield running


def villages(town: LiveTown) -> list[str]:
    """Places with a speaker of their own."""
    with town.town.database.read() as session:
        return sorted({speaker.place.code for speaker in session.scalars(select(Speaker))})


def order(town: LiveTown, name: str, place: str, address: str) -> int:
    now = SystemClock().now()
    with town.town.database.write() as session:
        items = select(LibraryItem.sound_sha256).where(LibraryItem.origin == "tune-closing")
        tune = session.scalars(items).one() or ""
        account = session.scalars(select(Account.id)).first() or 0
        rundown = Rundown(2 * MINUTE, Overrun.DROP, (Relay(address, 1, tune, name),))
        wanted = Submission(
            name,
            f"Tiếp âm {name}",
            "",
            ScheduleKind.ONCE,
            (place,),
            chime=False,
            start_at=now + timedelta(seconds=12),
            rundown=rundown,
        )
        return programmes.submit(session, wanted, (), account_id=account, now=now).id


def test_each_ill_station_is_replaced_by_the_fallback_and_said_in_the_ledger(town: LiveTown) -> None:
    stations = radios()
    with on_air(**stations) as base:
        names = dict(zip(stations, villages(town), strict=False))
        assert len(names) == len(stations)
        made = {name: order(town, name, place, f"{base}/{name}") for name, place in names.items()}
        town.station.wake()

        def said(name: str) -> set[tuple[str, str]]:
            broadcast = town.town.broadcast_of(made[name])
            if broadcast is None:
                return set()
            with town.town.database.read() as session:
                return {(one.event, one.why) for one in relays.told(session, broadcast.id)}

        reasons = {name: {("fallback", name)} for name in stations if name != "well"} | {
            "dead": {("fallback", "dead"), ("fallback", "ended")}
        }
        wait_until(lambda: all(said(name) & told for name, told in reasons.items()), 100)
        wait_until(lambda: all(plays_fallback(town, made[name]) for name in ("dead", "ended", "silent")), 60)
        assert said("well") == {("on-air", "")}
        silent = town.town.broadcast_of(made["silent"])
        assert silent
        _, _, page = town.browser().ask("GET", f"/broadcasts/{silent.id}")
        assert "phát nội dung dự phòng vì đài phát không có tiếng" in page
    with town.town.database.read() as session:
        assert chain.first_break(session, LedgerEntry) is None


def plays_fallback(town: LiveTown, schedule: int) -> bool:
    """Whether every speaker of a programme plays its own clip, from where the relay left it."""
    broadcast = town.town.broadcast_of(schedule)
    if broadcast is None:
        return False
    with town.town.database.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.broadcast_id == broadcast.id)).all()
        return bool(rows) and all(row.started_at and row.start_position_ms > 0 for row in rows)
