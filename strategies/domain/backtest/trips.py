"""Round trips: the fills of a walk paired into trades, from flat to flat, compiled."""

# ruff: noqa: PLR0917 - a kernel takes columns and numbers, by position

from __future__ import annotations

import numpy as np

from analysis.domain.kernels import kernel
from brokers.domain.market import Float64Array1D
from strategies.domain.backtest.kernels import SIGNAL
from strategies.domain.backtest.terms import Float64Array2D

# columns of a table of trades
ENTRY_BAR, EXIT_BAR, SIDE, UNITS, ENTRY_PRICE, EXIT_PRICE, PROFIT, COST, BEST, WORST, CAUSE = range(11)
TRADE_COLUMNS = 11
STILL_OPEN = -1.0


@kernel
def round_trips(
    fills: Float64Array2D, high: Float64Array1D, low: Float64Array1D, close: Float64Array1D, at_close: bool
) -> Float64Array2D:
    """Return the trades of the fills, one a row; the last may be open, marked at the last close.

    A fill that turns a position over ends one trade and begins the next, its charges shared by units.
    Profit is after charges. Best and worst are the furthest the price went either way while the trade was
    open, as shares of its average entry: the bars between, the entry's own where it was filled at the
    open, and the exit's price.
    """
    trades = np.zeros((len(fills) + 1, TRADE_COLUMNS))
    count, position = 0, 0.0
    for place in range(len(fills)):
        price, cost, after = fills[place, 2], fills[place, 3], fills[place, 5]
        turns = after * position <= 0.0
        closing = abs(position) if turns else max(abs(position) - abs(after), 0.0)
        opening = abs(after) if turns else max(abs(after) - abs(position), 0.0)
        share = closing / (closing + opening)
        if closing > 0.0:
            _leave(trades[count], closing, price, cost * share)
            if turns:
                _finish(trades[count], fills[place, 0], fills[place, 4], high, low, at_close)
                count += 1
        if opening > 0.0:
            if turns:
                trades[count, ENTRY_BAR], trades[count, SIDE] = fills[place, 0], np.sign(after)
            _enter(trades[count], opening, price, cost * (1.0 - share))
        position = after
    if position != 0.0:
        _leave(trades[count], abs(position), close[-1], 0.0)
        _finish(trades[count], float(close.size), 0.0, high, low, at_close)
        trades[count, EXIT_BAR] = STILL_OPEN
        count += 1
    return trades[:count]


@kernel
def _enter(trade: Float64Array1D, units: float, price: float, cost: float) -> None:
    value = trade[ENTRY_PRICE] * trade[UNITS] + units * price
    trade[UNITS] += units
    trade[ENTRY_PRICE] = value / trade[UNITS]
    trade[PROFIT] -= trade[SIDE] * units * price + cost
    trade[COST] += cost


@kernel
def _leave(trade: Float64Array1D, units: float, price: float, cost: float) -> None:
    # the exit's value, until the trade is finished
    trade[EXIT_PRICE] += units * price
    trade[PROFIT] += trade[SIDE] * units * price - cost
    trade[COST] += cost


@kernel
def _finish(
    trade: Float64Array1D, bar: float, cause: float, high: Float64Array1D, low: Float64Array1D, at_close: bool
) -> None:
    trade[EXIT_BAR], trade[CAUSE] = bar, cause
    trade[EXIT_PRICE] /= trade[UNITS]
    side, entry = trade[SIDE], trade[ENTRY_PRICE]
    up = max(entry, trade[EXIT_PRICE])
    down = min(entry, trade[EXIT_PRICE])
    begin = int(trade[ENTRY_BAR]) + (1 if at_close else 0)
    # at the close the whole bar was lived through; a stop or an open ends the trade before the bar does
    end = int(bar) + (1 if at_close and cause == SIGNAL and bar < high.size else 0)
    for t in range(begin, end):
        up, down = max(up, high[t]), min(down, low[t])
    gain, loss = (up, down) if side > 0.0 else (down, up)
    trade[BEST] = side * (gain / entry - 1.0)
    trade[WORST] = side * (loss / entry - 1.0)
