"""Daily candles as bars, one a day."""

from __future__ import annotations

from datetime import date

import numpy as np

from analysis.domain.daily import DailySeries, day_number
from brokers.domain.clock import IST
from brokers.domain.errors import DataError
from brokers.domain.market import NANOSECONDS, Bars
from strategies.domain.backtest.engine import DAY_NS, offset_ns

FEWEST_DAYS = 60


def bars_of(series: DailySeries) -> Bars:
    """Return an instrument's days as bars that begin at midnight in India."""
    return Bars(
        instrument=series.symbol,
        interval_s=DAY_NS // NANOSECONDS,
        start_ns=series.day * DAY_NS - offset_ns(IST),
        open=series.open,
        high=series.high,
        low=series.low,
        close=series.close,
        volume=series.volume,
    )


def between(series: DailySeries, since: date | None, until: date | None) -> DailySeries:
    """Return the candles from one day to another, both with them; raises DataError where too few are left."""
    first = 0 if since is None else int(np.searchsorted(series.day, day_number(since)))
    last = len(series) if until is None else int(np.searchsorted(series.day, day_number(until), side="right"))
    if last - first < FEWEST_DAYS:
        raise DataError(
            f"{series.symbol} has {max(last - first, 0)} daily candles between these days, {FEWEST_DAYS} are the least",
            code="backtest.few_days",
        )
    return series.part(slice(first, last))
