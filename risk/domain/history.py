"""What the day's fills say of a book: how often it traded, and when a holder last added and reduced.

A desk asks at every order, and fills only ever come to the end of a day's list: each is looked at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.orders import Book, Fill
from risk.domain.reach import ZERO, Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTrades:
    """What a holder held after its last fill today, and when its position last grew and last shrank (market's clock)."""

    quantity: Decimal = ZERO
    added_at: datetime | None = None
    reduced_at: datetime | None = None

    def after(self, fill: Fill) -> LastTrades:
        """Return it after one more fill; what turns a position round has opened one."""
        quantity = self.quantity + fill.quantity * fill.side.sign
        if self.is_added_to(quantity):
            return LastTrades(quantity=quantity, added_at=fill.filled_at, reduced_at=self.reduced_at)
        return LastTrades(quantity=quantity, added_at=self.added_at, reduced_at=fill.filled_at)

    def is_added_to(self, quantity: Decimal) -> bool:
        return abs(quantity) > abs(self.quantity) or quantity * self.quantity < 0


class DayTrades:
    """One book's trades of a day, kept up with a list of fills that grows; a new list begins anew."""

    __slots__ = ("_book", "_counted", "_entries", "_fills", "_last", "_of_deployment")

    def __init__(self, book: Book) -> None:
        self._book = book
        self._fills: Sequence[Fill] | None = None
        self._begin()

    def _begin(self) -> None:
        self._counted = 0
        self._last: dict[Holder, LastTrades] = {}
        self._entries: set[str] = set()
        self._of_deployment: dict[str, set[str]] = {}

    def follow(self, fills: Sequence[Fill], held: Callable[[Holder], Decimal]) -> DayTrades:
        """Take the fills in that are new, and return itself; `held` tells what a holder holds after all of them."""
        if fills is not self._fills or len(fills) < self._counted:
            self._begin()
            self._fills = fills
        fresh = [fill for fill in fills[self._counted :] if fill.book is self._book]
        self._counted = len(fills)
        changes: dict[Holder, Decimal] = {}
        for fill in fresh:
            holder = _holder(fill)
            changes[holder] = changes.get(holder, ZERO) + fill.quantity * fill.side.sign
        for holder, change in changes.items():
            if holder not in self._last:
                self._last[holder] = LastTrades(quantity=held(holder) - change)
        for fill in fresh:
            self._take(fill)
        return self

    def of(self, holder: Holder) -> LastTrades:
        """Return a holder's last trades of the day."""
        return self._last.get(holder) or LastTrades()

    def orders(self, deployment_id: str | None = None) -> set[str]:
        """Return the orders that opened or added to a position today, of one deployment or of the whole book."""
        return self._entries if deployment_id is None else self._of_deployment.get(deployment_id, set())

    def _take(self, fill: Fill) -> None:
        holder = _holder(fill)
        before = self._last[holder]
        after = self._last[holder] = before.after(fill)
        if before.is_added_to(after.quantity):
            order = fill.client_id or f"{fill.instrument} {fill.venue_order_id}"
            self._entries.add(order)
            self._of_deployment.setdefault(holder.deployment_id, set()).add(order)


def _holder(fill: Fill) -> Holder:
    return Holder(fill.instrument, fill.product, fill.deployment_id or "")
