"""The backtest once more, in plain Python and straight from its rules: slow, readable, independent."""

from datetime import UTC, datetime
from math import copysign, floor, isnan

import numpy as np

from brokers.domain.market import NANOSECONDS, Bars
from strategies.domain.backtest import FillAt, Sizing


def made_bars(close, *, open_=None, high=None, low=None, interval_s=86_400, start_ns=None, instrument="NSE:MADE"):
    """Bars that hold together, daily unless said otherwise, from 2026-04-01 at 09:15 in India."""
    close = np.asarray(close, dtype=np.float64)
    opened = np.concatenate((close[:1], close[:-1])) if open_ is None else np.asarray(open_, dtype=np.float64)
    begin = int(datetime(2026, 4, 1, 3, 45, tzinfo=UTC).timestamp()) * NANOSECONDS if start_ns is None else start_ns
    return Bars(
        instrument=instrument,
        interval_s=interval_s,
        start_ns=begin + np.arange(close.size, dtype=np.int64) * interval_s * NANOSECONDS,
        open=opened,
        high=np.maximum(opened, close) if high is None else np.asarray(high, dtype=np.float64),
        low=np.minimum(opened, close) if low is None else np.asarray(low, dtype=np.float64),
        close=close,
        volume=np.full(close.size, 1_000.0),
    )


def a_walk(count, *, seed, spread=0.01, **changes):
    """A random market with open, high and low apart from the close."""
    chance = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(chance.normal(0.0, spread, count)))
    opened = np.concatenate(([100.0], close[:-1])) * np.exp(chance.normal(0.0, spread / 3, count))
    reach = 1.0 + np.abs(chance.normal(0.0, spread / 2, (2, count)))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    return made_bars(close, open_=opened, high=high, low=low, **changes)


def walked(bars, exposure, terms, fee=0.0):
    """Return equity, fills (bar, units, price, cost, why) and trades (entry, exit, profit) of a flat fee."""
    return _Account(bars, terms, fee).walk(exposure)


class _Account:
    def __init__(self, bars, terms, fee):
        self.bars, self.terms, self.fee = bars, terms, fee
        self.cash, self.units, self.entry, self.best = terms.capital_quote, 0.0, 0.0, 0.0
        self.equity, self.fills, self.trades, self.open_trade = [], [], [], None

    def walk(self, exposure):
        wanted, waiting = 0.0, None
        for t in range(len(self.bars)):
            if waiting is not None:
                self.trade(t, waiting, self.bars.open[t], "signal")
                waiting = None
            self.guard(t)
            if not isnan(exposure[t]) and exposure[t] != wanted:
                wanted = exposure[t]
                units = self.sized(wanted, self.bars.close[t])
                if self.terms.fill_at is FillAt.SAME_CLOSE:
                    self.trade(t, units, self.bars.close[t], "signal")
                else:
                    waiting = units
            self.equity.append(self.cash + self.units * self.bars.close[t])
        if self.open_trade:
            entry, flow = self.open_trade
            self.trades.append((entry, -1, flow + self.units * self.bars.close[-1]))
        return self.equity, self.fills, self.trades

    def lots(self, units):
        return units if self.terms.lot == 0 else floor(units / self.terms.lot + 1e-9) * self.terms.lot

    def sized(self, exposure, price):
        if self.terms.sizing is Sizing.UNITS:
            full = self.terms.size
        elif self.terms.sizing is Sizing.VALUE:
            full = self.terms.size / price
        else:
            full = self.terms.size * max(self.cash + self.units * price, 0.0) / price
        return copysign(self.lots(abs(exposure) * full), exposure) if exposure else 0.0

    def cut(self, units, price):
        if abs(units) <= abs(self.units) and units * self.units >= 0:
            return units
        equity = self.cash + self.units * price
        if equity <= 0:
            return self.units if units * self.units > 0 else 0.0
        leverage = self.terms.leverage
        if abs(units) * price <= (equity - abs(units - self.units) * price * self.fee) * leverage:
            return units
        most = max(equity - equity * leverage * self.fee, 0.0) * leverage
        held = abs(self.units) if units * self.units > 0 else 0.0
        return copysign(max(self.lots(most / price), held), units)

    def guard(self, t):
        if self.units:
            side = 1 if self.units > 0 else -1
            before = self.best
            ahead, against = (self.bars.high, self.bars.low) if side > 0 else (self.bars.low, self.bars.high)
            self.best = side * max(side * before, side * ahead[t])
            price, why = self.taken_out(t, side, before, side * ahead[t], side * against[t])
            if why:
                self.trade(t, 0.0, price, why)

    def taken_out(self, t, side, best, ahead, against):
        terms, opened = self.terms, side * self.bars.open[t]
        levels = []
        if terms.stop_fraction:
            levels.append((side * self.entry * (1 - side * terms.stop_fraction), "stop"))
        if terms.trail_fraction:
            levels.append((side * best * (1 - side * terms.trail_fraction), "trail"))
        if levels:
            level, why = max(levels, key=lambda one: one[0])
            if against <= level:
                return side * min(opened, level), why
        goal = side * self.entry * (1 + side * terms.target_fraction)
        if terms.target_fraction and ahead > goal:
            return side * max(opened, goal), "target"
        return 0.0, ""

    def trade(self, t, units, price, why):
        slippage = 0.0 if why == "target" else self.terms.slippage_fraction
        paid = price * (1 + slippage if units > self.units else 1 - slippage)
        units = self.cut(units, paid)
        moved = units - self.units
        if moved == 0:
            return
        cost = abs(moved) * paid * self.fee
        self.book_trade(t, units, moved, paid, cost)
        if self.units * units <= 0:
            self.entry = self.best = paid
        elif abs(units) > abs(self.units):
            self.entry = (self.entry * self.units + paid * moved) / units
        self.cash -= moved * paid + cost
        self.units = units
        self.fills.append((t, moved, paid, cost, why))

    def book_trade(self, t, units, moved, paid, cost):
        closing = abs(self.units) if units * self.units <= 0 else 0.0
        share = closing / abs(moved) if self.open_trade and units * self.units <= 0 else 0.0
        if self.open_trade and units * self.units <= 0:
            entry, flow = self.open_trade
            self.trades.append((entry, t, flow + self.units * paid - cost * share))
            self.open_trade = None
            moved, cost = units, cost * (1 - share)
        if units:
            entry, flow = self.open_trade or (t, 0.0)
            self.open_trade = (entry, flow - moved * paid - cost)
