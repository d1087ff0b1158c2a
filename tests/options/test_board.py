"""The board holds what the ticker last said of each option, and how old that is."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market import NANOSECONDS, QuoteColumns
from options.domain.board import ChainBoard
from options.domain.quotes import CALL, PUT

START = 1_787_000_000 * NANOSECONDS
NEAR, FAR = date(2026, 8, 18), date(2026, 8, 25)


def an_option(token, strike, *, kind=InstrumentKind.CALL, expiry=NEAR):
    return Instrument(
        exchange="NFO",
        symbol=f"NIFTY{token}",
        token=token,
        kind=kind,
        name="NIFTY",
        tick_size=Decimal("0.05"),
        lot_size=65,
        segment="NFO-OPT",
        expiry=expiry,
        strike=Decimal(strike),
    )


OPTIONS = (
    an_option(904, 24_100),
    an_option(901, 24_000),
    an_option(902, 24_000, kind=InstrumentKind.PUT),
    an_option(903, 24_500, expiry=FAR),
)


def a_frame(tokens, *, second=0, last=10.0, volume=100.0, interest=650.0, bid=9.95, ask=10.05, stamped=True):
    count = len(tokens)
    nothing = np.full(count, np.nan)
    at = START + int(second * NANOSECONDS)
    return QuoteColumns(
        token=np.array(tokens, dtype=np.int64),
        last_price=np.full(count, last),
        volume=np.full(count, volume),
        open_interest=np.full(count, interest),
        bid=np.full(count, bid),
        ask=np.full(count, ask),
        day_open=nothing,
        day_high=nothing,
        day_low=nothing,
        previous_close=nothing,
        exchange_ns=np.full(count, at if stamped else 0, dtype=np.int64),
        received_ns=at,
    )


def test_cells_stand_where_they_are_listed():
    board = ChainBoard(OPTIONS)

    taken = board.take(a_frame([902, 555, 904]))

    quotes = board.quotes(NEAR, START + NANOSECONDS)
    assert taken == 2
    assert board.expiries == (NEAR, FAR)
    assert board.tokens.tolist() == [901, 902, 903, 904]
    assert quotes.strike.tolist() == [24_000.0, 24_100.0]
    assert np.array_equal(quotes.bid, [[np.nan, 9.95], [9.95, np.nan]], equal_nan=True)
    assert np.array_equal(quotes.open_interest, [[np.nan, 650.0], [650.0, np.nan]], equal_nan=True)
    assert np.array_equal(quotes.age_s, [[np.nan, 1.0], [1.0, np.nan]], equal_nan=True)
    assert np.isnan(board.quotes(FAR, START).bid).all()


def test_a_trade_is_as_old_as_the_last_rise_of_the_volume():
    board = ChainBoard(OPTIONS)
    board.take(a_frame([901]))
    assert np.isnan(board.quotes(NEAR, START).trade_age_s[CALL, 0])

    board.take(a_frame([901], second=5, volume=165.0))
    board.take(a_frame([901], second=9, volume=165.0))

    quotes = board.quotes(NEAR, START + 10 * NANOSECONDS)
    assert quotes.trade_age_s[CALL, 0] == 5.0
    assert quotes.age_s[CALL, 0] == 1.0


def test_an_older_packet_changes_nothing():
    board = ChainBoard(OPTIONS)
    board.take(a_frame([901], second=5, last=20.0))

    assert board.take(a_frame([901], second=4, last=10.0)) == 0
    assert board.quotes(NEAR, START).last_price[CALL, 0] == 20.0


def test_a_packet_that_is_not_full_leaves_bid_ask_and_interest():
    board = ChainBoard(OPTIONS)
    board.take(a_frame([901]))

    board.take(a_frame([901], second=1, last=11.0, volume=np.nan, interest=np.nan, bid=np.nan, ask=np.nan))

    quotes = board.quotes(NEAR, START + NANOSECONDS)
    assert (quotes.last_price[CALL, 0], quotes.bid[CALL, 0], quotes.volume[CALL, 0]) == (11.0, 9.95, 100.0)
    assert quotes.open_interest[CALL, 0] == 650.0


def test_a_full_packet_without_a_bid_takes_the_bid_away():
    board = ChainBoard(OPTIONS)
    board.take(a_frame([902]))

    board.take(a_frame([902], second=1, bid=np.nan))

    assert np.isnan(board.quotes(NEAR, START).bid[PUT, 0])


def test_what_the_venue_did_not_stamp_is_as_old_as_the_newest_stamp():
    board = ChainBoard(OPTIONS)
    board.take(a_frame([902], second=2))

    board.take(a_frame([901], second=90, stamped=False))

    assert board.quotes(NEAR, START + 6 * NANOSECONDS).age_s[CALL, 0] == 4.0


def test_before_any_stamp_an_age_is_not_told_and_a_stamped_packet_follows_however_old_its_day():
    board = ChainBoard(OPTIONS)
    board.take(a_frame([901], second=86_400, last=10.0, stamped=False))
    before = board.quotes(NEAR, START)

    board.take(a_frame([901], second=1, last=11.0))

    after = board.quotes(NEAR, START + 3 * NANOSECONDS)
    assert (before.last_price[CALL, 0], after.last_price[CALL, 0]) == (10.0, 11.0)
    assert np.isnan(before.age_s[CALL, 0])
    assert after.age_s[CALL, 0] == 2.0


def test_an_underlying_without_options_has_an_empty_board():
    index = Instrument(
        exchange="NSE",
        symbol="NIFTY 50",
        token=7,
        kind=InstrumentKind.INDEX,
        name="NIFTY 50",
        tick_size=Decimal("0.05"),
        lot_size=1,
        segment="INDICES",
    )
    board = ChainBoard([index])

    assert board.take(a_frame([7])) == 0
    assert board.expiries == ()
    with pytest.raises(Invalid, match="no options expire on 2026-08-18"):
        board.quotes(NEAR, START)


def test_two_options_of_one_token_are_refused():
    with pytest.raises(Invalid, match="share a token"):
        ChainBoard([an_option(1, 100), an_option(1, 200)])


def test_a_board_that_heard_nothing_has_no_ages():
    assert np.isnan(ChainBoard(OPTIONS).quotes(NEAR, START).age_s).all()


def test_a_board_of_a_newer_list_keeps_what_was_told_of_the_options_in_both():
    before, now = ChainBoard(OPTIONS[:3]), ChainBoard((*OPTIONS[1:], an_option(999, 23_900)))
    before.take(a_frame([901, 904], last=12.0))

    now.adopt(before)
    quotes = now.quotes(NEAR, START + 2 * NANOSECONDS)

    assert quotes.strike.tolist() == [23_900.0, 24_000.0]
    assert quotes.last_price[CALL].tolist()[1] == 12.0
    assert quotes.age_s[CALL, 1] == 2.0
    assert np.isnan(quotes.last_price[CALL, 0])
