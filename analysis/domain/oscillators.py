"""Oscillators: how far a price went within its own recent range, without unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analysis.domain.talib_calls import computed, computed_all
from analysis.domain.typical import TIE, typical_price
from brokers.domain.market import Float64Array1D


def rsi(values: Float64Array1D, period: int = 14) -> Float64Array1D:
    r"""Return Wilder's relative strength index.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
    period : int
        Wilder's period in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 100; NaN for the first `period` bars; 0 where nothing moved at all.

    Notes
    -----
    .. math:: I_t = 100 \frac{u_t}{u_t + d_t}, \quad u_t = \frac{(p - 1) u_{t-1} + \max(x_t - x_{t-1}, 0)}{p}

    and d the same of the falls, both seeded with the mean of the first p changes. Source: Wilder
    (1978); TA-Lib, ``TA_RSI``.
    """
    return computed("RSI", values, timeperiod=period)


class Stochastic(NamedTuple):
    """The slow stochastic: %K and its average %D, from 0 to 100."""

    k: Float64Array1D
    d: Float64Array1D


def stochastic(
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    period: int = 14,
    *,
    smooth: int = 3,
    signal: int = 3,
) -> Stochastic:
    r"""Return the slow stochastic oscillator.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period : int
        Window of the extremes in bars, from 2.
    smooth, signal : int
        Simple averages of %K and of %D, from 1.

    Returns
    -------
    Stochastic
        Columns from 0 to 100; NaN for the first ``period + smooth + signal - 3`` bars.

    Notes
    -----
    .. math:: k_t = 100 \frac{c_t - \min l}{\max h - \min l}, \quad K = SMA_{smooth}(k), \quad D = SMA_{signal}(K)

    with k = 0 where the window has no range. Source: George Lane; TA-Lib, ``TA_STOCH``.
    """
    return Stochastic(
        *computed_all("STOCH", 2, high, low, close, fastk_period=period, slowk_period=smooth, slowd_period=signal)
    )


def cci(high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, period: int = 20) -> Float64Array1D:
    r"""Return the commodity channel index.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    period : int
        Window in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        Without unit, mostly within 100 either way; NaN for the first ``period - 1`` bars.

    Notes
    -----
    .. math:: C_t = \frac{q_t - \bar q_t}{0.015 \cdot \frac{1}{p} \sum |q_i - \bar q_t|}

    where q is the typical price (h + l + c) / 3 and the bar its mean over the window; 0 where all
    of the window is one price but for rounding.
    Source: Donald Lambert (1980); TA-Lib, ``TA_CCI``.
    """
    index = computed("CCI", high, low, close, timeperiod=period)
    prices = typical_price(high, low, close)
    top, bottom = computed("MAX", prices, timeperiod=period), computed("MIN", prices, timeperiod=period)
    result: Float64Array1D = np.where(top - bottom <= TIE * np.abs(top), 0.0, index)
    return result
