"""Raising, watching, ending and correcting in a real browser, by finger on a phone and by keyboard."""

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from sqlalchemy import select

from broadcaster import alert_reports
from broadcaster.geography import Geography
from broadcaster.rows import Alert, Place
from broadcaster.wire.documents import Event, Receipt
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import PASSWORD, Stage
from tests.web.test_browser import serious

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(params=[(360, 740), (1280, 800)], ids=["phone", "office"])
def page(request: pytest.FixtureRequest, chromium: Browser, app: Flask) -> Iterator[Page]:
    width, height = request.param
    with served(app) as address:
        context = chromium.new_context(viewport={"width": width, "height": height}, base_url=address, locale="vi-VN")
        context.set_default_timeout(15_000)
        admit(context, app, address, "truc")
        page = context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto("/")
        yield page
        context.close()
        assert troubles == []


phone_only = pytest.mark.parametrize("page", [(360, 740)], ids=["phone"], indirect=True)


def fill(page: Page) -> None:
    """From the home page to a storm over the whole commune."""
    page.get_by_role("link", name="Khẩn cấp", exact=True).click()
    page.get_by_role("link", name="Bão", exact=False).first.click()
    page.get_by_label("Xã An Bình").check()
    page.get_by_label("Bão số").fill("13")


def hold(page: Page) -> None:
    """A finger on the button until it has counted to two seconds."""
    page.locator("#hold").scroll_into_view_if_needed()
    page.locator("#hold").hover()
    page.mouse.down()
    expect(page.locator(".holding")).to_have_count(1)
    expect(page.locator(".holding")).to_have_count(0, timeout=10_000)  # it was long enough, or the page has moved on
    page.mouse.up()


def alerts(stage: Stage) -> list[Alert]:
    with stage.rows() as session:
        return list(session.scalars(select(Alert).order_by(Alert.raised_at, Alert.id)))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_raise_watch_end(page: Page, stage: Stage) -> None:
    fill(page)
    assert serious(page) == []
    assert fits(page)
    hold(page)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    with stage.rows() as session:
        alert = session.scalars(select(Alert)).one()
        alert_reports.write_audience(session, alert, Geography.load(session), stage.clock.now())
    expect(page.locator(".legend-large")).to_contain_text("đang chờ loa trả lời")  # without a reload
    assert serious(page) == []
    assert fits(page)
    page.get_by_text("Kết thúc cảnh báo").first.click()
    page.get_by_role("button", name="Kết thúc ngay").click()
    expect(page.get_by_role("heading", name="Đã kết thúc")).to_be_visible()


BULLETIN = """TIN CẢNH BÁO LŨ QUÉT
Trong 3-6 giờ tới, nguy cơ cao xảy ra lũ quét tại bản Nà Lốc và thôn Đoài.
Cấp độ rủi ro thiên tai: cấp 4. Tin phát lúc 11h00 ngày 21/11."""


@phone_only
def test_a_pasted_bulletin_is_checked_corrected_and_raised(page: Page, stage: Stage) -> None:
    page.get_by_role("link", name="Khẩn cấp", exact=True).click()
    page.get_by_role("link", name="Dán bản tin thời tiết").click()
    page.get_by_label("Nội dung bản tin").fill(BULLETIN)
    page.get_by_role("button", name="Đọc bản tin").click()
    expect(page.get_by_role("heading", name="Phát khẩn cấp: Lũ quét")).to_be_visible()
    expect(page.locator("mark.seen-place").first).to_contain_text("bản Nà Lốc")
    expect(page.get_by_label("Bản Nà Lốc")).to_be_checked()
    expect(page.get_by_label("Thôn Đông")).not_to_be_checked()
    assert serious(page) == []
    assert fits(page)
    page.get_by_label("Nội dung thêm").fill("Lũ quét trong ba giờ tới. Rời ven suối.")
    assert alerts(stage) == []
    hold(page)
    expect(page.get_by_role("heading", name="Lũ quét", exact=True)).to_be_visible()
    expect(page.locator(".script")).to_contain_text("Rời ven suối.")
    [alert] = alerts(stage)
    assert alert.level == 4


@phone_only
def test_the_map_of_the_board_follows_what_speakers_report(page: Page, stage: Stage) -> None:
    with stage.rows() as session:
        for number in (2, 3, 4):
            west = 106 + number / 100
            ring = [[west, 20.85], [west + 0.01, 20.85], [west + 0.01, 20.86], [west, 20.86], [west, 20.85]]
            session.get_one(Place, number).outline = json.dumps({"type": "Polygon", "coordinates": [ring]})
    fill(page)
    hold(page)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    with stage.rows() as session:
        alert = session.scalars(select(Alert)).one()
        alert_reports.write_audience(session, alert, Geography.load(session), stage.clock.now())
        receipt = Receipt(id="r", broadcast=alert.id, event=Event.STARTED, at=stage.clock.now_ms())
        alert_reports.take(session, [("loa-003", receipt), ("loa-004", receipt)])
    expect(page.locator('path.area[fill="url(#area-sounding)"]')).to_have_count(1)  # without a reload
    expect(page.locator(".map text", has_text="đã cất tiếng")).to_have_count(1)
    assert serious(page) == []
    assert fits(page)


@phone_only
def test_a_short_press_raises_nothing_and_enter_held_does(page: Page, stage: Stage) -> None:
    fill(page)
    page.locator("#hold").dblclick()
    expect(page.locator("#hold-said")).to_contain_text("Nhấn giữ nút đủ 2 giây")
    page.get_by_label("Bão số").press("Enter")  # in a field, Enter is not the button
    assert alerts(stage) == []
    page.locator("#hold").focus()
    page.keyboard.down("Enter")
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    page.keyboard.up("Enter")
    assert len(alerts(stage)) == 1


@phone_only
def test_a_lost_connection_is_tried_again_and_raises_one_alert(page: Page, stage: Stage) -> None:
    fill(page)
    lost: list[str] = []

    def lose(route: Route) -> None:
        """The first one arrives, and its answer is lost; the second never leaves."""
        if route.request.method != "POST" or len(lost) == 2:
            route.continue_()
            return
        lost.append(route.request.url)
        if len(lost) == 1:
            route.fetch()
        route.abort()

    page.route("**/duty/bao/**", lose)
    hold(page)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    assert len(lost) == 2
    assert len(alerts(stage)) == 1


@phone_only
def test_who_can_not_hold_raises_in_two_steps(page: Page, stage: Stage) -> None:
    fill(page)
    expect(page.locator("#unheld")).to_be_hidden()
    page.locator("#hold").dispatch_event("click")  # a screen reader's click: no finger, no key
    steps = page.locator("#unheld")
    steps.get_by_role("button", name="PHÁT KHẨN CẤP").click()  # without the tick it only leads to it
    expect(page.get_by_label("Tôi chắc chắn")).to_be_focused()
    assert alerts(stage) == []
    assert serious(page) == []
    page.keyboard.press("Space")
    steps.get_by_role("button", name="PHÁT KHẨN CẤP").click()
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    assert len(alerts(stage)) == 1


@phone_only
def test_no_network_as_the_finger_lifts_is_told_and_the_alert_goes_out_with_the_network(
    page: Page, stage: Stage
) -> None:
    fill(page)
    page.context.set_offline(True)
    hold(page)
    expect(page.locator("#hold-said")).to_contain_text("máy đang tự thử lại")
    assert page.get_by_label("Bão số").input_value() == "13"
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible(timeout=30_000)  # a try may hang for 10 s
    assert len(alerts(stage)) == 1


@phone_only
def test_the_same_form_in_two_tabs_raises_one_alert_and_back_does_not_lead_to_it(page: Page, stage: Stage) -> None:
    fill(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Xã An Bình").check()
    other.get_by_label("Bão số").fill("13")
    form = page.url
    hold(page)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    hold(other)
    expect(other.get_by_role("heading", name="Bão số 13")).to_be_visible()
    assert other.url == page.url
    page.go_back()
    expect(page.get_by_role("heading", name="PHÁT KHẨN CẤP")).to_be_visible()
    assert page.url != form
    assert len(alerts(stage)) == 1


@phone_only
def test_a_sign_in_that_has_expired_at_the_hold_is_asked_again_and_the_form_stays(page: Page, stage: Stage) -> None:
    fill(page)
    page.context.clear_cookies()
    hold(page)
    expect(page.get_by_role("heading", name="Đăng nhập lại")).to_be_visible()
    assert page.get_by_label("Bão số").input_value() == "13"
    page.get_by_label("Mật khẩu").fill("sai")
    page.get_by_role("button", name="Đăng nhập và phát").click()
    expect(page.locator("#again-said")).to_contain_text("không đúng")
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập và phát").dblclick()
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    assert len(alerts(stage)) == 1


@phone_only
def test_an_electronic_board_follows_the_station_and_keeps_its_text_until_that_expires(
    page: Page, stage: Stage
) -> None:
    board = page.context.new_page()
    board.clock.install()
    board.goto("/bang-tin/thon-2")
    expect(board.locator(".what")).not_to_contain_text("Bão số 13")
    fill(page)
    hold(page)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    board.clock.fast_forward(6_000)
    expect(board.locator(".risk-3 .what")).to_have_text("Bão số 13")
    assert fits(board)
    board.context.set_offline(True)
    with board.expect_event("requestfailed"):
        board.clock.fast_forward(6_000)
    expect(board.locator(".risk-3 .what")).to_have_text("Bão số 13")
    board.clock.fast_forward(7 * 3_600_000)  # longer than it is in force
    expect(board.locator(".what")).to_have_count(0)


@phone_only
def test_english_fits_a_phone_too(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Schedule", exact=True)).to_be_visible()
    assert fits(page)


@phone_only
def test_a_fault_is_shown_and_a_false_alarm_corrected(page: Page, stage: Stage) -> None:
    fill(page)
    page.get_by_label("Xã An Bình").uncheck()
    hold(page)
    expect(page.locator("#errors")).to_contain_text("Chưa chọn nơi phát")
    page.get_by_label("Thôn Đông").first.check()
    hold(page)
    expect(page.get_by_role("heading", name="Bão số 13")).to_be_visible()
    page.get_by_text("Phát nhầm – đính chính").first.click()
    page.get_by_role("button", name="Đính chính ngay").click()
    expect(page.get_by_role("heading", name="Phát nhầm, đã đính chính")).to_be_visible()
    assert {one.template for one in alerts(stage)} == {"bao", "dinh-chinh"}
