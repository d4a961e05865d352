"""The rundown editor in a real browser, on a phone: by keyboard, with what will air beside it."""

import pytest
from playwright.sync_api import Page, expect

from tests.web.station import Stage
from tests.web.test_library_browser import fits
from tests.web.test_programmes import Desk
from tests.web.test_sound_browser import listening, page

__all__ = ["listening", "page"]

pytestmark = pytest.mark.whole


@pytest.mark.parametrize("page", [(390, 844)], indirect=True, ids=["phone"])
def test_a_programme_is_made_on_a_phone_and_its_end_follows_what_is_typed(page: Page, stage: Stage) -> None:
    desk = Desk(stage)
    page.goto("/programmes")
    fits(page)
    page.get_by_text("Tạo chương trình").click()
    page.get_by_role("link", name="Xã: 3 buổi").click()
    page.wait_for_url("**/programmes/**")
    fits(page)
    expect(page.locator("#look .when")).to_contain_text("05:30–05:5")
    page.get_by_label("Số phút").fill("46")
    expect(page.locator("#look")).to_contain_text("Dài hơn dự kiến: lẽ ra kết thúc lúc 06:15")
    page.get_by_label("Số phút").fill("20")
    page.get_by_label("Địa chỉ luồng âm thanh của đài").fill("http://127.0.0.1:9/vov")
    page.get_by_role("button", name="Lên 5").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".rundown legend").nth(3)).to_have_text("4. Ca nhạc")
    expect(page.get_by_label("Địa chỉ luồng âm thanh của đài")).to_have_value("http://127.0.0.1:9/vov")
    page.get_by_label("Tên chương trình").fill("Tiếng nói quê hương")
    page.get_by_label("Xã An Bình").first.check()
    page.get_by_role("button", name="Lưu chương trình").last.click()
    page.wait_for_url("**/programmes")
    desk.compose()
    page.reload()
    fits(page)
    expect(page.locator("h2", has_text="Tiếng nói quê hương")).to_be_visible()
    page.get_by_text("Sẽ phát những gì").click()
    expect(page.locator(".pieces")).to_contain_text("VOV1")
    page.set_viewport_size({"width": 1280, "height": 900})
    fits(page)
