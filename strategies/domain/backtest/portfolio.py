"""Several instruments in one account: their orders share its cash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from brokers.domain.errors import DataError, Invalid
from brokers.domain.market import Bars, Float64Array1D
from strategies.domain.backtest.checks import check_bars, check_exposure
from strategies.domain.backtest.engine import (
    SIZINGS,
    Fills,
    Result,
    Trades,
    fill_columns,
    money_of,
    offset_ns,
    rates_of,
)
from strategies.domain.backtest.kernels import FILL_COLUMNS
from strategies.domain.backtest.portfolio_kernel import walk_together
from strategies.domain.backtest.terms import FillAt, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """A backtest of several instruments; each part's equity is the capital and what that instrument made of it."""

    parts: tuple[Result, ...]
    equity_quote: Float64Array1D

    @property
    def bars(self) -> Bars:
        """Return the first instrument's bars, whose times are everyone's."""
        return self.parts[0].bars

    @property
    def terms(self) -> Terms:
        return self.parts[0].terms

    @property
    def final_quote(self) -> float:
        return float(self.equity_quote[-1])

    @property
    def fills(self) -> Fills:
        """Return all fills, instrument after instrument."""
        found = [part.fills for part in self.parts]
        return Fills(**{one.name: np.concatenate([getattr(f, one.name) for f in found]) for one in fields(Fills)})

    def trades(self) -> Trades:
        """Return all round trips, instrument after instrument."""
        found = [part.trades() for part in self.parts]
        return Trades(**{one.name: np.concatenate([getattr(t, one.name) for t in found]) for one in fields(Trades)})

    def held_units(self) -> Float64Array1D:
        """Return the units held after each bar without their signs, over all instruments, shape (n,)."""
        held: Float64Array1D = np.sum([np.abs(part.held_units()) for part in self.parts], axis=0)
        return held


def run_together(markets: Sequence[Bars], exposures: Sequence[Float64Array1D], terms: Terms) -> Portfolio:
    """Trade several instruments from one capital; a size by equity is a share of the whole.

    Raises DataError or Invalid naming the row of what is wrong, also where the times of two instruments differ.
    """
    remarks = [check_bars(bars, gaps=terms.gaps, offset_ns=offset_ns(terms.zone)) for bars in markets]
    _check_together(markets, exposures)
    orders = [check_exposure(exposure, bars) for exposure, bars in zip(exposures, markets, strict=True)]
    rated = [rates_of(bars, terms) for bars in markets]
    many, bars = len(markets), len(markets[0])
    equity, counts = np.empty(bars), np.empty(many, dtype=np.int64)
    fills = np.empty((many, 2 * max(orders) + 1, FILL_COLUMNS))
    prices = tuple(np.array([getattr(m, name) for m in markets]) for name in ("open", "high", "low", "close"))
    walk_together(
        (prices[0], prices[1], prices[2], prices[3]),
        np.array(exposures),
        np.array([rates for rates, _ in rated]),
        rated[0][1],
        money_of(terms),
        SIZINGS[terms.sizing],
        (float(terms.stop_fraction), float(terms.target_fraction), float(terms.trail_fraction)),
        terms.fill_at is FillAt.SAME_CLOSE,
        equity,
        fills,
        counts,
    )
    parts = [
        _part(markets[i], exposures[i], terms, fill_columns(fills[i, : counts[i]]), remarks[i]) for i in range(many)
    ]
    return Portfolio(parts=tuple(parts), equity_quote=equity)


def _part(bars: Bars, exposure: Float64Array1D, terms: Terms, fills: Fills, remarks: list[str]) -> Result:
    flows = np.zeros(len(bars))
    np.add.at(flows, fills.bar, -fills.units * fills.price - fills.cost_quote)
    result = Result(bars=bars, terms=terms, exposure=exposure, equity_quote=flows, fills=fills, remarks=tuple(remarks))
    flows[:] = terms.capital_quote + np.cumsum(flows) + result.held_units() * bars.close
    return result


def _check_together(markets: Sequence[Bars], exposures: Sequence[Float64Array1D]) -> None:
    if not markets or len(markets) != len(exposures):
        raise Invalid(f"{len(exposures)} exposures for {len(markets)} instruments", code="portfolio.length")
    first, names = markets[0], {bars.instrument for bars in markets}
    if len(names) < len(markets):
        raise Invalid("an instrument is named twice", code="portfolio.instruments", field="markets")
    for bars in markets[1:]:
        if bars.interval_s != first.interval_s or bars.start_ns.shape != first.start_ns.shape:
            raise DataError(
                f"{bars.instrument} has {len(bars)} bars of {bars.interval_s} s, "
                f"{first.instrument} {len(first)} of {first.interval_s} s",
                code="portfolio.bars",
            )
        apart = np.flatnonzero(bars.start_ns != first.start_ns)
        if apart.size:
            raise DataError(
                f"bar {apart[0]} of {bars.instrument} is of another time than that of {first.instrument}",
                code="portfolio.bars",
            )
