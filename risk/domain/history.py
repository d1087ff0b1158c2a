"""What the day's fills say of a holder: when it last added and reduced, and how often it traded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.orders import Fill, OrderIntent
from risk.domain.exposure import ZERO, RiskView, holder_of
from risk.domain.reach import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTrades:
    """When a holder's position last grew and last shrank today, on the market's clock; None where it did not."""

    added_at: datetime | None = None
    reduced_at: datetime | None = None


def last_trades(intent: OrderIntent, view: RiskView, fills: Sequence[Fill]) -> LastTrades:
    """Return when the position that an order would change last grew and last shrank."""
    holder = holder_of(intent)
    own = [fill for fill in fills if fill.book is intent.book and _holder(fill) == holder]
    added_at = reduced_at = None
    for fill, is_adding in _walk(own, _held(view, holder)):
        if is_adding:
            added_at = fill.filled_at
        else:
            reduced_at = fill.filled_at
    return LastTrades(added_at=added_at, reduced_at=reduced_at)


def trades_of(intent: OrderIntent, view: RiskView, fills: Sequence[Fill]) -> int:
    """Return how many orders opened or added to a position today, those that still may do so included."""
    by_holder: dict[Holder, list[Fill]] = {}
    for fill in fills:
        if fill.book is intent.book:
            by_holder.setdefault(_holder(fill), []).append(fill)
    done = {
        fill.client_id or f"{fill.instrument} {fill.venue_order_id}"
        for holder, own in by_holder.items()
        for fill, is_adding in _walk(own, _held(view, holder))
        if is_adding
    }
    return len(done | {order.client_id for order in view.pending if not order.reduce_only})


def _walk(fills: Sequence[Fill], held: Decimal) -> Iterator[tuple[Fill, bool]]:
    """Go through one holder's fills, oldest first, telling of each whether it added; `held` is what is held after them."""
    quantity = held - sum((fill.quantity * fill.side.sign for fill in fills), ZERO)
    for fill in fills:
        after = quantity + fill.quantity * fill.side.sign
        # what turns a position round has opened one
        yield fill, abs(after) > abs(quantity) or after * quantity < 0
        quantity = after


def _held(view: RiskView, holder: Holder) -> Decimal:
    return sum((row.quantity for row in view.holdings if row.holder == holder), ZERO)


def _holder(fill: Fill) -> Holder:
    return Holder(fill.instrument, fill.product, fill.deployment_id or "")
