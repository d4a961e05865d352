"""What time asks for: copies, clips, successors, held words, the audience. Time is moved by hand."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session

from broadcaster import alert_keeper, alert_reports, alerting, keyring, own_keys, standing
from broadcaster.alert_keeper import AlertKeeper
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.clips import ClipStore
from broadcaster.core import Core
from broadcaster.distribution import Distributor
from broadcaster.outbox import Outbox
from broadcaster.rows import (
    Alert,
    AlertReport,
    AlertSound,
    AlertSource,
    Place,
    PlaceKind,
    Published,
    Speaker,
    StandingSound,
)
from broadcaster.wire import envelope
from broadcaster.wire.documents import Event, Plan, SpeakerState
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from tests.broadcaster import town
from tests.broadcaster.test_alert_board import report
from tests.broadcaster.test_alerting import clip, keep_everything
from tests.broadcaster.town import FakeTransport
from tests.clocks import FixedClock


class Desk:
    """A keeper that looks when it is told to, and everything it hands over."""

    def __init__(self, core: Core, folder: Path) -> None:
        self.core, self.backlog = core, 0
        self.transport, self.bulk, self.fast = FakeTransport(), FakeTransport(), FakeTransport()
        self.confirmed: list[Kind] = []
        self.distributor = Distributor(self.bulk, ClipStore(folder), core.topics, 128_000, core.counters)
        self.keeper = AlertKeeper(
            core,
            self.distributor,
            self.transport,
            Outbox(core.database, self.fast, {Kind.ALERT}, self.confirmed.append),
            backlog=lambda: self.backlog,
        )

    @property
    def handed(self) -> list[str]:
        """The topics of the alerts that were handed to the broker."""
        return self.fast.topics()

    def look_and_tell(self) -> list[str]:
        """What one look hands over."""
        self.keeper.look()
        return self.handed

    def raise_one(self, *, request: str = "form-1", **values: str) -> str:
        with self.core.database.write() as session:
            for speaker in session.scalars(select(Speaker)):
                speaker.state = SpeakerState.READY
            order = Order(request, "bao", ("xa",), values)
            done = alerting.raise_alert(session, self.core, order, By())
        self.keeper.hand_over(done.documents)
        return done.alert.id

    def copies(self) -> list[str]:
        """To whom an alert was said again since the last question."""
        told = [topic.split("/")[4] for topic in self.transport.topics()]
        self.transport.sent.clear()
        return told


@pytest.fixture
def desk(core: Core, tmp_path: Path) -> Desk:
    keep_everything(core)
    return Desk(core, tmp_path)


def test_an_alert_is_said_again_after_1_3_10_and_30_seconds_to_who_has_not_answered(
    desk: Desk, clock: FixedClock
) -> None:
    alert = desk.raise_one()
    desk.keeper.look()
    assert desk.copies() == []
    clock.advance(timedelta(seconds=1))
    desk.keeper.look()
    assert desk.copies() == ["loa-1", "loa-2", "loa-3", "loa-4"]
    desk.keeper.look()
    assert desk.copies() == []
    for name in ("loa-1", "loa-2", "loa-3"):
        report(desk.core, alert, name, Event.ARMED)
    for seconds, told in ((2, 1), (6, 0), (1, 1), (20, 1), (3600, 0)):
        clock.advance(timedelta(seconds=seconds))
        desk.keeper.look()
        assert desk.copies() == ["loa-4"] * told


def test_nobody_is_thought_silent_while_answers_wait_to_be_read(desk: Desk, clock: FixedClock) -> None:
    desk.raise_one()
    clock.advance(timedelta(seconds=1))
    desk.backlog = 7
    desk.keeper.look()
    assert desk.copies() == []
    desk.backlog = 0
    desk.keeper.look()
    assert len(desk.copies()) == 4


def test_the_end_is_said_again_to_who_has_not_fallen_silent(desk: Desk, clock: FixedClock) -> None:
    alert = desk.raise_one()
    for name in town.SPEAKERS:
        report(desk.core, alert, name, Event.ARMED)
    report(desk.core, alert, "loa-2", Event.STOPPED)
    with desk.core.database.write() as session:
        alerting.end_alert(session, desk.core, alert, By(), words=False)
    clock.advance(timedelta(seconds=1))
    desk.keeper.look()
    assert desk.copies() == ["loa-1", "loa-3", "loa-4"]


def test_a_sentence_that_was_made_meanwhile_is_signed_and_sent_ahead_of_everything(
    desk: Desk, clock: FixedClock
) -> None:
    alert = desk.raise_one(so="13")
    desk.keeper.look()
    assert desk.handed == [town.TOPICS.alert("xa", alert)]
    with desk.core.database.write() as session:
        sound = session.scalars(select(AlertSound).where(AlertSound.clip_sha256.is_(None))).one()
        sound.clip = made = clip(session, desk.core, sound.text)
        name = made.sha256
    clock.advance(timedelta(seconds=1))
    desk.keeper.look()
    assert desk.handed == [town.TOPICS.alert("xa", alert)] * 2
    assert desk.distributor._transfers[name, "xa"].start_at == 0
    desk.keeper.look()
    assert len(desk.handed) == 2


def test_words_that_were_held_back_leave_when_their_hour_comes_even_after_a_restart(
    desk: Desk, clock: FixedClock, tmp_path: Path
) -> None:
    alert = desk.raise_one()
    with desk.core.database.write() as session:
        morning = clock.now() + timedelta(hours=3)
        alerting.end_alert(session, desk.core, alert, By(), words=True, not_before=morning)
        words = session.scalars(select(Alert.id).where(Alert.follows_id == alert)).one()
    desk.keeper.look()
    assert town.TOPICS.alert("xa", words) not in desk.handed
    clock.advance(timedelta(hours=3))
    other = Desk(desk.core, tmp_path)
    other.keeper.look()
    assert town.TOPICS.alert("xa", words) in other.handed


def test_everybody_it_is_for_is_written_down_so_that_the_silent_can_be_named(desk: Desk, clock: FixedClock) -> None:
    alert = desk.raise_one()
    report(desk.core, alert, "loa-1", Event.ARMED)
    clock.advance(timedelta(seconds=5))
    desk.keeper.look()
    with desk.core.database.read() as session:
        assert set(session.scalars(select(AlertReport.speaker_id))) == set(town.SPEAKERS)


def test_an_audience_that_a_power_cut_left_half_written_is_finished_after_the_restart(
    desk: Desk, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = desk.raise_one()
    report(desk.core, alert, "loa-4", Event.ARMED)
    clock.advance(timedelta(seconds=5))
    monkeypatch.setattr(alert_keeper, "_ROWS_A_TIME", 1)
    write, times = alert_reports.write_audience, iter(range(10))

    def die_at_the_second(*given: Any) -> bool:
        if next(times) == 1:
            raise SystemExit("power cut")
        return write(*given)

    monkeypatch.setattr(alert_reports, "write_audience", die_at_the_second)
    with pytest.raises(SystemExit):
        desk.keeper.look()
    assert audience(desk.core) == ["loa-1", "loa-4"]
    Desk(desk.core, tmp_path).keeper.look()
    assert audience(desk.core) == sorted(town.SPEAKERS)
    with desk.core.database.read() as session:
        assert session.get_one(Alert, alert).audience_at == clock.now()


def audience(core: Core) -> list[str]:
    with core.database.read() as session:
        return sorted(session.scalars(select(AlertReport.speaker_id)))


def test_an_alert_that_never_left_leaves_after_the_restart_and_again_on_every_new_connection(
    desk: Desk, tmp_path: Path
) -> None:
    with desk.core.database.write() as session:
        order = Order("form-1", "bao", ("xa",))
        alert = alerting.raise_alert(session, desk.core, order, By()).alert.id
    topic = town.TOPICS.alert("xa", alert)
    other = Desk(desk.core, tmp_path)
    other.fast.connected = False
    other.keeper.look()
    assert other.handed == []
    other.fast.connected = True
    other.keeper.broker_connected()
    other.keeper.look()
    other.keeper.look()
    assert other.handed == [topic]
    other.fast.confirm()
    assert other.confirmed == [Kind.ALERT]
    other.keeper.look()
    assert Desk(desk.core, tmp_path).look_and_tell() == []
    other.keeper.broker_connected()
    other.keeper.look()
    assert other.handed == [topic, topic]


def test_after_a_new_connection_a_guest_may_have_ended_its_alert_and_is_listened_to_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = desk.raise_one()
    with desk.core.database.write() as session:
        session.get_one(Alert, alert).source = AlertSource.PROVINCE
    topic = town.TOPICS.alert("xa", alert)
    assert desk.look_and_tell() == [topic]
    desk.keeper.broker_connected()
    assert desk.look_and_tell() == [topic]
    monkeypatch.setattr("broadcaster.alert_keeper._LISTEN_S", 0.0)
    assert desk.look_and_tell() == [topic, topic]


def test_after_a_start_the_broker_may_know_of_an_end_that_the_rows_have_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = town.TOPICS.alert("xa", desk.raise_one())
    desk.keeper.broker_connected()
    assert desk.look_and_tell() == [topic, topic]  # this process has seen it raised
    monkeypatch.setattr(desk.keeper, "_began", desk.core.clock.now() + timedelta(seconds=1))
    desk.keeper.broker_connected()
    assert desk.look_and_tell() == [topic, topic]
    monkeypatch.setattr("broadcaster.alert_keeper._LISTEN_S", 0.0)
    assert desk.look_and_tell() == [topic, topic, topic]


def test_trust_that_speakers_have_not_heard_of_travels_before_the_alerts_that_need_it(desk: Desk) -> None:
    desk.raise_one()
    desk.fast.confirm()
    desk.keeper.look()
    new, root = SigningKey.generate(), SigningKey.generate()
    with desk.core.database.write() as session:
        own_keys.note(session, desk.core)
        own_keys.replace(session, desk.core, root, keyring.EMERGENCY, new)
    desk.fast.sent.clear()
    desk.keeper.look()
    assert [envelope.parse(sent.payload).header.kid for sent in desk.fast.sent] == [root.kid, new.kid]


def test_after_a_start_an_alert_grows_over_no_end_that_the_broker_may_know(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.raise_one(so="13")
    monkeypatch.setattr(desk.keeper, "_began", desk.core.clock.now() + timedelta(seconds=1))
    monkeypatch.setattr(alert_keeper, "_LISTEN_S", 0.0)
    with desk.core.database.write() as session:
        for sound in session.scalars(select(AlertSound).where(AlertSound.clip_sha256.is_(None))):
            sound.failed = "engine gone"
    desk.backlog = 1
    desk.keeper.broker_connected()
    assert len(desk.look_and_tell()) == 1, "what the broker has kept is still to be read"
    desk.backlog, desk.transport.connected = 0, False
    assert len(desk.look_and_tell()) == 1, "and nobody reads it"
    desk.transport.connected = True
    assert len(desk.look_and_tell()) == 3, "what there was, and what it has become"


def test_a_flood_that_never_lets_up_keeps_no_alert_of_before_the_start_from_being_said_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = town.TOPICS.alert("xa", desk.raise_one())
    monkeypatch.setattr(desk.keeper, "_began", desk.core.clock.now() + timedelta(seconds=1))
    monkeypatch.setattr(alert_keeper, "_LISTEN_S", 0.0)
    desk.backlog = 50_000
    desk.keeper.broker_connected()
    assert desk.look_and_tell() == [topic]
    monkeypatch.setattr(alert_keeper, "_LISTEN_LONGEST_S", 0.0)
    assert desk.look_and_tell() == [topic, topic]


def test_a_sentence_that_cannot_be_spoken_is_news_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.raise_one(so="13")
    with desk.core.database.write() as session:
        for sound in session.scalars(select(AlertSound).where(AlertSound.clip_sha256.is_(None))):
            sound.failed = "engine gone"
    desk.keeper.look()
    assert len(desk.handed) == 2  # it does not grow any more
    monkeypatch.setattr(alert_keeper, "grow", lambda *_: pytest.fail("it has not grown"))
    desk.keeper.look()


def test_what_speakers_keep_is_signed_and_travels_behind_what_is_planned(desk: Desk) -> None:
    desk.keeper.keep_standing()
    with desk.core.database.read() as session:
        sounds = session.scalars(select(StandingSound)).all()
        kept = {(sound.clip_sha256, sound.place.code) for sound in sounds}
        assert session.get(Published, town.TOPICS.plan("thon-dong", "9999-01-01"))
    transfers = desk.distributor._transfers
    assert transfers.keys() == kept
    assert min(transfer.start_at for transfer in transfers.values()) > 10**14
    assert standing.PREFIX == "lib-"


def test_while_nothing_changes_nobody_waits_for_what_speakers_keep(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.keeper.keep_standing()
    with desk.core.database.write() as session:
        session.add(Place(id=90, code="thon-moi", name="Thôn Mới", kind=PlaceKind.VILLAGE, parent_id=1))
        session.flush()
        session.get_one(Speaker, "loa-1").place_id = 90
    desk.keeper.keep_standing()
    with desk.core.database.read() as session:
        assert session.scalars(select(StandingSound).where(StandingSound.place_id == 90)).all()
    monkeypatch.setattr(standing, "put_plans", lambda *_: pytest.fail("nothing has changed"))
    desk.keeper.keep_standing()


def test_a_look_loads_no_sound_of_an_alert_that_has_been_sent(desk: Desk, clock: FixedClock) -> None:
    over, on = desk.raise_one(), desk.raise_one(request="form-2")
    with desk.core.database.write() as session:
        alerting.end_alert(session, desk.core, over, By(), words=False)
    desk.keeper.look()
    for sent, zone in desk.distributor._transfers:
        desk.keeper._distributed(sent, zone)
    loaded: list[object] = []

    def note(sound: AlertSound, _: object) -> None:
        loaded.append(sound)

    event.listen(AlertSound, "load", note)
    clock.advance(timedelta(seconds=1))
    assert desk.keeper.look()
    event.remove(AlertSound, "load", note)
    assert loaded == []
    assert {over, on} == {topic.rpartition("/")[2] for topic in desk.handed}


def test_what_speakers_keep_is_written_a_few_at_a_time_and_goes_on_after_a_kill(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk.core.database.write() as session:
        kept = len(session.scalars(select(StandingSound)).all())
        session.execute(delete(StandingSound))
    monkeypatch.setattr(alert_keeper, "_ROWS_A_TIME", 7)
    monkeypatch.setattr(alert_keeper, "_PLANS_A_TIME", 2)
    add, put = standing.add, standing.put_plans
    sizes: list[int] = []

    def add_and_die_at_the_third(session: Session, rows: Sequence[standing.Row]) -> None:
        sizes.append(len(rows))
        if len(sizes) == 3:
            raise OSError("killed")
        add(session, rows)

    def put_some(session: Session, core: Core, plans: Sequence[Plan]) -> None:
        sizes.append(len(plans))
        put(session, core, plans)

    monkeypatch.setattr(standing, "add", add_and_die_at_the_third)
    monkeypatch.setattr(standing, "put_plans", put_some)
    with pytest.raises(OSError, match="killed"):
        desk.keeper.keep_standing()
    with desk.core.database.read() as session:
        assert len(session.scalars(select(StandingSound)).all()) == 14
    desk.keeper.keep_standing()
    with desk.core.database.write() as session:
        assert len(session.scalars(select(StandingSound)).all()) == kept
        for sound in session.scalars(select(StandingSound)):
            sound.clip = clip(session, desk.core, sound.text)
            session.flush()
    desk.keeper.keep_standing()
    assert max(sizes) == 7
    assert sizes[-3:] == [2, 2, 1]  # five places, each with a plan
