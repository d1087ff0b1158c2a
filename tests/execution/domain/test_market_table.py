"""The latest-quote table: large frames, ticks that the venue had cached, ages of thousands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from brokers.domain.india import INDIA
from brokers.domain.market import QuoteColumns, ns_of
from execution.domain.events import Link
from execution.domain.market import LARGE_FRAME, Market
from tests.brokers.adapters.doubles import an_instrument

TEN = datetime(2026, 7, 14, 4, 30, tzinfo=UTC)
COUNT = 3 * LARGE_FRAME
SHARES = {
    f"NSE:S{number}": an_instrument(f"S{number}", token=1_000_003 * (number + 1) % 65_521) for number in range(COUNT)
}


def a_frame(prices, *, at=TEN, received_at=None, cached=None):
    """A frame of (name, price)."""
    price = np.array([price for _, price in prices], dtype=np.float64)
    return QuoteColumns(
        token=np.array([SHARES[name].token for name, _ in prices], dtype=np.int64),
        last_price=price,
        volume=np.arange(len(prices), dtype=np.float64),
        open_interest=price,
        bid=price,
        ask=price,
        day_open=price,
        day_high=price,
        day_low=price,
        previous_close=price,
        exchange_ns=np.full(len(prices), ns_of(at), dtype=np.int64),
        received_ns=ns_of(received_at or at),
        cached=cached,
    )


@pytest.fixture
def market():
    market = Market(SHARES, INDIA)
    market.start_day(TEN.date())
    market.link = Link.CONNECTED
    return market


def test_a_large_frame_fills_the_rows_of_those_who_are_tracked(market):
    wanted = [name for number, name in enumerate(SHARES) if number % 3]
    market.track(wanted)

    market.take(a_frame([(name, 100.0 + number) for number, name in enumerate(SHARES)]), "stream")

    marks = {name: market.mark(name) for name in SHARES}
    assert marks == {name: Decimal(100 + number) if name in wanted else None for number, name in enumerate(SHARES)}


def test_a_large_frame_of_strangers_changes_nothing(market):
    market.take(a_frame([(name, 100.0) for name in SHARES]), "stream")

    assert market.tracked() == ()


def test_a_row_tracked_later_is_found_in_large_frames_too(market):
    names = list(SHARES)
    market.track(names[:-1])
    market.take(a_frame([(name, 100.0) for name in names]), "stream")
    market.track(names[-1:])

    market.take(a_frame([(name, 101.0) for name in names]), "stream")

    assert market.mark(names[-1]) == Decimal(101)


def test_bars_of_one_instrument_are_built_from_large_frames_as_from_small(market):
    names = list(SHARES)
    market.track(names)
    market.build_bars(names[7], 60)

    closed = []
    for second, price in ((0, 100.0), (20, 103.0), (40, 99.0), (61, 100.0)):
        closed += market.take(a_frame([(name, price) for name in names], at=TEN + timedelta(seconds=second)), "stream")

    assert [(bar.instrument, bar.open, bar.high, bar.low, bar.close) for bar in closed] == [
        (names[7], 100.0, 103.0, 99.0, 99.0)
    ]


def test_a_cached_tick_is_shown_and_trades_on_nothing_until_a_new_one_comes(market):
    market.track(["NSE:S0"])
    tick = a_frame([("NSE:S0", 100.0)])

    market.take(replace(tick, cached=np.array([True])), "stream")
    before = market.quote("NSE:S0", TEN)
    market.take(tick, "stream")
    after = market.quote("NSE:S0", TEN)

    assert (before.last_price, before.is_cached, after.is_cached) == (Decimal(100), True, False)


def test_no_bar_is_built_of_a_cached_tick(market):
    market.build_bars("NSE:S0", 60)
    old = a_frame([("NSE:S0", 500.0)], cached=np.array([True]))

    market.take(old, "stream")
    market.take(a_frame([("NSE:S0", 100.0)], at=TEN + timedelta(seconds=5)), "stream")
    [bar] = market.take(a_frame([("NSE:S0", 101.0)], at=TEN + timedelta(seconds=65)), "stream")

    assert (bar.open, bar.high) == (100.0, 100.0)


def test_the_youngest_age_is_that_of_the_newest_quote_on_either_clock(market):
    assert market.youngest_age_s(TEN) is None
    market.track(["NSE:S0", "NSE:S1"])
    market.take(a_frame([("NSE:S0", 100.0)], at=TEN, received_at=TEN), "stream")
    market.take(a_frame([("NSE:S1", 100.0)], at=TEN + timedelta(seconds=9), received_at=TEN), "stream")

    assert market.youngest_age_s(TEN + timedelta(seconds=2)) == Decimal(2)


def test_what_is_only_followed_is_tracked_and_not_shown(market):
    market.track(["NSE:S0", "NSE:S1"], is_shown=False)

    is_new = market.track(["NSE:S1"])

    assert (is_new, market.shown(), market.tracked()) == (False, ("NSE:S1",), ("NSE:S0", "NSE:S1"))


@pytest.mark.parametrize("step", [1, -1, 2])
def test_a_small_frame_fills_the_same_rows_in_one_stretch_and_scattered(market, step):
    names = list(SHARES)[:12][::step]
    market.track(list(SHARES)[:12])
    market.build_bars(names[0], 60)

    for second in (0, 61):
        frame = a_frame(
            [(name, 100.0 + number) for number, name in enumerate(names)], at=TEN + timedelta(seconds=second)
        )
        closed = market.take(frame, "stream")

    assert [market.mark(name) for name in names] == [Decimal(100 + number) for number in range(len(names))]
    assert [(bar.instrument, bar.close) for bar in closed] == [(names[0], 100.0)]


def test_ticks_outside_the_hours_build_no_bar_though_others_trade_then(market):
    market.build_bars("NSE:S0", 60)
    early = TEN - timedelta(hours=2)

    market.take(a_frame([("NSE:S0", 500.0)], at=early), "stream")
    market.take(a_frame([("NSE:S0", 100.0)]), "stream")
    [bar] = market.take(a_frame([("NSE:S0", 101.0)], at=TEN + timedelta(seconds=60)), "stream")

    assert (bar.open, bar.high) == (100.0, 100.0)


def test_a_quote_looked_at_again_is_as_old_as_it_is_then(market):
    market.track(["NSE:S0"])
    market.take(a_frame([("NSE:S0", 100.0)]), "stream")

    first = market.quote("NSE:S0", TEN)
    again, later = market.quote("NSE:S0", TEN), market.quote("NSE:S0", TEN + timedelta(seconds=3))
    market.link = Link.DISCONNECTED
    unlinked = market.quote("NSE:S0", TEN + timedelta(seconds=3))

    assert (again, later.age_s, unlinked.is_stale) == (first, Decimal(3), True)
