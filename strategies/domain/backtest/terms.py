"""On what terms a backtest trades: money, sizes, fills, stops and costs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from enum import StrEnum
from functools import cache
from math import inf, isfinite

import numpy as np
import numpy.typing as npt

from brokers.domain.charges import ChargeRates, ChargeSchedule, ProductRates
from brokers.domain.clock import IST
from brokers.domain.errors import DataError, Invalid
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind, split_key
from brokers.domain.market import Int64Array1D
from brokers.domain.orders import Product

Float64Array2D = npt.NDArray[np.float64]


class FillAt(StrEnum):
    """Where an order that a closed bar caused is filled."""

    NEXT_OPEN = "next_open"
    SAME_CLOSE = "same_close"


class Sizing(StrEnum):
    """What `Terms.size` is of: units, money, or a share of the equity at the decision."""

    UNITS = "units"
    VALUE = "value"
    EQUITY = "equity"


class Gaps(StrEnum):
    """Whether bars that are missing stop a backtest, or are told in its result."""

    REFUSE = "refuse"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatFee:
    """A share of each fill's value, as a perpetual's taker fee is; 0.0005 for five hundredths of a per cent."""

    fraction: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.fraction) and 0.0 <= self.fraction < 1.0):
            raise _wrong("costs", f"a fee lies between 0 and 1 of the value, not {self.fraction}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndianCharges:
    """The charges of an Indian instrument by date, line for line those of `brokers.domain.charges`.

    `first_day` lets the rates of that day stand for every day before it, where older ones are not known.
    """

    kind: InstrumentKind
    product: Product
    schedule: ChargeSchedule = CHARGES
    first_day: date | None = None

    def on(self, day: date) -> ChargeRates:
        """Return the rates of a day; raises DataError for one without."""
        return self.schedule.on(day if self.first_day is None else max(day, self.first_day))


Costs = FlatFee | IndianCharges

# columns of a table of rates; the kernels read them by number
FRACTION, CAP, UNIT, TAX_BUY, TAX_SELL, EXCHANGE, SEBI, STAMP_BUY, GST = range(9)
RATE_COLUMNS = 9
# what a factor of the costs multiplies: the tax on charges follows them, and rounding to the paisa stays
_MULTIPLIED = (FRACTION, CAP, TAX_BUY, TAX_SELL, EXCHANGE, SEBI, STAMP_BUY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a backtest trades; every fraction is 0.01 for one per cent, and 0 for none where it says so.

    An order is sized when it is decided, as on the desk, and a full position is not resized while it is
    held. Stop, target and trail are watched inside each bar: where a bar reached both, the stop was first,
    a gap fills at the open, a trail follows the bars before, and a target must be passed, not touched.
    `cost_factor` multiplies charges and slippage, to ask what would be left if trading cost more than is known.
    """

    capital_quote: float = 1_000_000.0
    sizing: Sizing = Sizing.VALUE
    size: float = 100_000.0
    lot: float = 1.0
    leverage: float = 1.0
    fill_at: FillAt = FillAt.NEXT_OPEN
    slippage_fraction: float = 0.0
    stop_fraction: float = 0.0
    target_fraction: float = 0.0
    trail_fraction: float = 0.0
    costs: Costs = field(default_factory=FlatFee)
    cost_factor: float = 1.0
    gaps: Gaps = Gaps.REFUSE
    zone: tzinfo = IST

    def __post_init__(self) -> None:
        for name in ("capital_quote", "size", "leverage"):
            _check_above_zero(name, getattr(self, name))
        if not (isfinite(self.lot) and self.lot >= 0.0):
            raise _wrong("lot", f"lot must be at least 0 (parts of a unit), not {self.lot}")
        for name in ("slippage_fraction", "stop_fraction", "trail_fraction"):
            _check_fraction(name, getattr(self, name))
        if not (isfinite(self.cost_factor) and self.cost_factor >= 0.0):
            raise _wrong("cost_factor", f"cost_factor must be at least 0, not {self.cost_factor}")
        if not (isfinite(self.target_fraction) and self.target_fraction >= 0.0):
            raise _wrong("target_fraction", f"target_fraction must be at least 0, not {self.target_fraction}")


def rate_table(costs: Costs, instrument: str, days: Sequence[date]) -> tuple[Float64Array2D, Int64Array1D]:
    """Return the rates in force as rows, and the place in `days` from which each row holds.

    `days` are the bars' own, not decreasing. Raises DataError for a day, a kind or an exchange without rates.
    """
    if isinstance(costs, FlatFee):
        return _flat(costs.fraction)
    rows, begins, place = [], [], 0
    while place < len(days):
        rates = costs.on(days[place])
        rows.append(_row(rates, costs, instrument))
        begins.append(place)
        place = _last_with(costs, rates, days, place)
    return np.array(rows).reshape(-1, RATE_COLUMNS), np.array(begins, dtype=np.int64)


def times_costs(rates: Float64Array2D, factor: float) -> Float64Array2D:
    """Return a table of rates as it would be if trading cost so many times as much."""
    if factor == 1.0:
        return rates
    multiplied = rates.copy()
    # none of no limit is still none, where infinity would be no number
    multiplied[:, _MULTIPLIED] = rates[:, _MULTIPLIED] * factor if factor > 0.0 else 0.0
    return multiplied


@cache
def _flat(fraction: float) -> tuple[Float64Array2D, Int64Array1D]:
    row = np.zeros((1, RATE_COLUMNS))
    row[0, FRACTION], row[0, CAP] = fraction, inf
    return row, np.zeros(1, dtype=np.int64)


def _last_with(costs: IndianCharges, rates: ChargeRates, days: Sequence[date], place: int) -> int:
    """Return the first place after those with the same rates; they change seldom, so few days are asked."""
    return bisect_left(days, True, lo=place, key=lambda day: costs.on(day) is not rates)


def _row(rates: ChargeRates, costs: IndianCharges, instrument: str) -> list[float]:
    applied = rates.of(costs.kind, costs.product)
    exchange, _ = split_key(instrument)
    if exchange not in applied.exchange:
        raise DataError(f"no charges are known on {exchange}", code="charges.exchange")
    fraction, cap = _brokerage(applied)
    paisa = 0.01
    lines = (applied.tax_buy, applied.tax_sell, applied.exchange[exchange], rates.sebi, applied.stamp_buy, rates.gst)
    return [fraction, cap, paisa, *map(float, lines)]


def _brokerage(applied: ProductRates) -> tuple[float, float]:
    """Return the fraction and the cap; a flat fee is a cap that any value exceeds."""
    cap = inf if applied.brokerage_cap is None else float(applied.brokerage_cap)
    if applied.brokerage_fraction is None:
        return (inf, cap) if isfinite(cap) else (0.0, cap)
    return float(applied.brokerage_fraction), cap


def _check_above_zero(name: str, value: float) -> None:
    if not (isfinite(value) and value > 0.0):
        raise _wrong(name, f"{name} must be above 0, not {value}")


def _check_fraction(name: str, value: float) -> None:
    if not (isfinite(value) and 0.0 <= value < 1.0):
        raise _wrong(name, f"{name} must be at least 0 and below 1, not {value}")


def _wrong(name: str, sentence: str) -> Invalid:
    return Invalid(sentence, code="backtest.terms", field=name)
