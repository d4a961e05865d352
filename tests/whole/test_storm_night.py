"""A night on which everything fails at once, with a real station's process, its real broker, and speakers that hear it out.

``LOA_STORM_SPEAKERS=300`` makes it as large as the one in `docs/numbers.md`; the suite takes fewer.
"""

import http.client
import itertools
import json
import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from demo import free_port
from sqlalchemy import select

from benchmarks.join import make_town
from benchmarks.tables import percentile
from broadcaster import chain, tokens
from broadcaster.clock import SystemClock, to_ms
from broadcaster.rows import Alert, AlertEnd, AuditEntry, LedgerEntry
from broadcaster.wire.broker_address import BrokerAddress
from broadcaster.wire.documents import Event
from device_sim.fleet import read_kits
from tests.whole.storm import Box, Heard, Storm
from tests.whole.town import Town, TownProcesses, wait_until

SPEAKERS: Final = int(os.environ.get("LOA_STORM_SPEAKERS", "15"))  # noqa: TID251  how large a night is wanted
LOSS: Final = 0.05
SHARE: Final = 0.2
PATIENCE_S: Final = 60.0 + SPEAKERS / 2
LATE_MS: Final = 12_000
"""So long after its end an alert may still be heard where the word of it and its repeats after 1, 3 and 10 s are lost."""
CARD_MS: Final = 100
"""So much earlier than it looks may the storm's card say that a sound has begun."""

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("crowd"), pytest.mark.timeout(900)]


class Office:
    """The station as a program sees it."""

    def __init__(self, processes: TownProcesses) -> None:
        self.town, self._port = processes.town, processes.port
        with self.town.database.write() as session:
            self._token = tokens.make(session, SystemClock().now(), "storm", tokens.SCOPES)

    def order(self, path: str, body: object, key: str) -> Any:
        """One order, again and again until somebody answers: the key makes it one."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._ask(path, body, key)
            except (OSError, http.client.HTTPException):
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def _ask(self, path: str, body: object, key: str) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key, "Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", f"/api/v1/alerts{path}", json.dumps(body), headers)
            answer = connection.getresponse()
            assert answer.status in {200, 201}, answer.read()
            return json.loads(answer.read())
        finally:
            connection.close()

    def raise_one(self, template: str, key: str, **more: object) -> str:
        name: str = self.order("", {"template": template, "places": ["an-binh"]} | more, key)["alert"]
        return name

    def end(self, alert: str) -> None:
        self.order(f"/{alert}/end", None, "end")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[TownProcesses]:
    town = make_town(tmp_path / "town", SPEAKERS, keep_sounds=False, clip_rate_bps=20_000_000, report_ms=10_000)
    made = TownProcesses(town, free_port(0))
    made.start_station()
    try:
        yield made
    finally:
        made.end_station()
        town.database.dispose()


@pytest.fixture
def storm(processes: TownProcesses, tmp_path: Path) -> Iterator[Storm]:
    kits = read_kits(processes.town.initialised.kits)
    wait_until(lambda: answers(BrokerAddress.parse(kits[0].brokers[0])))  # one that is refused waits up to a minute
    made = Storm(kits, tmp_path / "speakers", seed=5)
    made.start()
    try:
        wait_until(lambda: processes.town.ready() == SPEAKERS, PATIENCE_S)
        made.lose(LOSS)
        yield made
    finally:
        made.stop()


def answers(broker: BrokerAddress) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection((broker.host, broker.port), timeout=1).close()
    except OSError:
        return False
    return True


def kill_broker(processes: TownProcesses) -> None:
    """A power cut for the broker alone; the station starts it again."""
    killed = processes.broker_pid()
    os.kill(killed, signal.SIGKILL)

    def is_back() -> bool:
        try:
            return processes.broker_pid() != killed
        except ValueError:  # its file is being written
            return False

    wait_until(is_back, PATIENCE_S)


def test_in_a_stormy_night_nobody_hears_anything_stale_doubled_or_after_the_end_and_the_ledger_knows_it(
    processes: TownProcesses, storm: Storm
) -> None:
    office = Office(processes)

    def heard_by_all(alert: str) -> None:
        wait_until(lambda: set(storm.sounding(alert)) >= set(storm.on), PATIENCE_S)

    first = office.raise_one("bao", "first")
    heard_by_all(first)
    dark = storm.some(SHARE)
    storm.cut(dark)
    kill_broker(processes)
    update = office.raise_one("bao", "update", level=4, follows=first)
    heard_by_all(update)
    processes.kill_station()
    storm.switch_on(dark)
    processes.start_station()
    heard_by_all(update)
    second = office.raise_one("xa-lu", "second", level=5)
    heard_by_all(second)
    dark = storm.some(SHARE)
    storm.cut(dark)
    kill_broker(processes)
    office.end(second)
    office.end(update)
    wait_until(lambda: not storm.sounding(second) and not storm.sounding(update), PATIENCE_S)
    storm.switch_on(dark)
    words = words_after(processes.town, update)
    wait_until(lambda: storm.sounding(words), PATIENCE_S)  # by whoever is back while they are said, twice and no more
    wait_until(lambda: ledger(processes.town) == storm.written(), PATIENCE_S)
    ends = ends_of(processes.town)
    for box in storm.boxes.values():
        story = box.heard, box.links, ends, list(box.told.values())
        assert not [one for one in box.heard if late_ms(one, box, ends) > LATE_MS], story
        assert not doubled(box.heard), story
    assert_the_books_are_right(processes.town, storm)
    report(storm, ends)


def words_after(town: Town, alert: str) -> str:
    """What is said after the end of an alert."""
    with town.database.read() as session:
        return session.scalars(select(Alert.id).where(Alert.follows_id == alert)).one()


def ends_of(town: Town) -> dict[str, float]:
    """When each alert was over, Unix milliseconds."""
    with town.database.read() as session:
        return {alert.id: to_ms(alert.ended_at or alert.expires_at) for alert in session.scalars(select(Alert))}


def late_ms(one: Heard, box: Box, ends: dict[str, float]) -> float:
    """How long a sound was heard after the end of its alert by a speaker that was connected all the while; 0 where it was not."""
    heard_until = one.until_ms or one.from_ms
    return max((min(down, heard_until) - max(up, ends[one.alert]) for up, down in box.links), default=0)


def doubled(heard: list[Heard]) -> list[tuple[Heard, Heard]]:
    """Two sounds at once at one horn, or one of them twice from beginning to end."""
    order = sorted(heard, key=lambda one: one.from_ms)
    at_once = [(one, two) for one, two in itertools.pairwise(order) if two.from_ms + CARD_MS < (one.until_ms or 0)]
    whole = [one for one in order if one.whole]
    twice = [(one, two) for one in whole for two in whole if one is not two and one.card == two.card]
    return at_once + twice


def ledger(town: Town) -> Counter[tuple[str, str]]:
    """The receipts that stand in the ledger, by speaker and id."""
    with town.database.read() as session:
        rows = session.execute(select(LedgerEntry.speaker_id, LedgerEntry.receipt_id))
        return Counter((speaker, receipt) for speaker, receipt in rows)


def assert_the_books_are_right(town: Town, storm: Storm) -> None:
    """They say who heard which alert and nobody else, what was ordered and how it ended, and both chains are whole."""
    with town.database.read() as session:
        started = select(LedgerEntry.speaker_id, LedgerEntry.broadcast_id).where(LedgerEntry.event == Event.STARTED)
        told = {(speaker, alert) for speaker, alert in session.execute(started)}
        actions = Counter(session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("alert.%"))))
        ends = Counter(session.scalars(select(Alert.end)))
        assert chain.first_break(session, LedgerEntry) is None
        assert chain.first_break(session, AuditEntry) is None
    assert told == {(name, one.alert) for name, box in storm.boxes.items() for one in box.heard}
    assert actions == {"alert.raise": 2, "alert.update": 1, "alert.end": 2}
    assert ends == {AlertEnd.REPLACED: 1, AlertEnd.ENDED: 2, None: 2}


def report(storm: Storm, ends: dict[str, float]) -> None:
    """For `docs/numbers.md`."""
    sounds = [(one, box) for box in storm.boxes.values() for one in box.heard]
    receipts = sum(len(box.told) for box in storm.boxes.values())
    cuts = sum(box.cuts for box in storm.boxes.values())
    late = sorted(late for one, box in sounds if (late := late_ms(one, box, ends)) > 0)
    print(f"speakers={SPEAKERS} sounds={len(sounds)} receipts={receipts} power cuts={cuts}")  # noqa: T201  with pytest -s
    shares = {share: round(percentile(late, share)) for share in (50, 95, 99, 100)}
    print(f"ends heard={len(late)} silent after ms={shares}")  # noqa: T201
