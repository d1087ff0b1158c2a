"""Weeks and months out of daily candles, and what of them was known on each day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from analysis.domain.daily import DailySeries
from analysis.domain.movers import month_of, week_of
from brokers.domain.market import Float64Array1D, Int64Array1D


class Timeframe(StrEnum):
    """How long a candle is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Framed:
    """A series in another timeframe, and for each of its days the place of the last candle that was complete, or -1."""

    series: DailySeries
    known: Int64Array1D

    def by_day(self, column: Float64Array1D) -> Float64Array1D:
        """Spread a column of the timeframe over the days: each has the value that was known on it."""
        if column.size == 0:
            return np.full(self.known.shape, np.nan)
        return np.where(self.known >= 0, column[np.maximum(self.known, 0)], np.nan)


def framed(series: DailySeries, timeframe: Timeframe) -> Framed:
    """Return a series in a timeframe.

    A week or month counts from the first day after it, never while it forms: which session is its last is
    a matter of holidays that were not all known before.
    """
    if timeframe is Timeframe.DAY or len(series) == 0:
        return Framed(series=series, known=np.arange(len(series), dtype=np.int64))
    period = week_of(series.day) if timeframe is Timeframe.WEEK else month_of(series.day)
    starts = np.flatnonzero(np.r_[True, np.diff(period) != 0])
    ends = np.r_[starts[1:], len(series)] - 1
    long = replace(
        series,
        day=series.day[ends],
        open=series.open[starts],
        high=np.maximum.reduceat(series.high, starts),
        low=np.minimum.reduceat(series.low, starts),
        close=series.close[ends],
        volume=np.add.reduceat(series.volume, starts),
        scale=series.scale[ends],
    )
    own = np.searchsorted(starts, np.arange(len(series)), side="right") - 1
    return Framed(series=long, known=own - 1)
