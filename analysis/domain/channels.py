"""Channels: an upper and a lower line that prices are expected to stay between, or to leave with force."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from analysis.domain import supertrend_loop
from analysis.domain.indicators import atr, ema
from analysis.domain.talib_calls import check_lengths, computed, computed_all
from brokers.domain.market import Float64Array1D


class Channel(NamedTuple):
    """Three lines in the unit of the prices."""

    upper: Float64Array1D
    middle: Float64Array1D
    lower: Float64Array1D


def bollinger(values: Float64Array1D, period: int = 20, deviations: float = 2.0) -> Channel:
    r"""Return Bollinger's bands.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    period : int
        Window in bars, from 2.
    deviations : float
        Population standard deviations between the middle and either band.

    Returns
    -------
    Channel
        NaN for the first ``period - 1`` bars.

    Notes
    -----
    .. math:: m_t = SMA_p(x)_t, \quad b^\pm_t = m_t \pm d \sqrt{\tfrac{1}{p} \sum (x_i - m_t)^2}

    Computed on distances from the first value: sums of squares of a price keep too few digits of
    a small deviation. Source: John Bollinger; TA-Lib, ``TA_BBANDS``.
    """
    known = values[~np.isnan(values)]
    base = known[0] if known.size else 0.0
    bands = computed_all("BBANDS", 3, values - base, timeperiod=period, nbdevup=deviations, nbdevdn=deviations)
    return Channel(*(band + base for band in bands))


def donchian(high: Float64Array1D, low: Float64Array1D, period: int = 20) -> Channel:
    r"""Return Donchian's channel: the highest high and the lowest low, the bar itself among them.

    Parameters
    ----------
    high, low : ndarray of float64, shape (n,)
    period : int
        Window in bars, from 2.

    Returns
    -------
    Channel
        NaN for the first ``period - 1`` bars.

    Notes
    -----
    .. math:: u_t = \max_{i < p} h_{t-i}, \quad l_t = \min_{i < p} l_{t-i}, \quad m_t = \tfrac{1}{2}(u_t + l_t)

    Source: TA-Lib, ``TA_MAX`` and ``TA_MIN``.
    """
    check_lengths(high, low)
    upper, lower = highest(high, period), lowest(low, period)
    return Channel(upper=upper, middle=(upper + lower) / 2.0, lower=lower)


def keltner(
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    period: int = 20,
    *,
    atr_period: int = 10,
    ranges: float = 2.0,
) -> Channel:
    r"""Return Keltner's channel in its present form.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period, atr_period : int
        Bars of the exponential average and of the average true range, from 2.
    ranges : float
        Average true ranges between the middle and either line.

    Returns
    -------
    Channel
        NaN until both averages exist.

    Notes
    -----
    .. math:: m_t = EMA_p(c)_t, \quad k^\pm_t = m_t \pm r \cdot ATR_a(t)

    Source: Chester Keltner (1960) in Linda Raschke's form.
    """
    middle, reach = ema(close, period), ranges * atr(high, low, close, atr_period)
    return Channel(upper=middle + reach, middle=middle, lower=middle - reach)


class Ichimoku(NamedTuple):
    """Ichimoku's lines as they stand under today's bar; the cloud is the one drawn `base` bars ago."""

    conversion: Float64Array1D
    base: Float64Array1D
    span_a: Float64Array1D
    span_b: Float64Array1D


def ichimoku(
    high: Float64Array1D, low: Float64Array1D, conversion: int = 9, base: int = 26, span: int = 52
) -> Ichimoku:
    r"""Return Ichimoku's lines, none of which looks ahead.

    Parameters
    ----------
    high, low : ndarray of float64, shape (n,)
    conversion, base, span : int
        Windows in bars, from 2; the cloud is shifted by `base`.

    Returns
    -------
    Ichimoku
        In the unit of the prices; NaN until the windows are full.

    Notes
    -----
    .. math::
        T = M_{9}, \quad K = M_{26}, \quad A_t = \tfrac{1}{2}(T + K)_{t-26}, \quad B_t = (M_{52})_{t-26}

    with M the middle of Donchian's channel. The lagging span, today's close drawn 26 bars back, is
    left to the chart: as a column it would be the future of every bar but the last 26. Source:
    Goichi Hosoda (1969).
    """
    fast, slow = donchian(high, low, conversion).middle, donchian(high, low, base).middle
    return Ichimoku(
        conversion=fast,
        base=slow,
        span_a=_later((fast + slow) / 2.0, base),
        span_b=_later(donchian(high, low, span).middle, base),
    )


class Supertrend(NamedTuple):
    """The trailing line in the unit of the prices, and 1.0 while it lies below them, -1.0 while above."""

    line: Float64Array1D
    direction: Float64Array1D


def supertrend(
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    period: int = 10,
    ranges: float = 3.0,
    *,
    is_alone: bool = False,
) -> Supertrend:
    r"""Return the supertrend.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period : int
        Bars of the average true range, from 2.
    ranges : float
        Average true ranges between the middle of a bar and either line.
    is_alone : bool
        For one history in a process that compiles nothing: the same loop as plain Python, a millisecond for years.

    Returns
    -------
    Supertrend
        NaN for the first `period` bars; the first direction is down, as on common charts.

    Notes
    -----
    .. math:: b^\pm_t = \tfrac{1}{2}(h_t + l_t) \pm r \cdot ATR_p(t)

    The upper line only falls and the lower only rises, until the close before crossed it. A close
    above the upper line turns the trend up, one below the lower line turns it down. Source:
    Olivier Seban.
    """
    reach = ranges * atr(high, low, close, period)
    line, direction = np.full(close.shape, np.nan), np.full(close.shape, np.nan)
    if close.size > period:
        trail = supertrend_loop.trail if is_alone else _compiled()
        trail((high + low) / 2.0, reach, np.ascontiguousarray(close), line, direction)
    return Supertrend(line=line, direction=direction)


def _compiled() -> Callable[..., None]:
    from analysis.domain.supertrend_kernel import trail

    return trail


def highest(values: Float64Array1D, period: int) -> Float64Array1D:
    """Return the highest value of the last `period` bars, the bar itself among them; NaN before."""
    return computed("MAX", values, timeperiod=period)


def lowest(values: Float64Array1D, period: int) -> Float64Array1D:
    """Return the lowest value of the last `period` bars, the bar itself among them; NaN before."""
    return computed("MIN", values, timeperiod=period)


def _later(values: Float64Array1D, bars: int) -> Float64Array1D:
    result = np.full(values.shape, np.nan)
    result[bars:] = values[: max(values.size - bars, 0)]
    return result
