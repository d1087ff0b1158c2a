"""One walk over several instruments that share their cash, compiled."""

# ruff: noqa: PLR0917 - a kernel takes columns and numbers, by position

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analysis.domain.kernels import kernel
from brokers.domain.market import Float64Array1D, Int64Array1D
from strategies.domain.backtest.kernels import CASH, COUNT, HELD, SIGNAL, TARGET, Money, full_units, protected, trade
from strategies.domain.backtest.terms import Float64Array2D

Float64Array3D = npt.NDArray[np.float64]
Tables = tuple[Float64Array2D, Float64Array2D, Float64Array2D, Float64Array2D]


@kernel
def walk_together(
    prices: Tables,
    exposures: Float64Array2D,
    rates: Float64Array3D,
    rate_from: Int64Array1D,
    money: Money,
    sizing: int,
    guards: tuple[float, float, float],
    at_close: bool,
    equity: Float64Array1D,
    fills: Float64Array3D,
    counts: Int64Array1D,
) -> None:
    """Trade all instruments bar by bar from one cash; arrays as those of `walk`, one row an instrument.

    At one time, orders that lessen a position go first and free what they bind; the others follow in the
    order of the instruments, each cut to what is left.
    """
    opens, highs, lows, closes = prices
    size, lot, slippage = money[1], money[2], money[4]
    stop, target, trail = guards
    many, bars = closes.shape
    books, cash, row = np.zeros((many, 5)), money[0], 0
    wanted, orders, waits = np.zeros(many), np.zeros(many), np.zeros(many, dtype=np.bool_)
    for t in range(bars):
        if row + 1 < rate_from.size and t >= rate_from[row + 1]:
            row += 1
        cash = _fill_waiting(t, opens[:, t], slippage, orders, waits, money, rates, row, cash, books, fills)
        for i in range(many):
            if books[i, HELD] != 0.0:
                price, cause = protected(books[i], opens[i, t], highs[i, t], lows[i, t], stop, target, trail)
                if cause != SIGNAL:
                    slip = 0.0 if cause == TARGET else slippage
                    cash = _settle(i, t, cause, 0.0, price, slip, opens[:, t], money, rates, row, cash, books, fills)
        worth = cash + np.sum(books[:, HELD] * closes[:, t])
        for i in range(many):
            one = exposures[i, t]
            if one == one and one != wanted[i]:  # noqa: PLR0124 - NaN alone differs from itself
                wanted[i], waits[i] = one, True
                orders[i] = full_units(one, closes[i, t], worth, sizing, size, lot)
        if at_close:
            cash = _fill_waiting(t, closes[:, t], slippage, orders, waits, money, rates, row, cash, books, fills)
        equity[t] = cash + np.sum(books[:, HELD] * closes[:, t])
    counts[:] = books[:, COUNT].astype(np.int64)


@kernel
def _fill_waiting(
    t: int,
    marks: Float64Array1D,
    slippage: float,
    orders: Float64Array1D,
    waits: npt.NDArray[np.bool_],
    money: Money,
    rates: Float64Array3D,
    row: int,
    cash: float,
    books: Float64Array2D,
    fills: Float64Array3D,
) -> float:
    for lessening in (True, False):
        for i in range(len(books)):
            held = books[i, HELD]
            lessens = orders[i] * held >= 0.0 and abs(orders[i]) <= abs(held)
            if waits[i] and lessens == lessening:
                waits[i] = False
                cash = _settle(
                    i, t, SIGNAL, orders[i], marks[i], slippage, marks, money, rates, row, cash, books, fills
                )
    return cash


@kernel
def _settle(
    i: int,
    t: int,
    cause: int,
    wanted: float,
    price: float,
    slippage: float,
    marks: Float64Array1D,
    money: Money,
    rates: Float64Array3D,
    row: int,
    cash: float,
    books: Float64Array2D,
    fills: Float64Array3D,
) -> float:
    """Trade one instrument as if what the others are worth lay in cash and bound its share of the leverage."""
    capital, size, lot, leverage, slip = money
    others, bound = 0.0, 0.0
    for j in range(len(books)):
        if j != i:
            others += books[j, HELD] * marks[j]
            bound += abs(books[j, HELD]) * marks[j]
    worth = cash + others + books[i, HELD] * price
    left = max(leverage - bound / worth, 0.0) if worth > 0.0 else 0.0
    books[i, CASH] = cash + others
    trade(t, cause, wanted, price, slippage, (capital, size, lot, left, slip), rates[i], row, books[i], fills[i])
    after: float = books[i, CASH] - others
    return after
