"""What limits beyond the book itself are judged by: the account's worth, its margin, the circuit, and its stress."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from brokers.domain.errors import Invalid

ONE, ZERO = Decimal(1), Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class NavView:
    """The value of one unit of the account, and its peak; money that comes and goes buys and sells units.

    The peak outlives days and restarts: whoever keeps this keeps all three figures.
    """

    units: Decimal
    nav: Decimal = ONE
    peak: Decimal = ONE

    def __post_init__(self) -> None:
        if self.units < 0 or self.peak <= 0 or self.nav > self.peak:
            raise Invalid("units are not below 0, and no peak is below its value", code="nav.figures", field="nav")

    @property
    def drawdown_fraction(self) -> Decimal:
        """Return how far the unit stands below its peak, as a fraction of the peak."""
        return ONE - self.nav / self.peak

    def marked(self, equity_quote: Decimal) -> NavView:
        """Return it with the account worth `equity_quote` now; without units nothing is known of their value."""
        if not self.units:
            return self
        nav = equity_quote / self.units
        return replace(self, nav=nav, peak=max(self.peak, nav))

    def moved(self, flow_quote: Decimal) -> NavView:
        """Return it after money came (above 0) or went: the unit keeps its value, their number changes.

        Raises Invalid where a lost account would take money at a unit worth nothing, or more leaves than is there.
        """
        if self.nav <= 0:
            raise Invalid("a unit is worth nothing, so no money can buy any", code="nav.lost", field="flow_quote")
        units = self.units + flow_quote / self.nav
        if units < 0:
            raise Invalid("more leaves than the account is worth", code="nav.flow", field="flow_quote")
        return replace(self, units=units)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginView:
    """What margin is used and would be with the order, in the account's currency.

    `after_quote` is the book's whole margin with the order in it, by the venue's calculator or by our own model
    (`is_estimate`). Collateral is what pledged shares count for; `cash_quote` is cash and its equivalents.
    """

    used_quote: Decimal
    after_quote: Decimal
    cash_quote: Decimal
    collateral_quote: Decimal = ZERO
    is_estimate: bool = False

    @property
    def funds_quote(self) -> Decimal:
        return self.cash_quote + self.collateral_quote


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitView:
    """The lowest and the highest price at which the exchange lets the instrument trade today."""

    lower: Decimal
    upper: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StressView:
    """What the portfolio could lose, without and with the order: the grid's worst cell, value at risk, delta notional."""

    worst_before_quote: Decimal
    worst_after_quote: Decimal
    var_before_quote: Decimal
    var_after_quote: Decimal
    delta_notional_before_quote: Decimal
    delta_notional_after_quote: Decimal
