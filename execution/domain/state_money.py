"""How facts of money and margin change the journalled state; `DeskState.take` alone calls these."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from brokers.domain.orders import Book
from brokers.domain.portfolio import PositionKey
from execution.domain import records as facts

if TYPE_CHECKING:
    from execution.domain.state import DeskState


def funding_booked(state: DeskState, fact: facts.FundingBooked, _at: datetime) -> None:
    """Book a payment on its holders, once for each payment."""
    if fact.payment.payment_id in state.funded:
        return
    state.funded[fact.payment.payment_id] = None
    if fact.book is Book.LIVE:
        state.last_funding_at = max(state.last_funding_at or fact.payment.paid_at, fact.payment.paid_at)
    if fact.counts_today:
        for share in fact.shares:
            state.positions.fund(share.key, share.amount_quote)


def countdown_set(state: DeskState, fact: facts.CountdownSet, _at: datetime) -> None:
    """Keep a countdown that runs at the venue; 0 seconds end it."""
    if fact.seconds:
        state.countdowns[fact.instrument] = fact.seconds
    else:
        state.countdowns.pop(fact.instrument, None)


def margin_seen(state: DeskState, fact: facts.MarginSeen, _at: datetime) -> None:
    """Keep a position's margin while there is a position."""
    key = fact.book, fact.instrument, fact.position_side
    if fact.quantity:
        state.margins[key] = fact
    else:
        state.margins.pop(key, None)


def positions_opened(state: DeskState, fact: facts.PositionsOpened, _at: datetime) -> None:
    """Put what the account held before its books began under nobody's name."""
    state.is_opened = True
    for row in fact.positions:
        key = PositionKey(book=Book.LIVE, instrument=row.instrument, product=row.product)
        known = state.positions.get(key)
        state.positions.load(
            replace(
                known,
                quantity=known.quantity + row.quantity,
                average_price=row.average_price,
                day_average=row.day_average,
            )
        )
