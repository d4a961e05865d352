import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from broadcaster.airing import BroadcastState, Heard
from broadcaster.rows import DeliveryState, Role
from broadcaster.wire.documents import Class, SpeakerState, Why
from broadcaster.wire.fields import Fault, SpeakerRole
from broadcaster.wire.rejection import Reason
from tests.web.catalogue import ROOT, sentences_in_use
from tests.web.conftest import Browser
from web import language, sentences

OLD_ORTHOGRAPHY = re.compile(
    r"\b(hoá|uỷ|huỷ|khoẻ|thuỷ|toà|hoà|loá|xoá|khoá|tuỳ|quí|lí do|kĩ thuật|mĩ)\b", re.IGNORECASE
)
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")


def listed(string: Any) -> list[str]:
    """The forms of a translation, one or several."""
    return [string] if isinstance(string, str) else list(string or ())


@pytest.fixture(scope="module")
def english() -> Catalog:
    with (language.FOLDER / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file)


def test_every_sentence_has_its_english(english: Catalog) -> None:
    missing = []
    for sentence in sentences_in_use():
        found = english.get(sentence)
        strings = listed(found.string) if found else []
        if found is None or found.fuzzy or not strings or not all(strings):
            missing.append(sentence)
    assert missing == []


def test_translations_fill_in_the_same_values(english: Catalog) -> None:
    for message in english:
        wanted = set(PLACEHOLDER.findall(str(message.id)))
        for string in listed(message.string):
            assert set(PLACEHOLDER.findall(string)) <= wanted, message.id
            assert isinstance(message.id, tuple) or set(PLACEHOLDER.findall(string)) == wanted, message.id


def test_nothing_is_translated_that_nobody_says(english: Catalog) -> None:
    said = {sentence if isinstance(sentence, str) else sentence[0] for sentence in sentences_in_use()}
    told = {message.id if isinstance(message.id, str) else message.id[0] for message in english if message.id}
    assert told - said == set()


def test_one_orthography_is_used() -> None:
    for path in [*ROOT.glob("*.py"), *ROOT.glob("templates/*.html"), *ROOT.glob("static/js/*.js")]:
        assert not OLD_ORTHOGRAPHY.findall(path.read_text("utf-8")), path


def test_the_language_is_chosen_in_the_foot_of_the_page_and_kept(editor: Browser) -> None:
    assert "<h1>Lịch phát</h1>" in editor.get("/").text
    assert editor.post("/language", {"language": "en", "next": "/speakers"}).location == "/speakers"
    page = editor.get("/").text
    assert '<html lang="en">' in page
    assert "<h1>Schedule</h1>" in page
    editor.post("/sign-out")
    assert "<h1>Sign in</h1>" in editor.get("/sign-in").text


def test_every_page_can_be_shown_in_english(editor: Browser) -> None:
    editor.post("/language", {"language": "en"})
    location = editor.write().location
    for path in (
        "/",
        "/speakers",
        "/status",
        "/phone",
        "/drafts",
        "/password",
        location,
        editor.get("/write").location,
    ):
        assert editor.get(path).status_code == 200, path
    refused = editor.write(text="", places=[])
    assert "2 things need correcting" in refused.text


def test_a_language_there_is_not_is_refused(editor: Browser) -> None:
    assert editor.post("/language", {"language": "../../etc"}).status_code == 400


def test_every_word_of_the_station_has_words_for_people() -> None:
    for words, codes in (
        (sentences.CLASSES, Class),
        (sentences.BROADCASTS, BroadcastState),
        (sentences.HEARD, Heard),
        (sentences.DELIVERIES, DeliveryState),
        (sentences.SPEAKERS, SpeakerState),
        (sentences.ROLES, Role),
        (sentences.DEVICES, SpeakerRole),
        (sentences.FAULTS, Fault),
    ):
        assert set(codes) <= set(words)
    assert {why.value for why in Why} <= set(sentences._WHY)
    assert {reason.value for reason in Reason} <= set(sentences._REASONS)
    assert Path(language.FOLDER).is_dir()
