"""Pasted bulletins: what is recognised, what is proposed, and what is doubtful."""

import tomllib
import unicodedata
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster import alert_tables
from broadcaster.weather import reading
from broadcaster.weather.reading import Reading
from broadcaster.weather.tables import tables

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PLACES = {
    "an-binh": "Xã An Bình",
    "thon-dong": "Thôn Đông",
    "thon-doai": "Thôn Đoài",
    "thon-trung": "Thôn Trung",
    "thon-thuong": "Thôn Thượng",
    "thon-ha": "Thôn Hạ",
    "xom-thap": "Xóm Tháp",
    "xom-chua": "Xóm Chùa",
    "ban-na-loc": "Bản Nà Lốc",
    "ban-pa-hin": "Bản Pá Hin",
    "tdp-1": "Tổ dân phố 1",
    "tdp-2": "Tổ dân phố 2",
    "tdp-4": "Tổ dân phố 4",
    "thon-3-binh-an": "Thôn 3 (xã Bình An cũ)",
    "thon-6-binh-an": "Thôn 6 (xã Bình An cũ)",
}
FILE = Path(__file__).with_name("weather_bulletins.toml")
BULLETINS: list[dict[str, Any]] = tomllib.loads(FILE.read_text())["bulletin"]


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE) if text else None


def read(text: str, now: str = "2026-11-22 09:00", template: str = "") -> Reading:
    at = moment(now)
    assert at
    return reading.read(text, PLACES, ["an-binh"], at, template)


@pytest.mark.parametrize("told", BULLETINS, ids=lambda told: str(told["name"]))
def test_a_bulletin_is_understood(told: dict[str, Any]) -> None:
    text = unicodedata.normalize("NFD", told["text"]) if told.get("decompose") else told["text"]
    found = read(text, told["now"])
    assert found.template == told["template"]
    usual = alert_tables.load().template(found.template).level
    assert (found.level or usual) == told.get("level", usual)
    assert found.values.get("so") == told.get("so")
    assert sorted(found.places) == sorted(told.get("places", ["an-binh"]))
    for name in ("issued", "until", "following"):
        if name in told:
            assert getattr(found, name) == moment(told[name]), name
    for part in told.get("brief", ()):
        assert part in found.brief
    for part in told.get("not_brief", ()):
        assert part not in found.brief
    assert [doubt.code for doubt in found.doubts if doubt.code != "old"] == sorted(
        told["doubts"], key=[doubt.code for doubt in found.doubts].index
    )
    assert len(found.brief) <= 600


def test_the_corpus_is_large_and_covers_the_hazards() -> None:
    assert len(BULLETINS) >= 25
    covered = {told["template"] for told in BULLETINS}
    assert {hazard.template for hazard in tables().hazards} - {"lu"} <= covered
    assert {"lu-1", "lu-2", "lu-3"} <= covered


def test_what_is_marked_is_what_was_recognised() -> None:
    found = read(
        "CẢNH BÁO LŨ QUÉT\nNguy cơ tại bản Nà Lốc trong 6 giờ tới. Cấp độ rủi ro thiên tai: cấp 2. Tin phát lúc 08h30."
    )
    marked = {mark.kind: found.text[mark.start : mark.end] for mark in found.marks}
    assert marked["hazard"] == "LŨ QUÉT"
    assert marked["place"] == "bản Nà Lốc"
    assert marked["level"] == "cấp 2"
    assert {found.text[mark.start : mark.end].strip() for mark in found.marks if mark.kind == "time"} == {
        "08h30",
        "trong 6 giờ tới",
    }


def test_an_officer_who_knows_better_names_the_hazard() -> None:
    assert read("CẢNH BÁO LŨ QUÉT, SẠT LỞ ĐẤT ở bản Nà Lốc", template="sat-lo").template == "sat-lo"


def test_a_name_that_only_resembles_a_village_is_doubted_and_not_chosen() -> None:
    found = read("CẢNH BÁO LŨ QUÉT\nNguy cơ lũ quét tại thôn Hà và thôn Đoài.")
    assert found.places == ("thon-doai",)
    assert [doubt.about for doubt in found.doubts if doubt.code == "unsure-place"] == ["Thôn Hạ"]


def test_every_hazard_has_a_template_with_room_for_the_brief() -> None:
    for hazard in tables().hazards:
        for code in ("lu-1", "lu-2", "lu-3") if hazard.template == "lu" else (hazard.template,):
            assert "loi" in {one.name for one in alert_tables.load().template(code).fields}


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("abơđĐ ỹ0123456789:/-.,()\nhH'\u0301")) | st.characters(), max_size=200))
def test_whatever_is_pasted_is_answered(text: str) -> None:
    found = read(text + " trong 99 giờ tới đến 31/2 rủi ro cấp 9 thôn , và")
    assert all(0 <= one.start < one.end <= len(found.text) for one in found.marks)
    assert [one.start for one in found.marks] == sorted(one.start for one in found.marks)
