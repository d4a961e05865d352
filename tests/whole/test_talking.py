"""Speaking live, from a browser's microphone to the horn: real pages, real broker, speakers that play."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from broadcaster.clock import SystemClock
from broadcaster.rows import Account, AuditEntry, Grant, LedgerEntry, Role, Talk, TalkEnd
from broadcaster.sounds import SoundStore
from broadcaster.wire.documents import Event, Why
from device_sim.hearing import find_clip
from device_sim.opus import PacketDecoder
from device_sim.timeline import read_timeline
from tests.tts.sound_files import RATE, encoded
from tests.web.serving import CHROMIUM, QUIET
from tests.web.test_browser import SMALL_TARGETS, TARGETS, serious
from tests.whole.town import LiveTown, Town, live, wait_until
from tts.flac import from_flac
from tts.live_encoding import LiveEncoder
from tts.pcm import Pcm, to_int16
from tts.supervisor import espeak
from tts.voice import VOICES
from web.initialise import FIRST_ACCOUNT

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]

SPEAKERS = 2
WORDS = (
    "a lô, a lô, kính thưa bà con thôn đông, nước suối đang lên rất nhanh, "
    "đề nghị bà con ở ven suối đưa người già và trẻ em lên nhà văn hóa, "
    "mang theo đèn pin, nước uống và thuốc, nhắc lại, nước suối đang lên rất nhanh"
)
Floats = NDArray[np.float64]


@pytest.fixture(scope="module")
def voice() -> Pcm:
    engine = espeak()
    try:
        return engine.speak(WORDS, VOICES["north"], 140)
    finally:
        engine.close()


@pytest.fixture(scope="module")
def chromium(voice: Pcm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with a microphone into which somebody speaks, over and over."""
    heard = tmp_path_factory.mktemp("microphone") / "voice.wav"
    heard.write_bytes(encoded("wav", "pcm_s16le", to_int16(voice.at(RATE))))
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
def phone(chromium: Browser, town: LiveTown, username: str = FIRST_ACCOUNT, width: int = 390) -> Iterator[Page]:
    """A phone with its microphone on and the whole commune chosen."""
    context = chromium.new_context(
        base_url=town.pages.url, locale="vi-VN", permissions=["microphone"], viewport={"width": width, "height": 844}
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto("/sign-in")
    sign_in(page, town, username)
    page.get_by_role("link", name="Nói trực tiếp").click()
    page.get_by_label("Xã An Bình").check()
    page.get_by_role("button", name="Bật micrô").click()
    expect(page.locator("#hold")).to_be_visible()
    yield page
    context.close()
    assert troubles == []


def sign_in(page: Page, town: LiveTown, username: str = FIRST_ACCOUNT) -> None:
    page.fill("#f-username", username)
    page.fill("#f-password", town.town.password)
    page.click("main button")


def press(page: Page) -> None:
    page.locator("#hold").hover()
    page.mouse.down()


def speaks(page: Page, seconds: int) -> None:
    """Wait until so much has been said."""
    expect(page.locator("#talk-time")).to_contain_text(f"0:{seconds:02}")


def newest(town: LiveTown) -> Talk:
    with town.town.database.read() as session:
        return session.scalars(select(Talk).order_by(Talk.begun_at.desc())).all()[0]


def events(town: LiveTown, name: str) -> Counter[Event]:
    with town.town.database.read() as session:
        return Counter(session.scalars(select(LedgerEntry.event).where(LedgerEntry.broadcast_id == name)))


def recording(town: LiveTown) -> NDArray[np.int16]:
    """The newest talk's, as it was archived."""
    wait_until(lambda: newest(town).sound_sha256)
    return from_flac(SoundStore(town.town.home / "sounds").read(newest(town).sound_sha256 or "")).samples


def as_sent(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    """What a codec makes of it: at 24 kbit/s it does not keep the waves of noise."""
    encoder, decoder = LiveEncoder(), PacketDecoder()
    packets = encoder.encode(samples) + encoder.finish()
    return np.concatenate([decoder.decode(tuple(packets[at : at + 10])) for at in range(0, len(packets), 10)])


def picture(samples: NDArray[np.int16]) -> Floats:
    """How loud it is in 24 bands of 250 Hz, every 20 ms, in decibels; samples of 24 kHz."""
    frames = samples[: len(samples) // 480 * 480].reshape(-1, 480).astype(float)
    power = np.abs(np.fft.rfft(frames * np.hanning(480)))[:, 1:121] ** 2
    decibels: Floats = 10 * np.log10(power.reshape(len(power), 24, 5).mean(axis=2) + 1e3)
    return decibels


def likeness(heard: NDArray[np.int16], spoken: NDArray[np.int16]) -> float:
    """The correlation of both pictures where they are most alike."""
    part, whole = picture(heard), picture(np.tile(spoken, 2))
    part -= part.mean()
    pieces = sliding_window_view(whole, len(part), axis=0).transpose(0, 2, 1)
    likenesses = [
        float((part * (piece - piece.mean())).sum() / (np.linalg.norm(part) * np.linalg.norm(piece - piece.mean())))
        for piece in pieces
    ]
    return max(likenesses)


def test_a_voice_is_heard_as_it_was_spoken_archived_and_every_speaker_answers_for_it(
    town: LiveTown, chromium: Browser, voice: Pcm
) -> None:
    with phone(chromium, town) as page:
        assert serious(page) == []
        assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        press(page)
        speaks(page, 2)
        page.context.clear_cookies()  # a sign-in that expires does not cut the voice
        speaks(page, 4)
        page.mouse.up()
        expect(page.locator("#talk-said")).to_contain_text("tới 2 cụm loa")
        talk = newest(town)
        press(page)
        page.wait_for_url("**/sign-in**")  # but is asked for at the next press
        page.mouse.up()
        sign_in(page, town)
        page.wait_for_url("**/live")
        expect(page.get_by_label("Xã An Bình")).to_be_checked()
        wait_until(lambda: events(town, talk.id)[Event.FINISHED] == SPEAKERS)
        assert events(town, talk.id) == {Event.STARTED: SPEAKERS, Event.FINISHED: SPEAKERS}
        said = recording(town)
        page.locator("#past a").first.click()
        expect(page.locator("main")).to_contain_text("2/2")
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    kept = newest(town)
    assert kept.end is TalkEnd.RELEASED
    assert 3_900 < kept.duration_ms < 7_000
    assert abs(len(said) / 24 - kept.duration_ms) < 1
    with town.town.database.read() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == talk.id)).all()
    assert actions == ["talk.begin", "talk.end", "talk.archive"]
    spoken = to_int16(voice.at(24_000))
    assert likeness(said, spoken) > 0.8
    assert likeness(said, spoken[::-1]) < 0.6


def test_a_phone_that_goes_away_gives_the_air_back_and_two_do_not_speak_at_once(
    town: LiveTown, chromium: Browser
) -> None:
    with town.town.database.write() as session:
        hashed, now = session.query(Account).one().password_hash, SystemClock().now()
        duty = Grant(role=Role.DUTY_OFFICER, granted_at=now)
        session.add(Account(username="hoa", password_hash=hashed, created_at=now, grants=[duty]))
    schedule = town.town.submit("an-binh", text="Mời bà con nghe bản tin về vệ sinh môi trường. " * 8)
    town.station.wake()
    wait_until(
        lambda: (found := town.town.broadcast_of(schedule)) and events(town, found.id)[Event.STARTED] == SPEAKERS
    )
    interrupted = town.town.broadcast_of(schedule)
    assert interrupted
    with phone(chromium, town) as lost, phone(chromium, town, "hoa", 1280) as office:
        press(lost)
        speaks(lost, 2)
        office.locator("#hold").focus()
        office.keyboard.down("Space")
        expect(office.locator("#talk-wrong")).to_contain_text("đang nói ở một trong những nơi này")
        office.keyboard.up("Space")
        lost.context.set_offline(True)
        talk = newest(town)
        expect(lost.locator("#talk-wrong")).to_contain_text("Mất kết nối với máy chủ")
        lost.mouse.up()
        wait_until(lambda: newest(town).end is TalkEnd.DROPPED)
        office.get_by_label("Không cần giữ").check()
        office.locator("#hold").press("Space")
        speaks(office, 2)
        office.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
        office.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(office.locator("#talk-wrong")).to_contain_text("Màn hình tắt")
    wait_until(lambda: events(town, talk.id)[Event.FINISHED] == SPEAKERS)
    wait_until(lambda: newest(town).end is TalkEnd.RELEASED)
    with town.town.database.read() as session:
        why = session.scalars(
            select(LedgerEntry.detail).where(
                LedgerEntry.broadcast_id == interrupted.id, LedgerEntry.event == Event.PREEMPTED
            )
        ).all()
    assert [one["why"] for one in why] == [Why.HIGHER_CLASS.value] * SPEAKERS
    wait_until(lambda: events(town, newest(town).id)[Event.FINISHED] == SPEAKERS)
    said = recording(town)
    town.stop_fleet()
    for path in (town.town.home / "wav").glob("*.wav"):
        found = find_clip(read_timeline(path), as_sent(said))
        assert found
        assert found.played_fraction > 0.7  # on a busy machine a fifth of a second may come too late
