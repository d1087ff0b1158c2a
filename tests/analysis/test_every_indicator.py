"""Every indicator against TA-Lib where that has it, and against a twin that reads like the formula."""

import numpy as np
import pytest
import talib
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis.domain import (
    adx,
    atr,
    bollinger,
    cci,
    directional,
    donchian,
    ema,
    ichimoku,
    keltner,
    macd,
    mfi,
    obv,
    regression_slope,
    rsi,
    sma,
    stochastic,
    supertrend,
    volume_ratio,
)
from brokers.domain.errors import Invalid
from tests.analysis import twins


@st.composite
def markets(draw, least=0, most=120):
    """Prices with two decimals that wander, gap and stand still, as a market's do."""
    count = draw(st.integers(least, most))
    steps = draw(st.lists(st.integers(-300, 300), min_size=count, max_size=count))
    spreads = draw(st.lists(st.integers(0, 150), min_size=count, max_size=count))
    volume = draw(st.lists(st.integers(0, 10**7), min_size=count, max_size=count))
    close = np.maximum(np.cumsum(steps) + draw(st.integers(5_000, 500_000)), 1_000) / 100.0
    reach = np.array(spreads, dtype=float) / 100.0
    return close + reach, close - reach, close, np.array(volume, dtype=float)


periods = st.integers(2, 25)


def agree(ours, slow, *, scale=1.0):
    columns = ours if isinstance(ours, tuple) else (ours,)
    expected = slow if isinstance(slow, tuple) else (slow,)
    for column, twin in zip(columns, expected, strict=True):
        np.testing.assert_allclose(column, np.array(twin, dtype=float), rtol=1e-9, atol=1e-9 * scale)


def away_from_nothing(close, period, *columns):
    """Leave out the bars whose movement has faded to TA-Lib's zero, give or take rounding: either answer is right."""
    moved = np.sum(twins.changed(close, period), axis=0) / twins.NOTHING
    told = ~((moved > 0.5) & (moved < 2.0))
    return [np.array(column, dtype=float)[told] for column in columns]


@given(markets(), periods)
def test_averages_and_slopes_equal_their_formulas(market, period):
    _, _, close, _ = market

    agree(sma(close, period), twins.sma(close, period))
    agree(ema(close, period), twins.ema(close, period))
    agree(regression_slope(close, period), twins.regression_slope(close, period), scale=1e3)


@given(markets(), st.integers(2, 12), st.integers(2, 30), st.integers(1, 9))
def test_macd_equals_its_formula(market, fast, slow, signal):
    assume(fast != slow)

    agree(macd(market[2], fast, slow, signal), twins.macd(market[2], fast, slow, signal), scale=1e4)


@given(markets(), periods)
def test_ranges_and_trend_strength_equal_their_formulas(market, period):
    high, low, close, _ = market

    agree(atr(high, low, close, period), twins.atr(high, low, close, period))
    agree(adx(high, low, close, period), twins.adx(high, low, close, period), scale=1e3)
    ours = directional(high, low, close, period)
    agree((ours.plus, ours.minus), twins.directional(high, low, close, period), scale=1e3)


@given(markets(), periods, st.integers(1, 5), st.integers(1, 5))
def test_oscillators_equal_their_formulas(market, period, smooth, signal):
    high, low, close, _ = market

    agree(*away_from_nothing(close, period, rsi(close, period), twins.rsi(close, period)), scale=1e3)
    agree(
        stochastic(high, low, close, period, smooth=smooth, signal=signal),
        twins.stochastic(high, low, close, period, smooth=smooth, signal=signal),
        scale=1e3,
    )


@given(markets(), periods)
def test_cci_equals_its_formula(market, period):
    high, low, close, _ = market

    agree(cci(high, low, close, period), twins.cci(high, low, close, period), scale=1e3)


def test_cci_of_one_typical_price_is_nothing():
    # both bars sum to 0.59994; what is left of their distance is rounding
    high, low, close = (np.tile(pair, 20) for pair in ([0.20015, 0.20005], [0.19986, 0.19992], [0.19993, 0.19997]))

    assert cci(high, low, close, 20)[-1] == 0.0


@given(markets(), periods)
def test_volume_indicators_equal_their_formulas(market, period):
    _, _, close, volume = market

    agree(obv(close, volume), twins.obv(close, volume))
    agree(volume_ratio(volume, period), twins.volume_ratio(volume, period))


@given(markets(), periods)
def test_money_flow_equals_its_formula(market, period):
    high, low, close, volume = market

    agree(mfi(high, low, close, volume, period), twins.mfi(high, low, close, volume, period), scale=1e3)


def test_money_that_flows_at_one_typical_price_is_neither_in_nor_out():
    # both bars sum to 0.59994, and floats say that the second is higher
    high, low, close = np.array([0.20015, 0.20005]), np.array([0.19986, 0.19992]), np.array([0.19993, 0.19997])
    assert (high + low + close)[0] < (high + low + close)[1]

    bars = [np.tile(column, 5) for column in (high, low, close)]

    np.testing.assert_array_equal(mfi(*bars, np.ones(10) * 1e6, 3)[3:], 0.0)


@given(markets(), periods, st.sampled_from([1.0, 2.0, 2.5]))
def test_channels_equal_their_formulas(market, period, width):
    high, low, close, _ = market

    # a deviation is the root of a difference: it keeps half the digits of the price where nothing moves
    agree(bollinger(close, period, width), twins.bollinger(close, period, width), scale=1e3)
    agree(donchian(high, low, period), twins.donchian(high, low, period))
    agree(
        keltner(high, low, close, period, atr_period=10, ranges=width),
        twins.keltner(high, low, close, period, atr_period=10, ranges=width),
    )


@given(markets(), st.integers(2, 9), st.integers(2, 26), st.integers(2, 52))
def test_ichimoku_equals_its_formula(market, conversion, base, span):
    high, low, _, _ = market

    agree(ichimoku(high, low, conversion, base, span), twins.ichimoku(high, low, conversion, base, span))


@given(markets(), st.integers(2, 12))
def test_supertrend_equals_its_formula(market, period):
    high, low, close, _ = market

    # an eighth is exact in binary: the twin and the kernel then see the same ties
    agree(supertrend(high, low, close, period, 3.125), twins.supertrend(high, low, close, period, 3.125))


def test_all_equal_ta_lib_on_a_long_walk():
    random = np.random.default_rng(7)
    close = np.round(500 + np.cumsum(random.normal(0, 1, 5_000)), 2)
    high, low = close + random.integers(0, 90, 5_000) / 100, close - random.integers(0, 90, 5_000) / 100
    volume = random.integers(0, 10**6, 5_000).astype(float)

    pairs = [
        (sma(close, 20), talib.SMA(close, 20)),
        (ema(close, 20), talib.EMA(close, 20)),
        (rsi(close), talib.RSI(close, 14)),
        (macd(close), talib.MACD(close, 12, 26, 9)),
        (adx(high, low, close), talib.ADX(high, low, close, 14)),
        (atr(high, low, close, 14), talib.ATR(high, low, close, 14)),
        (bollinger(close), talib.BBANDS(close, 20, 2, 2)),
        (stochastic(high, low, close), talib.STOCH(high, low, close, 14, 3, 0, 3, 0)),
        (mfi(high, low, close, volume), talib.MFI(high, low, close, volume, 14)),
        (cci(high, low, close), talib.CCI(high, low, close, 20)),
        (obv(close, volume), talib.OBV(close, volume)),
        (regression_slope(close), talib.LINEARREG_SLOPE(close, 14)),
        (donchian(high, low).upper, talib.MAX(high, 20)),
        (donchian(high, low).lower, talib.MIN(low, 20)),
    ]

    for ours, theirs in pairs:
        agree(ours, theirs)


def _all_of(high, low, close, volume):
    return [
        sma(close, 5),
        ema(close, 5),
        rsi(close, 5),
        *macd(close, 3, 7, 3),
        *directional(high, low, close, 5),
        atr(high, low, close, 5),
        *bollinger(close, 5),
        *stochastic(high, low, close, 5),
        mfi(high, low, close, volume, 5),
        cci(high, low, close, 5),
        obv(close, volume),
        regression_slope(close, 5),
        *donchian(high, low, 5),
        *keltner(high, low, close, 5, atr_period=4),
        *ichimoku(high, low, 3, 7, 11),
        *supertrend(high, low, close, 4),
        volume_ratio(volume, 5),
    ]


@given(markets(least=2, most=60), st.integers(0, 60))
def test_nothing_computed_depends_on_a_later_bar(market, cut):
    short = [column[:cut] for column in market]

    for own, full in zip(_all_of(*short), _all_of(*market), strict=True):
        np.testing.assert_allclose(own, full[:cut], rtol=1e-12, atol=1e-9)


def test_a_gap_is_seen_by_all_that_reads_it():
    columns = [np.arange(40.0) + shift for shift in (2.0, 0.0, 1.0, 5.0)]
    for column in columns:
        column[25] = np.nan

    drawn_later_or_over_volume_alone = {27, 28, 31}
    for place, result in enumerate(_all_of(*columns)):
        if place not in drawn_later_or_over_volume_alone:
            assert np.isnan(result[25:]).all(), place


@pytest.mark.parametrize(
    "call",
    [
        lambda x: macd(x, 1, 26, 9),
        lambda x: macd(x, 12, 26, 0),
        lambda x: stochastic(x, x, x, 1),
        lambda x: stochastic(x, x, x, 14, smooth=0),
        lambda x: bollinger(x, 1),
        lambda x: volume_ratio(x, 0),
        lambda x: ichimoku(x, x, 9, 26, 1),
        lambda x: supertrend(x, x, x, 0),
    ],
)
def test_periods_that_say_nothing_are_refused(call):
    with pytest.raises(Invalid) as caught:
        call(np.ones(60))

    assert caught.value.code == "indicator.period"
