"""Approving and airing in a village on a phone, in a real browser: by tap, by keyboard, and read by axe."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright

from broadcaster import approval, notices
from broadcaster.approval import ApprovalState
from broadcaster.rows import Bulletin, Clip, NoticeKind, Role, Schedule, Station
from tests.web.serving import CHROMIUM, QUIET, admit, served
from tests.web.station import Stage, account
from tests.web.test_browser import SMALL_TARGETS, TARGETS, serious
from tts.encoding import encode
from tts.voice import VOICES

pytestmark = pytest.mark.whole

LOUD = ["--autoplay-policy=no-user-gesture-required"]
HOUR = timedelta(hours=1)
Enter = Callable[[str], Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *LOUD])
        yield browser
        browser.close()


@pytest.fixture
def enter(app: Flask, stage: Stage, chromium: Browser) -> Iterator[Enter]:
    """A phone in somebody's hand; whatever goes wrong inside a page fails the test."""
    with stage.rows() as session:
        session.query(Station).one().approval = True
        now = stage.clock.now()
        session.add(account("chu-tich", Role.APPROVER, now))
        session.add(account("quan-tri", Role.ADMINISTRATOR, now))
        session.add(account("truong-thon", Role.VILLAGE_HEAD, now, place=2, unapproved=True))
    troubles: list[str] = []
    with served(app) as address:
        context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="vi-VN", base_url=address)
        context.set_default_timeout(20_000)

        def signed_in(name: str) -> Page:
            admit(context, app, address, name)
            page = context.new_page()
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
            page.goto("/")
            return page

        yield signed_in
        context.close()
    assert troubles == []


def waits(stage: Stage, *titles: str) -> None:
    """Bulletins that wait, each with a tone of its own of a quarter of a second."""
    for number, title in enumerate(titles):
        stage.broadcast(starts_in=HOUR, title=title)
        sha256 = f"{number:064x}"
        with stage.rows() as session:
            now = stage.clock.now()
            session.add(Clip(sha256=sha256, manifest_sha256="b" * 64, bytes=9, duration_ms=250, created_at=now))
            session.flush()
            session.query(Bulletin).filter_by(title=title).one().clip_sha256 = sha256
        path = stage.services.clips.mp3_path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tone())


def tone() -> bytes:
    time = np.arange(12_000) / 48_000
    return encode((6_000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16), lambda: None).make_mp3()


def states(stage: Stage) -> list[ApprovalState]:
    with stage.rows() as session:
        rows = session.query(Schedule).order_by(Schedule.id)
        return [approval.standing(session, row, stage.clock.now()).state for row in rows]


def test_several_bulletins_are_heard_in_one_player_and_approved_with_one_button(stage: Stage, enter: Enter) -> None:
    waits(stage, "Họp thôn", "Tiêm phòng", "Nước sạch")
    page = enter("chu-tich")
    page.click("nav >> text=Duyệt")
    page.uncheck("#tick-2")
    page.click("#play-all")
    expect(page.locator("#playing")).to_have_text("Đã nghe hết các bản tin đã chọn.")
    expect(page.locator("[data-heard='1']")).to_be_visible()
    expect(page.locator("[data-heard='3']")).to_be_visible()
    expect(page.locator("[data-heard='2']")).to_be_hidden()
    page.click("#approve-button")
    expect(page.locator(".notice-success")).to_have_text("Đã duyệt 2 bản tin.")
    assert states(stage) == [ApprovalState.APPROVED, ApprovalState.SUBMITTED, ApprovalState.APPROVED]


def test_approving_and_returning_go_by_keyboard_alone(stage: Stage, enter: Enter) -> None:
    waits(stage, "Họp thôn", "Tiêm phòng")
    page = enter("chu-tich")
    page.goto("/approval")
    keys = page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(60):
            keys.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(selector)

    tab_to("#tick-1")
    keys.press("Space")
    tab_to("#item-1 .give-back summary")
    keys.press("Enter")
    tab_to("#comment-1")
    keys.type("Sai ngày họp")
    tab_to("#item-1 .give-back button")
    keys.press("Enter")
    expect(page.locator(".notice-success")).to_contain_text("Đã trả lại")
    tab_to("#approve-button")
    keys.press("Enter")
    expect(page.locator(".notice-success")).to_have_text("Đã duyệt 1 bản tin.")
    assert states(stage) == [ApprovalState.RETURNED, ApprovalState.APPROVED]


def test_the_pages_of_approval_people_and_villages_fit_a_phone_and_keep_nobody_out(stage: Stage, enter: Enter) -> None:
    waits(stage, "Một tiêu đề rất dài " * 8, "Tiêm phòng")
    with stage.rows() as session:
        for number in (4, 5, 6):
            notices.tell(session, [number], NoticeKind.TRIAL, "1", stage.clock.now())
    paths = {
        "chu-tich": ["/approval", "/me", "/notices", "/broadcasts/b0"],
        "quan-tri": ["/people", "/approval", "/village/aired", "/"],
        "truong-thon": ["/village", "/me"],
    }
    for name, pages in paths.items():
        page = enter(name)
        for path in pages:
            page.goto(path)
            page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
            width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert width[0] <= width[1], path
            assert serious(page) == [], path
            assert page.eval_on_selector_all(TARGETS, SMALL_TARGETS) == [], path
        page.context.clear_cookies()
        page.close()


def test_a_village_head_writes_hears_and_airs_on_the_phone(stage: Stage, enter: Enter) -> None:
    page = enter("truong-thon")
    page.click("nav >> text=Phát ở thôn")
    page.fill("#f-text", "Mời bà con ra nhà văn hóa.")
    page.select_option("#f-voice", next(iter(VOICES)))
    page.click("#listen")
    expect(page.locator("#listen-sound")).to_be_visible()
    page.get_by_role("button", name="Phát ngay ở thôn").last.click()
    page.wait_for_url("**/schedules/1**")
    assert states(stage) == [ApprovalState.EXEMPT]
