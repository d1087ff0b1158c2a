"""The streaming engine beside the batch indicators: on recorded minutes, and on markets made up to break it."""

import duckdb
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.domain import (
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
    session_vwap,
    sma,
    stochastic,
    streaming,
    streaming_core,
    streaming_steps,
    streaming_wide,
    supertrend,
    supertrend_kernel,
    volume_ratio,
)
from analysis.domain.streaming import CoreStream, Reading, StreamingEngine
from analysis.domain.streaming_periods import CorePeriods, WidePeriods
from brokers.domain.errors import Invalid
from tests.analysis.test_every_indicator import markets
from tests.reference import reference_file

OTHER = (
    CorePeriods(5, 7, 4, 3, 8, 1, 4, 6, 9, 1.5),
    WidePeriods(3, 4, 5, 4, 2, 1, 6, 5, 7, 1.25, 2, 5, 9, 4, 2.125, 8),
)


def batch(high, low, close, volume, *, session, core, wide):
    trend = directional(high, low, close, core.adx)
    return [
        sma(close, core.sma),
        ema(close, core.ema),
        rsi(close, core.rsi),
        *macd(close, core.macd_fast, core.macd_slow, core.macd_signal),
        trend.adx,
        trend.plus,
        trend.minus,
        atr(high, low, close, core.atr),
        *bollinger(close, core.bollinger, core.deviations),
        session_vwap(high, low, close, volume, session),
        volume_ratio(volume, wide.volume),
        obv(close, volume),
        mfi(high, low, close, volume, wide.mfi),
        cci(high, low, close, wide.cci),
        *stochastic(high, low, close, wide.stochastic, smooth=wide.stochastic_smooth, signal=wide.stochastic_signal),
        *donchian(high, low, wide.donchian),
        *keltner(high, low, close, wide.keltner, atr_period=wide.keltner_atr, ranges=wide.keltner_ranges),
        *ichimoku(high, low, wide.conversion, wide.base, wide.span),
        *supertrend(high, low, close, wide.supertrend, wide.supertrend_ranges),
        regression_slope(close, wide.slope),
    ]


def interpret(monkeypatch):
    """Run the kernels as the Python that they are written in: slowly, and seen by a coverage measurement."""
    for module in (streaming, streaming_core, streaming_steps, streaming_wide, supertrend_kernel):
        for name, member in list(vars(module).items()):
            if isinstance(member, numba.core.registry.CPUDispatcher):
                monkeypatch.setattr(module, name, member.py_func)


def made_up(bars, seed):
    """A market with a walk, a stretch in which nothing moves, one without volume, and two sessions."""
    chance = np.random.default_rng(seed)
    still, silent = slice(bars // 3, bars // 3 + 25), slice(bars // 2, bars // 2 + 30)
    close = 100.0 + np.cumsum(chance.normal(0.0, 0.5, bars))
    close[still] = close[bars // 3]
    reach = np.abs(chance.normal(0.0, 0.3, bars))
    reach[still] = 0.0
    volume = np.floor(chance.uniform(100.0, 5_000.0, bars))
    volume[silent] = 0.0
    return [close + reach, close - reach, close, volume], (np.arange(bars) // (bars // 2)).astype(np.int64)


@pytest.mark.parametrize("periods", [(CorePeriods(), WidePeriods()), OTHER])
def test_the_kernels_say_compiled_what_they_say_as_plain_python(monkeypatch, periods):
    columns, session = made_up(240, seed=7)
    compiled = streamed(columns, session, *periods)
    of_highs = supertrend(*columns[:3], 5, 2.0)

    interpret(monkeypatch)

    np.testing.assert_allclose(streamed(columns, session, *periods), compiled, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(supertrend(*columns[:3], 5, 2.0), of_highs, rtol=1e-12)
    seven = CoreStream(1, periods[0]).update(np.zeros(240, dtype=np.int64), *columns[:3])
    np.testing.assert_allclose(seven, compiled[:, : Reading.VWAP], rtol=1e-12, atol=1e-12)


def streamed(columns, session, core=None, wide=None):
    rows = np.zeros(session.size, dtype=np.int64)
    return StreamingEngine(1, core, wide).update(rows, *columns[:3], volume=columns[3], session=session)


def recorded(name, where, *, sessions_of_ns):
    file = reference_file(name)
    volume = "volume" if "volume" in duckdb.sql(f"SELECT * FROM '{file}' LIMIT 0").columns else "0.0 AS volume"
    found = duckdb.sql(
        f"SELECT high, low, close, {volume}, epoch_ns(ts) AS at_ns FROM '{file}' WHERE {where} ORDER BY ts"
    ).fetchnumpy()
    columns = [np.ascontiguousarray(found[key], dtype=np.float64) for key in ("high", "low", "close", "volume")]
    return columns, (found["at_ns"] // sessions_of_ns).astype(np.int64)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("nse_intraday/index_1min_2021-07_2022-09.parquet", "symbol = 'NIFTY 50'"),
        ("nse_intraday/index_1min_2021-07_2022-09.parquet", "symbol = 'NIFTY BANK'"),
        ("crypto/btc_perp_1m_2021-12-31_2022-01-15.parquet", "true"),
        ("crypto/bybit_linear_1m.parquet", "true"),
    ],
)
def test_equals_the_batch_values_on_recorded_minutes(name, where):
    columns, session = recorded(name, where, sessions_of_ns=86_400 * 10**9)
    ours = streamed(columns, session)

    expected = batch(*columns, session=session, core=CorePeriods(), wide=WidePeriods())

    for reading, column in zip(Reading, expected, strict=True):
        own = ours[:, reading]
        np.testing.assert_array_equal(np.isnan(own), np.isnan(column), err_msg=reading.name)
        # differences of prices (MACD, slopes) carry the rounding of the price, so that is what 1e-9 is of
        scale = np.maximum(np.abs(column), columns[2])
        assert np.nanmax(np.abs(own - column) / scale, initial=0.0) < 1e-9, reading.name


@given(markets(), st.sampled_from([(CorePeriods(), WidePeriods()), OTHER]))
def test_equals_the_batch_values_from_the_first_bar_on(market, periods):
    session = np.arange(market[2].size, dtype=np.int64) // 17
    ours = streamed(market, session, *periods)

    for reading, column in zip(Reading, batch(*market, session=session, core=periods[0], wide=periods[1]), strict=True):
        np.testing.assert_allclose(ours[:, reading], column, rtol=1e-9, atol=1e-6, err_msg=reading.name)


@given(markets(least=10, most=40), st.integers(0, 2**32 - 1))
def test_instruments_do_not_touch_one_another(market, seed):
    session = np.zeros(market[2].size, dtype=np.int64)
    random = np.random.default_rng(seed)
    alone = [streamed([column * scale for column in market], session, *OTHER) for scale in (1.0, 2.0, 5.0)]

    engine, at = StreamingEngine(3, *OTHER), [0, 0, 0]
    for _ in range(market[2].size):
        rows = np.flatnonzero(random.random(3) < 0.6)
        if rows.size == 0:
            continue
        scales = np.array([1.0, 2.0, 5.0])[rows]
        bars = [np.array([column[at[row]] for row in rows]) * scales for column in market]
        found = engine.update(rows, *bars[:3], volume=bars[3], session=np.zeros(rows.size, dtype=np.int64))
        for place, row in enumerate(rows):
            np.testing.assert_array_equal(found[place], alone[row][at[row]])
            at[row] += 1


@pytest.mark.parametrize("periods", [(CorePeriods(), WidePeriods()), OTHER])
def test_all_readings_exist_once_it_is_warm(periods):
    engine = StreamingEngine(1, *periods)
    count = engine.warm_after
    close = 100 + np.sin(np.arange(count)) * 3
    high, low, volume = close + 0.5, close - 0.5, np.full(count, 7.0)

    found = streamed((high, low, close, volume), np.zeros(count, dtype=np.int64), *periods)

    assert not np.isnan(found[-1]).any()
    assert np.isnan(found[-2]).any()


def test_a_row_that_is_no_instrument_is_refused():
    one = np.ones(1)

    for row in (-1, 2):
        with pytest.raises(Invalid, match="rows"):
            StreamingEngine(2).update(np.array([row]), one, one, one, volume=one, session=np.zeros(1, dtype=np.int64))


@pytest.mark.parametrize(
    ("core", "wide", "field"),
    [
        (CorePeriods(rsi=1), None, "rsi"),
        (CorePeriods(macd_fast=26), None, "macd_fast"),
        (None, WidePeriods(volume=0), "volume"),
        (None, WidePeriods(span=1), "span"),
    ],
)
def test_windows_that_say_nothing_are_refused(core, wide, field):
    with pytest.raises(Invalid) as caught:
        StreamingEngine(1, core, wide)

    assert caught.value.field == field


def test_the_seven_alone_equal_the_seven_among_all():
    close = 100 + np.cumsum(np.random.default_rng(3).normal(0, 1, 200))
    session, rows = np.zeros(200, dtype=np.int64), np.zeros(200, dtype=np.int64)

    everything = streamed((close + 1, close - 1, close, np.ones(200)), session)
    seven = CoreStream(1).update(rows, close + 1, close - 1, close)

    np.testing.assert_array_equal(seven, everything[:, : Reading.VWAP])
