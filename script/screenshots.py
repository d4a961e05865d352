"""Takes the README's pictures from a running demo: script/screenshots.py URL PASSWORD FOLDER. Needs Chromium."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
TEXT = (
    "UBND xã An Bình kính mời đại diện các hộ gia đình thôn Đông, thôn Đoài dự họp lúc 19h30 ngày 28/11/2026 tại NVH thôn, "
    "bàn về mức thu quỹ ANTT (50.000đ/hộ/năm). Mọi thắc mắc LH đ/c Hà, ĐT: 0912.345.678."
)


def sign_in(page: Page, url: str, password: str) -> None:
    """Sign in as the first account."""
    page.goto(url)
    page.locator("#f-username").fill("quantri")
    page.locator("#f-password").fill(password)
    page.locator("main button").first.click()
    page.wait_for_selector(".tabs")


def air(page: Page, url: str) -> str:
    """Air a bulletin in the whole commune and wait until everybody has heard it; returns its page."""
    page.goto(url + "write")
    page.locator("#f-title").fill("Họp dân thôn Đông, thôn Đoài")
    page.locator("#f-text").fill(TEXT)
    page.get_by_label("Xã An Bình").first.check()
    page.get_by_label("Phát ngay").check()
    page.get_by_role("button", name="Gửi bản tin").last.click()
    page.get_by_text("24/24").first.wait_for(timeout=120_000)
    return page.url


def shoot(page: Page, url: str, aired: str, folder: Path, size: str) -> None:
    """Every page once."""

    def keep(name: str) -> None:
        page.wait_for_timeout(700)
        page.screenshot(path=folder / f"{name}-{size}.png")

    keep("home")
    page.goto(url + "write")
    page.locator("#f-text").fill(TEXT)
    page.locator("#f-text").blur()
    page.wait_for_timeout(1_500)
    keep("write")
    page.goto(aired)
    page.locator("details.village summary").first.click()
    keep("broadcast")
    for name in ("week", "programmes", "live", "duty", "alerts", "speakers", "status"):
        page.goto(url + name)
        keep(name)


def main() -> None:
    """Take every picture at every size."""
    url, password, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium-headless-shell"), args=FLAGS)
        aired = ""
        for size, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height}, locale="vi-VN")
            sign_in(page, url, password)
            aired = aired or air(page, url)
            shoot(page, url, aired, folder, size)
        browser.close()


if __name__ == "__main__":
    main()
