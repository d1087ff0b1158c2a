"""Value at risk: what a day like one of the past, or like the normal distribution, would cost.

Losses are positive. The historical one revalues every option on every day of the history (no Greeks); the parametric one
knows deltas and a covariance alone, and is beside the point for written options: it is shown for comparison.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from risk.domain.facts import StressView
from risk.domain.portfolio import (
    DAY_YEARS,
    STANDARD_AXES,
    Axes,
    Greeks,
    Line,
    Portfolio,
    greeks_of,
    portfolio_of,
    scenario_grid,
)
from risk.domain.portfolio_kernels import add_paths

Floats = npt.NDArray[np.float64]
CONFIDENCE = 0.99
PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Days of the past, oldest first: simple returns of the underlyings (u, t) and changes of their volatility (u, t).

    `underlyings` names the rows; changes of volatility are in points as fractions, 0 where none is known.
    """

    underlyings: tuple[str, ...]
    returns: Floats
    volatility_changes: Floats

    def __post_init__(self) -> None:
        shapes = {self.returns.shape, self.volatility_changes.shape}
        if len(shapes) > 1 or self.returns.shape[:1] != (len(self.underlyings),) or self.returns.ndim != 2:
            raise Invalid("a history has a row for each underlying and a column for each day", code="history.shape")
        if not np.isfinite(self.returns).all() or not (self.returns > -1.0).all():
            raise Invalid("a return is a figure above -1", code="history.return")

    def rows_of(self, underlyings: tuple[str, ...]) -> History:
        """Return the rows of some underlyings in their order; raise Invalid, naming the first that has none."""
        missing = next((name for name in underlyings if name not in self.underlyings), None)
        if missing is not None:
            raise Invalid(f"{missing} has no history", code="history.missing", field=missing)
        rows = [self.underlyings.index(name) for name in underlyings]
        return replace(
            self,
            underlyings=underlyings,
            returns=self.returns[rows],
            volatility_changes=self.volatility_changes[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAtRisk:
    """What is lost at least on the worst days, `1 - confidence` of them, and on average on those."""

    loss: float
    shortfall: float
    days: int


def historical(portfolio: Portfolio, history: History, *, confidence: float = CONFIDENCE) -> ValueAtRisk:
    """Revalue the portfolio on every day of the history, one day older; raise Invalid where the days do not suffice.

    The loss is an order statistic: the k-th worst day, k = floor((1 - confidence) * days), at least the worst.
    """
    known = history.rows_of(portfolio.underlyings)
    days = known.returns.shape[1]
    if days * (1.0 - confidence) < 1.0 - 1e-9:
        raise Invalid(
            f"{days} days cannot tell the worst {1.0 - confidence:.3%}", code="history.short", field="history"
        )
    outcomes = pnl_of_days(portfolio, known)
    worst = np.sort(outcomes)[: max(int(days * (1.0 - confidence) + 1e-9), 1)]
    return ValueAtRisk(loss=max(-float(worst[-1]), 0.0), shortfall=max(-float(worst.mean()), 0.0), days=days)


def pnl_of_days(portfolio: Portfolio, history: History) -> Floats:
    """Return the profit and loss of each day of a history (t,), whose rows are the portfolio's underlyings."""
    exposure = np.zeros(len(portfolio.underlyings))
    np.add.at(exposure, portfolio.underlying, portfolio.quantity * portfolio.price)
    total = np.ascontiguousarray(exposure @ history.returns, dtype=np.float64)
    factor = np.ascontiguousarray(1.0 + history.returns)
    add_paths(portfolio.options, factor, np.ascontiguousarray(history.volatility_changes), DAY_YEARS, total)
    return total


def parametric(greeks: Greeks, covariance: Floats, *, confidence: float = CONFIDENCE) -> float:
    """Return z * sqrt(n' C n), n the delta notionals (u,) and C the covariance of a day's returns (u, u)."""
    count = len(greeks.underlyings)
    if covariance.shape != (count, count):
        raise Invalid(f"the covariance of {count} underlyings has {count} rows", code="covariance.shape")
    variance = float(greeks.delta_notional @ covariance @ greeks.delta_notional)
    return NormalDist().inv_cdf(confidence) * math.sqrt(max(variance, 0.0))


def stress_of(
    lines: list[Line], candidate: list[Line], history: History, *, axes: Axes = STANDARD_AXES
) -> StressView | None:
    """Return what the gate asks of a portfolio without and with a candidate order; None where a part cannot be valued.

    This is where arrays become an order's money, to the paisa and away from the trader's favour.
    """
    before, after = portfolio_of(lines), portfolio_of([*lines, *candidate])
    if after.unpriced or before.unpriced:
        return None
    return StressView(
        worst_before_quote=_money(scenario_grid(before, axes).worst_loss),
        worst_after_quote=_money(scenario_grid(after, axes).worst_loss),
        var_before_quote=_money(historical(before, history).loss),
        var_after_quote=_money(historical(after, history).loss),
        delta_notional_before_quote=_money(float(greeks_of(before).delta_notional.sum())),
        delta_notional_after_quote=_money(float(greeks_of(after).delta_notional.sum())),
    )


def _money(figure: float) -> Decimal:
    # a rounding of the arithmetic is no paisa
    return Decimal(repr(round(figure, 6))).quantize(PAISA, rounding="ROUND_UP")
