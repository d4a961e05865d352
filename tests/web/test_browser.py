"""The pages in a real browser: on a phone and on an office PC, by keyboard, and read by axe."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from broadcaster.rows import Broadcast, Bulletin, Delivery, DeliveryState, Draft, Schedule
from tests.web.conftest import Browser as Client
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import PASSWORD, Stage

pytestmark = pytest.mark.whole

SIZES = {"phone": (390, 844), "office": (1280, 768)}
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FINISHED, FAILED = DeliveryState.FINISHED, DeliveryState.FAILED
TARGETS = (
    "a.btn, button:not(.word), summary, input:not([type=hidden]), select, textarea, nav a, .tick label, .choice label"
)
SMALL_TARGETS = """targets => targets
    .filter(e => e.checkVisibility() && !e.matches('[tabindex="-1"], [type=checkbox], [type=radio]'))
    .filter(e => e.getBoundingClientRect().height < 43.5)
    .map(e => e.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as found:
        yield found


@dataclass
class Desk:
    """A signed-in browser; whatever goes wrong inside a page ends up in ``troubles``."""

    page: Page
    address: str
    troubles: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page


@pytest.fixture(params=SIZES)
def desk(request: pytest.FixtureRequest, chromium: Browser, app: Flask, address: str) -> Iterator[Desk]:
    width, height = SIZES[request.param]
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="vi-VN")
    context.set_default_timeout(15_000)
    admit(context, app, address)
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
    yield Desk(page, address, troubles)
    context.close()
    assert troubles == []


office_only = pytest.mark.parametrize("desk", ["office"], indirect=True)


def serious(page: Page) -> list[Any]:
    """What axe finds that keeps people out."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}]


def test_every_page_fits_its_screen_and_keeps_nobody_out(stage: Stage, desk: Desk) -> None:
    number = stage.broadcast(starts_in=-20 * SECOND, states=(FINISHED, FINISHED, FAILED), why="power")
    stage.broadcast(starts_in=HOUR, title="Một tiêu đề rất dài " * 8)
    missed = stage.broadcast(starts_in=-HOUR)
    with stage.rows() as session:
        session.get_one(Broadcast, missed).missed_at = stage.clock.now()
        session.add(Draft(submission="x" * 32, account_id=1, fields={"text": "Nháp"}, updated_at=stage.clock.now()))
    paths = ["/", f"/broadcasts/{number}", "/write", "/drafts", "/speakers", "/status", "/phone", "/password", "/nope"]
    paths += ["/week", "/week/speaker/loa-001", "/rules", "/clock", "/calendar"]
    for path in paths:
        page = desk.open(path)
        if path == "/write":
            page.fill("#f-text", "UBND xã họp lúc 7h30 ngày 20/10/2026, gặp ông XYZQ.")
            page.wait_for_selector(".spoken")
            page.click("#correct summary")
        width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1], path
        assert serious(page) == [], path
        assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == [], path
        assert page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") >= 17


def test_a_bulletin_is_moved_past_what_it_would_meet_by_keyboard(stage: Stage, desk: Desk) -> None:
    stage.broadcast(starts_in=24 * HOUR, title="Họp thôn")
    stage.broadcast(starts_in=27 * HOUR, title="Tiêm phòng")
    page = desk.open("/week?date=2026-11-22&place=an-binh")
    entry = page.locator("article", has_text="Tiêm phòng")
    entry.locator("summary").press("Enter")
    entry.locator("input[type=time]").fill("10:00")
    entry.locator("button").press("Enter")
    expect(page.locator("h1")).to_contain_text("Dời “Tiêm phòng” sang 10:00")
    expect(page.locator(".note-clash")).to_contain_text("Trùng với “Họp thôn”")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == []
    page.locator("button", has_text="Phát sau đó").press("Enter")
    expect(page.locator(".slot-planned", has_text="Tiêm phòng")).to_contain_text("10:01")


def test_the_refused_form_fits_and_its_summary_leads_to_the_fields(desk: Desk) -> None:
    page = desk.open("/write")
    page.click(".part-send .btn-primary")
    expect(page.locator("#errors")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    page.click("#errors a >> nth=0")
    expect(page.locator("#f-text")).to_be_focused()


@office_only
def test_a_bulletin_is_written_and_sent_by_keyboard_alone(stage: Stage, desk: Desk) -> None:
    page = desk.open("/write")
    keys = page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(60):
            keys.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(selector)

    tab_to("#f-text")
    keys.type("Mời bà con họp lúc 19h30.")
    tab_to("#place-3")
    keys.press("Space")
    tab_to("[name=kind]")
    keys.press("ArrowLeft")
    tab_to(".part-send .btn-primary")
    keys.press("Enter")
    page.wait_for_url("**/schedules/1**")
    with stage.rows() as session:
        schedule = session.query(Schedule).one()
        assert (schedule.kind, [place.code for place in schedule.targets]) == ("now", ["thon-3"])


@office_only
def test_a_draft_survives_a_reload(stage: Stage, desk: Desk) -> None:
    page = desk.open("/write")
    page.fill("#f-text", "Nửa chừng thì có khách")
    page.check("#place-3")
    expect(page.locator("#draft-said")).to_contain_text("Đã lưu nháp lúc")
    page.reload()
    expect(page.locator("#f-text")).to_have_value("Nửa chừng thì có khách")
    expect(page.locator("#place-3")).to_be_checked()
    assert page.evaluate("Object.keys(localStorage)") == []


@office_only
def test_a_draft_survives_on_the_machine_while_the_station_is_away(desk: Desk) -> None:
    page = desk.open("/write")
    page.wait_for_load_state("networkidle")
    page.route("**/drafts/*", lambda route: route.abort())
    page.fill("#f-text", "Mất mạng giữa chừng")
    page.check("#kind-daily")
    expect(page.locator("#draft-said")).to_contain_text("bản nháp được giữ trên máy này")
    page.reload()
    expect(page.locator("#f-text")).to_have_value("Mất mạng giữa chừng")
    expect(page.locator("#kind-daily")).to_be_checked()
    expect(page.locator("#f-until")).to_be_visible()
    page.unroute("**/drafts/*")
    expect(page.locator("#draft-said")).to_contain_text("Đã lưu nháp lúc")


@office_only
def test_the_reading_appears_while_writing_and_can_be_corrected(stage: Stage, desk: Desk) -> None:
    page = desk.open("/write")
    page.fill("#f-text", "UBND xã họp lúc 7h30.")
    expect(page.locator(".spoken")).to_have_text("Ủy ban nhân dân xã họp lúc bảy giờ ba mươi phút.")
    page.click("#correct summary")
    page.click("#take-reading")
    expect(page.locator("#f-spoken")).to_have_value("Ủy ban nhân dân xã họp lúc bảy giờ ba mươi phút.")
    expect(page.locator("#corrected")).to_be_visible()
    page.fill("#f-spoken", "Ủy ban xã họp lúc bảy rưỡi.")
    page.check("#place-1")
    page.check("#kind-now")
    page.click(".part-send .btn-primary")
    page.wait_for_url("**/schedules/1**")
    with stage.rows() as session:
        assert session.query(Bulletin).one().spoken == "Ủy ban xã họp lúc bảy rưỡi."


@office_only
def test_listening_shows_progress_and_plays(desk: Desk) -> None:
    page = desk.open("/write")
    page.fill("#f-text", "Mời bà con họp lúc 7h30 tại nhà văn hóa thôn.")
    page.click("#listen")
    expect(page.locator("#listen-sound")).to_be_visible()
    expect(page.locator("#listen-said")).to_have_text("Đã có âm thanh. Bấm để nghe.")
    sound = page.locator("#listen-sound")
    for _ in range(100):  # the page forbids eval, which Playwright's own waiting needs
        if sound.evaluate("element => element.duration > 1"):
            break
        page.wait_for_timeout(100)
    assert sound.evaluate("element => element.duration > 1")


@office_only
def test_ticking_the_commune_ticks_every_village_and_counts_each_speaker_once(desk: Desk) -> None:
    page = desk.open("/write")
    count = page.locator("[data-chosen]")
    page.check("#place-1")
    expect(count).to_have_text("6")
    expect(page.locator("#place-3")).to_be_checked()
    expect(page.locator("#place-9")).to_be_checked()
    page.uncheck("#place-2")
    expect(count).to_have_text("4")
    expect(page.locator("#place-1")).not_to_be_checked()
    assert page.evaluate("document.getElementById('place-1').indeterminate")
    page.uncheck("#place-9")
    expect(count).to_have_text("0")


@office_only
@pytest.mark.parametrize("path", ["/write", "/live"])
def test_a_finger_faster_than_the_scripts_has_chosen(desk: Desk, path: str) -> None:
    def late(route: Route) -> None:
        desk.page.check("#place-1")
        route.continue_()

    desk.page.route("**/places.js", late)
    page = desk.open(path)
    expect(page.locator("[data-chosen]")).to_have_text("6")
    expect(page.locator("#place-1")).to_be_checked()


@office_only
def test_a_group_stays_chosen_when_its_bulletin_is_edited(desk: Desk, editor: Client) -> None:
    editor.write(places=["ven-suoi"])
    page = desk.open("/write?edit=1")
    expect(page.locator("#place-9")).to_be_checked()
    expect(page.locator("[data-chosen]")).to_have_text("4")


@office_only
def test_the_coverage_moves_by_itself_and_leaves_open_what_is_open(stage: Stage, desk: Desk) -> None:
    number = stage.broadcast(starts_in=-20 * SECOND)
    page = desk.open(f"/broadcasts/{number}")
    expect(page.locator("#h-places + details")).not_to_have_attribute("open", "")
    page.click("#village-3 > summary")
    with stage.rows() as session:
        for delivery in session.query(Delivery):
            delivery.state = FINISHED
    expect(page.locator(".coverage").first).to_contain_text("6/6 đã phát xong")
    expect(page.locator("#village-3")).to_have_attribute("open", "")
    expect(page.locator("#announcer")).to_have_text("6 trên 6 cụm loa đã phát xong")


@office_only
def test_a_panel_stays_open_while_cards_before_it_come_and_go(stage: Stage, desk: Desk) -> None:
    first, second = (stage.broadcast(starts_in=-20 * SECOND, title=title) for title in ("Tin một", "Tin hai"))
    page = desk.open("/")
    cards = page.locator(".on-air")
    last = (first, second)["hai" in cards.last.inner_text()]
    page.click(f"#stop-{last} summary")
    stage.orders.stop_broadcast({first: second, second: first}[last], 1)
    expect(cards).to_have_count(1)
    expect(page.locator(f"#stop-{last}")).to_have_attribute("open", "")
    stage.broadcast(starts_in=-25 * SECOND, title="Tin ba")
    expect(cards).to_have_count(2)
    page.click(f"#stop-{last} button")
    expect(page.locator(".notice-success")).to_be_visible()


@office_only
def test_a_bulletin_that_airs_now_leads_to_its_broadcast_as_soon_as_there_is_one(stage: Stage, desk: Desk) -> None:
    page = desk.open("/write")
    page.fill("#f-text", "Mời bà con họp.")
    page.check("#place-1")
    page.check("#kind-now")
    page.click(".part-send .btn-primary")
    expect(page.locator("main")).to_contain_text("Đang tạo giọng đọc…")
    number = stage.broadcast(starts_in=-SECOND)
    with stage.rows() as session:
        session.get_one(Broadcast, number).schedule_id = 1
    page.wait_for_url(f"**/broadcasts/{number}**")
    expect(page.locator(".state").first).to_have_text("Đang phát")


@office_only
def test_stop_all_asks_first_and_then_stops(stage: Stage, desk: Desk) -> None:
    stage.broadcast(starts_in=-20 * SECOND)
    page = desk.open("/speakers")
    page.click(".stop-all summary")
    page.keyboard.press("Escape")
    expect(page.locator(".stop-all button")).not_to_be_visible()
    page.click(".stop-all summary")
    page.click(".stop-all button")
    expect(page.locator(".notice-success")).to_have_text("Đã dừng 1 lượt phát.")


@office_only
def test_a_station_that_is_away_is_told_and_comes_back(desk: Desk) -> None:
    page = desk.open("/")
    page.route("**/?part=live", lambda route: route.abort())
    expect(page.locator(".lost")).to_be_visible()
    page.unroute("**/?part=live")
    expect(page.locator(".lost")).not_to_be_visible()


def test_without_scripts_a_bulletin_can_be_written_and_listed(stage: Stage, chromium: Browser, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    page.fill("#f-username", "lan")
    page.fill("#f-password", PASSWORD)
    page.click("main button")
    page.goto(f"{address}/write")
    page.fill("#f-text", "Không cần JavaScript")
    page.check("#place-1")
    page.fill("#f-time", "06:30")
    page.fill("#f-date", "2026-11-22")
    page.click(".part-send .btn-primary")
    page.goto(address)
    expect(page.locator("main")).to_contain_text("Không cần JavaScript")
    context.close()


def test_a_marked_word_is_corrected_by_keyboard_and_click_and_a_category_brings_its_settings(
    stage: Stage, desk: Desk
) -> None:
    page = desk.open("/write")
    page.fill("#f-text", "Mời bà con xóm XQZ đi họp.")
    word = page.locator('#reading .spoken [data-fix="XQZ"]')
    word.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#fix-spoken")).to_be_focused()
    page.keyboard.type("xuân quang")
    page.keyboard.press("Enter")
    expect(page.locator("#fix-done")).to_contain_text("Chỉ bản tin này")
    expect(page.locator("#reading .spoken")).to_contain_text("xóm xuân quang")
    page.locator('#reading .spoken [data-fix="XQZ"]').click()
    page.fill("#fix-spoken", "5 nhà")
    page.click("#fix-keep")
    expect(page.locator("#fix-said")).to_contain_text("chỉ viết bằng chữ")
    page.fill("#fix-spoken", "xóm quê")
    page.click("#fix-keep")
    expect(page.locator("#fix-done")).to_contain_text("Đã nhớ")
    expect(page.locator("#reading .spoken")).to_contain_text("xóm xóm quê")
    assert page.locator('[name="readings"]').input_value() == ""
    page.select_option("#f-category", "thiên tai")
    assert (page.input_value("#f-repeats"), page.input_value("#f-speed")) == ("3", "slow")
    page.select_option("#f-repeats", "2")
    page.select_option("#f-category", "nông nghiệp")
    assert (page.input_value("#f-repeats"), page.input_value("#f-speed")) == ("2", "normal")
    page = desk.open("/lexicon")
    expect(page.locator(".lexicon-entry")).to_contain_text("xóm quê")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not Axe().run(page).response["violations"]
