"""Money: an amount that keeps its currency under arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from brokers.domain.errors import Invalid


class Currency(StrEnum):
    INR = "INR"
    USDT = "USDT"


PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True, order=False)
class Money:
    """An exact amount of one currency."""

    amount: Decimal
    currency: Currency

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal):
            raise TypeError(f"money holds a Decimal, not {type(self.amount).__name__}")
        if not self.amount.is_finite():
            raise Invalid(f"money must be finite, not {self.amount}", code="money.not_finite")

    def __add__(self, other: Money) -> Money:
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __neg__(self) -> Money:
        return Money(amount=-self.amount, currency=self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        return Money(amount=self.amount * factor, currency=self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other)

    def rounded(self, unit: Decimal = PAISA) -> Money:
        """Round half up to a multiple of `unit`, as a contract note does."""
        steps = (self.amount / unit).to_integral_value(rounding=ROUND_HALF_UP)
        return Money(amount=steps * unit, currency=self.currency)

    def _same(self, other: Money) -> Decimal:
        if other.currency is not self.currency:
            raise Invalid(f"cannot mix {self.currency} with {other.currency}", code="money.currency")
        return other.amount
