"""Returns over numbers of bars, and strength against others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from brokers.domain.market import Float64Array1D, Int64Array1D

RELATIVE_STRENGTH_BARS = 252


def bar_return(close: Float64Array1D, bars: int) -> Float64Array1D:
    r"""Return the relative change over a number of bars.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
    bars : int
        From 1.

    Returns
    -------
    ndarray of float64, shape (n,)
        0.02 for two per cent; NaN for the first `bars` bars.

    Notes
    -----
    .. math:: r_t = c_t / c_{t-b} - 1
    """
    result = np.full(close.shape, np.nan)
    if close.size > bars:
        result[bars:] = close[bars:] / close[:-bars] - 1.0
    return result


def period_return(close: Float64Array1D, period: Int64Array1D) -> Float64Array1D:
    """Return the change since the last close of the period before (week, month), NaN in the first period.

    `period` numbers each bar's week or month, not decreasing.
    """
    result = np.full(close.shape, np.nan)
    if close.size:
        starts = np.flatnonzero(np.diff(period)) + 1
        first = np.zeros(close.size, dtype=np.int64)
        first[starts] = starts
        base = np.maximum.accumulate(first)
        known = base > 0
        result[known] = close[known] / close[base[known] - 1] - 1.0
    return result


def relative_strength(close: Float64Array1D) -> Float64Array1D:
    r"""Return the weighted return that relative strength ranks.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
        Adjusted closes.

    Returns
    -------
    ndarray of float64, shape (n,)
        Without unit; NaN for the first 252 bars.

    Notes
    -----
    .. math:: s_t = 0.4 r_{63} + 0.2 (r_{126} + r_{189} + r_{252})
    """
    quarter, rest = bar_return(close, 63), (bar_return(close, bars) for bars in (126, 189, RELATIVE_STRENGTH_BARS))
    weighted: Float64Array1D = 0.4 * quarter + 0.2 * sum(rest)
    return weighted


def ratings(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    r"""Return the percentile of each score within its row, the universe of a day.

    Parameters
    ----------
    scores : ndarray of float64, shape (days, symbols)
        NaN where a symbol was not a member or has no score.

    Returns
    -------
    ndarray of float64, shape (days, symbols)
        From 0 (the weakest) to 100 (the strongest); NaN where the score is, and where nobody else has one.

    Notes
    -----
    .. math:: p = 100 \frac{\#\{lower\} + \tfrac{1}{2} \#\{equal\}}{n - 1}

    equal ones counted without the symbol itself.
    """
    result = np.full(scores.shape, np.nan)
    for row, own in zip(result, scores, strict=True):
        known = np.flatnonzero(~np.isnan(own))
        if known.size > 1:
            ordered = np.sort(own[known])
            lower = np.searchsorted(ordered, own[known], side="left")
            equal = np.searchsorted(ordered, own[known], side="right") - lower - 1
            row[known] = 100.0 * (lower + equal / 2.0) / (known.size - 1)
    return result
