"""The made market: the same seed gives the same market, and prices hold together."""

import math
import time
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.simulator.market import SyntheticMarket, index_weights, variance_shape, volume_shape
from brokers.simulator.sessions import years_to_expiry
from brokers.simulator.smile import RATE_ANNUAL, black76, normal_cdf, smile_vol
from brokers.simulator.universe import STOCKS

DAY = date(2026, 11, 20)
COLUMNS = ("last", "high", "low", "volume", "oi", "depth_price", "depth_quantity")


def a_market(*, seed=7, step_seconds=15.0, day=DAY):
    return SyntheticMarket(day=day, rng=np.random.default_rng(seed), step_seconds=step_seconds)


@pytest.fixture(scope="module")
def after_a_day():
    market = a_market()
    while market.next_at_ns() is not None:
        market.advance()
    return market


def test_same_seed_and_steps_give_the_same_market():
    first, second = a_market(), a_market()

    for _ in range(50):
        first.advance()
        second.advance()

    for column in COLUMNS:
        assert np.array_equal(getattr(first.board, column), getattr(second.board, column))


def test_another_seed_gives_another_market():
    first, second = a_market(seed=1), a_market(seed=2)

    first.advance()
    second.advance()

    assert not np.array_equal(first.board.last, second.board.last)


def test_lists_indices_futures_fifty_stocks_and_three_expiries_of_options():
    market = a_market()
    kinds = [listing.kind for listing in market.board.listings]

    assert len({listing.token for listing in market.board.listings}) == len(kinds)
    assert kinds.count("FUT") == 3
    assert market.universe.stocks.stop - market.universe.stocks.start == 50
    assert len(market.universe.expiries) == 3
    assert kinds.count("CE") == kinds.count("PE") > 400


def test_quotes_are_two_sided_on_the_tick_and_never_negative(after_a_day):
    board = after_a_day.board
    bid, offer = board.depth_price[:, 0], board.depth_price[:, 5]
    tradable = ~board.is_index

    assert (board.last > 0).all()
    assert (offer[tradable] > bid[tradable]).all()
    assert (bid >= 0).all()
    assert (board.depth_price % board.tick[:, None] == 0).all()
    assert (board.depth_quantity % board.lot[:, None] == 0).all()
    assert (np.diff(board.depth_price[tradable, 5:], axis=1) > 0).all()


def test_day_range_holds_the_last_price(after_a_day):
    board = after_a_day.board
    traded = board.open > 0

    assert (board.low[traded] <= board.last[traded]).all()
    assert (board.last[traded] <= board.high[traded]).all()


def test_open_interest_builds_through_the_day(after_a_day):
    fresh = a_market()
    near = after_a_day.universe.options

    assert after_a_day.board.oi[near].sum() > 1.02 * fresh.board.oi[near].sum()


def test_indices_follow_their_constituents(after_a_day):
    board, universe = after_a_day.board, after_a_day.universe

    level = after_a_day.index_level[0] / 2_481_235
    weighted = float(index_weights()[0] @ (after_a_day.price / _bases()))

    assert level == pytest.approx(weighted, rel=1e-12)
    assert board.last[universe.indices][0] == pytest.approx(after_a_day.index_level[0], rel=0.01)


def _bases():
    return np.array([stock.price * 100 for stock in STOCKS])


def test_stocks_move_together():
    market = a_market(step_seconds=60.0)
    paths = []
    for _ in range(300):
        market.advance()
        paths.append(market.price.copy())
    returns = np.diff(np.log(np.array(paths)), axis=0)

    correlation = np.corrcoef(returns.T)

    assert 0.1 < correlation[np.triu_indices(50, 1)].mean() < 0.7


def test_cash_market_stands_still_after_its_close():
    market = a_market()
    while market.now_ns // 10**9 < market.session.cash_close_s:
        market.advance()
    stocks = market.universe.stocks
    before = market.board.volume[stocks].copy(), market.board.volume[market.universe.futures].copy()

    for _ in range(20):
        market.advance()

    assert np.array_equal(before[0], market.board.volume[stocks])
    assert (market.board.volume[market.universe.futures] > before[1]).any()


def test_next_day_starts_from_the_last_close_and_drops_expired_contracts():
    market = a_market(day=date(2026, 11, 23))
    while market.next_at_ns() is not None:
        market.advance()
    last = int(market.index_level[0])

    market.open_next_day()

    row = market.board.row_of_key["NSE", "NIFTY 50"]
    assert market.session.day == date(2026, 11, 25)
    assert market.board.close[row] == pytest.approx(last, rel=1e-5)
    assert date(2026, 11, 23) not in market.universe.expiries


def test_listed_options_stay_listed_when_the_index_runs_away():
    market = a_market(day=date(2026, 11, 18))
    far = market.board.listings[market.universe.options][-1]
    market.price *= 0.9
    oi = int(market.board.oi[market.board.row_of_token[far.token]])

    market.open_next_day()

    row = market.board.row_of_token[far.token]
    assert market.board.listings[row].symbol == far.symbol
    assert market.board.oi[row] == oi
    assert min(x.strike for x in market.board.listings[market.universe.options]) < 1_950_000


def test_volume_and_variance_are_highest_at_the_ends_of_the_day():
    for shape in (volume_shape, variance_shape):
        assert shape(0.0) > 1.4 * shape(0.5)
        assert shape(1.0) > 1.2 * shape(0.5)
    assert np.mean([volume_shape(x) for x in np.linspace(0, 1, 1001)]) == pytest.approx(1.0, abs=0.01)


def test_option_mids_keep_put_call_parity(after_a_day):
    board, universe = after_a_day.board, after_a_day.universe
    fair = after_a_day._fair_values(after_a_day.now_ns / 1e9)
    options = [(row, board.listings[row]) for row in range(universe.options.start, universe.options.stop)]
    calls = {(x.expiry, x.strike): fair[row] for row, x in options if x.kind == "CE"}
    puts = {(x.expiry, x.strike): fair[row] for row, x in options if x.kind == "PE"}

    for expiry in universe.expiries:
        years = years_to_expiry(after_a_day.now_ns / 1e9, expiry)
        forward = after_a_day.index_level[0] * math.exp(RATE_ANNUAL * years) * (1 + after_a_day.basis[0])
        for strike in (2_300_000, 2_480_000, 2_650_000):
            parity = math.exp(-RATE_ANNUAL * years) * (forward - strike)
            # The deep side is worth less than the rounding of the distribution.
            assert calls[expiry, strike] - puts[expiry, strike] == pytest.approx(parity, abs=0.5)


def reference_black76(forward, strike, years, vol, *, is_call):
    """The textbook formula with the library's own error function."""
    spread = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / spread + spread / 2
    sign = 1 if is_call else -1
    cdf = [0.5 * math.erfc(-sign * d / math.sqrt(2)) for d in (d1, d1 - spread)]
    return math.exp(-RATE_ANNUAL * years) * sign * (forward * cdf[0] - strike * cdf[1])


@given(
    forward=st.floats(20_000, 30_000),
    moneyness=st.floats(0.85, 1.15),
    years=st.floats(1e-4, 0.5),
    vol=st.floats(0.05, 0.8),
    is_call=st.booleans(),
)
def test_option_values_equal_the_textbook_formula(forward, moneyness, years, vol, is_call):
    strike = forward * moneyness
    arguments = (np.array([x]) for x in (forward, strike, years, vol))

    value = black76(*arguments, np.array([is_call]))[0]

    assert value == pytest.approx(reference_black76(forward, strike, years, vol, is_call=is_call), abs=1e-4)
    assert value >= 0


def test_normal_distribution_agrees_with_the_error_function():
    x = np.linspace(-8, 8, 4001)

    exact = [0.5 * math.erfc(-v / math.sqrt(2)) for v in x]

    assert np.abs(normal_cdf(x) - exact).max() < 1e-10


def test_smile_is_dearer_on_the_downside():
    strikes = np.array([23_500.0, 24_800.0, 26_100.0])

    low, middle, high = smile_vol(np.full(3, 24_800.0), strikes, np.full(3, 0.03), np.full(3, 0.12))

    assert low > middle
    assert low > high


def test_one_step_of_the_whole_market_takes_well_under_five_milliseconds():
    market = a_market(step_seconds=0.5)
    market.advance()
    times = []
    for _ in range(50):
        start = time.perf_counter()
        market.advance()
        times.append(time.perf_counter() - start)

    assert sorted(times)[25] < 0.005
