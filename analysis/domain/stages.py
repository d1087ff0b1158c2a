"""Weinstein's four stages of a stock's life."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from brokers.domain.market import Float64Array1D

STAGE_BARS = 150
_RISE_BARS = 20
_FLAT = 0.01


class Stage(IntEnum):
    """Where a stock stands against its 30-week average."""

    BASING = 1
    ADVANCING = 2
    TOPPING = 3
    DECLINING = 4


def stages(close: Float64Array1D, average: Float64Array1D) -> Float64Array1D:
    r"""Return the stage of each bar.

    Parameters
    ----------
    close : ndarray of float64, shape (n,)
    average : ndarray of float64, shape (n,)
        Its simple average over 150 bars, 30 weeks.

    Returns
    -------
    ndarray of float64, shape (n,)
        A `Stage` as a number; NaN until the average and its change over 20 bars exist, and while the
        stock has neither advanced nor declined yet.

    Notes
    -----
    Advancing: above an average that rose more than 1 % in 20 bars. Declining: below one that fell
    as much. Everything else is a pause, topping after an advance and basing after a decline.
    Source: Stan Weinstein, Secrets for Profiting in Bull and Bear Markets (1988); the 1 % is ours.
    """
    change = np.full(close.shape, np.nan)
    change[_RISE_BARS:] = average[_RISE_BARS:] / average[: max(average.size - _RISE_BARS, 0)] - 1.0
    moved = np.where(
        (close > average) & (change > _FLAT),
        Stage.ADVANCING,
        np.where((close < average) & (change < -_FLAT), Stage.DECLINING, 0),
    )
    last = np.maximum.accumulate(np.where(moved > 0, np.arange(close.size), 0)) if close.size else moved
    before = moved[last]
    paused = np.where(before == Stage.ADVANCING, Stage.TOPPING, np.where(before == Stage.DECLINING, Stage.BASING, 0))
    result = np.where(moved > 0, moved, paused).astype(np.float64)
    result[(result == 0.0) | np.isnan(change)] = np.nan
    return result
