"""What one unit of a book is worth from day to day, so that its drawdown survives days and restarts.

A unit's value moves by what the book earns and by nothing else: what the account's funds change by besides is money that
came or went, and buys or sells units. The peak is the highest value that was ever seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.domain.errors import Invalid
from risk.domain.facts import NavView

ONE, ZERO = Decimal(1), Decimal(0)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitValue:
    """A book as it was last seen: its unit's value and peak, its worth then, and its net P&L of the day that ends at `day_ends_at`."""

    nav: Decimal = ONE
    peak: Decimal = ONE
    equity_quote: Decimal
    net_quote: Decimal
    day_ends_at: datetime

    def __post_init__(self) -> None:
        if self.peak <= 0 or self.nav > self.peak:
            raise Invalid("no peak is below its value, or 0", code="nav.figures", field="nav")

    def is_known_at(self, market_at: datetime) -> bool:
        """Tell whether it still speaks: not once a whole day lies between, whose P&L nobody has added."""
        return market_at < self.day_ends_at + DAY

    def gained(self, net_quote: Decimal, *, market_at: datetime) -> Decimal:
        """Return what the book earned since; a new day's P&L has begun at nothing."""
        return net_quote if market_at >= self.day_ends_at else net_quote - self.net_quote

    def nav_with(self, net_quote: Decimal, *, market_at: datetime) -> NavView:
        """Return the unit's value with the day's net P&L as it is at a moment of the market."""
        gained = self.gained(net_quote, market_at=market_at)
        # a lost account has nothing that could be earned upon
        nav = self.nav * (ONE + gained / self.equity_quote) if self.equity_quote > 0 else self.nav
        units = max(self.equity_with(net_quote, market_at=market_at), ZERO) / nav if nav > 0 else ZERO
        return NavView(units=units, nav=nav, peak=max(self.peak, nav))

    def equity_with(self, net_quote: Decimal, *, market_at: datetime) -> Decimal:
        """Return what the book is worth with the day's net P&L as it is at a moment of the market."""
        return self.equity_quote + self.gained(net_quote, market_at=market_at)

    def seen(
        self, *, equity_quote: Decimal, net_quote: Decimal, market_at: datetime, day_ends_at: datetime
    ) -> UnitValue:
        """Return it as it is seen now: moved by what was earned since, and worth what the account says."""
        view = self.nav_with(net_quote, market_at=market_at)
        return UnitValue(
            nav=view.nav, peak=view.peak, equity_quote=equity_quote, net_quote=net_quote, day_ends_at=day_ends_at
        )

    def closed(self, net_quote: Decimal) -> UnitValue:
        """Return it with its day's last net P&L, where the day went on after it was seen last."""
        view = self.nav_with(net_quote, market_at=datetime.min.replace(tzinfo=self.day_ends_at.tzinfo))
        gained = net_quote - self.net_quote
        return replace(self, nav=view.nav, peak=view.peak, equity_quote=self.equity_quote + gained, net_quote=net_quote)

    def lived(self, net_quote: Decimal) -> UnitValue:
        """Return it after one more day, at which it was not seen, with that day's last net P&L."""
        view = self.nav_with(net_quote, market_at=self.day_ends_at)
        equity = self.equity_with(net_quote, market_at=self.day_ends_at)
        return replace(self, nav=view.nav, peak=view.peak, equity_quote=equity, net_quote=net_quote)
