"""Orders and fills, and the one type that a venue adapter accepts: `ApprovedOrder`.

An order never holds a float. Prices are in the instrument's currency, quantities in units
(shares, not lots). `OrderStatus` has the desk's own words; a venue's words are translated at
its adapter and moved through the table of `execution.domain.lifecycle`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.errors import Invalid
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_LIMIT = "SL"
    STOP_MARKET = "SL-M"
    TAKE_PROFIT_LIMIT = "TP"
    TAKE_PROFIT_MARKET = "TP-M"
    TRAILING_STOP = "TRAIL"


# what rests at the venue until a price is met
TRIGGERED_TYPES = frozenset(
    {OrderType.STOP_LIMIT, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_LIMIT, OrderType.TAKE_PROFIT_MARKET}
)


class Product(StrEnum):
    DELIVERY = "CNC"
    INTRADAY = "MIS"
    CARRY = "NRML"
    PERPETUAL = "PERP"


class Validity(StrEnum):
    """How long an order stands; each venue takes some of them and refuses the others by name."""

    DAY = "DAY"
    IMMEDIATE = "IOC"
    GOOD_TILL_CANCELLED = "GTC"
    FILL_OR_KILL = "FOK"
    POST_ONLY = "GTX"


class Book(StrEnum):
    """Where an order trades: at the venue, or against its prices on paper."""

    LIVE = "live"
    PAPER = "paper"


class Purpose(StrEnum):
    """What an order does to exposure; exits stay possible when entries are blocked."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    STOP = "STOP"


class Origin(StrEnum):
    DESK = "DESK"
    GUARDIAN = "GUARDIAN"
    EXTERNAL = "EXTERNAL"


class OrderStatus(StrEnum):
    INTENDED = "INTENDED"  # journalled, no byte sent
    SENT = "SENT"  # bytes may have left; the answer is awaited
    ACCEPTED = "ACCEPTED"  # the venue's receipt, not yet resting
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"  # may hold fills
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    NOT_SENT = "NOT_SENT"  # proven that no byte left
    UNKNOWN = "UNKNOWN"  # the venue is being asked; never resent
    NOT_PLACED = "NOT_PLACED"  # absence proven by evidence; LATE may still revise it
    UNPROVEN = "UNPROVEN"  # the day ended without proof; a human decides


FINAL_STATUSES = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.NOT_SENT,
        OrderStatus.NOT_PLACED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """What a strategy or a person wants, before any limit has seen it."""

    account_id: str
    book: Book
    instrument: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    product: Product
    purpose: Purpose
    reason: str
    decided_at: datetime
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    deployment_id: str | None = None
    decision_price: Decimal | None = None
    reduce_only: bool = False
    origin: Origin = Origin.DESK

    def __post_init__(self) -> None:
        if self.quantity <= 0:
            raise Invalid("quantity must be above 0", code="order.quantity", field="quantity")
        needs_price = self.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT)
        if needs_price and (self.price is None or self.price <= 0):
            raise Invalid(
                f"a {self.order_type} order needs a price above 0",
                code="order.price",
                field="price",
            )
        if self.order_type in TRIGGERED_TYPES and (self.trigger_price is None or self.trigger_price <= 0):
            raise Invalid(
                f"a {self.order_type} order needs a trigger price above 0",
                code="order.trigger_price",
                field="trigger_price",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedOrder:
    """An intent that passed the risk gate; only the gate holds the capability to build one."""

    intent: OrderIntent
    client_id: str
    approved_at: datetime
    reserved_quote: Decimal
    kill_epoch: int
    # Not kept, so that dataclasses.replace cannot carry it over into a larger order.
    capability: InitVar[object]

    def __post_init__(self, capability: object) -> None:
        if capability is not _CAPABILITY:
            raise PermissionError("an ApprovedOrder is made by the risk gate alone")


_CAPABILITY = object()
_mint_taken: list[str] = []


def take_mint(holder: str) -> Callable[..., ApprovedOrder]:
    """Hand out the only maker of `ApprovedOrder`, once, to `risk.domain.gate`."""
    if _mint_taken or holder != "risk.domain.gate":
        raise PermissionError(f"{holder} may not mint approved orders")
    _mint_taken.append(holder)

    def mint(
        *,
        intent: OrderIntent,
        client_id: str,
        approved_at: datetime,
        reserved_quote: Decimal,
        kill_epoch: int,
    ) -> ApprovedOrder:
        return ApprovedOrder(
            intent=intent,
            client_id=client_id,
            approved_at=approved_at,
            reserved_quote=reserved_quote,
            kill_epoch=kill_epoch,
            capability=_CAPABILITY,
        )

    return mint


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution; the key is unique for ever: order ids restart, trade ids repeat by symbol."""

    account_id: str
    book: Book
    venue_day: str
    instrument: str
    venue_order_id: str
    trade_id: str
    side: Side
    quantity: Decimal
    price: Decimal
    product: Product
    filled_at: datetime
    client_id: str | None = None
    deployment_id: str | None = None
    # what the venue itself charged, in the instrument's currency: paid where positive; None where a schedule tells
    fee_quote: Decimal | None = None
    source: FillSource = FillSource.TRADE

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        return (
            self.account_id,
            self.book.value,
            self.venue_day,
            self.instrument,
            self.venue_order_id,
            self.trade_id,
        )

    @property
    def value_quote(self) -> Decimal:
        return self.price * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """One row of a venue's order book, translated; unknown words stay in `venue_status`."""

    venue_order_id: str
    instrument: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    pending_quantity: Decimal
    cancelled_quantity: Decimal
    order_type: OrderType
    product: Product
    price: Decimal | None
    trigger_price: Decimal | None
    average_price: Decimal | None
    status: OrderStatus
    venue_status: str
    message: str
    tags: tuple[str, ...]
    placed_at: datetime | None
    updated_at: datetime | None
    parent_order_id: str | None = None
    variety: str = "regular"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """One row of a venue's trade book."""

    trade_id: str
    venue_order_id: str
    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal
    product: Product
    filled_at: datetime
    fee_quote: Decimal | None = None
    source: FillSource = FillSource.TRADE


@dataclass(frozen=True, slots=True, kw_only=True)
class VenuePosition:
    """One net position as the venue counts it."""

    instrument: str
    product: Product
    quantity: Decimal
    average_price: Decimal
    last_price: Decimal
    realised_quote: Decimal
    unrealised_quote: Decimal
    # of a perpetual contract alone
    position_side: PositionSide = PositionSide.BOTH
    leverage: int | None = None
    margin_mode: MarginMode | None = None
    isolated_margin_quote: Decimal | None = None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRow:
    """A row of a venue's book that is there and cannot be read; it may be any order, or a position."""

    book: str  # orders, trades, positions
    row_id: str
    instrument: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueMargin:
    """Buying power of one segment, in the venue's currency; shown, never recomputed."""

    segment: str
    available: Decimal
    used: Decimal
    net: Decimal
