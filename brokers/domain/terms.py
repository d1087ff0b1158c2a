"""How an approved order is worded at the venue. No term enlarges an order: side, quantity and prices are its intent's."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from brokers.domain.errors import Invalid
from brokers.domain.orders import OrderType
from brokers.domain.protection import AUTOMATIC, MarketProtection

ICEBERG_LEGS = range(2, 51)


class Variety(StrEnum):
    REGULAR = "regular"
    AFTER_MARKET = "amo"
    COVER = "co"
    ICEBERG = "iceberg"
    AUCTION = "auction"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """The venue's variety of an order with what that variety asks for; the defaults are an ordinary order's."""

    variety: Variety = Variety.REGULAR
    protection: MarketProtection = field(default=AUTOMATIC)
    disclosed_quantity: Decimal | None = None
    live_minutes: int | None = None
    iceberg_legs: int | None = None
    auction_number: str | None = None
    autoslice: bool = False
    algo_id: str | None = None

    def __post_init__(self) -> None:
        if (self.variety is Variety.ICEBERG) != (self.iceberg_legs is not None):
            raise _wrong("iceberg_legs", "an iceberg order, and no other, has legs")
        if self.iceberg_legs is not None and self.iceberg_legs not in ICEBERG_LEGS:
            raise _wrong("iceberg_legs", f"an iceberg order has 2 to 50 legs, not {self.iceberg_legs}")
        if (self.variety is Variety.AUCTION) != bool(self.auction_number):
            raise _wrong("auction_number", "an auction order, and no other, names its auction")
        if self.live_minutes is not None and self.live_minutes < 1:
            raise _wrong("live_minutes", "an order lives for a minute at least")
        if self.disclosed_quantity is not None and self.disclosed_quantity <= 0:
            raise _wrong("disclosed_quantity", "a disclosed quantity is above 0")


REGULAR = OrderTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """What to change of a resting order; None leaves a term as it is."""

    price: Decimal | None = None
    trigger_price: Decimal | None = None
    order_type: OrderType | None = None
    quantity: Decimal | None = None
    disclosed_quantity: Decimal | None = None
    protection: MarketProtection = field(default=AUTOMATIC)

    def __post_init__(self) -> None:
        terms = (self.price, self.trigger_price, self.order_type, self.quantity, self.disclosed_quantity)
        if all(term is None for term in terms):
            raise Invalid("a modification names a price or a trigger price", code="order.price", field="price")


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(message, code=f"order.{name}", field=name)
