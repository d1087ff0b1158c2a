"""Orders whose placement got no answer: looked up, never resent; absence needs evidence.

Absence is proven by at least two successful reads, the last of them `absence_after_s` after the
last possible byte, on the same venue day, in a book that contains an order known to be earlier,
with trades and positions agreeing. A row with the same instrument, side, quantity and time that
is no other order of ours vetoes it. Whatever these do not settle waits for a human.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from brokers.domain.orders import Book, OrderStatus, VenueOrder
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.events import BooksRead
from execution.domain.lifecycle import OrderEvent, OrderRecord
from execution.domain.records import Doubt, LookUp, OrderMoved

# 1, 2, 4, 8, 16 seconds and then every half minute: a Kite order has been seen to surface 90 s
# after its request timed out (kite.trade/forum, "Order request timed out").
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
_NEAR = timedelta(seconds=5)


def doubt(desk: Desk, order: OrderRecord, why: str, *, last_byte_at: datetime) -> None:
    """Note that nobody knows whether an order was placed, and begin to look it up."""
    desk.record(Doubt(client_id=order.client_id, why=why, last_byte_at=last_byte_at))
    sentence = f"{order.intent.instrument}: it is unknown whether {order.client_id} was placed ({why})"
    desk.alert(Level.URGENT, order.client_id, sentence)
    desk.read_books(f"{order.client_id} is unknown")
    look_up_later(desk, order.client_id, 0)


def look_up_later(desk: Desk, client_id: str, step: int) -> None:
    desk.schedule(f"look_up:{client_id}:{step}", _PAUSES_S[min(step, len(_PAUSES_S) - 1)])


def look_up_due(desk: Desk, client_id: str, step: int) -> None:
    """Read the books again while the order is still in doubt."""
    order = desk.state.orders.get(client_id)
    if order is not None and order.status is OrderStatus.UNKNOWN:
        desk.read_books(f"{client_id} is still unknown")
        look_up_later(desk, client_id, step + 1)


def weigh(desk: Desk, order: OrderRecord, books: BooksRead, disagreeing: Collection[str]) -> bool:
    """Weigh one read that does not show an order; answer whether absence is proven."""
    last_byte_at = order.last_byte_at or order.send_by
    if books.started_at < last_byte_at:
        return False
    is_late_enough = books.started_at - last_byte_at >= timedelta(seconds=desk.config.absence_after_s)
    if books.unreadable:
        if is_late_enough:
            _ask_human(desk, order, f"{books.unreadable[0].row_id} of the {books.unreadable[0].book} cannot be read")
        return False  # the row may be this very order
    if order.look_ups.last_at is None or books.started_at > order.look_ups.last_at:
        desk.record(LookUp(client_id=order.client_id, started_at=books.started_at))
    seen = desk.state.order(order.client_id).look_ups
    if seen.count < 2 or not is_late_enough:
        return False
    objection = _objection(desk, order, books, disagreeing)
    if objection is None:
        return True
    _ask_human(desk, order, objection)
    return False


def _ask_human(desk: Desk, order: OrderRecord, objection: str) -> None:
    sentence = f"{order.client_id} is in no book, but {objection}: a human must decide"
    desk.discrepancy("unknown", order.client_id, sentence, Level.URGENT)


def prove_absent(desk: Desk, order: OrderRecord, why: str) -> None:
    """Move an order in doubt to NOT_PLACED; what is seen of it later is LATE."""
    status = order.moved(OrderEvent.PROVE_ABSENT, desk.at).status
    desk.record(
        OrderMoved(
            client_id=order.client_id,
            event=OrderEvent.PROVE_ABSENT,
            status=status,
            price=order.price,
            trigger_price=order.trigger_price,
            message=why,
        )
    )
    doubt_is_over(desk, desk.state.order(order.client_id))


def doubt_is_over(desk: Desk, order: OrderRecord) -> None:
    sentence = f"{order.client_id} is {order.status}"
    desk.resolve("unknown", order.client_id, sentence)
    desk.resolve("unproven", order.client_id, sentence)
    desk.alert(Level.INFO, order.client_id, f"{order.intent.instrument}: {sentence}, no longer unknown")


def end_day(desk: Desk, order: OrderRecord) -> None:
    """Leave an order in doubt UNPROVEN: its book is gone with the day, entries stay blocked."""
    desk.record(
        OrderMoved(
            client_id=order.client_id,
            event=OrderEvent.END_DAY,
            status=order.moved(OrderEvent.END_DAY, desk.at).status,
            price=order.price,
            trigger_price=order.trigger_price,
        )
    )
    sentence = f"{order.client_id} was never proven placed or absent: a human must decide"
    desk.discrepancy("unproven", order.client_id, sentence, Level.URGENT)


def _objection(desk: Desk, order: OrderRecord, books: BooksRead, disagreeing: Collection[str]) -> str | None:
    # where nothing closes, the book of orders does not end with a day
    if order.venue_day != desk.venue_day and not desk.config.calendar.is_always_open:
        return "the venue's day has changed"
    if order.intent.instrument in disagreeing:
        return f"trades or positions of {order.intent.instrument} disagree with the journal"
    if not any(_is_known_earlier(desk, order, row) for row in books.orders):
        return "the book holds no order known to be earlier"
    twin = next((row for row in books.orders if _is_twin(desk, order, row)), None)
    return f"{twin.venue_order_id} looks just like it" if twin else None


def _is_known_earlier(desk: Desk, order: OrderRecord, row: VenueOrder) -> bool:
    known = desk.state.find(Book.LIVE, row.venue_order_id)
    return known is not None and known.created_at < order.created_at


def _is_twin(desk: Desk, order: OrderRecord, row: VenueOrder) -> bool:
    intent = order.intent
    if (row.instrument, row.side, row.quantity) != (intent.instrument, intent.side, intent.quantity):
        return False
    known = desk.state.find(Book.LIVE, row.venue_order_id)
    if known is not None and not known.client_id.startswith("EXT-"):
        return False
    until = (order.last_byte_at or order.send_by) + timedelta(seconds=desk.config.absence_after_s)
    return row.placed_at is None or order.created_at - _NEAR <= row.placed_at <= until
