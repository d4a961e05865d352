"""A day of a place and "off until" in a real browser on a phone: by finger, by keyboard, and as a screen reader has it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select

from broadcaster.rows import Schedule, Switching
from tests.web.conftest import Browser as Client
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import Stage

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, app: Flask) -> Iterator[Page]:
    with served(app) as address:
        context = chromium.new_context(
            viewport={"width": 390, "height": 844}, base_url=address, locale="vi-VN", has_touch=True
        )
        context.set_default_timeout(15_000)
        admit(context, app, address)
        page = context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto("/")
        yield page
        context.close()
        assert troubles == []


def fits(page: Page) -> None:
    """Nothing sticks out sideways, and axe has nothing to complain of."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found: Any = Axe().run(page)
    assert [(each["id"], each["nodes"][0]["html"]) for each in found.response["violations"]] == []


def test_a_broadcast_is_moved_along_the_day_with_the_arrow_keys_on_a_phone(
    page: Page, stage: Stage, editor: Client
) -> None:
    editor.write(title="Tin sáng", date="2026-11-25", time="06:30")
    page.goto("/week?date=2026-11-25&place=thon-2")
    page.get_by_role("link", name="25/11/2026").tap()
    bar = page.get_by_role("slider", name="Tin sáng")
    bar.focus()
    expect(bar).to_have_attribute("aria-valuetext", "06:30")
    for key in ("PageUp", "ArrowRight", "ArrowRight", "ArrowLeft"):
        bar.press(key)
    expect(bar).to_have_attribute("aria-valuetext", "07:35")
    expect(page.get_by_label("Lúc")).to_have_value("07:35")
    fits(page)
    bar.press("Escape")
    expect(bar).to_have_attribute("aria-valuetext", "06:30")
    bar.press("ArrowRight")
    bar.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Đã dời sang 06:35")).to_be_visible()
    expect(page.get_by_role("slider", name="Tin sáng")).to_have_attribute("aria-valuetext", "06:35")
    with stage.rows() as session:
        moved = session.scalars(select(Schedule).where(Schedule.cancelled_at.is_(None))).one()
        assert moved.start_at is not None
        assert f"{moved.start_at:%H:%M}" == "23:35"  # UTC


def test_a_village_is_switched_off_until_a_moment_and_on_again_on_a_phone(
    page: Page, stage: Stage, editor: Client
) -> None:
    editor.write(title="Tin sáng", date="2026-11-22", time="06:30")
    page.goto("/speakers")
    page.get_by_role("link", name="Một ngày ở Thôn Đông").tap()
    page.get_by_role("link", name="Bật, tắt loa").tap()
    off = page.get_by_role("region", name="Tắt đến…")
    expect(off.get_by_label("Thôn Đông")).to_be_checked()
    off.get_by_label("Đến ngày").fill("2026-11-22")
    off.get_by_role("button", name="Tắt loa").tap()
    expect(page.get_by_role("alert")).to_have_text("Giờ không đúng. Ví dụ: 21:00.")
    off.get_by_label("Đến giờ").fill("11:00")
    off.get_by_label("Lý do").fill("Đám tang")
    off.get_by_role("button", name="Tắt loa").tap()
    current = page.locator("#switching-1")
    expect(current).to_contain_text("Tắt: Thôn Đông")
    current.get_by_text("1 lượt phát không phát ở đó").tap()
    expect(current.get_by_role("link", name="Tin sáng")).to_be_visible()
    fits(page)
    page.goto("/week/speaker/loa-001")
    expect(page.get_by_text("Tắt đến 11:00 ngày mai")).to_be_visible()
    expect(page.get_by_text("Không phát: loa ở đó đang tắt")).to_be_visible()
    fits(page)
    page.goto("/power")
    page.get_by_role("button", name="Bật lại ngay").tap()
    expect(page.get_by_text("Mọi cụm loa đều bật theo lịch.")).to_be_visible()
    with stage.rows() as session:
        assert session.scalars(select(Switching)).one().ended_at == stage.clock.now()


def test_the_strip_follows_what_goes_on_the_air(page: Page, stage: Stage) -> None:
    page.goto("/day?place=thon-2")
    expect(page.locator(".on-air-strip")).to_contain_text("không có gì")
    stage.broadcast(starts_in=timedelta(0), title="Tin dài")
    expect(page.locator(".on-air-strip")).to_contain_text("Tin dài")
