"""The loops of the fast backtest, compiled: one walk over the bars, and the round trips of its fills."""

# ruff: noqa: PLR0917 - a kernel takes columns and numbers, by position

from __future__ import annotations

import numpy as np

from analysis.domain.kernels import kernel
from brokers.domain.market import Float64Array1D, Int64Array1D
from strategies.domain.backtest.terms import (
    CAP,
    EXCHANGE,
    FRACTION,
    GST,
    SEBI,
    STAMP_BUY,
    TAX_BUY,
    TAX_SELL,
    UNIT,
    Float64Array2D,
)

# how a full position is sized, as numbers
BY_UNITS, BY_VALUE, BY_EQUITY = 0, 1, 2
# what caused a fill
SIGNAL, STOP, TARGET, TRAIL = 0, 1, 2, 3
# what a walk carries from bar to bar: cash, units, their average entry, the best price since, fills so far
CASH, HELD, ENTRY, BEST, COUNT = range(5)
FILL_COLUMNS = 6
Prices = tuple[Float64Array1D, Float64Array1D, Float64Array1D, Float64Array1D]
Money = tuple[float, float, float, float, float]
# a share of a lot that float noise may cost
_NOISE = 1e-9


@kernel
def first_fault(
    start_ns: Int64Array1D,
    open_: Float64Array1D,
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    volume: Float64Array1D,
) -> int:
    """Return the first row that no backtest may run on, or -1; what is wrong with it is told elsewhere."""
    # sound bars are the rule: a pass without a branch is several rows at a time
    is_sound = True
    for t in range(close.size):
        is_sound &= (low[t] > 0.0) & (high[t] < np.inf) & (volume[t] >= 0.0)
        is_sound &= (low[t] <= open_[t]) & (open_[t] <= high[t]) & (low[t] <= close[t]) & (close[t] <= high[t])
    for t in range(1, close.size):
        is_sound &= start_ns[t] > start_ns[t - 1]
    if is_sound:
        return -1
    for t in range(close.size):
        is_priced = low[t] > 0.0 and high[t] < np.inf
        # a NaN anywhere makes one of these false
        holds = low[t] <= open_[t] <= high[t] and low[t] <= close[t] <= high[t] and volume[t] >= 0.0
        if not (is_priced and holds) or (t > 0 and start_ns[t] <= start_ns[t - 1]):
            return t
    return -1


@kernel
def next_gap(start_ns: Int64Array1D, after: int, step_ns: int, longest_ns: int, day_ns: int, offset_ns: int) -> int:
    """Return the first bar from `after` on that its follower does not join as it should, or -1.

    Within a day bars lie `step_ns` apart, unless that is a day or more; nowhere more than `longest_ns`.
    """
    if after == 0:
        is_even = True
        for t in range(start_ns.size - 1):
            is_even &= start_ns[t + 1] - start_ns[t] == step_ns
        if is_even:
            return -1
    for t in range(after, start_ns.size - 1):
        apart = start_ns[t + 1] - start_ns[t]
        if apart == step_ns:
            continue
        is_same_day = (start_ns[t + 1] + offset_ns) // day_ns == (start_ns[t] + offset_ns) // day_ns
        if apart > longest_ns or (is_same_day and step_ns < day_ns):
            return t
    return -1


@kernel
def survey(exposure: Float64Array1D) -> int:
    """Return how many times the wanted exposure changes, or ``-row - 1`` of the first beyond [-1, 1]; NaN is allowed."""
    count, wanted = 0, 0.0
    for t in range(exposure.size):
        one = exposure[t]
        if one == wanted:
            continue
        if abs(one) > 1.0:
            return -t - 1
        if one == one:  # noqa: PLR0124 - NaN alone differs from itself
            count += 1
            wanted = one
    return count


@kernel
def charge(units: float, price: float, rates: Float64Array2D, row: int) -> float:
    """Return the charges of one order before a note's rounding; the brokerage alone is rounded by itself."""
    turnover = abs(units) * price
    brokerage = min(turnover * rates[row, FRACTION], rates[row, CAP])
    unit = rates[row, UNIT]
    if unit > 0.0:
        brokerage = np.floor(brokerage / unit + 0.5) * unit
    exchange, sebi = turnover * rates[row, EXCHANGE], turnover * rates[row, SEBI]
    tax = turnover * (rates[row, TAX_BUY] + rates[row, STAMP_BUY] if units > 0.0 else rates[row, TAX_SELL])
    taxed: float = (brokerage + exchange + sebi) * (1.0 + rates[row, GST]) + tax
    return taxed


@kernel
def whole_lots(units: float, lot: float) -> float:
    """Return the units that are whole lots, towards zero; any part of a unit where the lot is 0."""
    if lot <= 0.0:
        return units
    whole: float = np.floor(abs(units) / lot + _NOISE) * lot
    return whole if units > 0.0 else -whole


@kernel
def full_units(exposure: float, price: float, equity: float, sizing: int, size: float, lot: float) -> float:
    """Return the units, signed, that an exposure means at a price."""
    if sizing == BY_UNITS:
        return whole_lots(exposure * size, lot)
    value = size if sizing == BY_VALUE else size * max(equity, 0.0)
    return whole_lots(exposure * value / price, lot)


@kernel
def affordable(
    units: float, wanted: float, price: float, cash: float, money: Money, rates: Float64Array2D, row: int
) -> float:
    """Return the wanted units, cut to what the equity carries after charges; what lessens a position is never cut."""
    if abs(wanted) <= abs(units) and wanted * units >= 0.0:
        return wanted
    _, _, lot, leverage, _ = money
    equity = cash + units * price
    if equity <= 0.0 or leverage <= 0.0:
        return units if wanted * units > 0.0 else 0.0
    cost = charge(wanted - units, price, rates, row)
    if abs(wanted) * price <= (equity - cost) * leverage:
        return wanted
    most = max(equity - charge(equity * leverage / price, price, rates, row), 0.0) * leverage
    # never less than is held on that side already
    held = abs(units) if wanted * units > 0.0 else 0.0
    cut = max(whole_lots(most / price, lot), held)
    return cut if wanted > 0.0 else -cut


@kernel
def protected(
    book: Float64Array1D, open_: float, high: float, low: float, stop: float, target: float, trail: float
) -> tuple[float, int]:
    """Return where a bar takes the position out and why (SIGNAL: it does not), and note its best price for the trail.

    Prices are compared times the side, so that a short is a long seen from below.
    """
    side = 1.0 if book[HELD] > 0.0 else -1.0
    worst, favourable = (low, high) if side > 0.0 else (high, low)
    entry, best = side * book[ENTRY], side * book[BEST]
    book[BEST] = side * max(best, side * favourable)
    level, cause = -np.inf, SIGNAL
    if stop > 0.0:
        level, cause = entry * (1.0 - side * stop), STOP
    if trail > 0.0 and best * (1.0 - side * trail) > level:
        level, cause = best * (1.0 - side * trail), TRAIL
    if side * worst <= level:
        return side * min(side * open_, level), cause
    reached = entry * (1.0 + side * target)
    if target > 0.0 and side * favourable > reached:
        return side * max(side * open_, reached), TARGET
    return 0.0, SIGNAL


@kernel
def walk(
    prices: Prices,
    exposure: Float64Array1D,
    rates: Float64Array2D,
    rate_from: Int64Array1D,
    money: Money,
    sizing: int,
    guards: tuple[float, float, float],
    at_close: bool,
    equity: Float64Array1D,
    fills: Float64Array2D,
) -> int:
    """Trade the exposures over the bars, fill `equity` (at each close) and `fills`, and return how many fills there are.

    `prices` are open, high, low and close; `money` is capital, size, lot, leverage and slippage; `guards` are
    stop, target and trail. A row of `fills` is the bar, signed units, price, charges, cause and what is held after.
    """
    open_, high, low, close = prices
    capital, size, lot, _, slippage = money
    stop, target, trail = guards
    is_guarded = stop > 0.0 or target > 0.0 or trail > 0.0
    book = np.array([capital, 0.0, 0.0, 0.0, 0.0])
    # of the book, so that a bar without a trade touches no memory but its own
    cash, held = capital, 0.0
    wanted, order, is_waiting, row = 0.0, 0.0, False, 0
    next_rates = rate_from[1] if rate_from.size > 1 else close.size
    for t in range(close.size):
        if t >= next_rates:
            row += 1
            next_rates = rate_from[row + 1] if row + 1 < rate_from.size else close.size
        if is_waiting:
            is_waiting = False
            trade(t, SIGNAL, order, open_[t], slippage, money, rates, row, book, fills)
            cash, held = book[CASH], book[HELD]
        if is_guarded and held != 0.0:
            price, cause = protected(book, open_[t], high[t], low[t], stop, target, trail)
            if cause != SIGNAL:
                trade(t, cause, 0.0, price, 0.0 if cause == TARGET else slippage, money, rates, row, book, fills)
                cash, held = book[CASH], book[HELD]
        one = exposure[t]
        if one != wanted and one == one:  # noqa: PLR0124 - NaN alone differs from itself
            wanted = one
            order = full_units(one, close[t], cash + held * close[t], sizing, size, lot)
            if at_close:
                trade(t, SIGNAL, order, close[t], slippage, money, rates, row, book, fills)
                cash, held = book[CASH], book[HELD]
            else:
                is_waiting = True
        equity[t] = cash + held * close[t]
    return int(book[COUNT])


@kernel
def trade(
    t: int,
    cause: int,
    wanted: float,
    price: float,
    slippage: float,
    money: Money,
    rates: Float64Array2D,
    row: int,
    book: Float64Array1D,
    fills: Float64Array2D,
) -> None:
    """Bring what `book` holds to the wanted units, and write the fill."""
    units, cash = book[HELD], book[CASH]
    paid = price * (1.0 + slippage) if wanted > units else price * (1.0 - slippage)
    becomes = affordable(units, wanted, paid, cash, money, rates, row)
    moved = becomes - units
    if moved == 0.0:
        return
    cost = charge(moved, paid, rates, row)
    if units * becomes <= 0.0:
        book[ENTRY], book[BEST] = paid, paid
    elif abs(becomes) > abs(units):
        book[ENTRY] = (book[ENTRY] * units + paid * moved) / becomes
    fill = fills[int(book[COUNT])]
    fill[0], fill[1], fill[2], fill[3], fill[4], fill[5] = t, moved, paid, cost, cause, becomes
    book[CASH], book[HELD], book[COUNT] = cash - moved * paid - cost, becomes, book[COUNT] + 1.0
