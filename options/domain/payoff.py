"""What a combination of legs pays: at the fixing, today, at any day between, and elsewhere in spot and volatility.

Quantities are units of the underlying, signed (a short lot of NIFTY is -65); money is in the underlying's currency, per
position. A leg is priced in at what it was entered for. Margin is not here: the venue knows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options.domain.pricing import OptionTerms, Valuation, on_forward, value
from options.domain.surface import Smile

# A leg has run out when less than a second of its life is left.
LEAST_YEARS = 1.0 / 31_536_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """An option, or without a strike the underlying's future, held in `quantity` units and entered at `price`.

    `forward_gap` is the leg's forward less the one that a scenario names, where expiries differ; `volatility` a year.
    """

    quantity: float
    price: float
    strike: float | None = None
    is_call: bool = True
    years: float = 0.0
    volatility: float = math.nan
    forward_gap: float = 0.0
    rate: float = 0.0

    def __post_init__(self) -> None:
        if self.quantity == 0.0 or not (math.isfinite(self.quantity) and math.isfinite(self.price)):
            raise Invalid("a leg has a quantity and a price")
        if self.strike is not None and not (self.strike > 0.0 and math.isfinite(self.strike)):
            raise Invalid(f"a leg with a strike of {self.strike}")

    @property
    def cost(self) -> float:
        """What entering it cost; negative for what it brought in. A future costs nothing."""
        return 0.0 if self.strike is None else self.quantity * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a position comes to at its fixing, in currency: the largest and the least profit, None where unbounded.

    `max_loss` is a profit too, so negative where money can be lost; `net_premium` is positive where it brought money in.
    """

    breakevens: tuple[float, ...]
    max_profit: float | None
    max_loss: float | None
    net_premium: float


def payoff_at_expiry(legs: Sequence[Leg], level: npt.ArrayLike, *, charges: float = 0.0) -> Float64Array1D:
    """Return profit and loss where the settlement is `level` (n,), all legs settling together, less charges."""
    levels = np.asarray(level, dtype=np.float64)
    total = np.full(levels.shape, -charges)
    for leg in legs:
        total += leg.quantity * (_intrinsic(leg, levels) - leg.price)
    return total


def outcome(legs: Sequence[Leg], *, charges: float = 0.0) -> Outcome:
    """Work out breakevens and bounds exactly: between strikes the payoff is a straight line."""
    corners = np.array([0.0, *sorted({leg.strike - leg.forward_gap for leg in legs if leg.strike is not None})])
    paid = payoff_at_expiry(legs, corners, charges=charges)
    rise = sum(leg.quantity for leg in legs if leg.strike is None or leg.is_call)
    crossings = _crossings(corners, paid, rise)
    premium = -sum(leg.cost for leg in legs)
    return Outcome(
        breakevens=crossings,
        max_profit=None if rise > 0.0 else float(paid.max()),
        max_loss=None if rise < 0.0 else float(paid.min()),
        net_premium=premium,
    )


def profit_intervals(legs: Sequence[Leg], *, charges: float = 0.0) -> tuple[tuple[float, float], ...]:
    """Return the settlement levels, from 0 to infinity, between which the position makes money after charges."""
    edges = (0.0, *outcome(legs, charges=charges).breakevens, math.inf)
    intervals = []
    for low, high in pairwise(edges):
        inside = low + 1.0 if math.isinf(high) else 0.5 * (low + high)
        if low < high and float(payoff_at_expiry(legs, inside, charges=charges)) > 0.0:
            intervals.append((low, high))
    return tuple(intervals)


def probability_of_profit(legs: Sequence[Leg], smile: Smile, *, charges: float = 0.0) -> float:
    """Return the risk-neutral probability, under the fitted smile's density, of a profit at the fixing after charges."""
    intervals = profit_intervals(legs, charges=charges)
    total = sum(float(smile.probability_below(high)) - float(smile.probability_below(low)) for low, high in intervals)
    return min(max(total, 0.0), 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenarios:
    """What-if axes: levels of the forward (s,), years that have passed (d,), points of volatility added (v,)."""

    level: Float64Array1D
    years_passed: Float64Array1D
    volatility_shift: Float64Array1D

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.level.size, self.years_passed.size, self.volatility_shift.size


def what_if(legs: Sequence[Leg], scenarios: Scenarios, *, charges: float = 0.0) -> npt.NDArray[np.float64]:
    """Return profit and loss of shape (levels, days, shifts), every leg keeping its strike's volatility but for the shift.

    A leg that has run out pays its intrinsic value at the scenario's level. NaN where a living leg has no
    volatility, or a shift leaves it none.
    """
    total = np.full(scenarios.shape, -charges)
    for leg in legs:
        total += leg.quantity * (_worth(leg, scenarios) - leg.price)
    return total


def greeks_of(legs: Sequence[Leg], level: float) -> dict[str, float]:
    """Return the position's Greeks, units times quantity, at a forward level; a future is one delta a unit.

    NaN where a living leg has no volatility.
    """
    options = [leg for leg in legs if leg.strike is not None and leg.years >= LEAST_YEARS]
    names = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm")
    quantity = np.array([leg.quantity for leg in options])
    found = _valued(options, level)
    totals = {name: float(quantity @ getattr(found, name)) for name in names}
    totals["delta"] += sum(leg.quantity for leg in legs if leg.strike is None)
    return totals


def _valued(options: Sequence[Leg], level: float) -> Valuation:
    years = np.array([leg.years for leg in options])
    terms = on_forward(
        forward=np.array([level + leg.forward_gap for leg in options]),
        strike=np.array([leg.strike for leg in options], dtype=np.float64),
        years=years,
        discount=np.exp(-np.array([leg.rate for leg in options]) * years),
        is_call=np.array([leg.is_call for leg in options], dtype=np.bool_),
    )
    return value(terms, np.array([leg.volatility for leg in options]))


def _intrinsic(leg: Leg, level: Float64Array1D) -> Float64Array1D:
    levels = level + leg.forward_gap
    if leg.strike is None:
        return levels
    return np.maximum(levels - leg.strike if leg.is_call else leg.strike - levels, 0.0)


def _worth(leg: Leg, scenarios: Scenarios) -> npt.NDArray[np.float64]:
    level, passed, shift = np.meshgrid(
        scenarios.level, scenarios.years_passed, scenarios.volatility_shift, indexing="ij"
    )
    intrinsic = _intrinsic(leg, level)
    left = np.maximum(leg.years - passed, 0.0)
    is_living = left >= LEAST_YEARS
    if leg.strike is None or not is_living.any():
        return intrinsic
    priced = value(_scenario_terms(leg, level, left), (leg.volatility + shift).ravel(), with_second_order=False).price
    return np.where(is_living, priced.reshape(scenarios.shape), intrinsic)


def _scenario_terms(leg: Leg, level: npt.NDArray[np.float64], left: npt.NDArray[np.float64]) -> OptionTerms:
    years = left.ravel()
    return on_forward(
        forward=(level + leg.forward_gap).ravel(),
        strike=np.full(years.size, leg.strike),
        years=years,
        discount=np.exp(-leg.rate * years),
        is_call=leg.is_call,
    )


def _crossings(corners: Float64Array1D, paid: Float64Array1D, rise: float) -> tuple[float, ...]:
    found = [float(level) for level, money in zip(corners, paid, strict=True) if money == 0.0]
    for at in np.flatnonzero(paid[:-1] * paid[1:] < 0.0).tolist():
        share = paid[at] / (paid[at] - paid[at + 1])
        found.append(float(corners[at] + share * (corners[at + 1] - corners[at])))
    if rise * paid[-1] < 0.0:
        found.append(float(corners[-1] - paid[-1] / rise))
    return tuple(sorted(found))
