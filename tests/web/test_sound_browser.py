"""Bringing sound to the form in a real browser, on a phone and on an office PC."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright

from broadcaster.rows import Bulletin, Role, Sound
from broadcaster.sounds import SoundStore
from tests.tts.documents import docx_of
from tests.tts.sound_files import encoded, made, melody
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import PASSWORD, Stage, account
from tests.web.test_browser import SMALL_TARGETS, TARGETS, serious
from tts.flac import from_flac

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with a microphone that hears a melody."""
    heard = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    heard.write_bytes(encoded("wav", "pcm_s16le", melody(30)))
    flags = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    flags.append(f"--use-file-for-fake-audio-capture={heard}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *flags])
        yield browser
        browser.close()


@pytest.fixture(params=[(390, 844), (1280, 800)], ids=["phone", "office"])
def page(request: pytest.FixtureRequest, app: Flask, stage: Stage, listening: Browser) -> Iterator[Page]:
    width, height = request.param
    with served(app) as address:
        context = listening.new_context(
            viewport={"width": width, "height": height}, locale="vi-VN", base_url=address, permissions=["microphone"]
        )
        admit(context, app, address)
        made = context.new_page()
        made.set_default_timeout(30_000)
        troubles: list[str] = []
        made.on("pageerror", lambda error: troubles.append(str(error)))
        made.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
        made.goto("/write")
        yield made
        context.close()
    assert troubles == []


phone_only = pytest.mark.parametrize("page", [(390, 844)], indirect=True, ids=["phone"])


def choose(page: Page, data: bytes, name: str = "Ghi âm mới 12.m4a") -> None:
    page.set_input_files("#f-file", {"name": name, "mimeType": "audio/mp4", "buffer": data})


def test_a_phones_file_is_seen_trimmed_by_its_handle_heard_and_sent(page: Page, stage: Stage) -> None:
    choose(page, made("Ghi âm mới 12.m4a", 6))
    expect(page.locator("#sound-said")).to_have_text("Đã có âm thanh.")
    expect(page.locator("#sound-name")).to_have_text("Ghi âm mới 12")
    expect(page.locator("#f-voice")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == []

    handle = page.locator("#trim-from")
    box = handle.bounding_box()
    assert box
    handle.evaluate("element => element.scrollIntoView({block: 'center', behavior: 'instant'})")
    box = handle.bounding_box()
    assert box
    bottom = box["y"] + 112
    page.mouse.move(box["x"] + 12, bottom)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, bottom, steps=4)
    page.mouse.up()
    assert float(page.input_value("#f-sound_from")) == pytest.approx(2, abs=0.3)
    page.locator("#trim-to").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    assert float(page.input_value("#f-sound_to")) == pytest.approx(5, abs=0.2)
    page.fill("#f-sound_from", "1.5")
    assert float(page.input_value("#trim-from")) == 1.5
    assert float(page.locator("[data-cut=before]").get_attribute("width") or 0) == pytest.approx(60, abs=3)

    page.click("#listen")
    expect(page.locator("#listen-sound")).to_be_visible()
    page.check("#place-3")
    page.check("#kind-now")
    page.click(".part-send .btn-primary")
    page.wait_for_url("**/schedules/1**")
    expect(page.locator("main")).to_contain_text("Âm thanh “Ghi âm mới 12”")
    with stage.rows() as session:
        bulletin = session.query(Bulletin).one()
        assert bulletin.sound_start_ms == 1500
        assert bulletin.sound_end_ms == pytest.approx(5000, abs=200)


def test_the_microphone_is_recorded_as_it_sounds(page: Page, stage: Stage) -> None:
    page.click("#record")
    expect(page.locator("#sound-said")).to_have_text("Đang ghi âm 0:02")
    assert page.evaluate("document.getElementById('record-level').value") > 0
    page.click("#record-stop")
    expect(page.locator("#sound-said")).to_have_text("Đã có âm thanh.")
    expect(page.locator("#sound-name")).to_contain_text("Ghi âm")
    with stage.rows() as session:
        sound = session.query(Sound).one()
        assert sound.duration_ms > 1900
        assert max(sound.peaks) > 10
    pcm = from_flac(SoundStore(stage.services.settings.home_path / "sounds").read(sound.sha256))
    assert not pcm.is_silent


@phone_only
def test_a_village_head_records_hears_and_airs_on_a_phone(page: Page, stage: Stage) -> None:
    with stage.rows() as session:
        session.add(account("truong-thon", Role.VILLAGE_HEAD, stage.clock.now(), place=2, unapproved=True))
    page.context.clear_cookies()
    page.goto("/sign-in")
    page.fill("#f-username", "truong-thon")
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.goto("/village")
    page.click("#record")
    expect(page.locator("#sound-said")).to_contain_text("0:02")
    page.click("#record-stop")
    expect(page.locator("#sound-said")).to_have_text("Đã có âm thanh.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    page.click("#listen")
    expect(page.locator("#listen-said")).to_have_text("Đã có âm thanh. Bấm để nghe.")
    page.get_by_role("button", name="Phát ngay ở thôn").last.click()
    page.wait_for_url("**/schedules/**")
    with stage.rows() as session:
        assert session.query(Bulletin).one().sound is not None


@phone_only
def test_a_recording_survives_a_lost_connection_and_is_sent_again(page: Page, stage: Stage, tmp_path: Path) -> None:
    page.route("**/sounds", lambda route: route.abort())
    page.click("#record")
    expect(page.locator("#sound-said")).to_have_text("Đang ghi âm 0:01")
    page.click("#record-stop")
    expect(page.locator("#sound-said")).to_contain_text("Bản ghi vẫn còn ở đây")
    page.fill("#f-text", "Lời dẫn")
    page.click(".part-send .btn-primary")
    expect(page.locator("#sound-said")).to_contain_text("Bản ghi chưa gửi xong")
    with page.expect_download() as saved:
        page.click("#sound-save")
    saved.value.save_as(tmp_path / "saved.wav")
    assert (tmp_path / "saved.wav").read_bytes()[:4] == b"RIFF"
    page.unroute("**/sounds")
    page.click("#sound-retry")
    expect(page.locator("#sound-said")).to_have_text("Đã có âm thanh.")
    expect(page.locator("#sound-kept")).to_be_hidden()


@phone_only
def test_a_refused_file_is_told_at_the_form_and_the_sound_before_it_stays(page: Page) -> None:
    choose(page, made("bulletin.mp3"), "họp thôn.mp3")
    expect(page.locator("#sound-name")).to_have_text("họp thôn")
    choose(page, b"MZ" + b"\0" * 500, "bulletin.mp3")
    expect(page.locator("#sound-said")).to_contain_text("Đây không phải tệp âm thanh mà là chương trình máy tính")
    expect(page.locator("#sound-name")).to_have_text("họp thôn")


@phone_only
def test_a_draft_keeps_its_sound_and_a_voice_comes_back_when_it_is_dropped(page: Page) -> None:
    choose(page, made("bulletin.mp3"), "họp thôn.mp3")
    page.fill("#f-sound_to", "1.2")
    expect(page.locator("#draft-said")).to_contain_text("Đã lưu nháp lúc")
    page.reload()
    expect(page.locator("#sound-name")).to_have_text("họp thôn")
    expect(page.locator("#f-sound_to")).to_have_value("1.2")
    expect(page.locator("#trim-to")).to_have_value("1.2")
    page.click("#sound-drop")
    expect(page.locator("#f-voice")).to_be_visible()
    expect(page.locator("#sound-shown")).to_be_hidden()
    assert page.input_value("[name=sound]") == ""


@phone_only
def test_the_text_of_a_document_comes_into_the_form_and_a_bad_one_says_what_to_do(page: Page) -> None:
    def choose_document(name: str, data: bytes) -> None:
        page.set_input_files("#f-document", {"name": name, "mimeType": "", "buffer": data})

    page.fill("#f-text", "Trước đó.")
    choose_document("Thông báo.docx", docx_of("Họp lúc 7h30."))
    expect(page.locator("#import-said")).to_contain_text("Đã lấy chữ từ tệp “Thông báo”")
    expect(page.locator("#f-text")).to_have_value("Trước đó.\n\nHọp lúc 7h30.")
    expect(page.locator(".spoken")).to_contain_text("bảy giờ ba mươi phút")
    choose_document("cũ.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600)
    expect(page.locator("#import-said")).to_contain_text("Lưu thành (Save As)")
    expect(page.locator("#f-text")).to_have_value("Trước đó.\n\nHọp lúc 7h30.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
