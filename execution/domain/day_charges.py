"""One book's charges of a day, kept up with a list of fills that grows: each fill is looked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from brokers.domain.charges import ChargeNote
from brokers.domain.orders import Book, Fill

Charge = Callable[[Sequence[Fill]], ChargeNote]


class DayCharges:
    """The charges of one book's fills; a new list, or a new day, begins anew."""

    __slots__ = ("_book", "_counted", "_day", "_fills", "_note", "_on_note", "_orders", "_rounded")

    def __init__(self, book: Book) -> None:
        self._book = book
        self._fills: Sequence[Fill] | None = None
        self._day: date | None = None
        self._begin()

    def _begin(self) -> None:
        self._counted = 0
        self._on_note: list[Fill] = []
        self._orders: set[tuple[str, str]] = set()
        self._note = self._rounded = ChargeNote()

    def rounded(
        self, fills: Sequence[Fill], *, day: date, is_on_note: Callable[[Fill], bool], charge: Charge
    ) -> ChargeNote:
        """Take the fills in that are new, and return the book's note as it is rounded for the day.

        `charge` works out what some fills cost before rounding, `is_on_note` tells whether a fill is charged by the note.
        """
        if fills is not self._fills or len(fills) < self._counted or day != self._day:
            self._begin()
            self._fills, self._day = fills, day
        fresh = [fill for fill in fills[self._counted :] if fill.book is self._book and is_on_note(fill)]
        self._counted = len(fills)
        if fresh:
            self._take(fresh, charge)
        return self._rounded

    def _take(self, fresh: list[Fill], charge: Charge) -> None:
        self._on_note += fresh
        orders = {(fill.instrument, fill.venue_order_id) for fill in fresh}
        # an order's charges are of all its fills together
        is_known_order = not self._orders.isdisjoint(orders)
        self._note = charge(self._on_note) if is_known_order else self._note + charge(fresh)
        self._orders |= orders
        self._rounded = self._note.rounded()
