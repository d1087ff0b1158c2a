"""What the venue tells of orders: outcomes of writes, order rows. Nothing moves backwards.

Duplicates and reordered rows change nothing. A row of an order whose life was thought over is LATE
evidence: the order is adopted, what remains of it is cancelled, and a human is told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from brokers.domain.orders import (
    FINAL_STATUSES,
    Book,
    OrderIntent,
    OrderStatus,
    OrderType,
    Origin,
    Purpose,
    VenueOrder,
)
from execution.domain.allowance import hear_refusal
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.events import SendOutcome, SendResult, Via, Write
from execution.domain.lifecycle import EVENT_OF, IllegalMove, OrderEvent, OrderRecord, is_behind, next_status
from execution.domain.market_life import hear_authorisation
from execution.domain.pursuit import key_of, pursue, settled
from execution.domain.records import OrderMoved, Outcome
from execution.domain.sending import want_cancel, watch
from execution.domain.setbacks import hear_address
from execution.domain.unknown import doubt, doubt_is_over

ZERO = Decimal(0)
# a key of Aster's first generation places and cancels, and changes nothing
CANNOT_CHANGE = frozenset({"aster.v3_only"})
TURN_MISSED, THROTTLED = "permit.late", "venue.throttled"


def outcome(desk: Desk, event: SendOutcome) -> None:
    """Take in how a write ended; an ambiguous one is looked up, never repeated."""
    order = desk.state.orders.get(event.client_id)
    if order is None:
        desk.discrepancy("unknown_order", event.client_id, f"an outcome came for {event.client_id}, which has no row")
    elif event.write is Write.PLACE:
        _placed(desk, order, event)
    else:
        _written(desk, order, event)


def _placed(desk: Desk, order: OrderRecord, event: SendOutcome) -> None:
    if event.result is SendResult.AMBIGUOUS:
        if order.is_in_flight:
            doubt(desk, order, event.message or "the venue's answer never came", last_byte_at=event.at)
        return
    if event.venue_order_id and order.venue_order_id not in ("", event.venue_order_id):
        contradiction(desk, order, f"the receipt names {event.venue_order_id}, the book {order.venue_order_id}")
        return
    if _is_said_already(order, event):
        # a fill may overtake its receipt, and still the receipt says that the venue takes orders
        if event.result is SendResult.CONFIRMED:
            _hear(desk, event)
        return
    fact = Outcome(
        client_id=order.client_id,
        write=event.write,
        result=event.result,
        venue_order_id=event.venue_order_id,
        message=event.message,
    )
    try:
        order.moved(_EVENT_OF_RESULT[event.result], desk.at)
    except IllegalMove as error:
        contradiction(desk, order, f"{event.result} was reported: {error.message}")
        return
    desk.record(fact)
    _hear(desk, event)
    is_missed = event.code == TURN_MISSED or (event.code == THROTTLED and not order.is_entry)
    desk.turn_missed, desk.is_shut_out = order.client_id if is_missed else "", event.code == THROTTLED
    after_change(desk, order)


def _hear(desk: Desk, event: SendOutcome) -> None:
    """Take in what an outcome says about the venue's limits, and about the way to it."""
    hear_address(desk, event)
    hear_authorisation(desk, event)
    if event.code == THROTTLED:
        sentence = f"the venue says there are too many orders (“{event.message}”): all of them wait, exits go first"
        desk.discrepancy("throttled", "orders", sentence, Level.URGENT)
    elif event.result is SendResult.REJECTED:
        hear_refusal(desk, event.message)
    elif event.result is SendResult.CONFIRMED:
        desk.resolve("throttled", "orders", "the venue takes orders again")


_EVENT_OF_RESULT = {
    SendResult.CONFIRMED: OrderEvent.CONFIRM,
    SendResult.REJECTED: OrderEvent.REFUSE,
    SendResult.NOT_SENT: OrderEvent.PROVE_UNSENT,
}


def _is_said_already(order: OrderRecord, event: SendOutcome) -> bool:
    if event.result is SendResult.CONFIRMED:
        return order.venue_order_id != "" and (order.is_final or order.is_resting)
    wanted = OrderStatus.REJECTED if event.result is SendResult.REJECTED else OrderStatus.NOT_SENT
    return order.status is wanted


def _written(desk: Desk, order: OrderRecord, event: SendOutcome) -> None:
    if order.is_final or order.writing is None:
        return
    if event.result is SendResult.AMBIGUOUS:
        desk.read_books(f"the outcome of a {event.write} of {order.client_id} is unknown")
        return
    fact = Outcome(
        client_id=order.client_id,
        write=event.write,
        result=event.result,
        venue_order_id=event.venue_order_id,
        message=event.message,
    )
    if event.result is SendResult.CONFIRMED and event.write is Write.CANCEL:
        # the receipt is no end: the write stays under way until the order's own row says so
        desk.schedule(f"cancel:{order.client_id}", desk.config.open_read_s)
        desk.read_books("a cancel was taken in")
        return
    desk.record(fact)
    _hear(desk, event)
    if event.code in CANNOT_CHANGE:
        desk.cannot_change = True
        watch(desk, desk.state.order(order.client_id))
    refused = desk.state.order(order.client_id)
    desk.schedule(f"cancel:{order.client_id}", refused.refusal_pause_s or desk.config.decide_again_s)
    if event.result is SendResult.REJECTED:
        desk.read_books(f"the venue refused a {event.write} of {order.client_id}")


def order_seen(desk: Desk, row: VenueOrder, via: Via, book: Book) -> None:
    """Take in one row of the venue's order book, from its stream or from a read."""
    order = desk.state.find(book, row.venue_order_id, row.tags)
    if order is None:
        if _is_of_an_earlier_day(desk, row):
            return
        order = _adopt(desk, row, book)
        after_change(desk, None, order)
        return
    shown = _shown_status(row)
    try:
        event, status = _step(order, row, shown)
    except IllegalMove as error:
        contradiction(desk, order, f"the venue shows {shown}: {error.message}")
        return
    if event is None and via is Via.STREAM and shown != order.status:
        _say_stale(desk, order, shown)
    fact = _moved(order, row, event, status)
    if not _is_news(order, fact):
        return
    desk.record(fact)
    if event is OrderEvent.LATE:
        _late(desk, order, shown)
    after_change(desk, order)


def _step(order: OrderRecord, row: VenueOrder, shown: OrderStatus) -> tuple[OrderEvent | None, OrderStatus]:
    event = EVENT_OF[shown]
    if order.is_final and order.venue_order_id == "" and order.intent.origin is not Origin.EXTERNAL:
        late = next_status(order.status, OrderEvent.LATE)
        if late is shown or event is OrderEvent.ACCEPT:
            return OrderEvent.LATE, late
        return OrderEvent.LATE, next_status(late, event)
    if is_behind(order.status, shown):
        return None, order.status
    if order.status is OrderStatus.CANCELLED and shown is OrderStatus.FILLED and row.filled_quantity:
        return OrderEvent.LATE_FILL, next_status(order.status, OrderEvent.LATE_FILL)
    return event, next_status(order.status, event)


def _shown_status(row: VenueOrder) -> OrderStatus:
    # Kite shows OPEN for a part-filled order; what was filled says more than the word
    if row.status is OrderStatus.OPEN and row.filled_quantity > 0:
        return OrderStatus.PARTIALLY_FILLED
    return row.status if row.status in EVENT_OF else OrderStatus.ACCEPTED


def _moved(order: OrderRecord, row: VenueOrder, event: OrderEvent | None, status: OrderStatus) -> OrderMoved:
    # A row that is behind brings no terms; a final or unchanged one does. What a MARKET order
    # shows as its price is the venue's own doing and is kept as shown.
    is_current = event is not None or row.status is order.status or _shown_status(row) is order.status
    return OrderMoved(
        client_id=order.client_id,
        event=event or EVENT_OF.get(status, OrderEvent.ACCEPT),
        status=status,
        venue_order_id=row.venue_order_id,
        venue_filled=row.filled_quantity,
        price=row.price if is_current else order.price,
        trigger_price=row.trigger_price if is_current else order.trigger_price,
        message=row.message if is_current else "",
    )


def _is_news(order: OrderRecord, fact: OrderMoved) -> bool:
    return (
        fact.status is not order.status
        or fact.venue_order_id != order.venue_order_id
        or fact.venue_filled > max(order.venue_filled, order.filled_quantity)
        or (not order.is_final and (fact.price, fact.trigger_price) != (order.price, order.trigger_price))
    )


def after_change(desk: Desk, before: OrderRecord | None, now: OrderRecord | None = None) -> None:
    """Do what an order's new state calls for: fetch trades, end a doubt, cancel, go on."""
    client_id = now.client_id if now else before.client_id if before else ""
    order = desk.state.order(client_id)
    if before is not None and before.is_doubtful and not order.is_doubtful:
        doubt_is_over(desk, order)
        if before.status is OrderStatus.UNPROVEN:
            _late(desk, order, order.status)
        elif not order.is_final:
            # its patience ran out, or its goal moved on, while nobody knew whether it stood
            watch(desk, order)
            pursue(desk, key_of(order.intent))
            order = desk.state.order(client_id)
    if order.awaits_trades and order.intent.book is Book.LIVE:
        desk.read_books(f"{order.client_id} was filled")
    if order.cancel_wanted and not order.is_final and order.writing is None:
        want_cancel(desk, order, "a cancel was waiting for it")
    if order.is_settled and not (before and before.is_settled and before.fills == order.fills):
        settled(desk, order)


def _adopt(desk: Desk, row: VenueOrder, book: Book) -> OrderRecord:
    lost = next((tag for tag in row.tags if desk.ids.is_ours(tag)), None)
    client_id = lost if lost and lost not in desk.state.orders else f"EXT-{row.venue_order_id}"
    shown = _shown_status(row)
    desk.record(
        OrderMoved(
            client_id=client_id,
            event=EVENT_OF[shown],
            status=shown,
            venue_order_id=row.venue_order_id,
            venue_filled=row.filled_quantity,
            price=row.price,
            trigger_price=row.trigger_price,
            message=row.message,
            adopted=_intent_of(desk, row, book, Origin.DESK if lost else Origin.EXTERNAL),
            venue_day=desk.day_of(row.placed_at).isoformat() if row.placed_at else desk.venue_day,
        )
    )
    if lost:
        _halt_for_lost(desk, row, lost)
    else:
        sentence = f"{row.side} {row.quantity} {row.instrument} was placed elsewhere, as {row.venue_order_id}"
        desk.discrepancy("external_order", row.venue_order_id, sentence)
    return desk.state.order(client_id)


def _is_of_an_earlier_day(desk: Desk, row: VenueOrder) -> bool:
    if desk.config.calendar.is_always_open:
        # orders outlive their day there: one that ended before today, or before these books began, is none of theirs
        ended_at, began_at = row.updated_at or row.placed_at, desk.state.began_at
        if row.status not in FINAL_STATUSES or ended_at is None:
            return False
        return began_at is None or ended_at < began_at or desk.day_of(ended_at).isoformat() < desk.state.venue_day
    # a book read before the venue cleared it: those orders were settled with their day
    return row.placed_at is not None and desk.day_of(row.placed_at).isoformat() < desk.state.venue_day


def _halt_for_lost(desk: Desk, row: VenueOrder, tag: str) -> None:
    sentence = (
        f"the venue holds our order {tag} ({row.side} {row.quantity} {row.instrument}) and the journal does not: "
        "rows were lost, the account is halted"
    )
    desk.discrepancy("journal_lost", tag, sentence, Level.URGENT)


def _intent_of(desk: Desk, row: VenueOrder, book: Book, origin: Origin) -> OrderIntent:
    return OrderIntent(
        account_id=desk.config.account_id,
        book=book,
        instrument=row.instrument,
        side=row.side,
        quantity=row.quantity,
        # what the venue shows may be its own rewriting (a protected MARKET rests as LIMIT), and an
        # unpriced row must still be kept: the terms that matter are the record's, not the intent's
        order_type=OrderType.MARKET,
        product=row.product,
        purpose=Purpose.ENTRY,
        reason="placed elsewhere" if origin is Origin.EXTERNAL else "found at the venue without a journal row",
        decided_at=row.placed_at or desk.at,
        origin=origin,
    )


def _late(desk: Desk, order: OrderRecord, shown: OrderStatus) -> None:
    sentence = f"{order.client_id} was {order.status}, the venue now shows it {shown}: adopted, the rest is cancelled"
    desk.discrepancy("late", order.client_id, sentence, Level.URGENT)
    want_cancel(desk, desk.state.order(order.client_id), "it came late")


def _say_stale(desk: Desk, order: OrderRecord, shown: OrderStatus) -> None:
    if order.client_id not in desk.stale_said:
        desk.stale_said.add(order.client_id)
        desk.alert(Level.INFO, order.client_id, f"an older word, {shown}, came after {order.status}: ignored")


def contradiction(desk: Desk, order: OrderRecord, sentence: str) -> None:
    """Tell a human of what an order's life does not allow."""
    desk.discrepancy("contradiction", order.client_id, f"{order.client_id} is {order.status}; {sentence}")


def check_write(desk: Desk, order: OrderRecord, row: VenueOrder, started_at: datetime) -> None:
    """End a cancel or modify that a later book shows without effect; it may then be tried again."""
    if order.writing is None or order.writing_at is None or order.is_final:
        return
    if started_at - order.writing_at < timedelta(seconds=desk.config.open_read_s):
        return
    desk.record(
        Outcome(
            client_id=order.client_id,
            write=order.writing,
            result=SendResult.NOT_SENT,
            message=f"after the {order.writing} the book still shows it {row.status}",
        )
    )
    after_change(desk, order)
