"""Bodies that once made the adapter raise something else than its own errors."""

from decimal import Decimal

import pytest

from brokers.adapters.kite import errors, frames, payloads
from brokers.adapters.kite.history import closed_bars
from brokers.adapters.kite.listing import listing_of
from brokers.domain.errors import DataError
from tests.fuzz.samples import INSTRUMENTS, ORDER, SESSION
from tests.fuzz.test_kite_fuzz import ENDS, STARTS


def test_a_number_beyond_every_exponent_is_no_answer():
    assert errors.envelope_of(b'{"data": -1e9999999999999999999999}') is None
    assert frames.read_text('{"type":"order","data":{"price":1e9999999999999999999999}}') is None


def test_a_number_that_no_market_has_is_an_error_of_the_data():
    with pytest.raises(DataError, match="beyond"):
        payloads.order({**ORDER, "quantity": Decimal("1e999999999")})


@pytest.mark.parametrize("available", [7, [1], "much"])
def test_margins_of_another_shape_are_an_error_of_the_data(available):
    with pytest.raises(DataError):
        payloads.margins({"equity": {"net": 1, "available": available}})


def test_a_login_at_the_end_of_time_is_an_error_of_the_data():
    with pytest.raises(DataError):
        payloads.session({**SESSION, "login_time": "9999-12-31 23:59:59"})


@pytest.mark.parametrize("volume", [10**400, float("inf"), float("nan"), None])
def test_a_candle_without_finite_figures_is_an_error_of_the_data(volume):
    with pytest.raises(DataError):
        closed_bars({"candles": [["2026-11-20T09:15:00+0530", 1, 2, 1, 1, volume]]}, "NSE:INFY", 60, STARTS, ENDS)


def test_a_candle_that_is_no_row_is_an_error_of_the_data():
    with pytest.raises(DataError):
        closed_bars({"candles": [{"open": 1}]}, "NSE:INFY", 60, STARTS, ENDS)


def test_a_field_longer_than_csv_takes_is_an_error_of_the_data():
    with pytest.raises(DataError, match="no CSV"):
        listing_of(INSTRUMENTS.decode() + '"' + "x" * 140_000)
