"""Trading days, hours and expiries of the simulated venue."""

from datetime import date, time

import pytest

from brokers.simulator.listings import equity_tick, future, index_future_tick, option, option_symbol
from brokers.simulator.sessions import (
    THURSDAY,
    TUESDAY,
    chain_expiries,
    epoch_s,
    is_trading_day,
    next_monthly_expiry,
    next_trading_day,
    session_on,
    stamp,
    trading_day_on_or_before,
    weekly_expiries,
)


def test_holidays_and_weekends_are_closed_and_the_budget_sunday_is_open():
    closed = [date(2026, 11, 24), date(2026, 12, 25), date(2026, 11, 21), date(2027, 1, 26)]

    assert not any(is_trading_day(day) for day in closed)
    assert is_trading_day(date(2026, 2, 1))
    assert trading_day_on_or_before(date(2026, 11, 22)) == date(2026, 11, 20)
    assert next_trading_day(date(2026, 11, 23)) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("day", "cash", "derivatives"),
    [
        (date(2026, 7, 31), time(15, 30), time(15, 30)),
        (date(2026, 8, 3), time(15, 15), time(15, 40)),
        (date(2026, 12, 7), time(15, 30), time(15, 45)),
    ],
)
def test_hours_follow_the_exchange_dates(day, cash, derivatives):
    session = session_on(day)

    assert session.open_s == epoch_s(day, time(9, 15))
    assert session.cash_close_s == epoch_s(day, cash)
    assert session.derivatives_close_s == epoch_s(day, derivatives)


def test_expiries_move_back_over_holidays():
    assert weekly_expiries(date(2026, 11, 4), TUESDAY, 1) == [date(2026, 11, 9)]
    assert next_monthly_expiry(date(2026, 11, 11), TUESDAY) == date(2026, 11, 23)
    assert next_monthly_expiry(date(2026, 11, 24), TUESDAY) == date(2026, 12, 29)
    assert next_monthly_expiry(date(2026, 11, 20), THURSDAY) == date(2026, 11, 26)


def test_chain_lists_two_weeklies_and_the_next_monthly():
    assert chain_expiries(date(2026, 11, 20)) == [date(2026, 11, 23), date(2026, 12, 1), date(2026, 12, 29)]
    assert chain_expiries(date(2026, 11, 4)) == [date(2026, 11, 9), date(2026, 11, 17), date(2026, 11, 23)]


@pytest.mark.parametrize(
    ("expiry", "symbol"),
    [
        (date(2025, 8, 7), "NIFTY2580724400CE"),
        (date(2026, 11, 23), "NIFTY26NOV24400CE"),
        (date(2026, 12, 1), "NIFTY26D0124400CE"),
        (date(2026, 8, 25), "NIFTY26AUG24400CE"),
    ],
)
def test_option_symbols_are_named_as_the_venue_names_them(expiry, symbol):
    assert option_symbol("NIFTY", expiry, 2_440_000, "CE") == symbol


def test_tokens_carry_their_segment_and_lots_follow_the_underlying():
    nifty = option("NIFTY", date(2026, 12, 1), 2_440_000, "PE")
    sensex = future("SENSEX", date(2026, 11, 26), 8_100_000)

    assert (nifty.token % 256, nifty.exchange, nifty.lot) == (2, "NFO", 65)
    assert (sensex.token % 256, sensex.symbol, sensex.lot) == (5, "SENSEX26NOVFUT", 20)
    assert nifty.token < 2**32


@pytest.mark.parametrize(
    ("rupees", "tick"), [(249, 1), (250, 5), (999, 5), (1000, 10), (5000, 50), (10_000, 100), (20_000, 500)]
)
def test_stock_ticks_follow_the_price_table(rupees, tick):
    assert equity_tick(rupees * 100) == tick


def test_index_future_ticks_follow_the_level():
    assert [index_future_tick(level * 100) for level in (14_999, 15_000, 30_000)] == [5, 10, 20]


def test_times_are_written_in_indian_time():
    assert stamp(1_625_461_887 * 10**9) == "2021-07-05 10:41:27"
