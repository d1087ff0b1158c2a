from datetime import UTC, datetime

import pytest

from brokers.domain.clock import IST
from brokers.domain.india import INDIA
from execution.runtime.stream_hours import stream_hours


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=IST).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "is_open", "until"),
    [
        ("2026-07-14T05:59", False, "2026-07-14T08:45"),
        ("2026-07-14T06:00", False, "2026-07-14T08:45"),
        ("2026-07-14T08:45", True, "2026-07-14T16:30"),
        ("2026-07-14T15:45", True, "2026-07-14T16:30"),
        ("2026-07-14T16:30", False, "2026-07-15T08:45"),
        ("2026-07-17T23:00", False, "2026-07-20T08:45"),
        ("2026-07-18T11:00", False, "2026-07-20T08:45"),
    ],
)
def test_the_stream_is_open_around_the_sessions_of_a_trading_day(now, is_open, until):
    hours = stream_hours(INDIA, at(now))

    assert (hours.is_open, hours.until) == (is_open, at(until))


def test_without_a_calendar_the_stream_stays_open():
    hours = stream_hours(INDIA, at("2040-01-03T03:00"))

    assert (hours.is_open, hours.until) == (True, None)
