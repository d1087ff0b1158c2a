from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal

import pytest

from brokers.domain.calendar import Phase, Segment, expires_on, segment_of
from brokers.domain.clock import IST
from brokers.domain.errors import DataError, Invalid
from brokers.domain.india import INDIA
from brokers.domain.instruments import Instrument, InstrumentKind


def at(day: date, clock: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=IST)


BEFORE = date(2026, 7, 31)
AUCTION = date(2026, 8, 3)
LATER = date(2026, 12, 7)


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        (date(2026, 11, 20), True),
        (date(2026, 11, 21), False),  # a Saturday
        (date(2026, 11, 24), False),  # Guru Nanak Jayanti
        (date(2026, 2, 1), True),  # Budget Sunday
        (date(2026, 11, 8), False),  # Muhurat: hours unknown, so not traded
    ],
)
def test_knows_trading_days(day, open_):
    assert INDIA.is_trading_day(day) is open_


def test_refuses_a_year_without_a_holiday_list():
    with pytest.raises(DataError, match="2027"):
        INDIA.is_trading_day(date(2027, 1, 4))


@pytest.mark.parametrize(
    ("segment", "day", "clock", "phase"),
    [
        (Segment.EQUITY_WITH_DERIVATIVES, BEFORE, "15:20", Phase.CONTINUOUS),
        (Segment.EQUITY_WITH_DERIVATIVES, AUCTION, "15:14:59", Phase.CONTINUOUS),
        (Segment.EQUITY_WITH_DERIVATIVES, AUCTION, "15:15", Phase.CLOSING_AUCTION),
        (Segment.EQUITY_WITH_DERIVATIVES, AUCTION, "15:35", Phase.CLOSED),
        (Segment.EQUITY_WITH_DERIVATIVES, AUCTION, "15:50", Phase.POST_CLOSE),
        # December's hours rest on one source: only what both readings call open is open
        (Segment.EQUITY_WITH_DERIVATIVES, LATER, "15:14", Phase.CONTINUOUS),
        (Segment.EQUITY_WITH_DERIVATIVES, LATER, "15:29", Phase.CLOSING_AUCTION),
        (Segment.EQUITY_WITH_DERIVATIVES, LATER, "15:39", Phase.CLOSING_AUCTION),
        (Segment.NSE_DERIVATIVES, LATER, "15:39", Phase.CONTINUOUS),
        (Segment.NSE_DERIVATIVES, BEFORE, "15:30", Phase.CLOSED),
        (Segment.NSE_DERIVATIVES, AUCTION, "15:39", Phase.CONTINUOUS),
        (Segment.NSE_DERIVATIVES, LATER, "15:44", Phase.CLOSED),
        (Segment.EQUITY, AUCTION, "15:29", Phase.CONTINUOUS),
        (Segment.EQUITY, AUCTION, "09:05", Phase.PRE_OPEN),
        (Segment.EQUITY, AUCTION, "08:59", Phase.CLOSED),
        (Segment.EQUITY, date(2026, 8, 2), "10:00", Phase.CLOSED),
    ],
)
def test_takes_the_hours_of_the_day(segment, day, clock, phase):
    assert INDIA.phase(segment, at(day, clock)) is phase


def test_an_expiring_contract_stops_before_its_segment():
    session = INDIA.session(Segment.NSE_DERIVATIVES, date(2026, 12, 8), expires_today=True)

    assert session is not None
    assert session.continuous_end_at == at(date(2026, 12, 8), "15:30")


def test_a_contract_that_lives_on_keeps_its_segments_hours():
    session = INDIA.session(Segment.NSE_DERIVATIVES, AUCTION, expires_today=True)

    assert session is not None
    assert session.continuous_end_at == at(AUCTION, "15:40")


def test_an_expiry_on_a_holiday_moves_to_the_trading_day_before():
    assert INDIA.expiry_on_or_before(date(2026, 11, 24)) == date(2026, 11, 23)
    assert INDIA.expiry_on_or_before(date(2026, 11, 17)) == date(2026, 11, 17)


def test_steps_over_weekends_and_holidays():
    assert INDIA.next_trading_day(date(2026, 11, 23)) == date(2026, 11, 25)
    assert INDIA.previous_trading_day(date(2026, 11, 23)) == date(2026, 11, 20)


def test_the_desk_is_flat_before_the_continuous_session_ends_in_every_rule():
    for segment in Segment:
        for day in (BEFORE, AUCTION, LATER):
            session = INDIA.session(segment, day)
            assert session is not None
            assert session.entry_cutoff_at < session.square_off_at < session.continuous_end_at


def test_refuses_hours_before_the_first_rule():
    with pytest.raises(DataError):
        INDIA.session(Segment.EQUITY, date(2005, 1, 3))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(Invalid, match="time zone"):
        INDIA.phase(Segment.EQUITY, datetime(2026, 8, 3, 10))  # noqa: DTZ001 - the point of the test


@pytest.mark.parametrize(
    ("exchange", "kind", "has_derivatives", "segment"),
    [
        ("NSE", InstrumentKind.EQUITY, True, Segment.EQUITY_WITH_DERIVATIVES),
        ("NSE", InstrumentKind.EQUITY, False, Segment.EQUITY),
        ("BSE", InstrumentKind.EQUITY, True, Segment.BSE_EQUITY),
        ("NFO", InstrumentKind.CALL, True, Segment.NSE_DERIVATIVES),
        ("BFO", InstrumentKind.FUTURE, True, Segment.BSE_DERIVATIVES),
    ],
)
def test_an_instrument_keeps_its_segments_hours(exchange, kind, has_derivatives, segment):
    instrument = Instrument(
        exchange=exchange,
        symbol="X",
        token=1,
        kind=kind,
        name="X",
        tick_size=Decimal("0.05"),
        lot_size=1,
        segment=exchange,
    )

    assert segment_of(instrument, has_derivatives=has_derivatives) is segment


def confirmed(segment, **hours):
    return replace(INDIA.rule_on(segment, LATER), is_confirmed=True, **hours)


def test_hours_that_were_confirmed_hold_whole():
    calendar = INDIA.changed(days={}, rules=[confirmed(Segment.EQUITY_WITH_DERIVATIVES)])

    assert calendar.phase(Segment.EQUITY_WITH_DERIVATIVES, at(LATER, "15:29")) is Phase.CONTINUOUS
    assert INDIA.unconfirmed(LATER)
    assert Segment.EQUITY_WITH_DERIVATIVES not in {rule.segment for rule in calendar.unconfirmed(LATER)}
    assert INDIA.unconfirmed(AUCTION) == []


def test_hours_that_were_put_off_are_entered_as_the_old_ones():
    kept = replace(INDIA.rule_on(Segment.NSE_DERIVATIVES, AUCTION), effective_from=LATER)
    calendar = INDIA.changed(days={}, rules=[kept])

    session = calendar.session(Segment.NSE_DERIVATIVES, LATER, expires_today=True)

    assert session is not None
    assert session.continuous_end_at == at(LATER, "15:40")


def test_an_operators_days_are_open_and_closed():
    muhurat, strike = date(2026, 11, 8), date(2026, 11, 23)
    calendar = INDIA.changed(days={muhurat: True, strike: False, date(2026, 2, 1): False})

    assert calendar.is_trading_day(muhurat)
    assert not calendar.is_trading_day(strike)
    assert not calendar.is_trading_day(date(2026, 2, 1))
    assert INDIA.is_trading_day(strike)


def test_a_holiday_that_was_lifted_is_a_trading_day():
    calendar = INDIA.changed(days={date(2026, 11, 24): True})

    assert calendar.is_trading_day(date(2026, 11, 24))


def test_a_year_is_loaded_as_a_whole_or_not_at_all():
    republic_day = date(2027, 1, 26)

    with pytest.raises(DataError, match="2027"):
        INDIA.changed(days={republic_day: False}).is_trading_day(republic_day)

    loaded = INDIA.changed(days={republic_day: False}, years=[2027])
    assert not loaded.is_trading_day(republic_day)
    assert loaded.is_trading_day(date(2027, 1, 27))


@pytest.mark.parametrize(
    ("name", "expiry", "is_last"),
    [("NIFTY", LATER, True), ("NIFTY", AUCTION, False), ("RELIANCE", LATER, False), ("NIFTY", None, False)],
)
def test_an_index_contract_knows_its_last_day(name, expiry, is_last):
    instrument = Instrument(
        exchange="NFO",
        symbol="X",
        token=1,
        kind=InstrumentKind.CALL,
        name=name,
        tick_size=Decimal("0.05"),
        lot_size=1,
        segment="NFO-OPT",
        expiry=expiry,
    )

    assert expires_on(instrument, LATER) is is_last


def test_says_which_years_it_holds():
    assert INDIA.covers(date(2026, 1, 1))
    assert not INDIA.covers(date(2027, 1, 1))


def test_finds_the_latest_date_that_its_lists_reach():
    assert INDIA.covered_on_or_before(date(2026, 5, 5)) == date(2026, 5, 5)
    assert INDIA.covered_on_or_before(date(2029, 5, 5)) == date(2026, 12, 31)
    with pytest.raises(DataError):
        INDIA.covered_on_or_before(date(2020, 1, 1))
