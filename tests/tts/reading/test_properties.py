"""Any text at all: nothing raises, nothing unspeakable comes out, spans stay inside the text."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.tts.reading.samples import samples
from tts.reading import Reading, read, speakable, unspeakable
from tts.reading.sentences import LONGEST
from tts.reading.syllables import is_syllable

pytestmark = pytest.mark.unit

_PIECES = [word for sample in samples("corpus.jsonl") for word in sample.written.split()]
_TYPED = st.lists(st.sampled_from(_PIECES), max_size=25).map(" ".join)
_GLUED = st.lists(st.sampled_from([*_PIECES, *"0123456789.,:/-+'°%()&đhXIV "]), max_size=12).map("".join)
_ANY = st.one_of(st.text(max_size=120), _TYPED, _GLUED)
_SPOKEN = re.compile(r"[^\d_]*")


def _check_spans(text: str, reading: Reading) -> None:
    for marks in (reading.changes, reading.flags):
        position = 0
        for mark in marks:
            assert 0 <= mark.start < mark.end <= len(text)
            assert mark.source == text[mark.start : mark.end]
            assert mark.start >= position
            position = mark.start


@settings(max_examples=100, deadline=None)
@given(_ANY)
def test_sentences_hold_only_lower_case_syllables_and_marks(text: str) -> None:
    for sentence in read(text).sentences:
        assert len(sentence) <= LONGEST
        assert sentence == sentence.lower()
        assert re.fullmatch(r"[^\W\d_]+(?:[ .,?!;:]+[^\W\d_]+)*[.,?!;:]*", sentence), sentence
        assert all(map(is_syllable, re.findall(r"[^\W\d_]+", sentence))), sentence


@settings(max_examples=100, deadline=None)
@given(_ANY)
def test_spans_point_into_the_source_in_order(text: str) -> None:
    _check_spans(text, read(text))


@settings(max_examples=100, deadline=None)
@given(_ANY)
def test_the_spoken_text_has_words_and_sentence_marks_only(text: str) -> None:
    assert all(character.isalpha() or character in " .,?!;:\n" for character in read(text).spoken)


@settings(max_examples=100, deadline=None)
@given(_ANY)
@example("I.0")
@example("I.Họp")
@example("I. 5 xã")
@example("I..")
@example("(I). Họp")
@example("a). Họp")
@example("A... Họp")
@example("µa")
def test_reading_is_idempotent(text: str) -> None:
    once = read(text)
    twice = read(once.spoken)
    assert (twice.spoken, twice.sentences) == (once.spoken, once.sentences)


@settings(max_examples=60, deadline=None)
@given(_TYPED)
def test_decomposed_text_is_read_like_composed_text(text: str) -> None:
    assert read(unicodedata.normalize("NFD", text)).spoken == read(unicodedata.normalize("NFC", text)).spoken


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_unspeakable_runs_are_found_where_they_stand(text: str) -> None:
    for flag in unspeakable(text):
        assert flag.source == text[flag.start : flag.end]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_speakable_is_lower_case_and_stays_as_it_is(text: str) -> None:
    once = speakable(text)
    assert once == once.lower()
    assert speakable(once) == once
