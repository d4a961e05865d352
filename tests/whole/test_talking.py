"""Speaking live, from a browser's microphone to the horn: real pages, real broker, speakers that play."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import select

from broadcaster.rows import AuditEntry, LedgerEntry, Talk, TalkEnd
from broadcaster.sounds import SoundStore
from broadcaster.wire.documents import Event
from device_sim.hearing import find_clip
from device_sim.timeline import read_timeline
from tests.streams import programme
from tests.tts.sound_files import encoded
from tests.web.test_browser import CHROMIUM, QUIET, SMALL_TARGETS, TARGETS, serious
from tests.whole.town import FIRST_ACCOUNT, LiveTown, Town, TownProcesses, live, wait_until
from tts.flac import from_flac

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]

SPEAKERS = 2


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone hears a voice that never says the same twice."""
    heard = tmp_path_factory.mktemp("microphone") / "voice.wav"
    heard.write_bytes(encoded("wav", "pcm_s16le", programme(60)))
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    flags.append(f"--use-file-for-fake-audio-capture={heard}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *flags])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTown]:
    made = Town.make(tmp_path_factory.mktemp("town"), SPEAKERS)
    with live(made) as running:
        wait_until(lambda: made.ready() == SPEAKERS)
        yield running


@contextmanager
def phone(chromium: Browser, url: str, password: str) -> Iterator[Page]:
    """A phone with its microphone on and the whole commune chosen."""
    context = chromium.new_context(
        base_url=url, locale="vi-VN", permissions=["microphone"], viewport={"width": 390, "height": 844}
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto("/sign-in")
    page.fill("#f-username", FIRST_ACCOUNT)
    page.fill("#f-password", password)
    page.click("main button")
    page.get_by_role("link", name="Nói trực tiếp").click()
    page.get_by_label("Xã An Bình").check()
    page.get_by_role("button", name="Bật micrô").click()
    expect(page.locator("#hold")).to_be_visible()
    yield page
    context.close()
    assert troubles == []


def press(page: Page) -> None:
    page.locator("#hold").hover()
    page.mouse.down()


def spoken(page: Page, seconds: int) -> None:
    """Wait until so much has been said."""
    expect(page.locator("#talk-time")).to_contain_text(f"0:{seconds:02}")


def newest(town: Town) -> Talk:
    with town.database.read() as session:
        return session.scalars(select(Talk).order_by(Talk.begun_at.desc())).all()[0]


def events(town: Town, talk: str) -> Counter[Event]:
    with town.database.read() as session:
        return Counter(session.scalars(select(LedgerEntry.event).where(LedgerEntry.broadcast_id == talk)))


def recording(town: Town) -> np.ndarray:
    """The newest talk's, as it was archived."""
    wait_until(lambda: newest(town).sound_sha256)
    return from_flac(SoundStore(town.home / "sounds").read(newest(town).sound_sha256 or "")).samples


def test_a_voice_is_heard_as_it_was_spoken_archived_and_every_speaker_answers_for_it(
    town: LiveTown, chromium: Browser
) -> None:
    with phone(chromium, town.pages.url, town.town.password) as page:
        assert serious(page) == []
        assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        press(page)
        spoken(page, 4)
        page.context.clear_cookies()  # a sign-in that expires does not cut the voice
        spoken(page, 6)
        page.mouse.up()
        expect(page.locator("#talk-said")).to_contain_text("Đã nói 0:0")
        press(page)
        page.wait_for_url("**/sign-in**")  # but is asked for at the next press
        page.mouse.up()
        page.fill("#f-username", FIRST_ACCOUNT)
        page.fill("#f-password", town.town.password)
        page.click("main button")
        page.wait_for_url("**/live")
        expect(page.get_by_label("Xã An Bình")).to_be_checked()
        talk = newest(town.town)
        wait_until(lambda: events(town.town, talk.id)[Event.FINISHED] == SPEAKERS)
        assert events(town.town, talk.id) == {Event.STARTED: SPEAKERS, Event.FINISHED: SPEAKERS}
        said = recording(town.town)
        page.locator("#past a").first.click()
        expect(page.locator("main")).to_contain_text("2/2")
        assert page.locator("#sound").evaluate("sound => sound.duration || 0") >= 0
        assert serious(page) == []
    assert newest(town.town).end is TalkEnd.RELEASED
    assert 6_000 < newest(town.town).duration_ms < 9_000
    assert abs(len(said) / 24 - newest(town.town).duration_ms) < 1
    with town.town.database.read() as session:
        kept = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == talk.id)).all()
    assert kept == ["talk.begin", "talk.end", "talk.archive"]
    town.stop_fleet()
    for path in (town.town.home / "wav").glob("*.wav"):
        found = find_clip(read_timeline(path), said)
        assert found
        assert found.played_fraction > 0.9
