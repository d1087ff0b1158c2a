"""Indicators over whole histories: float64 arrays in, float64 arrays of the same length out.

Every value depends on its own bar and those before it alone, so a growing history never changes
what was computed earlier. Leading NaN are skipped; a later NaN makes all that recursion or a
running sum can reach NaN too, because a gap in prices must be seen and not averaged away.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D, Int64Array1D


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
    return _computed("EMA", (values,), period)


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
    return _computed("SMA", (values,), period)


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
    return _computed("ATR", (high, low, close), period)


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
        result[part] = _ratio(np.cumsum(value[part]), units)
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
    return _ratio(volume, usual)


def _computed(name: str, columns: tuple[Float64Array1D, ...], period: int) -> Float64Array1D:
    if period < 2:
        raise Invalid(f"a period must be at least 2 bars, not {period}", code="indicator.period", field="period")
    if any(column.shape != columns[0].shape for column in columns):
        raise Invalid("columns of an indicator must have one length", code="indicator.shape")
    whole: Float64Array1D = columns[0] if len(columns) == 1 else np.sum(columns, axis=0)
    if columns[0].size == 0 or (np.isnan(whole[-1]) and np.isnan(whole).all()):
        return np.full(columns[0].shape, np.nan)
    result: Float64Array1D = getattr(_talib(), name)(*columns, timeperiod=period)
    return result


def _talib() -> Any:
    # it imports pandas where that is installed: a second and 60 MB that only its callers pay
    import talib

    return talib


def _ratio(above: Float64Array1D, below: Float64Array1D) -> Float64Array1D:
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=below > 0.0)
    return result


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
        means[row] = np.where(
            counted >= minimum, _ratio(np.nansum(earlier, axis=0), counted.astype(np.float64)), np.nan
        )
    result: Float64Array1D = means[day, minute]
    return result
