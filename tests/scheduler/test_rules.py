"""The rules of the commune, each as the page says it."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.hours import Exempt, Hours, OperatingHours
from scheduler import rule_text, rules
from scheduler.lint import Subject, lint
from scheduler.rules import Commune, Rule

pytestmark = pytest.mark.unit

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NIGHT = Hours("", time(21), time(5, 30))
SCHOOL = Hours("thon-dong", time(7), time(11))
EVE = Exempt(
    "Giao thừa", frozenset({"xa"}), date(2027, 2, 5), date(2027, 2, 5), Hours("", time(23, 50), time(0, 20)), 60
)
DONG, DOAI = ("thon-dong", "xa"), ("thon-doai", "xa")
MINUTE = timedelta(minutes=1)


def commune(*hours: Hours, **facts: object) -> Commune:
    return Commune(OperatingHours(HANOI, hours or (NIGHT,), (EVE,)), **facts)  # type: ignore[arg-type]


def at(clock: str, day: str = "2026-11-23") -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00+07:00")


def broken(where: Commune, start: datetime, minutes: float = 5, *listeners: tuple[str, ...]) -> Rule | None:
    found = rules.breach(where, listeners or (DONG, DOAI), start, start + minutes * MINUTE)
    return found.rule if found else None


@pytest.mark.parametrize(
    ("clock", "minutes", "quiet"),
    [
        ("20:54", 5, False),
        ("20:55", 5, False),
        ("20:56", 5, True),  # it would not have ended
        ("21:00", 1, True),
        ("23:59", 5, True),
        ("03:15", 5, True),
        ("05:29", 5, True),
        ("05:30", 5, False),
        ("20:00", 600, True),  # it would sound all night
    ],
)
def test_the_whole_broadcast_must_lie_outside_quiet_hours(clock: str, minutes: int, quiet: bool) -> None:
    assert (broken(commune(), at(clock), minutes) is Rule.QUIET_HOURS) is quiet


@given(st.integers(0, 24 * 60 - 1), st.integers(1, 300))
def test_no_minute_of_what_is_allowed_is_quiet(start: int, minutes: int) -> None:
    begin = at("00:00") + start * MINUTE
    if broken(commune(), begin, minutes) is None:
        for minute in range(minutes):
            local = (begin + minute * MINUTE).astimezone(HANOI).time()
            assert time(5, 30) <= local < time(21)


def test_quiet_hours_of_one_place_keep_only_that_place_silent() -> None:
    both = commune(NIGHT, SCHOOL)
    assert broken(both, at("08:00"), 5, DONG) is Rule.QUIET_HOURS
    assert broken(both, at("08:00"), 5, DONG, DOAI) is None
    assert rules.silent(both, {DONG, DOAI}, at("08:00"), at("08:05")) == {DONG}
    assert rules.silent(both, {DONG, DOAI}, at("11:00"), at("11:05")) == frozenset()


def test_a_named_exception_passes_on_its_day_in_its_hours_and_not_a_minute_longer() -> None:
    assert broken(commune(), at("23:55", "2027-02-05"), 20) is None
    assert broken(commune(), at("00:10", "2027-02-06"), 10) is None
    assert broken(commune(), at("00:10", "2027-02-06"), 11) is Rule.QUIET_HOURS
    assert broken(commune(), at("23:49", "2027-02-05"), 5) is Rule.QUIET_HOURS
    assert broken(commune(), at("23:55", "2027-02-06"), 5) is Rule.QUIET_HOURS
    assert broken(commune(), at("23:55", "2027-02-05"), 5, ("xa-khac",)) is Rule.QUIET_HOURS


def test_a_day_that_is_not_permitted_is_refused() -> None:
    monday_to_friday = commune(weekdays=frozenset(range(5)))
    assert broken(monday_to_friday, at("06:00", "2026-11-22")) is Rule.WEEKDAY
    assert broken(monday_to_friday, at("06:00", "2026-11-23")) is None


def test_slots_are_counted_by_day_and_near_broadcasts_are_one() -> None:
    two = commune(slots_a_day=2, slot_minutes=30)
    morning, near, noon = (
        (at(clock), at(clock) + minutes * MINUTE) for clock, minutes in (("06:00", 10), ("06:15", 5), ("11:00", 5))
    )
    assert rules.slots([noon, near, morning]) == [(at("06:00"), at("06:20")), noon]

    def ask(clock: str, minutes: int) -> Rule | None:
        start = at(clock)
        found = rules.breach(two, (DONG,), start, start + minutes * MINUTE, [morning, near, noon])
        return found.rule if found else None

    assert ask("17:00", 5) is Rule.TOO_MANY_SLOTS
    assert ask("06:22", 8) is None
    assert ask("06:22", 9) is Rule.SLOT_TOO_LONG
    assert ask("11:10", 5) is None
    tomorrow = at("17:00") + timedelta(days=1)
    assert rules.breach(two, (DONG,), tomorrow, tomorrow + MINUTE, [morning, near, noon]) is None


def test_a_free_time_obeys_the_rules_and_meets_nothing() -> None:
    busy = [(at("06:00", "2026-11-24"), at("06:20", "2026-11-24"))]
    found = rules.free_from(commune(), (DONG,), at("20:58"), 10 * MINUTE, busy)
    assert found == at("05:30", "2026-11-24")
    assert rules.free_from(commune(), (DONG,), at("05:55", "2026-11-24"), 10 * MINUTE, busy) == at(
        "06:30", "2026-11-24"
    )
    assert rules.free_from(commune(weekdays=frozenset()), (DONG,), at("06:00"), MINUTE, ()) is None


def notes(text: str, clock: str, where: Commune, minutes: float = 2, **facts: bool) -> dict[str, tuple[object, ...]]:
    rule = rule_text.read(text, at(clock), HANOI)
    subject = Subject(
        rule, minutes * MINUTE, frozenset({DONG, DOAI}), facts.get("everywhere", False), facts.get("empty", False)
    )
    return {note.code: note.fixes for note in lint(subject, where, at("00:00"))}


def test_a_quarter_past_three_at_night_is_refused_and_the_afternoon_is_one_click_away() -> None:
    (fixes,) = notes("", "03:15", commune()).values()
    assert fixes == ((("time", "15:15"),), (("time", "05:30"),))


def test_without_quiet_hours_a_quarter_past_three_at_night_is_a_note_with_the_afternoon() -> None:
    free = Commune(OperatingHours(HANOI))
    assert notes("", "03:15", free) == {"night": ((("time", "15:15"),),)}
    assert notes("", "15:15", free) == {}


def test_what_ends_in_quiet_hours_every_time_it_repeats_is_noticed() -> None:
    assert "quiet-hours" in notes("RRULE:FREQ=DAILY;COUNT=9\nX-LOA-EVERY:MINUTES=30;UNTIL=21:00", "08:00", commune())
    assert "quiet-hours" not in notes(
        "RRULE:FREQ=DAILY;COUNT=9\nX-LOA-EVERY:MINUTES=60;UNTIL=20:30", "08:00", commune()
    )


def test_a_daily_schedule_against_permitted_days_is_mended_to_those_days() -> None:
    found = notes("RRULE:FREQ=DAILY;COUNT=9", "06:00", commune(weekdays=frozenset({0, 2})))
    assert found["weekday"] == ((("kind", "weekly"), ("weekdays", "MO"), ("weekdays", "WE")),)


def test_other_things_to_look_at_are_told() -> None:
    assert notes("RRULE:FREQ=DAILY", "06:00", commune()) == {"never-ending": ((("until", "2026-12-23"),),)}
    assert set(notes("", "06:00", commune(), 16, everywhere=True, empty=True)) == {"overlong", "everywhere", "empty"}
    assert "often" in notes("RRULE:FREQ=DAILY;COUNT=1\nX-LOA-EVERY:MINUTES=30;UNTIL=17:00", "06:00", commune())
    assert "some-silent" in notes("", "08:00", commune(NIGHT, SCHOOL))


def test_the_words_of_an_ended_alert_wait_until_nobody_who_heard_it_has_quiet_hours() -> None:
    hours = OperatingHours(HANOI, (NIGHT, Hours("thon-1", time(5), time(6, 30))))
    night = datetime(2026, 11, 23, 22, tzinfo=HANOI)
    at_half_past_five, at_half_past_six = (night + timedelta(hours=step) for step in (7.5, 8.5))
    assert hours.end_of_quiet({("thon-2", "xa")}, night) == at_half_past_five
    assert hours.end_of_quiet({("thon-1", "xa"), ("thon-2", "xa")}, night) == at_half_past_six
    noon = night.replace(hour=12)
    assert hours.end_of_quiet({("thon-2", "xa")}, noon) == noon


def test_they_do_not_wait_in_a_named_exception_nor_longer_than_a_day() -> None:
    feast = Exempt(
        "x", frozenset({"xa"}), date(2026, 11, 23), date(2026, 11, 23), Hours("", time(23), time(23, 30)), 50
    )
    night = datetime(2026, 11, 23, 22, tzinfo=HANOI)
    assert OperatingHours(HANOI, (NIGHT,), (feast,)).end_of_quiet({("xa",)}, night) == night + timedelta(hours=1)
    always = OperatingHours(HANOI, (Hours("", time(0), time(12)), Hours("", time(12), time(0))))
    assert always.end_of_quiet({("xa",)}, night) == night + timedelta(days=1)
