"""A venue that never closes: every day of every year, counted in UTC."""

from datetime import UTC, date, datetime, timedelta

import pytest

from brokers.domain.calendar import ALWAYS_OPEN, Phase, Segment, TradingCalendar
from brokers.domain.clock import IST, UTC_ZONE, venue_day_of, zone_of
from brokers.domain.india import INDIA

CHRISTMAS = date(2031, 12, 25)


def test_it_knows_every_year_and_every_day():
    assert TradingCalendar.always_open() is ALWAYS_OPEN
    assert ALWAYS_OPEN.covers(CHRISTMAS)
    assert ALWAYS_OPEN.is_trading_day(CHRISTMAS)
    assert ALWAYS_OPEN.next_trading_day(CHRISTMAS) == CHRISTMAS + timedelta(days=1)
    assert ALWAYS_OPEN.unconfirmed(CHRISTMAS) == []


@pytest.mark.parametrize("hour", range(24))
def test_it_is_open_at_every_hour(hour):
    at = datetime(2031, 12, 25, hour, 59, 59, tzinfo=UTC)

    assert ALWAYS_OPEN.phase(Segment.EQUITY, at) is Phase.CONTINUOUS


def test_its_session_is_the_whole_day_and_never_ends():
    session = ALWAYS_OPEN.session(Segment.EQUITY, CHRISTMAS)

    assert session.is_always_open
    assert (session.open_at, session.continuous_end_at) == (
        datetime(2031, 12, 25, tzinfo=UTC),
        datetime(2031, 12, 26, tzinfo=UTC),
    )
    assert session.phase(session.continuous_end_at + timedelta(days=3)) is Phase.CONTINUOUS


def test_a_day_begins_at_midnight_of_the_venues_own_zone():
    late = datetime(2026, 8, 22, 20, 0, tzinfo=UTC)

    assert ALWAYS_OPEN.day_of(late) == date(2026, 8, 22)
    assert INDIA.day_of(late) == date(2026, 8, 23)
    assert INDIA.bounds_of(date(2026, 8, 23))[0] == datetime(2026, 8, 22, 18, 30, tzinfo=UTC)


def test_a_venue_names_its_zone():
    at = datetime(2026, 8, 22, 20, 0, tzinfo=UTC)

    assert (zone_of("aster"), zone_of("kite")) == (UTC_ZONE, IST)
    assert venue_day_of(at, zone_of("aster")) == date(2026, 8, 22)
