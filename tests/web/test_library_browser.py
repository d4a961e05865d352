"""The library in a real browser, on a phone and on an office PC."""

import pytest
from playwright.sync_api import Page, expect

from broadcaster.rows import Account, Role
from broadcaster.sounds import SoundStore
from tests.tts.sound_files import made
from tests.web.station import Stage
from tests.web.test_browser import SMALL_TARGETS, TARGETS, serious
from tests.web.test_sound_browser import listening, page
from web.furnishing import furnish

__all__ = ["listening", "page"]

pytestmark = pytest.mark.whole


@pytest.fixture(autouse=True)
def _furnished(stage: Stage) -> None:
    furnish(stage.services.database, SoundStore(stage.services.settings.home_path / "sounds"), stage.clock.now())


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert serious(page) == []
    assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == []


def test_a_template_is_found_without_diacritics_filled_in_and_opened(page: Page) -> None:
    page.goto("/library")
    fits(page)
    page.fill("#q", "cat dien")
    page.keyboard.press("Enter")
    expect(page.locator("#found")).to_have_text("Có 1 mục")
    page.click("text=Lịch cắt điện")
    fits(page)
    page.get_by_label("Tên điện lực").fill("Hưng Yên")
    page.get_by_role("button", name="Soạn bản tin từ mẫu").click()
    page.wait_for_url("**/write/**")
    expect(page.locator("#f-text")).to_have_value(
        "Thông báo tạm ngừng cấp điện.\nĐiện lực Hưng Yên thông báo: để {lý do cắt điện}, ngành điện tạm ngừng cấp điện "
        "từ {giờ bắt đầu} đến {giờ kết thúc} ngày {ngày} tại {các thôn bị cắt điện}.\nĐề nghị bà con chủ động sắp xếp "
        "công việc, tắt các thiết bị điện trước giờ cắt. Nếu có điện sớm hơn, ngành điện sẽ đóng điện mà không báo trước."
        "\nMọi thắc mắc xin gọi {số điện thoại}."
    )


def test_a_tune_is_heard_and_used_again(page: Page) -> None:
    page.goto("/library?kind=tune")
    page.click("text=Nhạc hiệu buổi sáng")
    sound = page.locator("main audio")
    for _ in range(100):  # the page forbids eval, which Playwright's own waiting needs
        if sound.evaluate("element => element.duration > 5"):
            break
        page.wait_for_timeout(100)
    assert sound.evaluate("element => element.duration > 5")
    page.get_by_role("link", name="Dùng lại").click()
    expect(page.locator("#sound-name")).to_have_text("Nhạc hiệu buổi sáng")
    page.goto("/library/add")
    fits(page)


def test_a_category_brings_a_tune_of_the_library_and_a_sentence_is_recorded(page: Page, stage: Stage) -> None:
    with stage.rows() as session:
        session.get_one(Account, 1).grants[0].role = Role.ADMINISTRATOR
    page.goto("/defaults")
    fits(page)
    line = page.locator(".row-item", has_text="Y tế")
    line.locator("summary").click()
    line.get_by_label("Nhạc hiệu mở đầu").select_option(label="Nhạc hiệu buổi sáng")
    fits(page)
    line.get_by_role("button", name="Lưu").click()
    expect(line).to_contain_text("có nhạc hiệu")
    page.goto("/write")
    page.select_option("#f-category", "y tế")
    expect(page.locator("#f-opening_tune option:checked")).to_have_text("Nhạc hiệu buổi sáng")
    fits(page)
    page.goto("/recorded")
    fits(page)
    page.fill("#f-text", "Kính mời bà con nghe đài.")
    page.set_input_files("#f-file", {"name": "câu.wav", "mimeType": "audio/wav", "buffer": made("bulletin.wav")})
    expect(page.locator("#sound-name")).to_have_text("câu")
    page.get_by_role("button", name="Lưu", exact=True).last.click()
    expect(page.locator(".row-item")).to_contain_text("kính mời bà con nghe đài")
    fits(page)
