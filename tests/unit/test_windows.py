"""Time windows: cron lines on the wall clock of a time zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from scheduler import in_windows

BERLIN = "Europe/Berlin"
OFFICE = ("* 9-16 * * 1-5",)


def wall(text: str, zone: str = BERLIN, *, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("2026-07-01 08:59:59", False),
        ("2026-07-01 09:00:00", True),
        ("2026-07-01 16:59:59", True),
        ("2026-07-01 17:00:00", False),
        ("2026-07-04 12:00:00", False),  # a Saturday
    ],
)
def test_a_window_holds_from_its_first_to_its_last_minute(text: str, inside: bool) -> None:
    assert in_windows(OFFICE, BERLIN, wall(text)) is inside


def test_hours_are_those_of_the_zone() -> None:
    moment = wall("2026-07-01 08:30", "UTC")
    assert in_windows(OFFICE, BERLIN, moment)  # 10:30 there
    assert not in_windows(OFFICE, "UTC", moment)
    assert not in_windows(OFFICE, "America/New_York", moment)


@pytest.mark.parametrize("day", ["2026-03-27", "2026-03-30", "2026-10-23", "2026-10-26"])
def test_a_window_keeps_its_hours_over_a_change_to_summer_time(day: str) -> None:
    assert not in_windows(OFFICE, BERLIN, wall(f"{day} 08:59"))
    assert in_windows(OFFICE, BERLIN, wall(f"{day} 09:00"))
    assert in_windows(OFFICE, BERLIN, wall(f"{day} 16:59"))
    assert not in_windows(OFFICE, BERLIN, wall(f"{day} 17:00"))


def test_an_hour_that_comes_twice_is_inside_twice_and_one_that_is_left_out_never() -> None:
    night = ("* 2 * * *",)
    assert in_windows(night, BERLIN, wall("2026-10-25 02:30", fold=0))
    assert in_windows(night, BERLIN, wall("2026-10-25 02:30", fold=1))
    spring = wall("2026-03-29 00:00")
    minutes = [spring + 60 * minute for minute in range(6 * 60)]
    assert not any(in_windows(night, BERLIN, minute) for minute in minutes)


def test_any_of_several_windows_will_do_and_none_at_all_is_always() -> None:
    windows = ("30 10 * * *", "* 22 * * *")
    assert in_windows(windows, "UTC", wall("2026-01-01 10:30:59", "UTC"))
    assert in_windows(windows, "UTC", wall("2026-01-01 22:10", "UTC"))
    assert not in_windows(windows, "UTC", wall("2026-01-01 10:31", "UTC"))
    assert in_windows((), "UTC", wall("2026-01-01 10:31", "UTC"))


def test_every_minute_of_a_day_is_judged_as_the_cron_line_says() -> None:
    start = datetime(2026, 7, 1, tzinfo=ZoneInfo(BERLIN))
    inside = [
        minute
        for minute in range(24 * 60)
        if in_windows(("*/15 3,20-21 * * *",), BERLIN, (start + timedelta(minutes=minute)).timestamp())
    ]
    assert inside == [hour * 60 + minute for hour in (3, 20, 21) for minute in (0, 15, 30, 45)]
