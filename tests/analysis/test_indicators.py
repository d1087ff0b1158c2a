"""Each fast indicator beside a slow one that reads like its formula."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.domain import atr, ema, relative_volume, session_vwap, sma
from brokers.domain.errors import Invalid
from tests.analysis import twins

prices = arrays(np.float64, st.integers(0, 80), elements=st.floats(1.0, 1e5))
volumes = st.integers(0, 10**9).map(float)
MINUTE = 60 * 10**9


@st.composite
def candles(draw):
    close = draw(prices)
    spread = draw(arrays(np.float64, close.size, elements=st.floats(0.0, 100.0)))
    return close + spread, np.maximum(close - spread, 0.5), close


def slow_relative_volume(volume, session, offset, *, sessions, minimum, recent):
    result = []
    for i in range(len(volume)):
        known = sorted({s for s in session if s < session[i]})[-sessions:]
        same = [volume[j] for j in range(i) if session[j] in known and offset[j] == offset[i]]
        before = list(volume[max(i - recent, 0) : i])
        base = same if len(same) >= minimum else before if len(before) == recent else []
        usual = sum(base) / len(base) if base else 0
        result.append(volume[i] / usual if usual else math.nan)
    return result


def by_session(count, length):
    index = np.arange(count)
    return (index // length).astype(np.int64), (index % length * MINUTE).astype(np.int64)


@given(prices, st.integers(2, 30))
def test_ema_equals_its_formula(values, period):
    np.testing.assert_allclose(ema(values, period), twins.ema(values, period), rtol=1e-9)


@given(prices, st.integers(2, 30))
def test_sma_equals_its_formula(values, period):
    np.testing.assert_allclose(sma(values, period), twins.sma(values, period), rtol=1e-7)


@given(candles(), st.integers(2, 30))
def test_atr_equals_its_formula(bars, period):
    np.testing.assert_allclose(atr(*bars, period), twins.atr(*bars, period), rtol=1e-9, atol=1e-9)


@given(candles(), st.data(), st.integers(1, 20))
def test_vwap_equals_its_formula(bars, data, length):
    volume = data.draw(arrays(np.float64, bars[2].size, elements=volumes))
    session, _ = by_session(volume.size, length)

    fast = session_vwap(*bars, volume, session)

    np.testing.assert_allclose(fast, twins.vwap(*bars, volume, session), rtol=1e-9)


@given(arrays(np.float64, st.integers(0, 60), elements=volumes), st.integers(2, 12), st.integers(1, 4))
def test_relative_volume_equals_its_formula(volume, length, minimum):
    session, offset = by_session(volume.size, length)

    fast = relative_volume(volume, session, offset, sessions=3, minimum_sessions=minimum, recent_bars=5)
    slow = slow_relative_volume(volume, session, offset, sessions=3, minimum=minimum, recent=5)

    np.testing.assert_allclose(fast, slow, rtol=1e-9)


@given(candles(), st.data())
def test_vwap_lies_between_the_session_s_extremes(bars, data):
    high, low, close = bars
    volume = data.draw(arrays(np.float64, close.size, elements=st.integers(1, 10**6).map(float)))

    vwap = session_vwap(high, low, close, volume, np.zeros(close.size, dtype=np.int64))

    slack = 1e-9 * high.max(initial=1.0)
    assert np.all(vwap <= np.maximum.accumulate(high) + slack)
    assert np.all(vwap >= np.minimum.accumulate(low) - slack)


@given(candles(), st.integers(2, 10), st.integers(0, 80))
def test_a_longer_history_changes_nothing_computed_before(bars, period, cut):
    high, low, close = bars
    session, offset = by_session(close.size, 7)
    volume = np.floor(close)

    def all_of(n):
        return (
            ema(close[:n], period),
            sma(close[:n], period),
            atr(high[:n], low[:n], close[:n], period),
            session_vwap(high[:n], low[:n], close[:n], volume[:n], session[:n]),
            relative_volume(volume[:n], session[:n], offset[:n], recent_bars=5),
        )

    for short, full in zip(all_of(cut), all_of(close.size), strict=True):
        np.testing.assert_array_equal(short, full[:cut])


def test_textbook_ema():
    # seed (22.27 + ... + 22.23) / 10 = 22.22, then alpha 2/11: the ten-day average of StockCharts' ChartSchool
    closes = [22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38, 22.61, 23.36]

    last = ema(np.array(closes), 10)[9:]

    np.testing.assert_allclose(last, [22.22, 22.21, 22.24, 22.27, 22.33, 22.52], atol=0.006)


def test_leading_nan_are_skipped():
    values = np.array([np.nan, np.nan, 1.0, 2.0, 3.0])

    np.testing.assert_array_equal(ema(values, 2), [np.nan, np.nan, np.nan, 1.5, 2.5])


def test_a_gap_in_prices_is_not_averaged_away():
    values = np.array([1.0, 2.0, 3.0, np.nan, 4.0, 5.0])

    assert np.isnan(ema(values, 2)[3:]).all()


def test_a_history_of_nothing_but_nan_gives_nan():
    assert np.isnan(ema(np.full(9, np.nan), 3)).all()


def test_vwap_restarts_with_the_session():
    price, volume = np.array([10.0, 20.0, 40.0]), np.array([1.0, 1.0, 5.0])

    vwap = session_vwap(price, price, price, volume, np.array([1, 1, 2]))

    np.testing.assert_array_equal(vwap, [10.0, 15.0, 40.0])


def test_vwap_without_volume_does_not_exist():
    price = np.array([10.0, 20.0])

    assert np.isnan(session_vwap(price, price, price, np.array([0.0, np.nan]), np.array([1, 1]))).all()


@pytest.mark.parametrize("period", [1, 0, -3])
def test_a_period_below_two_bars_is_refused(period):
    with pytest.raises(Invalid) as caught:
        ema(np.ones(5), period)

    assert caught.value.field == "period"


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(Invalid, match="one length"):
        atr(np.ones(5), np.ones(5), np.ones(4), 2)


def test_importing_the_indicators_does_not_load_their_library():
    code = "import sys, analysis.domain; assert not {'talib', 'pandas'} & set(sys.modules)"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
