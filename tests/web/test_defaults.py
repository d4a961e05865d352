import re
from io import BytesIO

import numpy as np
import pytest
from flask import Flask

from broadcaster.rows import AuditEntry, Bulletin, CategoryDefault, ItemKind, LibraryItem, Role
from broadcaster.sounds import SoundStore
from scheduler.preparation import settings_of
from tests.tts.sound_files import made
from tests.web.conftest import Browser
from tests.web.station import Stage, account
from tts.encoding import RATE
from tts.flac import to_flac
from tts.pcm import Pcm
from web import fields, furnishing

CHOICES = {
    "voice": "south",
    "speed": "slow",
    "pause": "long",
    "repeats": "3",
    "opening_tune": "house",
    "closing_tune": "",
}


@pytest.fixture
def admin(app: Flask, stage: Stage) -> Browser:
    with stage.rows() as session:
        session.add(account("qt", Role.ADMINISTRATOR, stage.clock.now()))
    browser = Browser(app.test_client())
    assert browser.sign_in("qt").status_code == 303
    return browser


@pytest.fixture
def tune(stage: Stage) -> str:
    """The hash of a tune on the shelf."""
    store = SoundStore(stage.services.settings.home_path / "sounds")
    furnishing.furnish(stage.services.database, store, stage.clock.now())
    with stage.rows() as session:
        item = session.query(LibraryItem).filter_by(title="Nhạc hiệu buổi sáng").one()
        assert item.sound_sha256
        return item.sound_sha256


def chosen(page: str, name: str) -> str | None:
    """The value that a select of a page begins with."""
    select = re.search(rf'<select[^>]* name="{name}".*?</select>', page, re.DOTALL)
    assert select
    found = re.search(r'<option value="([^"]*)" selected', select[0])
    return found[1] if found else None


def test_an_administrator_sets_what_a_category_begins_with_and_the_form_follows_without_script(
    stage: Stage, editor: Browser, admin: Browser
) -> None:
    assert editor.post("/defaults", {"category": "y tế", **CHOICES}).status_code == 403
    assert admin.post("/defaults", {"category": "y tế", **CHOICES}).status_code == 303
    form = {"category": "y tế", "action": "suit", "text": "Giữ nguyên chữ này", "voice": "north", "repeats": "1"}
    page = editor.post("/write/" + "0" * 8 + "-0000-4000-8000-" + "0" * 12, form).text
    values = {name: chosen(page, name) for name in CHOICES}
    assert values == CHOICES | {"closing_tune": None}
    assert "Giữ nguyên chữ này" in page
    assert not re.search(r'name="chime"[^>]*checked', page)
    with stage.rows() as session:
        detail = session.query(AuditEntry).filter_by(action="defaults.change", subject="y tế").one().detail
    assert detail["before"] == fields.DEFAULTS["y tế"]
    assert detail["after"] == {name: CHOICES[name] for name in CHOICES if CHOICES[name]} | {"chime": ""}


def test_a_bulletin_that_was_written_keeps_its_choices_when_the_defaults_change(
    stage: Stage, editor: Browser, admin: Browser
) -> None:
    editor.write(category="y tế")
    admin.post("/defaults", {"category": "y tế", **CHOICES})
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        assert (bulletin.voice, bulletin.repeats, bulletin.speed) == ("north", 1, "normal")
    assert admin.post("/defaults", {"category": "y tế", "action": "shipped"}).status_code == 303
    with stage.rows() as session:
        assert session.query(CategoryDefault).count() == 0
    assert admin.post("/defaults", {"category": "y tế", **CHOICES, "voice": "robot"}).status_code == 400
    assert admin.post("/defaults", {"category": "?", **CHOICES}).status_code == 400


def test_a_tune_of_the_library_is_chosen_by_its_hash_and_outlives_its_place_on_the_shelf(
    stage: Stage, editor: Browser, tune: str
) -> None:
    assert f'<option value="{tune}"' in editor.get("/write", follow_redirects=True).text
    assert editor.write(opening_tune=tune, closing_tune="house").status_code == 303
    with stage.rows() as session:
        session.query(LibraryItem).filter_by(sound_sha256=tune).one().archived_at = stage.clock.now()
        session.query(LibraryItem).filter_by(sound_sha256=tune).update({"sound_sha256": None})
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        settings = settings_of(bulletin)
        assert (settings.opening_tune, settings.closing_tune) == (tune, "house")
        number = bulletin.id
    assert (stage.services.settings.home_path / "sounds" / tune[:2] / f"{tune}.flac").exists()
    again = editor.get(f"/write?copy={number}", follow_redirects=True).text
    assert chosen(again, "opening_tune") == tune
    refused = editor.write(opening_tune="f" * 64)
    assert refused.status_code == 422
    assert "Nhạc hiệu này không còn" in refused.text


def test_only_short_tunes_are_offered_and_taken(stage: Stage, editor: Browser) -> None:
    long = to_flac(Pcm(np.full(61 * RATE, 900, np.int16), RATE))
    added = editor.post("/library/add", {"file": (BytesIO(long), "dài.flac"), "kind": "tune", "title": "Bài dài"})
    assert added.status_code == 303
    with stage.rows() as session:
        sha256 = session.query(LibraryItem).filter_by(title="Bài dài").one().sound_sha256
    assert sha256
    assert sha256 not in editor.get("/write", follow_redirects=True).text
    assert "quá 60 giây" in editor.write(closing_tune=sha256).text


def test_a_tick_of_an_earlier_version_is_the_house_s_tune(editor: Browser, stage: Stage) -> None:
    assert fields.of_draft({"opening_tune": True, "closing_tune": False}).opening_tune == "house"
    editor.write(opening_tune="1")
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        assert (bulletin.opening_tune, bulletin.opening_sound_sha256) == (True, None)


def test_music_is_the_choice_of_whoever_brings_it_and_a_tune_is_music_by_itself(
    stage: Stage, editor: Browser, tune: str
) -> None:
    with stage.rows() as session:
        item = session.query(LibraryItem).filter_by(sound_sha256=tune, kind=ItemKind.TUNE).one().id
    page = editor.get(f"/write?item={item}", follow_redirects=True).text
    assert re.search(r'name="music"[^>]*checked', page)
    sound = editor.post("/sounds", {"file": (BytesIO(made("bulletin.wav")), "nhạc.wav")}).json
    assert sound
    editor.write(sound=sound["sound"], music="1", text="")
    with stage.rows() as session:
        assert settings_of(session.query(Bulletin).one()).music


def test_the_preview_takes_the_tunes_of_the_form(editor: Browser, tune: str) -> None:
    form = {"text": "Kính mời bà con.", "voice": "north", "repeats": "1"}
    sounds = {
        editor.post("/listen", {**form, "opening_tune": name}).json["sound"]  # type: ignore[index]
        for name in ("", "house", tune)
    }
    assert len(sounds) == 3
    assert editor.post("/listen", {**form, "opening_tune": "../x"}).status_code == 400
