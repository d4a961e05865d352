from datetime import date

import pytest

from web.pastdates import find_past_dates

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("họp ngày 20/11/2026", ["20/11/2026"]),
        ("họp ngày 20/11", ["20/11"]),
        ("họp ngày 21/11/2026 và 22/11", []),
        ("ngày 5 tháng 10 năm 2026 và ngày 5 tháng 12", ["ngày 5 tháng 10 năm 2026"]),
        ("Ngày 5 tháng 10", ["Ngày 5 tháng 10"]),
        ("hạn 2026-11-01, rồi 2027-01-01", ["2026-11-01"]),
        ("từ 01.10.2026 đến 31-12-2026", ["01.10.2026"]),
        ("ngày 20/11/26", ["20/11/26"]),
        ("ngày 15/1 sang năm", []),
        ("gặp lúc 7h30-10h30, số 12/2026/TT, tỉ lệ 1/2, điện thoại 0912.345.678", []),
        ("ngày 31/02/2026 không có thật", []),
        ("", []),
    ],
)
def test_dates_that_have_passed_are_found_and_nothing_else(text: str, found: list[str]) -> None:
    past = find_past_dates(text, TODAY)
    assert [each.source for each in past] == found
    assert all(text[each.start : each.end] == each.source for each in past)


def test_without_a_year_the_nearest_day_of_that_name_is_meant() -> None:
    assert find_past_dates("28/12", date(2027, 1, 3))[0].day == date(2026, 12, 28)
    assert find_past_dates("3/1", date(2026, 12, 28)) == ()
