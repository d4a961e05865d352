import html
from dataclasses import replace
from datetime import timedelta

import pytest

from broadcaster.rows import Speaker
from broadcaster.wire.fields import SpeakerRole
from tests.web.conftest import Browser
from tests.web.station import Stage
from web import chart, speakers
from web.sentences import SPEAKERS


def test_each_speaker_stands_in_its_village_with_its_state_in_words(editor: Browser) -> None:
    page = html.unescape(editor.get("/speakers").text)
    village = page.split(">Thôn Đông</h2>")[1].split("</section>")[0]
    for words in ("mất kết nối", "sẵn sàng", "từ 08:00 hôm nay", "3 phút trước", "đồng hồ ±4 ms", "từ chối 1 tin"):
        assert words in village
    assert "<b>5</b> sẵn sàng" in page


def test_a_speaker_that_was_never_heard_of_says_so(stage: Stage, editor: Browser) -> None:
    with stage.rows() as session:
        speaker = session.get_one(Speaker, "loa-003")
        speaker.state = speaker.state_since = speaker.seen_at = speaker.clock_error_ms = None
    assert "chưa từng kết nối" in editor.get("/speakers").text


def test_what_a_speaker_tells_of_itself_is_said_in_words(stage: Stage, editor: Browser) -> None:
    now = stage.clock.now()
    with stage.rows() as session:
        one, two = session.get_one(Speaker, "loa-002"), session.get_one(Speaker, "loa-003")
        one.faults, one.month_bytes, one.role = "played-silent safe-mode", 48_211_034, SpeakerRole.GATEWAY
        one.amplifier_on_at, one.amplifier_off_at = now - timedelta(hours=2), now - timedelta(hours=1)
        two.amplifier_on_at, two.amplifier_off_at = now - timedelta(minutes=1), now - timedelta(hours=1)
    page = html.unescape(editor.get("/speakers").text)
    told = page.split('id="speaker-loa-002"')[1].split("</li>")[0]
    for words in (
        "có phát mà không ra tiếng",
        "chế độ an toàn",
        "âm ly bật lần cuối 08:00 hôm nay, tắt 09:00 hôm nay",
        "48,2 MB trong tháng",
        "Bộ chuyển tiếp FM, loa có dây",
    ):
        assert words in told
    assert "âm ly bật từ 09:59 hôm nay" in page.split('id="speaker-loa-003"')[1].split("</li>")[0]


@pytest.mark.parametrize("state", [state for state in SPEAKERS if state != "never"])
def test_every_state_has_words_and_a_shape_of_its_own(stage: Stage, editor: Browser, state: str) -> None:
    with stage.rows() as session:
        session.get_one(Speaker, "loa-002").state = state  # type: ignore[assignment]
    assert f'class="dot dot-{state}"' in editor.get("/speakers").text


def test_the_map_names_every_speaker_and_its_state(editor: Browser) -> None:
    page = html.unescape(editor.get("/speakers?part=live").text)
    assert "<title>Thôn Đông - cụm 1: mất kết nối</title>" in page
    assert 'role="img" aria-label="Sơ đồ vị trí' in page


def test_the_technicians_page_shows_refused_messages_and_errors_by_reason(editor: Browser) -> None:
    page = editor.get("/status").text
    assert '<dt>chữ ký sai <span class="muted">bad-signature</span></dt><dd>3</dd>' in page
    assert "<dt>runner</dt><dd>1</dd>" in page
    assert "<dt>Tin các cụm loa đã từ chối</dt><dd>15</dd>" in page


def test_on_the_map_north_is_up_and_east_is_right() -> None:
    drawn = chart.draw({"nw": (20.9, 106.0), "se": (20.8, 106.1)}, {})
    assert drawn.dots["nw"][0] < drawn.dots["se"][0]
    assert drawn.dots["nw"][1] < drawn.dots["se"][1]
    assert all(0 < x < chart.WIDTH and 0 < y < drawn.height for x, y in drawn.dots.values())


def test_a_map_of_one_speaker_or_none_can_be_drawn() -> None:
    assert chart.draw({"one": (20.9, 106.0)}, {"Thôn": ["one"]}).labels[0].text == "Thôn"
    assert chart.draw({}, {}) == replace(chart.draw({}, {}), height=0)


def test_names_on_the_map_never_lie_on_each_other() -> None:
    positions = {str(number): (20.9 + number / 100_000, 106.0) for number in range(30)}
    labels = chart.draw(positions, {f"Thôn {name}": [name] for name in positions}).labels
    assert 2 < len(labels) < 30
    assert len({(label.x, label.y) for label in labels}) == len(labels)


def test_many_places_are_shown_page_by_page(stage: Stage, editor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speakers, "PLACES", 2)
    first, second = editor.get("/speakers").text, editor.get("/speakers?page=2").text
    assert ("Thôn Đông - cụm 1" in first, "Bản Nà Lốc - cụm 1" in first) == (True, False)
    assert ("Thôn Đông - cụm 1" in second, "Bản Nà Lốc - cụm 1" in second) == (False, True)
    assert "<b>5</b> sẵn sàng" in second
    assert ("Trang sau" in first, "Trang sau" in second) == (True, False)
