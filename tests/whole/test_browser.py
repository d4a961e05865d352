"""An officer at the page, in a real browser, with 24 speakers behind it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from broadcaster.rows import DeliveryState
from tests.web.serving import CHROMIUM, QUIET
from tests.whole.town import LiveTown, Town, live, wait_until
from web.initialise import FIRST_ACCOUNT

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTown]:
    made = Town.make(tmp_path_factory.mktemp("town"))
    with live(made) as running:
        wait_until(lambda: made.ready() == 24)
        yield running


@pytest.fixture(params=[(390, 844), (1280, 800)], ids=["phone", "desk"])
def page(request: pytest.FixtureRequest, town: LiveTown) -> Iterator[Page]:
    width, height = request.param
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        opened = browser.new_page(viewport={"width": width, "height": height}, locale="vi-VN")
        opened.goto(town.pages.url)
        opened.get_by_label("Tên đăng nhập").fill(FIRST_ACCOUNT)
        opened.get_by_label("Mật khẩu").fill(town.town.password)
        opened.get_by_role("button", name="Đăng nhập").click()
        yield opened
        browser.close()


def write(page: Page, text: str) -> None:
    """Write a bulletin for the whole commune, to air now."""
    page.get_by_role("link", name="Viết bản tin").first.click()
    page.locator("#f-text").fill(text)
    expect(page.locator("#reading")).to_contain_text("bảy giờ ba mươi")
    page.get_by_label("Xã An Bình").first.check()
    page.get_by_label("Phát ngay").check()
    page.get_by_role("button", name="Gửi bản tin").last.click()


def test_an_officer_writes_a_bulletin_and_sees_24_of_24_finish(page: Page, town: LiveTown) -> None:
    write(page, "Mời bà con họp thôn lúc 7h30 tại nhà văn hóa.")
    expect(page.get_by_text("24").first).to_be_visible()
    wait_until(lambda: town.town.states()[DeliveryState.FINISHED] == 24)
    expect(page.locator("main")).to_contain_text("24/24", timeout=20_000)


def test_an_officer_stops_a_bulletin_half_way_and_every_speaker_falls_silent(page: Page, town: LiveTown) -> None:
    write(page, "Lúc 7h30 bản tin này rất dài và sẽ bị dừng giữa chừng. " * 12)
    wait_until(lambda: town.town.states()[DeliveryState.PLAYING] == 24)
    stop = page.locator("details.confirm", has_text="Dừng bản tin này").first
    stop.locator("summary").click()
    stop.get_by_role("button", name="Dừng ngay").click()
    wait_until(lambda: town.town.states()[DeliveryState.STOPPED] == 24, 15)
    broadcast = town.town.broadcast()
    assert broadcast.stopped_at is not None
    with town.town.database.read() as session:
        played = [delivery.played_ms for delivery in session.get_one(type(broadcast), broadcast.id).deliveries]
    assert max(played) < 30_000
