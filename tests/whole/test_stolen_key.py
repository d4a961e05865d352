"""Somebody has copied the station's key files and its broker password, and goes on transmitting; what a commune does then.

Three speakers: two that are there all the time, and one that was away through all of it and lost power.
"""

import argparse
import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import alerting, keyring
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.rows import Alert, AuditEntry, Clip
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Action, Class, Command, Event, Plan, PlanItem
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE, SECOND, UnixMs
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import AlertPart, Part
from device_sim.fleet import Fleet, read_kits, wav_cards
from device_sim.speaker import Speaker
from tests.whole.test_alert import LOWER, events, few_templates
from tests.whole.test_on_air import publish_as_thief
from tests.whole.town import LiveTown, Town, live, wait_until
from web import cli_keys
from web.say import speaker_of

__all__ = ["few_templates"]

pytestmark = [pytest.mark.whole, pytest.mark.timeout(240)]

SPEAKERS = 3
AWAY = "loa-003"
LONG = "Bản tin này dài, để còn đang đọc khi có người bấm nút khóa phát trên trang của đài."


class Away:
    """The speaker that is switched on and off."""

    def __init__(self, town: Town, kits: Path) -> None:
        self._town, self._kits = town, kits
        self._loop: asyncio.AbstractEventLoop | None = None

    def switch_on(self) -> None:
        home = self._town.home
        self.fleet = Fleet(read_kits(self._kits), home / "speakers", wav_cards(home / "wav"))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="away")
        self._thread.start()
        wait_until(lambda: self.fleet.speakers)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self.fleet.run()

    def switch_off(self) -> None:
        if self._loop and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self.fleet.stop)
            self._thread.join(30)


class Thief:
    """Has copies of keys, knows what the speakers have in store, and publishes whatever he likes."""

    def __init__(self, town: LiveTown, away: Away, clip: Clip) -> None:
        self.town, self.away = town, away
        keys = town.station.core.keyring
        self.key, self.emergency = keys.station, keys.emergency
        self._clip: dict[str, Any] = {"clip": clip.sha256, "manifest": clip.manifest_sha256, "bytes": clip.bytes}
        self._clip_ms = clip.duration_ms
        self.topics = town.station.core.topics
        self._numbers = iter(range(1, 99))

    @property
    def now(self) -> UnixMs:
        return self.town.station.core.clock.now_ms()

    def send(self, kind: Kind, topic: str, document: Any, key: SigningKey, exp_ms: int, seq: int | None = None) -> None:
        """Signed with the highest number that counts, unless told otherwise."""
        number = UnixMs(self.now + 4 * MINUTE if seq is None else seq)
        message = envelope.sign(
            key.private,
            key.kid,
            typ=kind.value,
            topic=topic,
            seq=number,
            payload=strict_json.encode(document),
            exp=UnixMs(number + exp_ms),
        )
        publish_as_thief(self.town, topic, message, retain=kind is not Kind.COMMAND)

    def _item(self, name: str) -> PlanItem:
        return PlanItem(
            id=name,
            start_at=UnixMs(self.now + 1_500),
            klass=Class.PRIORITY,
            duration_ms=self._clip_ms,
            late_ms=5 * MINUTE,
            sent_by=self.now,
            **self._clip,
        )

    def plan(self, zone: str = "an-binh") -> str:
        """Something to say in a moment; returns its name."""
        item = self._item(f"evil-{next(self._numbers)}")
        date = self.town.station.core.clock.now().date().isoformat()
        plan = Plan(zone=zone, date=date, items=(item,))
        self.send(Kind.PLAN, self.topics.plan(zone, date), plan, self.key, 30 * HOUR)
        return item.id

    def command(self, order: Command, key: SigningKey | None = None) -> None:
        self.send(Kind.COMMAND, self.topics.command("an-binh"), order, key or self.key, 20 * SECOND, seq=self.now)

    def air(self) -> str:
        item = self._item(f"evil-{next(self._numbers)}")
        self.command(Command(action=Action.AIR, item=item))
        return item.id

    def alert(self) -> str:
        name = f"{alerting.PREFIX}evil-{next(self._numbers)}"
        speech = AlertPart(part=Part.SPEECH, at_ms=0, duration_ms=self._clip_ms, sent_by=self.now, **self._clip)
        said = Document(alert=name, level=5, start_at=UnixMs(self.now + 400), parts=(speech,), repeats=1, title="Giả")
        self.send(Kind.ALERT, self.topics.alert("an-binh", name), said, self.emergency, HOUR, seq=self.now)
        return name

    def speakers(self) -> list[Speaker]:
        found = [*self.town.fleet.speakers]
        return found + ([*self.away.fleet.speakers] if self.away._thread.is_alive() else [])

    def noted(self, name: str, event: Event) -> list[bool]:
        """Of each speaker that is on, whether it says that of a broadcast."""
        return [speaker.machine.journal.noted(name, event) for speaker in self.speakers()]

    def refused(self, reason: str) -> Counter[str]:
        return Counter({speaker.name: speaker.machine.rejected[reason] for speaker in self.speakers()})

    def is_refused(self, reason: str, *tries: Callable[[], object]) -> None:
        """Every speaker counts each try under a reason, and has nothing of it that it could play."""
        for attempt in tries:
            self._is_counted(reason, attempt)
        for speaker in self.speakers():
            beliefs = speaker.machine.beliefs
            assert not [item.id for item in beliefs.items if item.id.startswith("evil")]
            assert not [raised.alert.alert for raised in beliefs.alerts if "evil" in raised.alert.alert]

    def _is_counted(self, reason: str, attempt: Callable[[], object]) -> None:
        before = self.refused(reason)
        attempt()
        wait_until(lambda: all(count > before[name] for name, count in self.refused(reason).items()), 20)


@pytest.fixture(scope="module")
def thief(tmp_path_factory: pytest.TempPathFactory, few_templates: None) -> Iterator[Thief]:
    made = Town.make(tmp_path_factory.mktemp("town"), SPEAKERS, clip_rate_bps=20_000_000)
    apart = made.home / "away"
    apart.mkdir()
    (made.initialised.kits / f"{AWAY}.json").rename(apart / f"{AWAY}.json")
    away = Away(made, apart)
    with live(made) as running:
        away.switch_on()
        try:
            wait_until(lambda: made.ready() == SPEAKERS)
            sha256 = running.air(speakers=SPEAKERS, text=LONG).clip_sha256
            with made.database.read() as session:
                clip = session.get_one(Clip, sha256)
            yield Thief(running, away, clip)
        finally:
            away.switch_off()


def replace(thief: Thief, name: str) -> SigningKey:
    """`loa key replace`, beside the running station; returns the new key."""
    old = getattr(thief.town.station.core.keyring, name)
    given = argparse.Namespace(verb="replace", name=name, root=None, yes=True)
    assert cli_keys.run(given, thief.town.town.settings, speaker_of("vi")) == 0
    wait_until(lambda: getattr(thief.town.station.core.keyring, name) is not old, 20)
    new: SigningKey = getattr(thief.town.station.core.keyring, name)
    wait_until(lambda: all(new.kid in one.machine.beliefs.believed for one in thief.town.fleet.speakers), 20)
    return new


def test_a_stolen_station_key_is_locked_out_by_a_button_and_replaced_by_the_root_key(thief: Thief) -> None:
    town, away = thief.town, thief.away
    evil = thief.plan()
    wait_until(lambda: all(thief.noted(evil, Event.STARTED)), 20)
    away.switch_off()  # with his plan in its store, and his key in its trust

    browser = town.browser()
    browser.send(f"/keys/{thief.key.kid}/lock-out", {})
    wait_until(lambda: all(thief.noted(evil, Event.STOPPED)), 10)
    lift = Command(action=Action.LOCK_OUT, keys=(thief.key.kid,), until=UnixMs(thief.now - SECOND))
    thief.is_refused("locked-out", thief.plan, thief.air, lambda: thief.command(lift))

    alert = town.station.raise_alert(Order(request="true", template=LOWER.code, places=("an-binh",)), By()).alert
    wait_until(lambda: events(town.town, alert.id)[Event.FINISHED] == SPEAKERS - 1, 30)
    town.station.end_alert(alert.id, By(), words=False, at_once=True)

    new = replace(thief, keyring.STATION)
    thief.is_refused("revoked-key", thief.plan, thief.air, lambda: thief.command(lift))
    away.switch_on()
    wait_until(lambda: new.kid in away.fleet.speakers[0].machine.beliefs.believed, 20)
    thief.is_refused("revoked-key", thief.plan, thief.air)
    town.air(speakers=SPEAKERS, text="Khóa mới.")
    with town.town.database.read() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("key."))).all()
        assert actions == ["key.lock-out", "key.replace"]
    assert not town.station.health().errors


def test_a_stolen_emergency_key_raises_alarms_until_the_root_key_replaces_it(thief: Thief) -> None:
    town, away = thief.town, thief.away
    lock = Command(
        action=Action.LOCK_OUT, keys=(town.station.core.keyring.station.kid,), until=UnixMs(thief.now + HOUR)
    )
    evil = thief.alert()
    wait_until(lambda: events(town.town, evil)[Event.STARTED] == SPEAKERS, 20)
    thief.command(lock, thief.emergency)  # and so that the station may say nothing about it
    with town.town.database.read() as session:
        assert session.get_one(Alert, evil).ended_at is None  # the officer sees it
    away.switch_off()

    replace(thief, keyring.EMERGENCY)
    wait_until(lambda: events(town.town, evil)[Event.STOPPED] == SPEAKERS - 1, 20)
    thief.is_refused("revoked-key", thief.alert, lambda: thief.command(lock, thief.emergency))
    away.switch_on()
    wait_until(lambda: town.station.core.keyring.emergency.kid in away.fleet.speakers[0].machine.beliefs.believed, 20)
    thief.is_refused("revoked-key", thief.alert)
    town.air(speakers=SPEAKERS, text="Vẫn phát.")  # whatever he has locked out
    with town.town.database.read() as session:
        assert session.get_one(Alert, evil).ended_at
    alert = town.station.raise_alert(Order(request="real", template=LOWER.code, places=("an-binh",)), By()).alert
    wait_until(lambda: events(town.town, alert.id)[Event.FINISHED] == SPEAKERS, 30)
    assert not town.station.health().errors
