"""What the venue tells of executions: each counted once, with its fee, on whoever it belongs to."""

from __future__ import annotations

from dataclasses import replace

from brokers.domain.orders import (
    Book,
    Fill,
    OrderIntent,
    OrderStatus,
    OrderType,
    Origin,
    Product,
    Purpose,
    VenueTrade,
)
from execution.domain.commands import Level
from execution.domain.delisting import leave_delisted
from execution.domain.desk import Desk
from execution.domain.forced import cancel_orphans, hear_forced, holders_of, is_forced
from execution.domain.gateway import is_chargeable
from execution.domain.learning import after_change, contradiction
from execution.domain.lifecycle import OrderEvent, OrderRecord
from execution.domain.perpetuals import keep_paper, with_fee
from execution.domain.records import FillTaken, OrderMoved


def trade_seen(desk: Desk, trade: VenueTrade, book: Book) -> None:
    """Count one execution, once."""
    order = desk.state.find(book, trade.venue_order_id)
    if order is None and is_forced(trade) and not _is_of_the_past(desk, trade, book):
        order = _adopt_forced(desk, trade, book)
    if order is None:
        desk.read_books(f"a trade of the unknown order {trade.venue_order_id} was shown")
        return
    if not _fits(order, trade):
        contradiction(desk, order, f"trade {trade.trade_id}: {trade.side} {trade.quantity} {trade.instrument}")
        return
    if order.has_fill(_fill_of(desk, order, trade, book)):
        return
    is_late = order.is_final and order.filled_quantity + trade.quantity > order.venue_filled and not is_forced(trade)
    was_whole = order.filled_quantity >= order.intent.quantity and not is_forced(trade)
    _take_fills(desk, order, trade, book)
    if was_whole:
        contradiction(desk, order, f"trade {trade.trade_id} fills more than was ordered")
    elif is_late:
        sentence = f"{order.client_id} was {order.status}, yet {trade.quantity} of {trade.instrument} were filled"
        desk.discrepancy("late_fill", order.client_id, sentence, Level.URGENT)
    if is_forced(trade):
        hear_forced(desk, trade)
    if order.intent.product is Product.PERPETUAL:
        _look_after(desk, trade.instrument, book)
    after_change(desk, order)


def _take_fills(desk: Desk, order: OrderRecord, trade: VenueTrade, book: Book) -> None:
    """Journal a trade as the fill of its order's holder; one that the exchange forced falls on whoever held."""
    whole = _fill_of(desk, order, trade, book)
    parts = holders_of(desk, trade, book) if is_forced(trade) else [(whole.deployment_id or "", whole.quantity)]
    for number, (holder, quantity) in enumerate(parts, start=1):
        fill = replace(
            whole,
            quantity=quantity,
            deployment_id=holder or None,
            trade_id=whole.trade_id if number == 1 else f"{whole.trade_id}#{number}",
            fee_quote=None if whole.fee_quote is None else whole.fee_quote * quantity / whole.quantity,
        )
        fill, source = with_fee(desk, fill, order.intent)
        desk.record(FillTaken(client_id=order.client_id, fill=fill, fee_source=source))
        if not is_chargeable(desk, fill):
            desk.discrepancy(
                "charges", fill.instrument, f"no charges are known for {fill.instrument}: its P&L is gross"
            )


def _look_after(desk: Desk, instrument: str, book: Book) -> None:
    """Do what a changed perpetual position calls for beside its order."""
    cancel_orphans(desk, instrument, book)
    if book is Book.PAPER:
        keep_paper(desk, instrument)
    leave_delisted(desk)


def _is_of_the_past(desk: Desk, trade: VenueTrade, book: Book) -> bool:
    """Tell whether a trade was made before these books began, or is in them already with an order that they let go.

    One of an earlier day that is not in them came while nobody listened: what it closed is held here no longer.
    """
    began_at = desk.state.began_at
    if began_at is None or trade.filled_at < began_at:
        return True
    day = desk.day_of(trade.filled_at).isoformat()
    key = (desk.config.account_id, book.value, day, trade.instrument, trade.venue_order_id, trade.trade_id)
    return desk.state.positions.has_seen(key)


def _adopt_forced(desk: Desk, trade: VenueTrade, book: Book) -> OrderRecord:
    """Keep an order of the exchange's own hand, which may stand in no book, by the trade that shows it."""
    client_id = f"EXT-{trade.venue_order_id}"
    desk.record(
        OrderMoved(
            client_id=client_id,
            event=OrderEvent.OPEN,
            status=OrderStatus.OPEN,
            venue_order_id=trade.venue_order_id,
            message=f"the exchange's own order: {trade.source}",
            adopted=OrderIntent(
                account_id=desk.config.account_id,
                book=book,
                instrument=trade.instrument,
                side=trade.side,
                quantity=trade.quantity,
                order_type=OrderType.MARKET,
                product=trade.product,
                purpose=Purpose.EXIT,
                reason=f"{trade.source} by the exchange",
                decided_at=trade.filled_at,
                origin=Origin.EXTERNAL,
                reduce_only=True,
            ),
            venue_day=desk.day_of(trade.filled_at).isoformat(),
        )
    )
    return desk.state.order(client_id)


def _fits(order: OrderRecord, trade: VenueTrade) -> bool:
    is_same = (order.intent.instrument, order.intent.side) == (trade.instrument, trade.side)
    return is_same and trade.quantity > 0 and trade.price > 0


def _fill_of(desk: Desk, order: OrderRecord, trade: VenueTrade, book: Book) -> Fill:
    return Fill(
        account_id=desk.config.account_id,
        book=book,
        # an order of a venue that never closes may be filled on a later day than its own
        venue_day=_day_of_fill(desk, order, trade),
        instrument=trade.instrument,
        venue_order_id=trade.venue_order_id,
        trade_id=trade.trade_id,
        side=trade.side,
        quantity=trade.quantity,
        price=trade.price,
        product=order.intent.product,
        filled_at=trade.filled_at,
        client_id=order.client_id,
        deployment_id=order.intent.deployment_id,
        fee_quote=trade.fee_quote,
        source=trade.source,
    )


def _day_of_fill(desk: Desk, order: OrderRecord, trade: VenueTrade) -> str:
    if order.intent.product is Product.PERPETUAL:
        return desk.day_of(trade.filled_at).isoformat()
    return order.venue_day
