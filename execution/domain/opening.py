"""The beginning of an account's books at a venue whose positions outlive their day.

What the account held of perpetual contracts before the desk came is no difference to be explained: it is nobody's, it is
shown, and it counts in every limit. This happens once; whatever differs later is a difference.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from brokers.domain.figures import quantity_in_words
from brokers.domain.orders import Book, Product, VenuePosition
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.events import BooksRead
from execution.domain.records import OpeningPosition, PositionsOpened
from execution.domain.running import subscribe

ZERO = Decimal(0)


def open_books(desk: Desk, books: BooksRead) -> None:
    """Take over what stands at the venue already, from the first read that shows all of it."""
    if desk.state.is_opened or not desk.config.calendar.is_always_open or desk.state.began_at is None:
        return
    is_moving = any(o.intent.book is Book.LIVE and o.awaits_trades for o in desk.state.open_orders())
    if books.unreadable or is_moving:
        return
    found = [row for name, rows in _by_instrument(books).items() if (row := _opening(desk, name, rows)) is not None]
    desk.record(PositionsOpened(positions=tuple(found)))
    if desk.market.track({row.instrument for row in found}):
        subscribe(desk)  # what is held needs its quotes
    for row in found:
        sentence = (
            f"{quantity_in_words(row.quantity)} of it was held before this desk came: it counts, and is nobody's here"
        )
        desk.alert(Level.INFO, row.instrument, sentence)


def _by_instrument(books: BooksRead) -> dict[str, list[VenuePosition]]:
    found: dict[str, list[VenuePosition]] = defaultdict(list)
    for row in books.positions:
        if row.product is Product.PERPETUAL:
            found[row.instrument].append(row)
    return found


def _opening(desk: Desk, instrument: str, rows: list[VenuePosition]) -> OpeningPosition | None:
    there = sum((row.quantity for row in rows), ZERO)
    missing = there - desk.state.positions.net_quantity(instrument, Book.LIVE)
    if not missing:
        return None
    cost = sum((row.quantity * row.average_price for row in rows), ZERO)
    entry = cost / there if there else rows[0].average_price
    mark = desk.market.fair(instrument) or rows[0].mark_price or entry
    return OpeningPosition(
        instrument=instrument, product=Product.PERPETUAL, quantity=missing, average_price=entry, day_average=mark
    )
