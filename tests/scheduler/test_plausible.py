"""A clock that can't be right plans nothing and asks a person."""

from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster.core import Core
from broadcaster.rows import Speaker, Station
from broadcaster.wire.documents import SpeakerState
from broadcaster.wire.units import DAY, HOUR, MINUTE
from scheduler import plausible
from scheduler.plausible import Doubt, Evidence
from tests.broadcaster.town import DONG
from tests.clocks import FixedClock
from tests.scheduler.planner import Bench

NOW = 1_800_000_000_000
BEFORE, FAR, NONE = Doubt.BEFORE_LAST_ROW, Doubt.FAR_FROM_SPEAKERS, Doubt.NONE


@pytest.mark.parametrize(
    ("evidence", "doubt"),
    [
        (Evidence(0), NONE),
        (Evidence(NOW), NONE),
        (Evidence(NOW + MINUTE), NONE),
        (Evidence(NOW + 3 * MINUTE), BEFORE),
        (Evidence(NOW + DAY, trusted_row=NOW + DAY), NONE),
        (Evidence(NOW + DAY + 1_000, trusted_row=NOW + DAY), NONE),
        (Evidence(NOW + 2 * DAY, trusted_row=NOW + DAY), BEFORE),
        (Evidence(NOW, (HOUR, HOUR + 500, HOUR - 900)), FAR),
        (Evidence(NOW, (-HOUR, -HOUR, -HOUR, 0)), FAR),
        (Evidence(NOW, (HOUR, HOUR)), NONE),  # two are no majority
        (Evidence(NOW, (HOUR, 5 * HOUR, -2 * HOUR)), NONE),  # they don't agree either
        (Evidence(NOW, (0, 10, HOUR)), NONE),
        (Evidence(NOW, (20_000 * DAY,) * 5), NONE),  # they began at 1970: they have no clock
        (Evidence(NOW, (HOUR,) * 3, trusted_offset=HOUR), NONE),
        (Evidence(NOW, (2 * HOUR,) * 3, trusted_offset=HOUR), FAR),
    ],
)
def test_a_clock_is_believed_unless_the_rows_or_the_speakers_speak_against_it(evidence: Evidence, doubt: Doubt) -> None:
    assert plausible.judge(NOW, evidence) is doubt


def doubt_of(bench: Bench) -> str:
    with bench.core.database.read() as session:
        return session.get_one(Station, 1).clock_doubt


@pytest.fixture
def bench(core: Core, clock: FixedClock, tmp_path: Path) -> Bench:
    return Bench.make(core.database, clock, tmp_path)


def test_a_clock_that_went_back_plans_nothing_until_it_is_right_again(bench: Bench) -> None:
    known = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    seqs = bench.seqs()
    bench.clock.advance(-timedelta(days=400))
    later = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    assert doubt_of(bench) == "before-last-row"
    assert bench.broadcasts(later) == []
    assert bench.seqs() == seqs
    assert bench.broadcast(known).missed_at is None
    bench.clock.advance(timedelta(days=400))
    bench.plan()
    assert doubt_of(bench) == ""
    assert len(bench.broadcasts(later)) == 1


def test_a_person_who_has_looked_is_believed_and_not_asked_again(bench: Bench) -> None:
    bench.schedule(DONG, start_at=bench.at(1))
    bench.plan(confirm=True)
    bench.clock.advance(-timedelta(hours=1))
    bench.plan()
    with bench.core.database.write() as session:
        plausible.trust(session, session.get_one(Station, 1))
    later = bench.schedule(DONG, start_at=bench.at(2))
    bench.plan(confirm=True)
    bench.plan()
    assert doubt_of(bench) == ""
    assert len(bench.broadcasts(later)) == 1


def test_a_clock_far_from_what_the_speakers_agree_on_plans_nothing(bench: Bench) -> None:
    with bench.core.database.write() as session:
        for number, name in enumerate(("loa-1", "loa-2", "loa-3")):
            speaker = session.get_one(Speaker, name)
            speaker.state, speaker.clock_offset_ms = SpeakerState.READY, 7 * HOUR + number
    made = bench.schedule(DONG, start_at=bench.at(1))
    bench.plan()
    assert (doubt_of(bench), bench.broadcasts(made)) == ("far-from-speakers", [])
