"""What is held for delivery: shares, what of them can be sold, and the depository's say in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.errors import Invalid
from brokers.domain.orders import Product, Side
from brokers.domain.record import VenueRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginFunded(VenueRecord):
    """The part of a holding that was bought on margin funding."""

    quantity: Decimal
    used_quantity: Decimal
    average_price: Decimal
    value: Decimal
    initial_margin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding(VenueRecord):
    """One delivery holding; `t1_quantity` was bought the day before and is not settled yet."""

    instrument: str
    instrument_token: int
    isin: str
    product: str
    price: Decimal
    quantity: Decimal
    used_quantity: Decimal
    t1_quantity: Decimal
    realised_quantity: Decimal
    authorised_quantity: Decimal
    authorised_at: datetime | None
    authorisation: Mapping[str, object]
    opening_quantity: Decimal
    short_quantity: Decimal
    collateral_quantity: Decimal
    collateral_type: str
    has_discrepancy: bool
    average_price: Decimal
    last_price: Decimal
    close_price: Decimal
    pnl: Decimal
    day_change: Decimal
    day_change_percent: Decimal
    margin_funded: MarginFunded | None

    @property
    def sellable_quantity(self) -> Decimal:
        """Return what can be sold today, subject to the depository's authorisation."""
        return max(self.quantity + self.t1_quantity - self.used_quantity, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuctionHolding(VenueRecord):
    """A holding that is wanted in an auction, with the number an offer must name."""

    holding: Holding
    auction_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsSummary(VenueRecord):
    """The holdings as one sum."""

    invested: Decimal
    current_value: Decimal
    total_pnl: Decimal
    total_pnl_percent: Decimal
    today_pnl: Decimal
    today_pnl_percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactHolding(VenueRecord):
    """How much is held of what, and nothing else."""

    instrument: str
    instrument_token: int
    quantity: Decimal
    t1_quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisedShare:
    """What the holder lets the depository deliver."""

    isin: str
    quantity: Decimal

    def __post_init__(self) -> None:
        if not self.isin or self.quantity <= 0:
            raise Invalid("name a security and a quantity above 0", code="holding.authorise", field="isin")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsAuthorisation(VenueRecord):
    """A request that the holder completes at `url`; it lasts for the trading day until 17:30."""

    request_id: str
    url: str


class PositionAge(StrEnum):
    DAY = "day"
    OVERNIGHT = "overnight"


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionConversion:
    """Moves a held quantity from one product to another; side is that of the position."""

    instrument: str
    side: Side
    age: PositionAge
    quantity: Decimal
    old_product: Product
    new_product: Product

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise Invalid("quantity must be above 0", code="conversion.quantity", field="quantity")
        if self.old_product is self.new_product:
            raise Invalid("a conversion changes the product", code="conversion.product", field="new_product")
