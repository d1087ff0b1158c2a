"""Indicators over whole histories: float64 arrays in, float64 arrays of the same length out.

Every value depends on its own bar and those before it alone, so a growing history never changes
what was computed earlier. Leading NaN are skipped; a later NaN makes all that recursion or a
running sum can reach NaN too, because a gap in prices must be seen and not averaged away.
"""

from __future__ import annotations

from typing import NamedTuple

from analysis.domain.talib_calls import computed, computed_all
from brokers.domain.market import Float64Array1D


def ema(values: Float64Array1D, period: int) -> Float64Array1D:
    r"""Return the exponential moving average.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    period : int
        Span in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of `values`; NaN for the first ``period - 1`` bars.

    Notes
    -----
    .. math:: e_t = e_{t-1} + \frac{2}{p + 1} (x_t - e_{t-1})

    seeded at bar p with the simple mean of the first p values. Source: TA-Lib, ``TA_EMA`` in its
    classic compatibility.
    """
    return computed("EMA", values, timeperiod=period)


def sma(values: Float64Array1D, period: int) -> Float64Array1D:
    r"""Return the simple moving average.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    period : int
        Window in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of `values`; NaN for the first ``period - 1`` bars.

    Notes
    -----
    .. math:: s_t = \frac{1}{p} \sum_{i=0}^{p-1} x_{t-i}

    Source: TA-Lib, ``TA_SMA`` (a running sum).
    """
    return computed("SMA", values, timeperiod=period)


def atr(high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, period: int) -> Float64Array1D:
    r"""Return Wilder's average true range.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period : int
        Wilder's period in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the prices; NaN for the first `period` bars.

    Notes
    -----
    .. math::
        r_t = \max(h_t - l_t, |h_t - c_{t-1}|, |l_t - c_{t-1}|), \quad
        a_t = \frac{(p - 1) a_{t-1} + r_t}{p}

    seeded with the mean of the first p true ranges. Source: J. Welles Wilder, New Concepts in
    Technical Trading Systems (1978); TA-Lib, ``TA_ATR``.
    """
    return computed("ATR", high, low, close, timeperiod=period)


class Macd(NamedTuple):
    """The difference of two exponential averages, its own average, and the distance of the two."""

    line: Float64Array1D
    signal: Float64Array1D
    histogram: Float64Array1D


def macd(values: Float64Array1D, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    r"""Return the moving average convergence/divergence.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    fast, slow : int
        Spans in bars, from 2, in either order.
    signal : int
        Span in bars of the signal, from 1.

    Returns
    -------
    Macd
        Three columns in the unit of `values`; NaN for the first ``slow + signal - 2`` bars.

    Notes
    -----
    .. math:: m_t = e^{fast}_t - e^{slow}_t, \quad s_t = EMA_{signal}(m)_t, \quad h_t = m_t - s_t

    Both averages are seeded at bar `slow`, the fast one with the mean of the `fast` values up to
    it. Source: TA-Lib, ``TA_MACD``.
    """
    return Macd(*computed_all("MACD", 3, values, fastperiod=fast, slowperiod=slow, signalperiod=signal))


class Directional(NamedTuple):
    """Wilder's trend strength, and how much of the range went up and down; all in 0 to 100."""

    adx: Float64Array1D
    plus: Float64Array1D
    minus: Float64Array1D


def adx(high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, period: int = 14) -> Float64Array1D:
    r"""Return Wilder's average directional index.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period : int
        Wilder's period in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 100, without unit; NaN for the first ``2 * period - 1`` bars.

    Notes
    -----
    .. math::
        D_t = 100 \frac{|d^+_t - d^-_t|}{d^+_t + d^-_t}, \quad A_t = \frac{(p - 1) A_{t-1} + D_t}{p}

    where d are the directional indicators; a bar without any range leaves the index as it was.
    Source: Wilder (1978); TA-Lib, ``TA_ADX``.
    """
    return computed("ADX", high, low, close, timeperiod=period)


def directional(high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, period: int = 14) -> Directional:
    r"""Return the average directional index with the two indicators it is made of.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period : int
        Wilder's period in bars, from 2.

    Returns
    -------
    Directional
        Columns from 0 to 100, without unit; `plus` and `minus` are NaN for the first `period` bars.

    Notes
    -----
    .. math:: d^\pm_t = 100 \frac{M^\pm_t}{R_t}, \quad X_t = X_{t-1} - \frac{X_{t-1}}{p} + x_t

    where M are the movements beyond the day before and R the true ranges, all summed by Wilder's
    way X. Source: Wilder (1978); TA-Lib, ``TA_PLUS_DI``, ``TA_MINUS_DI``.
    """
    return Directional(
        adx=adx(high, low, close, period),
        plus=computed("PLUS_DI", high, low, close, timeperiod=period),
        minus=computed("MINUS_DI", high, low, close, timeperiod=period),
    )


def regression_slope(values: Float64Array1D, period: int = 14) -> Float64Array1D:
    r"""Return the slope of the straight line that fits the last bars best.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    period : int
        Window in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of `values` per bar; NaN for the first ``period - 1`` bars.

    Notes
    -----
    .. math:: b_t = \frac{p \sum i x_i - \sum i \sum x_i}{p \sum i^2 - (\sum i)^2}

    least squares over the window, i counting its bars. Source: TA-Lib, ``TA_LINEARREG_SLOPE``.
    """
    return computed("LINEARREG_SLOPE", values, timeperiod=period)
