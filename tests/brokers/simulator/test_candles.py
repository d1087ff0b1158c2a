"""Candles: made days, the running day, and their aggregation."""

from datetime import date

import numpy as np
import pytest

from brokers.simulator.board import Board
from brokers.simulator.candles import MadeHistory, MinuteStore, aggregate, candle_stamp, join, no_candles
from brokers.simulator.listings import equity, future, index, option
from brokers.simulator.sessions import session_on
from tests.brokers.simulator.builders import DAY, STOCK, a_board, trades

YESTERDAY = date(2026, 11, 19)
HISTORY = MadeHistory(seed=7, anchor=DAY)
RELIANCE = equity("RELIANCE", "RELIANCE INDUSTRIES", 149_400)
NIFTY = index("NIFTY 50")
LISTINGS = [
    RELIANCE,
    NIFTY,
    future("NIFTY", date(2026, 11, 23), 2_480_000),
    option("NIFTY", date(2026, 11, 23), 2_480_000, "CE"),
]


def minutes(*rows, session=None):
    """Minute candles from (minute of session, open, high, low, close, volume)."""
    session = session or session_on(DAY)
    board = Board([RELIANCE], np.array([100]))
    store = MinuteStore(board, session)
    for minute, *prices, volume in rows:
        for price in prices:
            step = trades(board, 0, price, volume // 4)
            store.add(board, type(step)(at_s=session.open_s + 60 * minute, prints=step.prints, touched=step.touched))
    return store.minutes(RELIANCE.token)


@pytest.mark.parametrize("listing", LISTINGS, ids=lambda listing: listing.symbol)
def test_made_days_are_sound_candles_on_the_tick(listing):
    candles = HISTORY.minutes(listing, YESTERDAY)

    assert len(candles.open) > 300
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()
    assert (candles.low > 0).all()
    assert (candles.close % listing.tick == 0).all()


def test_same_seed_makes_the_same_days_and_another_seed_others():
    again, other = MadeHistory(seed=7, anchor=DAY), MadeHistory(seed=8, anchor=DAY)

    day = HISTORY.minutes(RELIANCE, YESTERDAY).close

    assert np.array_equal(day, again.minutes(RELIANCE, YESTERDAY).close)
    assert not np.array_equal(day[:300], other.minutes(RELIANCE, YESTERDAY).close[:300])


def test_last_made_close_is_the_price_the_market_starts_from():
    assert HISTORY.minutes(RELIANCE, YESTERDAY).close[-1] == 149_400
    assert HISTORY.minutes(NIFTY, YESTERDAY).close[-1] == 2_481_235


def test_day_candle_is_the_sum_of_its_minutes():
    candles, session = HISTORY.minutes(RELIANCE, YESTERDAY), session_on(YESTERDAY)

    day = aggregate(candles, session, 0)

    assert (day.open[0], day.close[0]) == (candles.open[0], candles.close[-1])
    assert (day.high[0], day.low[0]) == (candles.high.max(), candles.low.min())
    assert day.volume[0] == candles.volume.sum()
    assert candle_stamp(int(day.start_s[0])) == "2026-11-19T00:00:00+0530"


def test_longer_candles_count_from_the_open():
    candles = minutes((0, 100, 110, 90, 105, 40), (4, 105, 106, 104, 106, 40), (5, 107, 108, 107, 108, 40))

    five = aggregate(candles, session_on(DAY), 5)

    assert [candle_stamp(start)[11:16] for start in five.start_s.tolist()] == ["09:15", "09:20"]
    assert (five.open[0], five.high[0], five.low[0], five.close[0]) == (100, 110, 90, 106)
    assert five.volume.tolist() == [80, 40]


def test_minute_without_a_trade_is_absent():
    candles = minutes((0, 100, 100, 100, 100, 4), (3, 101, 101, 101, 101, 4))

    assert ((candles.start_s - session_on(DAY).open_s) // 60).tolist() == [0, 3]


def test_unknown_token_has_no_candles():
    board = a_board()

    assert len(MinuteStore(board, session_on(DAY)).minutes(1).open) == 0
    assert len(join([]).open) == len(no_candles().open) == 0
    assert STOCK == 0


def test_options_have_existed_for_some_weeks_only():
    first = date(2026, 1, 1)

    assert len(HISTORY.days(LISTINGS[3], first, YESTERDAY)) == 30
    assert len(HISTORY.days(RELIANCE, first, YESTERDAY)) > 200
