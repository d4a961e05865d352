"""The public contract: spans, flags, lexicons, sentences, cleaning."""

import unicodedata

import pytest

from tts.reading import (
    DOUBTFUL,
    FOREIGN_WORD,
    HOUSE,
    UNKNOWN_CAPITALS,
    UNSPEAKABLE,
    Change,
    Flag,
    LexiconError,
    read,
    speakable,
    unspeakable,
)
from tts.reading.sentences import LONGEST

pytestmark = pytest.mark.unit


def test_a_change_points_at_the_source() -> None:
    assert read("họp lúc 7h30").changes == (Change(8, 12, "7h30", "bảy giờ ba mươi phút", "time"),)


def test_spans_point_at_the_source_though_it_was_decomposed_and_full_width() -> None:
    source = unicodedata.normalize("NFD", "Họp tại thôn ") + "２０\u200bkg"
    (change,) = read(source).changes
    assert change.source == "２０\u200bkg"
    assert change.spoken == "hai mươi ki lô gam"


def test_lines_keep_their_breaks_and_their_offsets() -> None:
    reading = read("UBND xã\r\nHĐND xã")
    assert reading.spoken == "Ủy ban nhân dân xã\nHội đồng nhân dân xã"
    assert [change.start for change in reading.changes] == [0, 9]


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("gửi XQK", Flag(4, 7, "XQK", UNKNOWN_CAPITALS, "ích xì quy ca")),
        ("mua Kubota", Flag(4, 10, "Kubota", FOREIGN_WORD, "cu bo ta")),
        ("có 1,250 kg", Flag(3, 11, "1,250 kg", DOUBTFUL, "một phẩy hai năm không ki lô gam")),
        ("chào 你好", Flag(5, 7, "你好", UNSPEAKABLE, "")),
    ],
)
def test_what_the_rules_are_not_sure_of_is_flagged(text: str, flag: Flag) -> None:
    assert read(text).flags == (flag,)


@pytest.mark.parametrize("text", ["nhóm Zalo của thôn", "UBND xã", "ngày 5/11", "gió cấp 8", "Bà Rịa - Vũng Tàu"])
def test_what_is_certain_is_not_flagged(text: str) -> None:
    assert read(text).flags == ()


def test_people_see_a_known_foreign_word_and_the_engine_its_sounds() -> None:
    reading = read("vào nhóm Zalo")
    assert reading.spoken == "Vào nhóm Zalo"
    assert reading.sentences == ("vào nhóm da lô",)


def test_an_engine_gets_one_place_of_the_tone_mark() -> None:
    assert speakable("Văn hoá, thuỷ lợi, khoẻ, quý, hoàng") == "văn hóa, thủy lợi, khỏe, quý, hoàng"


def test_other_scripts_and_emoji_are_found_with_their_places() -> None:
    text = "Xin chào 你好 и 😀!"
    assert [(flag.start, flag.end, flag.source) for flag in unspeakable(text)] == [
        (9, 11, "你好"),
        (12, 13, "и"),
        (14, 15, "😀"),
    ]


@pytest.mark.parametrize("text", ["Thông báo • số 1 – “họp” … 16°C ½ m² µg ≥ 5", "", "café"])
def test_ornaments_and_latin_letters_are_speakable(text: str) -> None:
    assert unspeakable(text) == ()


def test_a_station_s_entry_wins_over_every_rule() -> None:
    station = HOUSE.with_entries({"QL1A": "đường một", "UBND": "ủy ban", "7h30": "bảy rưỡi"})
    assert read("UBND: QL1A lúc 7h30", station).spoken == "Ủy ban: đường một lúc bảy rưỡi"
    assert read("UBND").spoken == "Ủy ban nhân dân"


def test_station_entries_add_up() -> None:
    station = HOUSE.with_entries({"AB": "an bình"}).with_entries({"CD": "chi đoàn"})
    assert read("AB và CD", station).spoken == "An bình và chi đoàn"


def test_a_capital_in_an_entry_makes_it_exact() -> None:
    station = HOUSE.with_entries({"Sao": "xao", "mây": "mưa"})
    assert read("Sao sao Mây", station).sentences == ("xao sao mưa",)


@pytest.mark.parametrize(
    ("written", "spoken"), [("", "a"), ("AB", ""), ("AB", "số 5"), ("AB", "a/b"), ("AB", "你好"), ("  ", "a")]
)
def test_an_entry_that_cannot_be_said_is_refused(written: str, spoken: str) -> None:
    with pytest.raises(LexiconError) as refused:
        HOUSE.with_entries({written: spoken})
    assert (refused.value.written, refused.value.spoken) == (written, spoken)


def test_sentences_end_at_marks_and_long_ones_at_commas() -> None:
    long_text = ", ".join(["bà con thôn Đông mang theo thẻ bảo hiểm y tế"] * 9)
    sentences = read(f"Chú ý! {long_text}. Hết; xong").sentences
    assert sentences[0] == "chú ý!"
    assert sentences[-2:] == ("hết;", "xong")
    assert all(len(sentence) <= LONGEST for sentence in sentences)
    assert all(sentence.endswith((",", ".")) for sentence in sentences[1:-2])


def test_a_sentence_without_a_comma_is_still_cut() -> None:
    sentences = read("loa " * 120).sentences
    assert max(map(len, sentences)) <= LONGEST
    assert " ".join(sentences).split() == ["loa"] * 120


@pytest.mark.parametrize("piece", ["a.", "1", "a-", "1.", "1/", "a@", "I, ", "/hộ", "abc.vn/", "gọi 113 ", "( "])
@pytest.mark.timeout(60)
def test_a_hostile_text_is_read_before_long(piece: str) -> None:
    assert len(read(piece * (20_000 // len(piece))).sentences) < 20_000  # a pattern that backtracks would never end


@pytest.mark.parametrize("text", ["", " ", "\n\n", "***", "- ", "…", "()", "😀"])
def test_nothing_to_say_is_no_sentence(text: str) -> None:
    assert read(text).sentences == ()
