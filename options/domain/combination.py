"""A combination of options against the level of its underlying: today, at a date, at its first expiry, and elsewhere.

Levels are those of the underlying itself. Between now and the first expiry its forward stands above it by the carry that
today's forward names, less as the expiry comes nearer; at the expiry both are one. Without a spot price the forward is the level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options.domain.payoff import Leg, Scenarios, greeks_of, outcome, profit_intervals, what_if
from options.domain.surface import Smile

# no what-if takes a volatility below this: a price needs one above nothing
LEAST_VOLATILITY = 0.01
LINE_POINTS = 181
_FINE_POINTS = 4001
_DEVIATIONS_SHOWN = 3.2
_LEAST_REACH = 0.02
_SAME = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """Legs with the forward of their first expiry, the underlying's level (None: not known) and what entering costs.

    `years` is the life of the first expiry; every leg's `forward_gap` is taken against that expiry's forward.
    """

    legs: tuple[Leg, ...]
    forward: float
    years: float
    spot: float | None = None
    charges: float = 0.0

    def __post_init__(self) -> None:
        if not self.legs:
            raise Invalid("a combination has a leg", code="legs.none", field="legs")
        if not (math.isfinite(self.forward) and self.forward > 0.0):
            raise Invalid("a combination needs a forward", code="chain.no_forward", field="underlying")

    @property
    def level(self) -> float:
        """Where the underlying stands now."""
        return self.forward if self.spot is None else self.spot

    @property
    def is_of_one_expiry(self) -> bool:
        """Whether all legs settle together, so that the payoff is straight between strikes."""
        return all(abs(leg.years - self.years) < _SAME for leg in self.legs)

    def forward_at(self, level: Float64Array1D, passed: float) -> Float64Array1D:
        """Return the first expiry's forward where the underlying is at `level` (n,) after `passed` years."""
        if self.years <= 0.0:
            return level
        left = max(1.0 - passed / self.years, 0.0)
        found: Float64Array1D = level * (self.forward / self.level) ** left
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """Another place: the underlying's level times 1 + `move`, `points` (as a fraction) of volatility more, `passed` years later."""

    move: float = 0.0
    points: float = 0.0
    passed: float = 0.0


Ranges = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """What can be won and lost at the first expiry: a profit, or None where there is no bound, and the levels that bring it.

    Ranges run from low to high; infinity is "and everything above".
    """

    breakevens: tuple[float, ...]
    max_profit: float | None
    max_profit_ranges: Ranges
    max_loss: float | None
    max_loss_ranges: Ranges


def profit(
    combination: Combination, level: Float64Array1D, *, points: float = 0.0, passed: float = 0.0
) -> Float64Array1D:
    """Return profit and loss after charges where the underlying is at `level` (n,), so many years later, at other volatilities."""
    scenarios = Scenarios(
        level=combination.forward_at(level, passed), years_passed=np.array([passed]), volatility_shift=np.zeros(1)
    )
    found: Float64Array1D = what_if(_shifted(combination.legs, points), scenarios, charges=combination.charges)[:, 0, 0]
    return found


def greeks(combination: Combination, what: WhatIf | None = None) -> dict[str, float]:
    """Return the position's Greeks now or at another place; delta and gamma for a point of the forward."""
    what = what or WhatIf()
    level = combination.forward_at(np.array([combination.level * (1.0 + what.move)]), what.passed)
    legs = [replace(leg, years=max(leg.years - what.passed, 0.0)) for leg in _shifted(combination.legs, what.points)]
    return greeks_of(legs, float(level[0]))


def extremes(combination: Combination) -> Extremes:
    """Return breakevens and bounds at the first expiry: exact where all legs settle then, else from a fine line of levels."""
    rise = sum(leg.quantity for leg in combination.legs if leg.strike is None or leg.is_call)
    if combination.is_of_one_expiry:
        found = outcome(combination.legs, charges=combination.charges)
        level = np.array([0.0, *_strikes(combination)])
        paid = profit(combination, level, passed=combination.years)
        breakevens, most, least = found.breakevens, found.max_profit, found.max_loss
    else:
        level = _fine_levels(combination)
        paid = profit(combination, level, passed=combination.years)
        breakevens = _crossings(level, paid)
        most = None if rise > 0.0 else float(paid.max())
        least = None if rise < 0.0 else float(paid.min())
    return Extremes(
        breakevens=breakevens,
        max_profit=most,
        max_profit_ranges=_ranges(level, paid, most, is_flat_above=rise == 0.0),
        max_loss=least,
        max_loss_ranges=_ranges(level, paid, least, is_flat_above=rise == 0.0),
    )


def profitable(combination: Combination) -> tuple[tuple[float, float], ...]:
    """Return the levels, from 0 to infinity, between which the first expiry brings a profit after charges."""
    if combination.is_of_one_expiry:
        return profit_intervals(combination.legs, charges=combination.charges)
    edges = (0.0, *extremes(combination).breakevens, math.inf)
    middles = [low * 2.0 + 1.0 if math.isinf(high) else 0.5 * (low + high) for low, high in pairwise(edges)]
    paid = profit(combination, np.array(middles), passed=combination.years)
    return tuple(edge for edge, money in zip(pairwise(edges), paid.tolist(), strict=True) if money > 0.0)


def chance_of_profit(combination: Combination, smile: Smile) -> float:
    """Return the risk-neutral probability, under the first expiry's fitted smile, of a profit there after charges."""
    total = sum(
        float(smile.probability_below(high)) - float(smile.probability_below(low))
        for low, high in profitable(combination)
    )
    return min(max(total, 0.0), 1.0)


def deviation_levels(combination: Combination, volatility: float, deviations: Sequence[float]) -> list[float]:
    """Return where the underlying stands so many standard deviations away at the first expiry, at one volatility a year."""
    root = volatility * math.sqrt(combination.years)
    return [combination.forward * math.exp(count * root) for count in deviations]


def shown_levels(combination: Combination, volatility: float) -> Float64Array1D:
    """Return the levels (n,) of the payoff's lines: three deviations and every strike, corners among them."""
    root = _DEVIATIONS_SHOWN * volatility * math.sqrt(combination.years) if math.isfinite(volatility) else 0.0
    strikes = _strikes(combination)
    middle = combination.level
    reach = max(root, _LEAST_REACH)
    low = min(middle * math.exp(-reach), *(0.985 * strike for strike in strikes))
    high = max(middle * math.exp(reach), *(1.015 * strike for strike in strikes))
    inside = [level for level in (*strikes, *extremes(combination).breakevens, middle) if low < level < high]
    return np.unique(np.concatenate((np.linspace(low, high, LINE_POINTS), np.array(inside))))


def _strikes(combination: Combination) -> list[float]:
    found = sorted({leg.strike for leg in combination.legs if leg.strike is not None})
    return found or [combination.level]


def _shifted(legs: Sequence[Leg], points: float) -> tuple[Leg, ...]:
    if points == 0.0:
        return tuple(legs)
    return tuple(replace(leg, volatility=max(leg.volatility + points, LEAST_VOLATILITY)) for leg in legs)


def _fine_levels(combination: Combination) -> Float64Array1D:
    """From nearly nothing to where no leg's time value is left, densest around the strikes."""
    strikes = _strikes(combination)
    return np.unique(
        np.concatenate(
            (
                np.linspace(0.001 * strikes[0], 0.7 * strikes[0], 400),
                np.linspace(0.7 * strikes[0], 1.4 * strikes[-1], _FINE_POINTS),
                np.linspace(1.4 * strikes[-1], 4.0 * strikes[-1], 400),
                np.array(strikes),
            )
        )
    )


def _crossings(level: Float64Array1D, paid: Float64Array1D) -> tuple[float, ...]:
    at = np.flatnonzero(np.sign(paid[:-1]) * np.sign(paid[1:]) < 0.0)
    share = paid[at] / (paid[at] - paid[at + 1])
    return tuple((level[at] + share * (level[at + 1] - level[at])).tolist())


def _ranges(level: Float64Array1D, paid: Float64Array1D, bound: float | None, *, is_flat_above: bool) -> Ranges:
    """Where the bound is reached, neighbours of the line joined; nowhere where there is no bound."""
    if bound is None:
        return ()
    reached = np.flatnonzero(np.abs(paid - bound) <= 1e-6 * max(abs(bound), 1.0)).tolist()
    runs: list[tuple[int, int]] = []
    for at in reached:
        if runs and runs[-1][1] == at - 1:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
    last = level.size - 1
    return tuple(
        (float(level[low]), math.inf if high == last and is_flat_above else float(level[high])) for low, high in runs
    )
