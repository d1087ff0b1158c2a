"""The journal against the venue's books, after what the books' rows teach was taken in.

What remains different then is a difference: an order of ours the book no longer holds, a position
that the fills do not explain. It is told once two reads in a row say the same, because three books
cannot be read in one instant.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from brokers.domain.orders import Book, Product
from execution.domain.allowance import tell
from execution.domain.desk import Desk
from execution.domain.events import BooksRead, Via
from execution.domain.learning import check_write, order_seen
from execution.domain.opening import open_books
from execution.domain.perpetuals import take_positions
from execution.domain.pursuit import pursue_all, settled
from execution.domain.sending import want_cancel
from execution.domain.setbacks import tell_stuck
from execution.domain.state import DeskState
from execution.domain.trades import trade_seen
from execution.domain.unknown import prove_absent, weigh

ZERO = Decimal(0)
SUBJECT_LENGTH = 120
_SETTLING = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    kind: str
    subject: str
    instrument: str
    sentence: str
    product: Product | None = None
    excess: Decimal = ZERO  # what the journal holds and the venue does not, signed


def compare(state: DeskState, books: BooksRead) -> list[Difference]:
    """Return what journal and books do not agree on; pure, and the same for any order of rows."""
    return sorted(
        [*_missing_orders(state, books), *_position_differences(state, books)], key=lambda d: (d.kind, d.subject)
    )


def books_read(desk: Desk, books: BooksRead) -> None:
    """Take a whole read in: rows, trades, doubts, differences; then go on with what waited."""
    for row in books.orders:
        order_seen(desk, row, Via.BOOK, Book.LIVE)
    take_positions(desk, books.positions)
    for trade in books.trades:
        trade_seen(desk, trade, Book.LIVE)
    for row in books.orders:
        order = desk.state.find(Book.LIVE, row.venue_order_id)
        if order is not None:
            check_write(desk, order, row, books.started_at)
    _tell_unreadable(desk, books)
    open_books(desk, books)
    differences = compare(desk.state, books)
    unseen = {key: excess for key, excess in desk.excess.items() if _hides_position(books, key[0])}
    desk.venue_prices = {
        (row.instrument, row.product): row.mark_price or row.last_price or row.average_price for row in books.positions
    }
    before, desk.excess = desk.excess, unseen | {(d.instrument, d.product): d.excess for d in differences if d.product}
    _resolve_doubts(desk, books, {d.instrument for d in differences})
    _tell(desk, books, differences)
    tell_stuck(desk, books)
    _go_on(desk, books)
    if desk.excess != before and desk.is_reconciled:
        pursue_all(desk)


def read_interval_s(desk: Desk) -> float:
    """Return how soon the books are read again: the more is under way, the sooner."""
    live = [o for o in desk.state.open_orders() if o.intent.book is Book.LIVE]
    if any(o.is_in_flight or o.awaits_trades or o.writing for o in live):
        return desk.config.in_flight_read_s
    is_busy = bool(desk.excess) or any(not o.is_doubtful for o in live)
    return desk.config.open_read_s if is_busy else desk.config.idle_read_s


def _missing_orders(state: DeskState, books: BooksRead) -> list[Difference]:
    shown = {row.venue_order_id for row in books.orders}
    hidden = [row for row in books.unreadable if row.book == "orders"]
    return [
        Difference(
            kind="missing_order",
            subject=order.client_id,
            instrument=order.intent.instrument,
            sentence=f"{order.client_id} is {order.status} here and missing in the venue's book",
        )
        for order in state.open_orders()
        if order.intent.book is Book.LIVE
        and order.is_resting
        and order.venue_order_id not in shown
        and not any(
            row.row_id == order.venue_order_id or row.instrument in (None, order.intent.instrument) for row in hidden
        )
        and books.started_at - order.updated_at > _SETTLING
    ]


def _position_differences(state: DeskState, books: BooksRead) -> list[Difference]:
    ours = _journal_positions(state)
    theirs: dict[tuple[str, Product], Decimal] = defaultdict(lambda: ZERO)
    for position in books.positions:
        theirs[position.instrument, position.product] += position.quantity
    moving = {o.intent.instrument for o in state.open_orders() if o.intent.book is Book.LIVE and o.awaits_trades}
    return [
        Difference(
            kind="position",
            subject=key[0],
            instrument=key[0],
            sentence=f"{key[0]} {key[1]}: the journal holds {ours[key]:f}, the venue {theirs[key]:f}",
            product=key[1],
            excess=ours[key] - theirs[key],
        )
        for key in sorted({*ours, *theirs})
        if ours[key] != theirs[key] and key[0] not in moving and not _hides_position(books, key[0])
    ]


def _journal_positions(state: DeskState) -> dict[tuple[str, Product], Decimal]:
    held: dict[tuple[str, Product], Decimal] = defaultdict(lambda: ZERO)
    for position in state.positions.open(Book.LIVE):
        if position.key.product is not Product.DELIVERY:
            held[position.key.instrument, position.key.product] += position.quantity
    # what was delivered before today is a holding, no position of the venue's
    for fill in state.fills_today:
        if fill.book is Book.LIVE and fill.product is Product.DELIVERY:
            held[fill.instrument, fill.product] += fill.quantity * fill.side.sign
    return held


def _resolve_doubts(desk: Desk, books: BooksRead, disagreeing: set[str]) -> None:
    for order in desk.state.open_orders():
        is_ours_to_weigh = order.intent.book is Book.LIVE and order.status == "UNKNOWN"
        if is_ours_to_weigh and weigh(desk, order, books, disagreeing):
            prove_absent(desk, order, f"absent from {desk.state.order(order.client_id).look_ups.count} reads")
            settled(desk, desk.state.order(order.client_id))


def _hides_position(books: BooksRead, instrument: str) -> bool:
    """Tell whether an unreadable row may be the position of an instrument."""
    return any(row.book == "positions" and row.instrument in (None, instrument) for row in books.unreadable)


def _tell_unreadable(desk: Desk, books: BooksRead) -> None:
    """Put every row that cannot be read into the inbox, until a read can."""
    desk.unreadable = books.unreadable
    now = {f"{row.book} {row.row_id}"[:SUBJECT_LENGTH]: row for row in books.unreadable}
    for subject, row in now.items():
        whose = f" ({row.instrument})" if row.instrument else ""
        desk.discrepancy("unreadable", subject, f"{row.row_id}{whose} in the venue's {row.book}: {row.reason}")
    for kind, subject in [*desk.state.discrepancies, *desk.state.accepted]:
        if kind == "unreadable" and subject not in now:
            desk.resolve(kind, subject, f"{subject}: nothing unreadable is left of it")


def _tell(desk: Desk, books: BooksRead, differences: list[Difference]) -> None:
    now = {(d.kind, d.subject): d.sentence for d in differences}
    for key, sentence in now.items():
        if desk.suspicions.get(key) == sentence:
            desk.discrepancy(key[0], key[1], sentence)
    desk.suspicions = now
    for kind, subject in [*desk.state.discrepancies, *desk.state.accepted]:
        is_hidden = bool(books.unreadable) if kind == "missing_order" else _hides_position(books, subject)
        if kind in ("position", "missing_order") and (kind, subject) not in now and not is_hidden:
            desk.resolve(kind, subject, f"{subject}: journal and venue agree again")


def _go_on(desk: Desk, books: BooksRead) -> None:
    is_current = desk.reconcile_after is None or books.started_at >= desk.reconcile_after
    # where positions outlive their day, the first read must show all of them before anything is built on it
    is_current = is_current and (desk.state.is_opened or not desk.config.calendar.is_always_open)
    if is_current and not desk.is_reconciled:
        desk.is_reconciled = True
        pursue_all(desk)
    for order in desk.state.open_orders():
        # a cancel that could not be sent while the session was dead
        if order.cancel_wanted and order.writing is None and order.is_resting:
            want_cancel(desk, order, "a cancel was waiting")
    tell(desk)
    desk.schedule("reconcile", read_interval_s(desk))
