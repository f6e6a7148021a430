"""Times as a reader sees them, and addresses that a page may send to."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from review_ui.reader import clock
from review_ui.visits import own_path
from tests.unit.shown import NOW, reader


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (timedelta(hours=1), "today 19:00"),
        (timedelta(hours=21), "yesterday 23:00"),
        (timedelta(days=4), "Mon 20:00"),
        (timedelta(days=40), "10-11 20:00"),
        (timedelta(days=400), "2025-10-16 20:00"),
    ],
)
def test_dates_are_relative_in_the_readers_zone(before: timedelta, expected: str) -> None:
    assert reader().moment(NOW - before).text == expected


def test_the_exact_time_keeps_its_offset() -> None:
    at = datetime(2026, 11, 18, 10, 42, 7, tzinfo=ZoneInfo("America/New_York"))
    assert reader().moment(at).exact == "2026-11-18 10:42:07 (-05:00)"


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(seconds=20), "0 min"),
        (timedelta(hours=3, minutes=59), "3 h"),
        (timedelta(days=1, hours=4), "1 d 4 h"),
        (timedelta(days=9, hours=4), "9 d"),
    ],
)
def test_ages(age: timedelta, expected: str) -> None:
    assert reader().age(NOW - age) == expected


@pytest.mark.parametrize(("ms", "expected"), [(0, "00:00.0"), (110_250, "01:50.2"), (3_661_900, "1:01:01.9")])
def test_places_in_a_recording(ms: int, expected: str) -> None:
    assert clock(ms, tenths=True) == expected


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil", "https://evil.example", "", None, "/a\nb", "calls"])
def test_a_page_sends_nobody_to_another_site(path: str | None) -> None:
    assert own_path(path) == "/"


def test_own_paths_are_kept() -> None:
    assert own_path("/calls/1?t=2") == "/calls/1?t=2"
