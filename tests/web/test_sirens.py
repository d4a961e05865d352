"""The page on which an officer hears the sirens."""

import re

import pytest
from flask import Flask

from broadcaster import standing
from broadcaster.clips import clip_row
from broadcaster.rows import Role, StandingSound
from tests.web.conftest import Browser
from tests.web.station import Stage, account
from tts import siren


@pytest.fixture
def officer(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    browser.sign_in("truc")
    return browser


def keep(stage: Stage, code: str) -> str:
    """What idle time does: one siren is made and kept."""
    one = stage.services.alert_table.sirens[code]
    made, text = siren.siren(one), standing.siren_text(one)
    manifest, manifest_sha256 = stage.services.clips.put(made.opus, made.mp3)
    with stage.rows() as session:
        clip = clip_row(session, manifest, manifest_sha256, duration_ms=made.duration_ms, at=stage.clock.now())
        session.add(StandingSound(key=standing.sentence_key(text), place_id=1, text=text, clip=clip))
    return made.sha256


def test_an_officer_hears_and_sees_each_siren_that_is_made_and_what_uses_it(stage: Stage, officer: Browser) -> None:
    sha256 = keep(stage, "khan")
    page = officer.get("/sirens").text
    assert "Còi “khan”" in page
    assert "3 hồi × 2,5 giây, cách nhau 0,5 giây" in page
    assert "Lũ báo động III, Lũ quét, Sạt lở đất" in page
    assert page.count("Đang tạo âm thanh") == 3  # two sirens and the bell
    assert f"/clips/{sha256}.mp3" in page
    with officer.get(f"/clips/{sha256}.mp3") as sound:
        assert sound.mimetype == "audio/mpeg"
    picture = officer.get(f"/sirens/{sha256}.svg")
    assert picture.mimetype == "image/svg+xml"
    heights = [float(until) - 50 for until in re.findall(r"V([\d.]+)", picture.text)]
    assert len(heights) == 240
    assert sum(height < 3 for height in heights) > 20  # the pauses
    assert max(heights) > 15


def test_one_tab_is_current_also_for_who_sees_two_that_lead_here(app: Flask, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("manager", Role.ADMINISTRATOR, stage.clock.now()))
    manager = Browser(app.test_client())
    manager.sign_in("manager")
    page = manager.get("/sirens").text
    assert page.count('aria-current="page"') == 1
    assert 'class="here"' not in page


def test_only_what_belongs_to_the_table_has_a_picture(stage: Stage, officer: Browser) -> None:
    sha256 = keep(stage, "khan")
    assert officer.get(f"/sirens/{sha256[::-1]}.svg").status_code == 404
    with stage.rows() as session:
        session.query(StandingSound).delete()
    assert officer.get(f"/sirens/{sha256}.svg").status_code == 404


def test_a_siren_whose_file_is_damaged_has_no_picture_until_it_is_made_again(stage: Stage, officer: Browser) -> None:
    sha256 = keep(stage, "bao")
    stage.services.clips._path(sha256, "opus").write_bytes(b"torn")
    assert officer.get(f"/sirens/{sha256}.svg").status_code == 404
