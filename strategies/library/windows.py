"""Measures over a window of bars that are the same whatever came before the window."""

from __future__ import annotations

import numpy as np

from brokers.domain.market import Float64Array1D

# Standard deviations of a logarithm below this are float noise around a price that did not move.
_STILL = 1e-9
# windows at a time: a deviation needs them as a table
_ROWS = 20_000


def rolling_vwap(
    high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, volume: Float64Array1D, bars: int
) -> Float64Array1D:
    r"""Return the volume-weighted average price of the last bars.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    volume : ndarray of float64, shape (n,)
        Units traded within each bar; NaN counts as none.
    bars : int
        From 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the prices; NaN for the first ``bars - 1`` and where nothing traded.

    Notes
    -----
    .. math:: v_t = \frac{\sum_{i < b} \tfrac{1}{3}(h + l + c)_{t-i} q_{t-i}}{\sum_{i < b} q_{t-i}}
    """
    traded = np.nan_to_num(volume, nan=0.0)
    value = np.where(traded > 0.0, (high + low + close) / 3.0 * traded, 0.0)
    result = np.full(close.shape, np.nan)
    if close.size >= bars:
        windows = np.lib.stride_tricks.sliding_window_view
        units = windows(traded, bars).sum(axis=1)
        np.divide(windows(value, bars).sum(axis=1), units, out=result[bars - 1 :], where=units > 0.0)
    return result


def z_score(values: Float64Array1D, bars: int) -> Float64Array1D:
    r"""Return how many standard deviations each value lies from the mean of its window.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Logarithms of a ratio, so that a deviation below 1e-9 is no movement.
    bars : int
        Window with the value itself in it, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        Without unit, at most ``(bars - 1) / sqrt(bars)`` either way; NaN for the first ``bars - 1``,
        where the window holds a NaN, and where nothing moved.

    Notes
    -----
    .. math:: z_t = (x_t - \bar x_t) / s_t

    with the population's deviation s over the window.
    """
    result = np.full(values.shape, np.nan)
    if values.size < bars:
        return result
    windows = np.lib.stride_tricks.sliding_window_view(values, bars)
    for begin in range(0, len(windows), _ROWS):
        part = windows[begin : begin + _ROWS]
        spread = part.std(axis=1)
        place = slice(begin + bars - 1, begin + bars - 1 + len(part))
        np.divide(part[:, -1] - part.mean(axis=1), spread, out=result[place], where=spread > _STILL)
    return result
