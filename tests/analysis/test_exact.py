"""Averages of prices with two decimals tie where they tie on paper."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.domain.exact import Averages, crossings, price_units
from brokers.domain.errors import DataError

paise = st.lists(st.integers(1_000, 1_040), max_size=60)


def slow_average(values, i, period):
    return Fraction(sum(values[i - period + 1 : i + 1]), period) if i >= period - 1 else None


def sign(difference):
    return (difference > 0) - (difference < 0)


@given(paise, st.integers(1, 12), st.integers(1, 12))
def test_averages_compare_as_fractions_do(values, fast, slow):
    units = price_units(np.array(values, dtype=float) / 100.0)

    ours = Averages(units).compared(fast, slow)

    for i, mine in enumerate(ours):
        a, b = slow_average(values, i, fast), slow_average(values, i, slow)
        assert np.isnan(mine) if a is None or b is None else mine == sign(a - b)


@given(paise, st.integers(1, 9), st.integers(1, 9))
def test_an_average_compares_with_itself_earlier_as_fractions_do(values, period, bars):
    units = price_units(np.array(values, dtype=float) / 100.0)

    ours = Averages(units).compared_with_earlier(period, bars)

    for i, mine in enumerate(ours):
        before = slow_average(values, i - bars, period) if i >= bars else None
        assert np.isnan(mine) if before is None else mine == sign(slow_average(values, i, period) - before)


def test_a_tie_that_float_sums_miss_is_a_tie():
    values = np.tile([0.1, 0.2, 0.3], 20)

    floats = np.convolve(values, np.ones(3) / 3, "valid")[3:] - np.convolve(values, np.ones(6) / 6, "valid")

    assert np.any(floats != 0.0)
    assert np.all(Averages(price_units(values)).compared(3, 6)[5:] == 0.0)


@pytest.mark.parametrize("price", [0.00001234, 145.85, 99_999.95, 12_345_678.9])
def test_prices_of_any_size_keep_their_decimals(price):
    units = price_units(np.array([price, price / 2]))

    assert units[0] / units[1] == pytest.approx(2.0, abs=1e-3)
    assert price_units(np.array([price]))[0] == price_units(np.array([price + 0.0]))[0] > 0


def test_a_price_that_is_not_finite_is_refused():
    with pytest.raises(DataError, match="finite"):
        price_units(np.array([1.0, np.nan]))


def test_a_touch_is_no_crossing():
    signs = np.array([np.nan, -1, 0, -1, 0, 1, 1, 0, 1, -1])

    np.testing.assert_array_equal(crossings(signs), [0, 0, 0, 0, 0, 1, 0, 0, 0, -1])
