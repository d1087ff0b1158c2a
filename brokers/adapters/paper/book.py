"""Paper orders and what became of them; the rows have the shapes of a real venue's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import (
    ApprovedOrder,
    OrderStatus,
    OrderType,
    Product,
    Side,
    Validity,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)

ZERO = Decimal(0)
STOP_TYPES = frozenset({OrderType.STOP_LIMIT, OrderType.STOP_MARKET})
LIVING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED, OrderStatus.TRIGGER_PENDING})


@dataclass(slots=True, kw_only=True)
class PaperOrder:
    """One order's state; `row()` is what the desk sees of it."""

    order_id: str
    client_id: str
    instrument: str
    tick_size: Decimal
    side: Side
    quantity: Decimal
    order_type: OrderType
    product: Product
    validity: Validity
    price: Decimal | None
    trigger_price: Decimal | None
    status: OrderStatus
    placed_at: datetime
    updated_at: datetime
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fills: int = 0
    has_rested: bool = False
    message: str = ""

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def is_living(self) -> bool:
        return self.status in LIVING

    def fill(self, quantity: Decimal, price: Decimal, at: datetime) -> VenueTrade:
        """Take a fill and return it as a trade; ids count up within the order."""
        self.filled += quantity
        self.value += quantity * price
        self.fills += 1
        self.status = OrderStatus.FILLED if self.remaining == 0 else OrderStatus.PARTIALLY_FILLED
        self.updated_at = at
        return VenueTrade(
            trade_id=f"{self.order_id}-{self.fills}",
            venue_order_id=self.order_id,
            instrument=self.instrument,
            side=self.side,
            quantity=quantity,
            price=price,
            product=self.product,
            filled_at=at,
        )

    def end(self, status: OrderStatus, message: str, at: datetime) -> None:
        """Close the order with a final status."""
        self.status, self.message, self.updated_at = status, message, at

    def row(self) -> VenueOrder:
        """Return the order as a venue's book would show it."""
        is_cancelled = self.status is OrderStatus.CANCELLED
        return VenueOrder(
            venue_order_id=self.order_id,
            instrument=self.instrument,
            side=self.side,
            quantity=self.quantity,
            filled_quantity=self.filled,
            pending_quantity=self.remaining if self.is_living else ZERO,
            cancelled_quantity=self.remaining if is_cancelled else ZERO,
            order_type=self.order_type,
            product=self.product,
            price=self.price,
            trigger_price=self.trigger_price,
            average_price=self.value / self.filled if self.filled else None,
            status=self.status,
            venue_status=self.status.value,
            message=self.message,
            tags=(self.client_id,),
            placed_at=self.placed_at,
            updated_at=self.updated_at,
        )


def new_order(order_id: str, order: ApprovedOrder, instrument: Instrument, at: datetime) -> PaperOrder:
    """Open a paper order; a stop waits for its trigger."""
    intent = order.intent
    waits = intent.order_type in STOP_TYPES
    return PaperOrder(
        order_id=order_id,
        client_id=order.client_id,
        instrument=instrument.key,
        tick_size=instrument.tick_size,
        side=intent.side,
        quantity=intent.quantity,
        order_type=intent.order_type,
        product=intent.product,
        validity=intent.validity,
        price=intent.price,
        trigger_price=intent.trigger_price,
        status=OrderStatus.TRIGGER_PENDING if waits else OrderStatus.OPEN,
        placed_at=at,
        updated_at=at,
    )


def restored_order(row: VenueOrder, trades: list[VenueTrade], tick_size: Decimal, at: datetime) -> PaperOrder:
    """Bring back an order from its last known row; the trades count, whatever the row says."""
    filled = sum((trade.quantity for trade in trades), ZERO)
    return PaperOrder(
        order_id=row.venue_order_id,
        client_id=row.tags[0] if row.tags else "",
        instrument=row.instrument,
        tick_size=tick_size,
        side=row.side,
        quantity=row.quantity,
        order_type=row.order_type,
        product=row.product,
        validity=Validity.DAY,
        price=row.price,
        trigger_price=row.trigger_price,
        status=OrderStatus.FILLED if filled == row.quantity else row.status,
        placed_at=row.placed_at or at,
        updated_at=row.updated_at or at,
        filled=filled,
        value=sum((trade.quantity * trade.price for trade in trades), ZERO),
        fills=len(trades),
        has_rested=True,
        message=row.message,
    )


def net_positions(trades: list[VenueTrade], last: dict[str, Decimal]) -> list[VenuePosition]:
    """Net trades into positions at average cost, one per instrument and product."""
    held: dict[tuple[str, Product], _Held] = {}
    for trade in trades:
        held.setdefault((trade.instrument, trade.product), _Held()).take(trade)
    return [
        VenuePosition(
            instrument=instrument,
            product=product,
            quantity=position.quantity,
            average_price=position.average,
            last_price=last.get(instrument, position.average),
            realised_quote=position.realised,
            unrealised_quote=(last.get(instrument, position.average) - position.average) * position.quantity,
        )
        for (instrument, product), position in held.items()
    ]


@dataclass(slots=True)
class _Held:
    quantity: Decimal = ZERO
    average: Decimal = ZERO
    realised: Decimal = ZERO

    def take(self, trade: VenueTrade) -> None:
        change = trade.quantity * trade.side.sign
        if self.quantity * change >= 0:
            total = self.quantity + change
            self.average = (self.quantity * self.average + change * trade.price) / total
            self.quantity = total
            return
        closed = min(abs(self.quantity), abs(change)) * (1 if self.quantity > 0 else -1)
        self.realised += (trade.price - self.average) * closed
        crossed = abs(change) > abs(self.quantity)
        self.quantity += change
        self.average = trade.price if crossed else (self.average if self.quantity else ZERO)
