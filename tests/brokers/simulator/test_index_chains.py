"""NIFTY, NIFTY BANK and SENSEX have chains of three expiries, with quotes and open interest to read."""

from datetime import date

import numpy as np
import pytest

from brokers.simulator.market import SyntheticMarket
from options.domain.open_interest import max_pain, put_call_ratio
from options.domain.quotes import CALL, PUT, arrange

DAY = date(2026, 11, 20)
NAMES = {"NIFTY": ("NFO", 65), "BANKNIFTY": ("NFO", 30), "SENSEX": ("BFO", 20)}


def a_market(*, step_seconds=15.0, day=DAY):
    return SyntheticMarket(day=day, rng=np.random.default_rng(7), step_seconds=step_seconds)


@pytest.fixture(scope="module")
def after_an_hour():
    market = a_market()
    for _ in range(240):
        market.advance()
    return market


def rows_of(market, name):
    return [row for row, one in enumerate(market.board.listings) if one.name == name and one.is_option]


def nearest(market, name):
    """The quotes of an underlying's nearest expiry, as the desk would hold them."""
    board = market.board
    rows = rows_of(market, name)
    expiry = min(board.listings[row].expiry for row in rows)
    chosen = np.array([row for row in rows if board.listings[row].expiry == expiry])
    own = [board.listings[row] for row in chosen]
    columns = {
        "bid": board.depth_price[chosen, 0] / 100,
        "ask": board.depth_price[chosen, 5] / 100,
        "open_interest": board.oi[chosen],
        "volume": board.volume[chosen],
    }
    return arrange([one.strike / 100 for one in own], [one.kind == "CE" for one in own], columns)


@pytest.mark.parametrize("name", NAMES)
def test_three_expiries_are_listed_in_lots_of_the_exchange(after_an_hour, name):
    listings = [after_an_hour.board.listings[row] for row in rows_of(after_an_hour, name)]

    assert len({one.expiry for one in listings}) == 3
    assert {(one.exchange, one.lot) for one in listings} == {NAMES[name]}
    assert sum(one.kind == "CE" for one in listings) == sum(one.kind == "PE" for one in listings) > 300


def test_all_of_them_fit_one_stream(after_an_hour):
    assert sum(len(rows_of(after_an_hour, name)) for name in NAMES) < 2_800


@pytest.mark.parametrize("name", NAMES)
def test_near_the_money_both_sides_are_quoted_close_together(after_an_hour, name):
    quotes = nearest(after_an_hour, name)
    middle = len(quotes) // 2
    near = slice(middle - 8, middle + 9)

    spread = quotes.ask[:, near] - quotes.bid[:, near]

    assert (quotes.bid[:, near] > 0).all()
    assert (spread > 0).all()
    assert (spread / quotes.ask[:, near]).max() < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_writers_stand_above_with_calls_and_below_with_puts(after_an_hour, name):
    quotes = nearest(after_an_hour, name)
    level = quotes.strike.mean()

    held = quotes.open_interest
    above = quotes.strike > level

    assert held[CALL][above].sum() > held[CALL][~above].sum()
    assert held[PUT][~above].sum() > held[PUT][above].sum()
    assert max_pain(quotes.strike, held, level) == pytest.approx(level, rel=0.02)
    assert 0.5 < put_call_ratio(held) < 2.0


@pytest.mark.parametrize("name", NAMES)
def test_open_interest_moves_while_the_day_lasts(after_an_hour, name):
    rows = rows_of(after_an_hour, name)

    moved = after_an_hour.board.oi[rows] != a_market().board.oi[rows]

    assert moved.mean() > 0.3


@pytest.mark.parametrize("name", NAMES)
def test_what_is_listed_stays_listed_and_keeps_its_interest(name):
    market = a_market(day=date(2026, 11, 18))
    far = max((market.board.listings[row] for row in rows_of(market, name)), key=lambda one: (one.expiry, one.strike))
    held = int(market.board.oi[market.board.row_of_token[far.token]])
    market.price *= 0.9

    market.open_next_day()

    row = market.board.row_of_token[far.token]
    assert market.board.listings[row].symbol == far.symbol
    assert market.board.oi[row] == held
