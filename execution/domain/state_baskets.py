"""How facts change the baskets of the journalled state; `DeskState.take` alone calls these."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from brokers.domain.errors import DataError
from brokers.domain.orders import Fill
from execution.domain.baskets import (
    AT_WORK,
    BasketMoved,
    BasketRecord,
    BasketState,
    BasketTaken,
    LegProgress,
    key_of_basket,
    require_move,
)
from execution.domain.lifecycle import OrderRecord

if TYPE_CHECKING:
    from execution.domain.state import DeskState


def basket_taken(state: DeskState, fact: BasketTaken, at: datetime) -> None:
    """Keep a basket that was asked for; nothing of it has been sent."""
    key = key_of_basket(fact.basket_id)
    state.baskets[key] = BasketRecord(
        taken=fact,
        state=BasketState.PENDING,
        reason="taken in",
        created_at=at,
        updated_at=at,
        progress=tuple(LegProgress() for _ in fact.legs),
    )
    state.baskets_at_work[key] = None


def basket_moved(state: DeskState, fact: BasketMoved, at: datetime) -> None:
    """Move a basket on; one that has ended is looked at no more until something of it is learnt."""
    key = key_of_basket(fact.basket_id)
    known = state.baskets.get(key)
    if known is None:
        raise DataError(f"the journal speaks of an unknown basket {fact.basket_id}", code="journal.basket")
    require_move(known.state, fact.state)
    state.baskets[key] = replace(
        known, state=fact.state, reason=fact.reason, arrivals=fact.arrivals or known.arrivals, updated_at=at
    )
    if fact.state in AT_WORK:
        state.baskets_at_work[key] = None
    else:
        state.baskets_at_work.pop(key, None)


def note_order(state: DeskState, order: OrderRecord, at: datetime) -> None:
    """Keep by which order a leg is entered."""
    found = _leg_of(state, order)
    if found is not None:
        basket, number = found
        known = basket.progress[number]
        _put(state, basket, number, replace(known, client_ids=(*known.client_ids, order.client_id)), at)


def note_fill(state: DeskState, order: OrderRecord, fill: Fill, at: datetime) -> None:
    """Count what has filled of a leg; a fill after the basket's end brings it to work again."""
    found = _leg_of(state, order)
    if found is None:
        return
    basket, number = found
    known = basket.progress[number]
    grown = replace(known, filled=known.filled + fill.quantity, value_quote=known.value_quote + fill.value_quote)
    _put(state, basket, number, grown, at)
    if basket.state is BasketState.UNWOUND:
        state.baskets_at_work[basket.key] = None


def forget_baskets(state: DeskState) -> None:
    """Let baskets go with their day once they have ended and nothing of them is held."""
    held = {position.key.strategy_key for position in state.positions.open()}
    open_keys = {order.intent.deployment_id for order in state.open_orders()}
    for key in [key for key in state.baskets if key not in held | open_keys | set(state.baskets_at_work)]:
        del state.baskets[key]
        for goal_key in [goal_key for goal_key in state.goals if goal_key.strategy_key == key]:
            del state.goals[goal_key]


def _leg_of(state: DeskState, order: OrderRecord) -> tuple[BasketRecord, int] | None:
    basket = state.baskets.get(order.intent.deployment_id or "")
    number = basket.number_of(order.intent.instrument) if basket is not None and order.is_entry else None
    return None if basket is None or number is None else (basket, number)


def _put(state: DeskState, basket: BasketRecord, number: int, leg: LegProgress, at: datetime) -> None:
    progress = tuple(leg if n == number else known for n, known in enumerate(basket.progress))
    state.baskets[basket.key] = replace(basket, progress=progress, updated_at=at)
