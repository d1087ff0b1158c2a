"""Many walks over the same bars, compiled: each combination's equity is judged and forgotten."""

# ruff: noqa: PLR0917 - a kernel takes columns and numbers, by position

from __future__ import annotations

import numpy as np

from analysis.domain.kernels import kernel
from brokers.domain.market import Float64Array1D, Int64Array1D
from strategies.domain.backtest.kernels import FILL_COLUMNS, Money, Prices, survey, walk
from strategies.domain.backtest.terms import Float64Array2D

# columns of a table of figures, one row a combination
FINAL, SHARPE_DAILY, MAX_DRAWDOWN, FILLS = range(4)
FIGURE_COLUMNS = 4


@kernel
def walk_each(
    prices: Prices,
    exposures: Float64Array2D,
    rates: Float64Array2D,
    rate_from: Int64Array1D,
    money: Money,
    sizing: int,
    guards: tuple[float, float, float],
    at_close: bool,
    day_ends: Int64Array1D,
    figures: Float64Array2D,
    returns: Float64Array2D,
) -> None:
    """Walk every row of `exposures` and fill its row of `figures`, and of `returns` where that has any."""
    equity = np.empty(prices[3].size)
    for row in range(len(exposures)):
        fills = np.empty((2 * max(survey(exposures[row]), 0), FILL_COLUMNS))
        count = walk(prices, exposures[row], rates, rate_from, money, sizing, guards, at_close, equity, fills)
        judge(equity, day_ends, money[0], figures[row])
        figures[row, FILLS] = count
        if len(returns):
            daily_returns(equity, day_ends, money[0], returns[row])


@kernel
def walk_crossings(
    prices: Prices,
    averages: Float64Array2D,
    pairs: Int64Array1D,
    begins: Int64Array1D,
    joins_late: bool,
    rates: Float64Array2D,
    rate_from: Int64Array1D,
    money: Money,
    sizing: int,
    at_close: bool,
    day_ends: Int64Array1D,
    figures: Float64Array2D,
) -> None:
    """Walk every pair of averages, long while the first is above the second; `pairs` holds their rows, two by two."""
    size = prices[3].size
    equity, exposure, fills = np.empty(size), np.empty(size), np.empty((2 * size, FILL_COLUMNS))
    for row in range(len(figures)):
        crossing(averages[pairs[2 * row]], averages[pairs[2 * row + 1]], begins[row], joins_late, exposure)
        count = walk(prices, exposure, rates, rate_from, money, sizing, (0.0, 0.0, 0.0), at_close, equity, fills)
        judge(equity, day_ends, money[0], figures[row])
        figures[row, FILLS] = count


@kernel
def crossing(
    fast: Float64Array1D, slow: Float64Array1D, begins: int, joins_late: bool, exposure: Float64Array1D
) -> None:
    """Fill `exposure` with 1 above and 0 below; NaN before `begins`, on a tie, and in what it is too late to join."""
    joined = begins
    if not joins_late:
        # a standing wish is no event; being flat needs none
        while joined < fast.size and not (fast[joined] < slow[joined]):
            joined += 1
    exposure[:joined] = np.nan
    # parts that begin at 0: several bars at a time, since no place can lie before them
    above, below, wanted = fast[joined:], slow[joined:], exposure[joined:]
    for t in range(wanted.size):
        wanted[t] = 1.0 if above[t] > below[t] else (0.0 if above[t] < below[t] else np.nan)


@kernel
def simple_averages(values: Float64Array1D, periods: Int64Array1D) -> Float64Array2D:
    """Return a running mean for each period as rows; NaN before it exists."""
    averages = np.full((periods.size, values.size), np.nan)
    for row in range(periods.size):
        period, total = periods[row], 0.0
        for t in range(min(period, values.size)):
            total += values[t]
        if period <= values.size:
            averages[row, period - 1] = total / period
        for t in range(period, values.size):
            total += values[t] - values[t - period]
            averages[row, t] = total / period
    return averages


@kernel
def judge(equity: Float64Array1D, day_ends: Int64Array1D, capital: float, figures: Float64Array1D) -> None:
    """Fill the final equity, the daily Sharpe ratio (0 where nothing varies) and the deepest daily drawdown."""
    before, total, squares = capital, 0.0, 0.0
    # only what lies below the floor is a deeper fall than any before
    peak, floor, deepest = capital, capital, 0.0
    for place in range(day_ends.size):
        now = equity[day_ends[place]]
        if now == before:
            continue  # an idle day: nothing was earned, and no new depth reached
        one = now / before - 1.0 if before > 0.0 else 0.0
        total += one
        squares += one * one
        if now > peak:
            peak, floor = now, now * (1.0 - deepest)
        if now < floor:
            deepest = 1.0 - now / peak
            floor = now
        before = now
    days = day_ends.size
    mean = total / days
    variance = (squares - days * mean * mean) / max(days - 1, 1)
    figures[FINAL], figures[MAX_DRAWDOWN] = equity[-1], deepest
    figures[SHARPE_DAILY] = mean / np.sqrt(variance) if variance > 1e-24 else 0.0


@kernel
def daily_returns(equity: Float64Array1D, day_ends: Int64Array1D, capital: float, returns: Float64Array1D) -> None:
    """Fill each day's return."""
    before = capital
    for place in range(day_ends.size):
        now = equity[day_ends[place]]
        returns[place] = now / before - 1.0 if before > 0.0 else 0.0
        before = now
