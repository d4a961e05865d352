"""Gold lines, our own corpus and whole documents come out as an announcer would say them."""

import re

import pytest

from tests.tts.reading.samples import Sample, document_lines, heard, samples
from tts.reading import HOUSE, Reading, read
from tts.reading.foreign import guess
from tts.reading.line import Rule
from tts.reading.syllables import is_syllable

pytestmark = pytest.mark.unit

GOLD = samples("gold.jsonl")
CORPUS = samples("corpus.jsonl")
LINES = (*document_lines(), *(sample.written for sample in CORPUS))
_TOKEN = re.compile(r"[^\W\d_]+")


@pytest.mark.parametrize("sample", GOLD, ids=lambda sample: sample.written)
def test_a_gold_line_is_read_in_an_accepted_form(sample: Sample) -> None:
    assert heard(read(sample.written).spoken) in map(heard, sample.accepted)


def test_at_least_97_of_100_gold_lines_are_read_in_the_house_form() -> None:
    house = sum(heard(read(sample.written).spoken) == heard(sample.accepted[0]) for sample in GOLD)
    assert house / len(GOLD) >= 0.97


@pytest.mark.parametrize("kind", sorted({sample.kind for sample in CORPUS}))
def test_the_corpus_is_read_word_for_word(kind: str) -> None:
    wrong = {
        sample.written: spoken
        for sample in CORPUS
        if sample.kind == kind and heard(spoken := read(sample.written).spoken) not in map(heard, sample.accepted)
    }
    assert not wrong


def test_documents_and_notices_come_out_as_vietnamese_syllables_without_digits_symbols_or_capitals() -> None:
    for line in LINES:
        for sentence in read(line).sentences:
            assert re.fullmatch(r"[a-zà-ỹđ .,?!;:]+", sentence), (line, sentence)
            assert all(map(is_syllable, _TOKEN.findall(sentence))), (line, sentence)


def test_every_foreign_word_of_a_document_or_notice_is_known_or_flagged() -> None:
    for line in LINES:
        reading = read(line)
        flagged = {word for flag in reading.flags for word in _TOKEN.findall(flag.source.lower())}
        foreign = {word for word in _TOKEN.findall(reading.spoken.lower()) if not is_syllable(word)}
        assert foreign <= flagged | HOUSE.sounds.keys(), line


def test_reading_the_spoken_text_again_changes_nothing() -> None:
    for sample in (*GOLD, *CORPUS):
        once = read(sample.written)
        twice = read(once.spoken)
        assert (twice.spoken, twice.sentences) == (once.spoken, once.sentences), sample.written


def test_every_sound_of_the_lexicon_is_made_of_syllables() -> None:
    wrong = {word: sound for word, sound in HOUSE.sounds.items() if not all(map(is_syllable, sound.split()))}
    assert not wrong


def test_every_spoken_form_of_the_lexicon_can_be_said() -> None:
    forms = [
        *HOUSE.words.spoken.values(),
        *(case.spoken for cases in HOUSE.words.cases.values() for case in cases),
        *HOUSE.documents.values(),
        *HOUSE.addresses.values(),
    ]
    for form in forms:
        words = _TOKEN.findall(form.lower())
        assert words
        assert all(is_syllable(word) or word in HOUSE.sounds for word in words), form


@pytest.mark.parametrize("word", ["marathon", "blog", "Kubernetes", "jazz", "quiz", "strength", "WhatsApp"])
def test_a_guess_at_a_foreign_word_is_made_of_syllables(word: str) -> None:
    assert all(map(is_syllable, guess(word).split()))


def test_a_reading_is_a_value() -> None:
    assert read("xin chào") == Reading("Xin chào", ("xin chào",), read("xin chào").changes, ())


def test_rules_are_only_skipped_where_they_would_find_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [sample.written for sample in (*GOLD, *CORPUS)]
    skipping = [read(line) for line in lines]
    monkeypatch.setattr(Rule, "may_match", lambda _rule, _characters: True)
    assert [read(line) for line in lines] == skipping
