"""How the writes to a venue and their outcomes change an order; `DeskState.take` alone calls these."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from brokers.domain.orders import OrderStatus
from execution.domain import records as facts
from execution.domain.events import SendResult, Write
from execution.domain.lifecycle import OrderEvent, OrderRecord
from execution.domain.state_baskets import note_order

if TYPE_CHECKING:
    from execution.domain.state import DeskState

_OUTCOME_EVENT = {
    SendResult.CONFIRMED: OrderEvent.CONFIRM,
    SendResult.REJECTED: OrderEvent.REFUSE,
    SendResult.NOT_SENT: OrderEvent.PROVE_UNSENT,
}


def intended(state: DeskState, fact: facts.Intended, at: datetime) -> None:
    """Keep an order of ours that is about to be sent."""
    order = OrderRecord(
        client_id=fact.client_id,
        intent=fact.intent,
        status=OrderStatus.INTENDED,
        venue_day=fact.venue_day,
        created_at=at,
        updated_at=at,
        send_by=fact.send_by,
        reserved_quote=fact.reserved_quote,
        kill_epoch=fact.kill_epoch,
        lease_token=fact.lease_token,
        market_at=fact.market_at,
        price=fact.intent.price,
        trigger_price=fact.intent.trigger_price,
    )
    state.put(order)
    note_order(state, order, at)
    state.newest_ids["given"] = fact.client_id
    state.orders_today += 1
    state.order_times = [*state.order_times[-19:], at]


def outcome(state: DeskState, fact: facts.Outcome, at: datetime) -> None:
    """Keep how a write ended."""
    order = state.order(fact.client_id)
    if fact.write is Write.PLACE:
        moved = order.moved(_OUTCOME_EVENT[fact.result], at, message=fact.message)
        if fact.result is SendResult.NOT_SENT and order.venue_day == (state.venue_day or order.venue_day):
            state.orders_today = max(state.orders_today - 1, 0)
        state.put(replace(moved, venue_order_id=fact.venue_order_id or moved.venue_order_id))
    elif fact.result is not SendResult.AMBIGUOUS:
        heard = replace(order, writing=None, writing_at=None, message=fact.message or order.message, updated_at=at)
        state.put(_after_write(heard, fact, at))


def _after_write(order: OrderRecord, fact: facts.Outcome, at: datetime) -> OrderRecord:
    """Count what the venue took and refused: a new price that it did not take is none."""
    if fact.result is SendResult.CONFIRMED:
        return replace(order, refused_modifications=0, refused_cancels=0, refused_at=None)
    is_modify, is_refused = fact.write is Write.MODIFY, fact.result is SendResult.REJECTED
    return replace(
        order,
        modifications=max(order.modifications - is_modify, 0),
        refused_modifications=order.refused_modifications + (is_modify and is_refused),
        refused_cancels=order.refused_cancels + (not is_modify and is_refused),
        refused_at=at if is_refused else order.refused_at,
    )


def write_asked(state: DeskState, fact: facts.WriteAsked, at: datetime) -> None:
    """Keep a cancel or a new price that is wanted or under way."""
    order = state.order(fact.client_id)
    is_modify = fact.write is Write.MODIFY
    state.put(
        replace(
            order,
            writing=fact.write or order.writing,
            writing_at=at if fact.write else order.writing_at,
            cancel_wanted=order.cancel_wanted or fact.cancel_wanted,
            modifications=order.modifications + is_modify,
            updated_at=at,
        )
    )
