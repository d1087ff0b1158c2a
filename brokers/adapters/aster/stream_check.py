"""What the account's stream has told, held against what the venue's books say.

The stream of an account is quiet by nature, so its silence proves nothing; a difference that stands does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from brokers.adapters.aster.events import AccountUpdate
from brokers.adapters.aster.words import key_of
from brokers.domain.orders import FINAL_STATUSES, UnreadableRow, VenueOrder, VenuePosition
from brokers.domain.perpetual_terms import PositionSide

Held = tuple[str, PositionSide]
_SIDES = frozenset(side.value for side in PositionSide)


@dataclass(slots=True)
class AccountView:
    """Open orders with what of them has filled, and positions other than 0."""

    filled: dict[str, Decimal] = field(default_factory=dict)
    held: dict[Held, Decimal] = field(default_factory=dict)
    told_at: dict[Held, datetime] = field(default_factory=dict)

    def order(self, order: VenueOrder) -> None:
        """Take in how far an order is."""
        if order.status in FINAL_STATUSES:
            self.filled.pop(order.venue_order_id, None)
        else:
            self.filled[order.venue_order_id] = order.filled_quantity

    def position(self, instrument: str, side: PositionSide, quantity: Decimal) -> None:
        """Take in what is held; venues differ in the sign of a hedged side, which its name tells already."""
        if quantity:
            self.held[instrument, side] = quantity if side is PositionSide.BOTH else abs(quantity)
        else:
            self.held.pop((instrument, side), None)

    def balances(self, update: AccountUpdate, sent_at: datetime) -> None:
        """Take in the positions that changed, unless a later event has told them; an odd side is left to the books."""
        for row in update.positions:
            if row.position_side not in _SIDES:
                continue
            key = key_of(row.symbol), PositionSide(row.position_side)
            if sent_at >= self.told_at.get(key, sent_at):
                self.told_at[key] = sent_at
                self.position(*key, row.quantity)


def view_of(
    orders: Iterable[VenueOrder | UnreadableRow], positions: Iterable[VenuePosition | UnreadableRow]
) -> AccountView:
    """Return what the venue's books say; rows that cannot be read say nothing here."""
    view = AccountView()
    for order in orders:
        if isinstance(order, VenueOrder):
            view.order(order)
    for row in positions:
        if isinstance(row, VenuePosition):
            view.position(row.instrument, row.position_side, row.quantity)
    return view


def differences(told: AccountView, books: AccountView) -> list[str]:
    """Return, as sentences, what the books say and the stream did not."""
    found = [f"order {key} is open and the stream never said so" for key in books.filled.keys() - told.filled.keys()]
    found += [f"order {key} is over and the stream never said so" for key in told.filled.keys() - books.filled.keys()]
    for key in told.filled.keys() & books.filled.keys():
        if told.filled[key] != books.filled[key]:
            found.append(f"order {key} has filled {books.filled[key]}, the stream said {told.filled[key]}")
    for held in told.held.keys() | books.held.keys():
        said, have = told.held.get(held, Decimal(0)), books.held.get(held, Decimal(0))
        if said != have:
            found.append(f"{held[0]} {held[1]} is {have}, the stream said {said}")
    return sorted(found)
