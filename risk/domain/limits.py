"""The limits of one account, in its own currency."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

from brokers.domain.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What no order of an account may exceed; quote is the account's currency.

    `price_band_fraction` is a distance from the last price: 0.03 is three per cent.
    """

    max_daily_loss_quote: Decimal
    max_order_value_quote: Decimal
    max_gross_exposure_quote: Decimal
    max_position_value_quote: Decimal
    max_orders_per_second: int
    max_orders_per_day: int
    price_band_fraction: Decimal
    max_quote_age_s: Decimal

    def __post_init__(self) -> None:
        for field in fields(self):
            value = Decimal(getattr(self, field.name))
            if not value.is_finite() or value <= 0:
                raise Invalid(f"{field.name} must be above 0", code="limit.not_positive", field=field.name)
        if self.price_band_fraction >= 1:
            raise Invalid(
                "price_band_fraction is a fraction: 0.03 is three per cent, and it must be below 1",
                code="limit.not_a_fraction",
                field="price_band_fraction",
            )


def loosened(before: Limits, after: Limits) -> tuple[str, ...]:
    """Return the names of the limits that allow more after a change than before it."""
    return tuple(f.name for f in fields(Limits) if getattr(after, f.name) > getattr(before, f.name))
