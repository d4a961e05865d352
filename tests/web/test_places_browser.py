"""Choosing places of a province in a real browser on a phone: opened, found, counted, and sent as shown."""

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page, Route, expect, sync_playwright

from broadcaster.rows import Place, PlaceKind, Speaker
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import Stage

pytestmark = [pytest.mark.whole, pytest.mark.xdist_group("browser")]
COMMUNES, VILLAGES = 60, 3


@pytest.fixture
def page(stage: Stage, app: Flask) -> Iterator[Page]:
    with stage.rows() as session:
        top = Place(code="tinh", name="Tỉnh", kind=PlaceKind.PROVINCE)
        session.add(top)
        for one in range(COMMUNES):
            commune = Place(code=f"xa-{one}", name=f"Xã Đại {one}", kind=PlaceKind.COMMUNE, parent=top)
            session.add(commune)
            for two in range(VILLAGES):
                place = Place(code=f"v-{one}-{two}", name=f"Bản {two}", kind=PlaceKind.VILLAGE, parent=commune)
                session.add_all([place, Speaker(id=f"s-{one}-{two}", place=place, name="", claim_code="", broker_token="")])  # fmt: skip
    with sync_playwright() as playwright, served(app) as address:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=address, locale="vi-VN")
        context.set_default_timeout(20_000)
        admit(context, app, address)
        page = context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto("/power")
        yield page
        browser.close()
        assert troubles == []


def sent(page: Page) -> list[str]:
    """What the form would send."""
    found: Any = page.evaluate("new FormData(document.getElementById('o-find').form).getAll('places')")
    return sorted(set(found))


def test_places_of_a_province_are_opened_found_counted_and_sent_as_shown(page: Page) -> None:
    box = page.locator(".chooser").first
    chosen = box.locator("[data-chosen]")
    find = box.get_by_label("Tìm địa bàn")
    find.fill("ban 1 xa dai 7")
    box.get_by_role("checkbox", name="Bản 1 Xã Đại 7").check()
    expect(chosen).to_have_text("1")
    find.press("Enter")  # sends nothing
    find.fill("khong co")
    expect(box.get_by_text("Không có địa bàn nào tên như vậy.")).to_be_visible()
    assert sent(page) == ["v-7-1"]  # what was found and ticked stays

    tops = box.locator("details.inside > summary")
    top = tops.filter(has_text="Chọn từng nơi trong Tỉnh")
    top.focus()
    page.keyboard.press("Enter")
    expect(box.get_by_role("checkbox", name="Xã Đại 7 cả")).to_have_js_property("indeterminate", value=True)
    box.get_by_role("checkbox", name="Tỉnh cả").check()
    expect(chosen).to_have_text(str(COMMUNES * VILLAGES))
    box.get_by_role("checkbox", name="Xã Đại 9 cả").uncheck()
    expect(chosen).to_have_text(str((COMMUNES - 1) * VILLAGES))
    assert "tinh" not in sent(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    violations: Any = Axe().run(page).response["violations"]
    assert [each["id"] for each in violations] == []


def test_a_part_of_what_is_closed_is_opened_when_it_is_taken_out(page: Page) -> None:
    box = page.locator(".chooser").first
    box.get_by_role("checkbox", name="Tỉnh cả").check()
    box.get_by_label("Tìm địa bàn").fill("ban 1 xa dai 7")
    box.get_by_role("checkbox", name="Bản 1 Xã Đại 7").uncheck()
    expect(box.get_by_role("checkbox", name="Xã Đại 8 cả")).to_be_checked()
    expect(box.locator("[data-chosen]")).to_have_text(str(COMMUNES * VILLAGES - 1))
    codes = sent(page)
    assert "tinh" not in codes
    assert "v-7-1" not in codes
    assert {"xa-8", "v-7-0", "v-7-2"} <= set(codes)


def test_without_the_station_nothing_is_shown_as_chosen_that_is_not_sent(page: Page) -> None:
    box = page.locator(".chooser").first
    box.get_by_role("checkbox", name="Tỉnh cả").check()
    box.get_by_label("Tìm địa bàn").fill("ban 1 xa dai 7")
    row = box.get_by_role("checkbox", name="Bản 1 Xã Đại 7")
    expect(row).to_be_checked()
    page.context.set_offline(True)
    row.uncheck()
    expect(box.get_by_text("Không tải được danh sách địa bàn")).to_be_visible()
    expect(box.locator("[data-chosen]")).to_have_text("0")
    assert sent(page) == []


def test_what_was_found_and_ticked_stays_chosen_however_often_the_page_is_left(page: Page) -> None:
    page.goto("/live")
    box = page.locator(".chooser")
    find = box.get_by_label("Tìm địa bàn")
    find.fill("ban 1 xa dai 7")
    box.get_by_role("checkbox", name="Bản 1 Xã Đại 7").check()
    for _ in range(2):
        page.reload()
        expect(box.locator("[data-chosen]")).to_have_text("1")

    def meanwhile(route: Route) -> None:
        find.fill("ban 2 xa dai 9")
        expect(box.get_by_text("Tìm thấy 1 nơi.")).to_be_visible()
        route.continue_()

    page.route("**/places?*code=*", meanwhile)
    page.reload()
    expect(box.get_by_role("checkbox", name="Bản 1 Xã Đại 7")).to_be_checked()
    expect(box.get_by_role("checkbox", name="Bản 2 Xã Đại 9")).not_to_be_checked()
    expect(box.locator("[data-chosen]")).to_have_text("1")
