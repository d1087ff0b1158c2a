"""Indicators of volume: where it traded, and how much of it is unusual."""

from __future__ import annotations

import numpy as np

from analysis.domain.ratios import ratio
from analysis.domain.talib_calls import check_lengths, check_period, computed
from analysis.domain.typical import typical_price
from brokers.domain.market import Float64Array1D, Int64Array1D


def session_vwap(
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    volume: Float64Array1D,
    session: Int64Array1D,
) -> Float64Array1D:
    r"""Return the volume-weighted average price since each session's open.

    Parameters
    ----------
    high, low, close : ndarray of float64, shape (n,)
    volume : ndarray of float64, shape (n,)
        Units traded within each bar; NaN counts as none.
    session : ndarray of int64, shape (n,)
        The session each bar begins in, equal within one and contiguous; sessions are half-open,
        so a bar that begins at a session's end is not part of it.

    Returns
    -------
    ndarray of float64, shape (n,)
        In the unit of the prices; NaN until the session's first trade.

    Notes
    -----
    .. math:: v_t = \frac{\sum_{i \le t} \tfrac{1}{3}(h_i + l_i + c_i) q_i}{\sum_{i \le t} q_i}

    over the bars i of the same session. The typical price stands for a bar's trades, whose own
    prices a bar does not keep.
    """
    traded = np.nan_to_num(volume, nan=0.0)
    value = np.where(traded > 0.0, (high + low + close) / 3.0 * traded, 0.0)
    result = np.full(close.shape, np.nan)
    starts = np.flatnonzero(np.diff(session)) + 1
    # session by session, so that a long history loses no digits to a common running sum
    for part in np.split(np.arange(close.size), starts):
        units = np.cumsum(traded[part])
        result[part] = ratio(np.cumsum(value[part]), units)
    return result


def relative_volume(
    volume: Float64Array1D,
    session: Int64Array1D,
    offset_ns: Int64Array1D,
    *,
    sessions: int = 10,
    minimum_sessions: int = 3,
    recent_bars: int = 20,
) -> Float64Array1D:
    r"""Return each bar's volume over what is usual for it.

    Usual is the mean of the same minute in up to `sessions` earlier sessions. Where fewer than
    `minimum_sessions` of them traded that minute, it is the mean of the `recent_bars` bars before.

    Parameters
    ----------
    volume : ndarray of float64, shape (n,)
        Units traded within each bar.
    session : ndarray of int64, shape (n,)
        The session of each bar, not decreasing.
    offset_ns : ndarray of int64, shape (n,)
        Nanoseconds from the session's open to the bar's start: the minute.
    sessions, minimum_sessions, recent_bars : int

    Returns
    -------
    ndarray of float64, shape (n,)
        A ratio without unit; NaN where neither mean exists or the usual volume is zero.

    Notes
    -----
    .. math:: \rho_t = q_t / \bar q(t)

    with the mean never including the bar itself.
    """
    usual = _same_minute_mean(volume, session, offset_ns, sessions=sessions, minimum=minimum_sessions)
    usual = np.where(np.isnan(usual), _previous_mean(volume, recent_bars), usual)
    return ratio(volume, usual)


def volume_ratio(volume: Float64Array1D, period: int = 20) -> Float64Array1D:
    r"""Return each bar's volume over the mean of the bars before it.

    Parameters
    ----------
    volume : ndarray of float64, shape (n,)
        Units traded within each bar.
    period : int
        Bars in the mean, from 1; the bar itself is not among them.

    Returns
    -------
    ndarray of float64, shape (n,)
        A ratio without unit; NaN for the first `period` bars and where the mean is zero.

    Notes
    -----
    .. math:: \rho_t = q_t / \tfrac{1}{p} \sum_{i=1}^{p} q_{t-i}
    """
    check_period(period, least=1)
    return ratio(volume, _previous_mean(volume, period))


def obv(close: Float64Array1D, volume: Float64Array1D) -> Float64Array1D:
    r"""Return the on-balance volume.

    Parameters
    ----------
    close, volume : ndarray of float64, shape (n,)

    Returns
    -------
    ndarray of float64, shape (n,)
        Units; it starts with the first bar's volume, so that only its changes mean something.

    Notes
    -----
    .. math:: o_t = o_{t-1} + \operatorname{sign}(c_t - c_{t-1}) q_t

    Source: Joseph Granville (1963); TA-Lib, ``TA_OBV``.
    """
    return computed("OBV", close, volume)


def mfi(
    high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, volume: Float64Array1D, period: int = 14
) -> Float64Array1D:
    r"""Return the money flow index.

    Parameters
    ----------
    high, low, close, volume : ndarray of float64, shape (n,)
    period : int
        Window in bars, from 2.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 100; NaN for the first `period` bars; 0 where less than 1 flowed either way.

    Notes
    -----
    .. math:: F_t = 100 \frac{\sum f^+}{\sum f^+ + \sum f^-}, \quad f_t = \tfrac{1}{3}(h_t + l_t + c_t) q_t

    a flow counts up or down as its typical price rose or fell against the bar before; a tie is
    neither, also where rounding would make one of it. Source: Gene Quong and Avrum Soudack (1989);
    TA-Lib, ``TA_MFI``.
    """
    check_lengths(high, low, close, volume)
    prices = typical_price(high, low, close)
    return computed("MFI", prices, prices, prices, volume, timeperiod=period)


def _previous_mean(volume: Float64Array1D, count: int) -> Float64Array1D:
    result = np.full(volume.shape, np.nan)
    if volume.size > count:
        windows = np.lib.stride_tricks.sliding_window_view(volume, count)[:-1]
        result[count:] = windows.mean(axis=1)
    return result


def _same_minute_mean(
    volume: Float64Array1D,
    session: Int64Array1D,
    offset_ns: Int64Array1D,
    *,
    sessions: int,
    minimum: int,
) -> Float64Array1D:
    days, day = np.unique(session, return_inverse=True)
    minutes, minute = np.unique(offset_ns, return_inverse=True)
    table = np.full((days.size, minutes.size), np.nan)
    table[day, minute] = volume
    means = np.full(table.shape, np.nan)
    for row in range(1, days.size):
        earlier = table[max(row - sessions, 0) : row]
        counted = np.count_nonzero(~np.isnan(earlier), axis=0)
        means[row] = np.where(counted >= minimum, ratio(np.nansum(earlier, axis=0), counted.astype(np.float64)), np.nan)
    result: Float64Array1D = means[day, minute]
    return result
