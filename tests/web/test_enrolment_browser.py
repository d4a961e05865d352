"""Enrolling in a real browser: on a phone and on an office PC, by keyboard, and read by axe."""

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, sync_playwright

from broadcaster.rows import Account, Role, Speaker
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import Stage
from tests.web.test_browser import SMALL_TARGETS, TARGETS, serious

pytestmark = pytest.mark.whole


@pytest.fixture(params=[(390, 844), (1280, 800)], ids=["phone", "office"])
def page(request: pytest.FixtureRequest, app: Flask, stage: Stage) -> Iterator[Page]:
    with stage.rows() as session:
        session.get_one(Account, 1).grants[0].role = Role.ADMINISTRATOR
        for name, key in (("loa-001", "k" * 43), ("loa-002", None)):
            speaker = session.get_one(Speaker, name)
            speaker.pending_since, speaker.public_key, speaker.claim_code = stage.clock.now(), key, "c1a1" * 8
    width, height = request.param
    with served(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        made = browser.new_page(viewport={"width": width, "height": height}, locale="vi-VN", base_url=address)
        admit(made.context, app, address)
        yield made
        browser.close()


def test_every_page_of_enrolling_fits_its_screen_and_keeps_nobody_out(page: Page) -> None:
    for path in ("/speakers", "/enrolment", "/enrolment/speaker/loa-001", "/enrolment/speaker/loa-003"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert serious(page) == [], path
        assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == [], path


def test_a_speaker_is_confirmed_by_keyboard_alone(page: Page, stage: Stage) -> None:
    page.goto("/speakers")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.pending .btn-primary')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/enrolment/speaker/loa-001")
    with stage.rows() as session:
        assert session.get_one(Speaker, "loa-001").in_service
