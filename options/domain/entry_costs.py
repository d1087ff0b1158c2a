"""What it costs to enter a combination and to leave it: the venue's charges, from the dated tables, one order a leg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from brokers.domain.charges import ChargeNote, ChargeSchedule, exact_charges
from brokers.domain.instruments import Instrument
from brokers.domain.orders import Book, Fill, Product, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One leg as an order: units (above 0) at a price."""

    instrument: Instrument
    side: Side
    quantity: Decimal
    price: Decimal


def charges_of(trades: Sequence[Trade], *, product: Product, day: date, schedule: ChargeSchedule) -> ChargeNote:
    """Return the rounded note of one order per leg, all of one day; raises `DataError` where a rate is not known."""
    fills = [
        Fill(
            account_id="",
            book=Book.PAPER,
            venue_day=day.isoformat(),
            instrument=trade.instrument.key,
            venue_order_id=str(number),
            trade_id=str(number),
            side=trade.side,
            quantity=trade.quantity,
            price=trade.price,
            product=product,
            filled_at=datetime.combine(day, datetime.min.time(), UTC),
        )
        for number, trade in enumerate(trades)
        if trade.price > 0
    ]
    kinds = {trade.instrument.key: trade.instrument.kind for trade in trades}
    return exact_charges(fills, kinds=kinds, day=day, schedule=schedule).rounded()
