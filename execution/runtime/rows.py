"""The desk's own order records in a venue's words: for the paper book's memory, and for modifications."""

from __future__ import annotations

from decimal import Decimal

from brokers.domain.orders import Book, Fill, VenueOrder, VenueTrade
from execution.domain.lifecycle import OrderRecord

ZERO = Decimal(0)


def venue_order_of(order: OrderRecord) -> VenueOrder:
    """Return an order of ours as its venue would list it."""
    intent = order.intent
    open_quantity = intent.quantity - order.filled_quantity
    return VenueOrder(
        venue_order_id=order.venue_order_id,
        instrument=intent.instrument,
        side=intent.side,
        quantity=intent.quantity,
        filled_quantity=order.filled_quantity,
        pending_quantity=ZERO if order.is_final else open_quantity,
        cancelled_quantity=open_quantity if order.is_final else ZERO,
        order_type=intent.order_type,
        product=intent.product,
        price=order.price,
        trigger_price=order.trigger_price,
        average_price=order.average_price,
        status=order.status,
        venue_status=order.status.value,
        message=order.message,
        tags=(order.client_id,),
        placed_at=order.created_at,
        updated_at=order.updated_at,
    )


def venue_trade_of(fill: Fill) -> VenueTrade:
    """Return a fill of ours as its venue would list it."""
    return VenueTrade(
        trade_id=fill.trade_id,
        venue_order_id=fill.venue_order_id,
        instrument=fill.instrument,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        product=fill.product,
        filled_at=fill.filled_at,
    )


def is_paper(order: OrderRecord) -> bool:
    """Tell whether an order lives in the paper book."""
    return order.intent.book is Book.PAPER
