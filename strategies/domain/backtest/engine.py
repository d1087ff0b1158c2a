"""The fast backtest: wanted exposures in, fills, equity and trades out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import NANOSECONDS, Bars, Float64Array1D, Int64Array1D
from strategies.domain.backtest.checks import check_bars, check_exposure
from strategies.domain.backtest.kernels import BY_EQUITY, BY_UNITS, BY_VALUE, FILL_COLUMNS, Money, walk
from strategies.domain.backtest.terms import (
    FillAt,
    Float64Array2D,
    IndianCharges,
    Sizing,
    Terms,
    rate_table,
    times_costs,
)
from strategies.domain.backtest.trips import round_trips
from strategies.domain.strategy import SignalStrategy, wanted_exposure, without_late_joins

SIZINGS = {Sizing.UNITS: BY_UNITS, Sizing.VALUE: BY_VALUE, Sizing.EQUITY: BY_EQUITY}
DAY_NS = 86_400 * NANOSECONDS
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """What was traded, in parallel columns: bar, signed units, price, charges, cause, and the units held after it."""

    bar: Int64Array1D
    units: Float64Array1D
    price: Float64Array1D
    cost_quote: Float64Array1D
    cause: Int64Array1D
    held: Float64Array1D

    def __len__(self) -> int:
        return int(self.bar.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Round trips from flat to flat, in parallel columns; `exit_bar` is -1 for one that is open at the end.

    `profit_quote` is after charges; `best` and `worst` are the furthest the price went for and against the
    trade, as signed shares of its entry price.
    """

    entry_bar: Int64Array1D
    exit_bar: Int64Array1D
    side: Int64Array1D
    units: Float64Array1D
    entry_price: Float64Array1D
    exit_price: Float64Array1D
    profit_quote: Float64Array1D
    cost_quote: Float64Array1D
    best: Float64Array1D
    worst: Float64Array1D
    cause: Int64Array1D

    def __len__(self) -> int:
        return int(self.entry_bar.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A backtest of one instrument: its equity at each close, its fills, and what it had to be told about its data."""

    bars: Bars
    terms: Terms
    exposure: Float64Array1D
    equity_quote: Float64Array1D
    fills: Fills
    remarks: tuple[str, ...] = ()

    @property
    def final_quote(self) -> float:
        return float(self.equity_quote[-1])

    def trades(self) -> Trades:
        """Pair the fills into round trips."""
        table = _table(self.fills)
        at_close = self.terms.fill_at is FillAt.SAME_CLOSE
        rows = round_trips(table, self.bars.high, self.bars.low, self.bars.close, at_close)
        whole = rows[:, (0, 1, 2, 10)].astype(np.int64)
        return Trades(
            entry_bar=whole[:, 0], exit_bar=whole[:, 1], side=whole[:, 2], units=rows[:, 3],
            entry_price=rows[:, 4], exit_price=rows[:, 5], profit_quote=rows[:, 6], cost_quote=rows[:, 7],
            best=rows[:, 8], worst=rows[:, 9], cause=whole[:, 3],
        )  # fmt: skip

    def held_units(self) -> Float64Array1D:
        """Return the signed units after each bar, shape (n,)."""
        place = np.searchsorted(self.fills.bar, np.arange(len(self.bars)), side="right") - 1
        known = np.append(self.fills.held, 0.0)  # the last of it stands before the first fill
        held: Float64Array1D = known[place]
        return held


def backtest(strategy: SignalStrategy, bars: Bars, terms: Terms) -> Result:
    """Decide once over the whole history, and trade it; before the strategy's warm-up nothing is decided.

    Raises DataError or Invalid naming the row of what is wrong with the bars or the exposures.
    """
    remarks = check_bars(bars, gaps=terms.gaps, offset_ns=offset_ns(terms.zone))
    return _run(bars, decided(strategy, bars), terms, remarks)


def decided(strategy: SignalStrategy, bars: Bars) -> Float64Array1D:
    """Return the exposures that the desk would act on: no view before the warm-up, no event joined late."""
    wanted = wanted_exposure(strategy, bars).copy()
    first = min(max(strategy.warmup_bars(), 1), wanted.size) - 1
    if not strategy.joins_late:
        wanted[first:] = without_late_joins(wanted, first)
    wanted[:first] = np.nan
    return wanted


def run(bars: Bars, exposure: Float64Array1D, terms: Terms) -> Result:
    """Trade wanted exposures, shape (n,), NaN for no view; raises DataError or Invalid naming the row at fault."""
    remarks = check_bars(bars, gaps=terms.gaps, offset_ns=offset_ns(terms.zone))
    return _run(bars, exposure, terms, remarks)


def _run(bars: Bars, exposure: Float64Array1D, terms: Terms, remarks: list[str]) -> Result:
    orders = check_exposure(exposure, bars)
    rates, rate_from = rates_of(bars, terms)
    equity = np.empty(len(bars))
    # each order may be followed by one stop
    fills = np.empty((2 * orders, FILL_COLUMNS))
    count = walk(
        (bars.open, bars.high, bars.low, bars.close),
        exposure,
        rates,
        rate_from,
        money_of(terms),
        SIZINGS[terms.sizing],
        (float(terms.stop_fraction), float(terms.target_fraction), float(terms.trail_fraction)),
        terms.fill_at is FillAt.SAME_CLOSE,
        equity,
        fills,
    )
    return Result(
        bars=bars,
        terms=terms,
        exposure=exposure,
        equity_quote=equity,
        fills=fill_columns(fills[:count]),
        remarks=tuple(remarks),
    )


def money_of(terms: Terms) -> Money:
    """Return what the kernels take: capital, size, lot, leverage, slippage."""
    return (
        float(terms.capital_quote),
        float(terms.size),
        float(terms.lot),
        float(terms.leverage),
        float(terms.slippage_fraction * terms.cost_factor),
    )


def rates_of(bars: Bars, terms: Terms) -> tuple[Float64Array2D, Int64Array1D]:
    """Return the rates in force and the bar from which each row of them holds."""
    if not isinstance(terms.costs, IndianCharges):
        rates, places = rate_table(terms.costs, bars.instrument, ())
        return times_costs(rates, terms.cost_factor), places
    number, first = np.unique(day_numbers(bars.start_ns, terms.zone), return_index=True)
    rates, places = rate_table(terms.costs, bars.instrument, [date_of(int(day)) for day in number])
    return times_costs(rates, terms.cost_factor), first[places].astype(np.int64)


def day_numbers(start_ns: Int64Array1D, zone: tzinfo) -> Int64Array1D:
    """Return the day of each bar in a zone, counted from 1970-01-01, shape (n,)."""
    numbers: Int64Array1D = (start_ns + offset_ns(zone)) // DAY_NS
    return numbers


def date_of(day: int) -> date:
    """Return the date of a day's number."""
    return _EPOCH + timedelta(days=day)


@cache
def offset_ns(zone: tzinfo) -> int:
    """Return how far a zone is from UTC; raises Invalid for one that changes over the year."""
    winter, summer = (datetime(2026, month, 1, tzinfo=UTC).astimezone(zone).utcoffset() for month in (1, 7))
    if winter is None or winter != summer:
        raise Invalid(f"days are counted in a zone without summer time, not {zone}", code="backtest.zone", field="zone")
    return int(winter.total_seconds()) * NANOSECONDS


def fill_columns(fills: Float64Array2D) -> Fills:
    """Return a kernel's table of fills as columns."""
    return Fills(
        bar=fills[:, 0].astype(np.int64),
        units=fills[:, 1].copy(),
        price=fills[:, 2].copy(),
        cost_quote=fills[:, 3].copy(),
        cause=fills[:, 4].astype(np.int64),
        held=fills[:, 5].copy(),
    )


def _table(fills: Fills) -> Float64Array2D:
    columns = (fills.bar, fills.units, fills.price, fills.cost_quote, fills.cause, fills.held)
    return np.column_stack([column.astype(np.float64) for column in columns])
