from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from broadcaster.wire.documents import Class
from broadcaster.wire.units import MINUTE, SECOND
from scheduler import announcing, choosing, rundown
from scheduler.lunar import LunarDate
from scheduler.rundown import (
    EMPTY,
    NO_ROOM,
    Bulletins,
    Candidate,
    Fixed,
    Kind,
    LeftOut,
    Music,
    Overrun,
    Relay,
    Rundown,
    Shelf,
    Tune,
    Words,
)

pytestmark = pytest.mark.unit

AT = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
TUNE, STING, MUSIC = "t" * 64, "s" * 64, "m" * 64
SOUNDS = {TUNE: (12 * SECOND, "Nhạc hiệu"), STING: (2 * SECOND, "Nhạc cắt"), MUSIC: (240 * SECOND, "Quê hương")}
OPENING, CLOSING = Words("{điểm tin}"), Words("Xin chào.")


def announce(text: str, titles: Sequence[str]) -> tuple[str, int]:
    said = text.replace("{điểm tin}", "; ".join(titles))
    return said, len(said) * 100


def candidate(number: int, minutes: float = 2, **facts: object) -> Candidate:
    known = {"category": "y tế", "klass": Class.ROUTINE, "at": AT - timedelta(hours=20 - number)}
    known |= {"length_ms": round(minutes * MINUTE), "clip": f"{number}" * 64}
    return Candidate(number, f"Tin {number}", **(known | facts))  # type: ignore[arg-type]


def made(*items: rundown.Item, minutes: int = 15, overrun: Overrun = Overrun.DROP) -> Rundown:
    return Rundown(minutes * MINUTE, overrun, items)


def of(wanted: Rundown, *slot: Candidate, fixed: Sequence[Candidate] = ()) -> rundown.Composed:
    shelf = Shelf(announce, slot, {each.bulletin: each for each in fixed}, SOUNDS)
    return choosing.compose(wanted, shelf, AT)


def heard(composed: rundown.Composed) -> list[int]:
    return [piece.bulletin for piece in composed.pieces if piece.kind is Kind.BULLETIN]


WARD = made(Tune(TUNE), OPENING, Bulletins(sting=STING), CLOSING, Tune(TUNE))


def test_a_programme_is_its_items_in_order_with_stings_between_the_bulletins() -> None:
    composed = of(WARD, candidate(1), candidate(2))
    kinds = [Kind.TUNE, Kind.WORDS, Kind.BULLETIN, Kind.STING, Kind.BULLETIN, Kind.WORDS, Kind.TUNE]
    assert [piece.kind for piece in composed.pieces] == kinds
    assert composed.pieces[1].text == "Tin 1; Tin 2"
    assert composed.pieces[2].at_ms == composed.pieces[0].length_ms + composed.pieces[1].length_ms
    last = composed.pieces[-1]
    assert composed.length_ms == last.at_ms + last.length_ms


def test_there_is_never_a_programme_of_tune_and_closing_words_only() -> None:
    assert of(WARD).why == EMPTY
    assert of(WARD, candidate(1)).why == ""


def test_music_alone_is_a_programme_only_where_nothing_else_was_meant() -> None:
    assert of(made(Tune(TUNE), Music(MUSIC))).why == ""
    assert of(made(Tune(TUNE), Bulletins(), Music(MUSIC))).why == EMPTY


def test_a_relay_is_enough_and_lasts_exactly_as_long_as_was_said() -> None:
    composed = of(made(Tune(TUNE), Relay("http://vov", 5, MUSIC, "VOV1"), Bulletins()))
    assert composed.why == ""
    (relay,) = [piece for piece in composed.pieces if piece.kind is Kind.RELAY]
    assert (relay.title, relay.length_ms, relay.sound, relay.at_ms) == ("VOV1", 5 * MINUTE, MUSIC, 12 * SECOND)


def test_only_young_bulletins_of_the_wanted_categories_are_taken_the_higher_class_first() -> None:
    wanted = made(Bulletins(("y tế",), days=1))
    old, other = candidate(1, at=AT - timedelta(days=2)), candidate(2, category="an ninh")
    urgent = candidate(5, klass=Class.PRIORITY)
    assert heard(of(wanted, old, other, candidate(3), urgent, candidate(4))) == [5, 3, 4]


def test_a_bulletin_is_heard_once_in_a_programme() -> None:
    wanted = made(Bulletins(("y tế",)), Fixed(1), Bulletins())
    assert heard(of(wanted, candidate(1), candidate(2), fixed=[candidate(1)])) == [2, 1]


def test_what_is_not_approved_or_has_no_sound_is_left_out_and_said() -> None:
    composed = of(WARD, candidate(1, why_not="not-approved"), candidate(2))
    assert heard(composed) == [2]
    assert composed.left_out == (LeftOut(1, "Tin 1", "not-approved"),)
    assert of(made(Fixed(9))).left_out == (LeftOut(9, "", "gone"),)


def test_too_much_is_left_for_the_next_slot_the_youngest_first_and_what_was_heard_before_that() -> None:
    slot = [candidate(number, 3) for number in range(1, 7)]
    slot[1] = candidate(2, 3, aired=True)
    slot[5] = candidate(6, 3, klass=Class.PRIORITY)
    composed = of(WARD, *slot)
    assert heard(composed) == [6, 1, 3, 4]
    assert [(each.bulletin, each.why) for each in composed.left_out] == [(2, NO_ROOM), (5, NO_ROOM)]
    assert composed.length_ms <= WARD.planned_ms


def test_music_is_cut_before_bulletins_are_left_out_and_short_rests_are_not_played() -> None:
    cut = of(made(Bulletins(), Music(MUSIC), minutes=6), candidate(1, 3))
    (music,) = [piece for piece in cut.pieces if piece.kind is Kind.MUSIC]
    assert (music.cut, music.length_ms, cut.length_ms) == (True, 3 * MINUTE, 6 * MINUTE)
    full = of(made(Bulletins(), Music(MUSIC), minutes=6, overrun=Overrun.CUT_MUSIC), candidate(1, 8))
    assert [piece.kind for piece in full.pieces] == [Kind.BULLETIN]
    over = of(made(Bulletins(), Music(MUSIC), minutes=6, overrun=Overrun.RUN_OVER), candidate(1, 8))
    assert over.length_ms == 12 * MINUTE


def test_the_key_changes_with_the_sound_and_with_nothing_else() -> None:
    one = of(WARD, candidate(1))
    assert one.key == of(WARD, candidate(1), candidate(2, why_not="not-approved")).key
    assert one.key != of(WARD, candidate(1, clip="f" * 64)).key
    assert one.key != of(WARD, candidate(2)).key


def test_a_rundown_is_stored_and_read() -> None:
    wanted = made(Tune(TUNE), OPENING, Relay("http://vov", 5, MUSIC), Fixed(3), Bulletins(("y tế",), 2), Music(MUSIC))
    assert rundown.read(rundown.stored(wanted)) == wanted
    with pytest.raises(rundown.RundownError):
        rundown.read({"planned_ms": 1, "overrun": "no", "items": []})


@pytest.mark.parametrize(
    ("moon", "words"),
    [
        (LunarDate(15, 1, 2026, leap=False), "ngày rằm tháng Giêng năm Bính Ngọ, âm lịch"),
        (LunarDate(1, 12, 2025, leap=False), "mùng 1 tháng Chạp năm Ất Tỵ, âm lịch"),
        (LunarDate(21, 6, 2025, leap=True), "ngày 21 tháng 6 nhuận năm Ất Tỵ, âm lịch"),
    ],
)
def test_lunar_dates_are_said_as_people_say_them(moon: LunarDate, words: str) -> None:
    assert announcing.in_words(moon) == words


def test_the_opening_words_name_station_day_and_headlines() -> None:
    def opening(*titles: str) -> str:
        day = date(2026, 11, 23)
        return announcing.filled(announcing.OPENING, station="Đài X", programme="Bản tin sáng", day=day, titles=titles)

    told = opening("Họp thôn.", "Cắt điện", "")
    assert told.startswith("Đây là Đài X. Hôm nay là thứ Hai, ngày 23 tháng 11 năm 2026, tức ngày rằm tháng 10")
    assert told.endswith("nghe Bản tin sáng. Chương trình hôm nay có: Họp thôn; Cắt điện.")
    assert opening().endswith("nghe Bản tin sáng.")
    assert opening(*"abcdefg").endswith("d; e; và các tin khác.")
    assert announcing.unknown_blanks("{đài} {tên}") == ("tên",)
