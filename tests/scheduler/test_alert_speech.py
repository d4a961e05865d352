"""The sound of alerts: what is waited for first, nothing lost to a broken engine, and idle time used."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from broadcaster import alerting, standing
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.clips import ClipStore
from broadcaster.core import Core
from broadcaster.rows import AlertSound, StandingSound
from scheduler.alert_speech import AlertSpeech
from tests.scheduler.test_preparation import Humming
from tts.speech import Speech


@dataclass
class Booth:
    """A thread's work, one step at a time."""

    core: Core
    speech: AlertSpeech
    engine: Humming
    store: ClipStore
    ready: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def raise_one(self, **values: str) -> str:
        with self.core.database.write() as session:
            order = Order("form-1", "chay", ("xa",), values)
            return alerting.raise_alert(session, self.core, order, By()).alert.id

    def sounds(self, alert: str) -> list[AlertSound]:
        with self.core.database.read() as session:
            rows = select(AlertSound).where(AlertSound.alert_id == alert).order_by(AlertSound.position)
            return list(session.scalars(rows))


@pytest.fixture
def booth(core: Core, tmp_path: Path) -> Booth:
    usual = core.alert_table
    core = replace(core, alert_table=replace(usual, templates=(usual.template("chay"),)))
    engine, store = Humming(), ClipStore(tmp_path / "clips")
    ready: list[str] = []
    kept: list[str] = []

    def keep() -> None:
        kept.append("kept")
        with core.database.write() as session:
            standing.follow(session, core.alert_table)

    speech = AlertSpeech(
        core,
        Speech(tmp_path / "speech", engine),
        store,
        on_ready=lambda: ready.append("ready"),
        keep=keep,
    )
    return Booth(core, speech, engine, store, ready, kept)


def test_an_alert_in_force_gets_its_siren_first_then_its_sentences_in_order(booth: Booth) -> None:
    alert = booth.raise_one(noi="chợ Đông")
    for made in range(1, 7):
        assert booth.speech.work()
        assert [bool(sound.clip_sha256) for sound in booth.sounds(alert)] == [True] * made + [False] * (6 - made)
        assert len(booth.ready) == made
    assert all(booth.store.has(sound.clip_sha256 or "") for sound in booth.sounds(alert))


def test_a_broken_engine_costs_the_sentence_and_not_the_alert(booth: Booth) -> None:
    booth.engine.down = True
    alert = booth.raise_one()
    for _ in range(1 + 5 * 3):
        assert booth.speech.work()
    sounds = booth.sounds(alert)
    assert sounds[0].clip_sha256  # the siren needs no engine
    assert all("out of breath" in (sound.failed or "") for sound in sounds[1:])


def test_an_alert_that_is_over_is_not_spoken_any_more(booth: Booth) -> None:
    alert = booth.raise_one()
    with booth.core.database.write() as session:
        alerting.end_alert(session, booth.core, alert, By(), words=False)
    booth.speech.work()
    assert not any(sound.clip_sha256 for sound in booth.sounds(alert))


def test_idle_time_makes_what_speakers_keep_and_an_alert_goes_first(booth: Booth) -> None:
    booth.speech.work()
    assert booth.kept == ["kept"]
    alert = booth.raise_one()
    booth.speech.work()
    assert booth.sounds(alert)[0].clip_sha256
    while booth.speech.work():
        pass
    with booth.core.database.read() as session:
        assert all(sound.clip_sha256 for sound in session.scalars(select(StandingSound)))
    assert booth.kept == ["kept", "kept"]  # and once more when all of it is there
