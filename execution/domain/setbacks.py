"""What keeps an account's orders from working, told until it is over: a wrong address, a stuck order, a mute open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from brokers.domain.calendar import Segment
from brokers.domain.clock import IST
from brokers.domain.errors import DataError
from brokers.domain.gtt import Gtt
from brokers.domain.orders import Book, OrderStatus
from execution.domain.commands import Level
from execution.domain.desk import ADDRESS, EGRESS, Desk
from execution.domain.events import BooksRead, FailedTrigger, Link, SendOutcome, SendResult, TriggersRead

STUCK, NO_TICKS, TRIGGER_FAILED = "stuck", "no_ticks", "trigger_failed"
OPEN = "market open"
WRONG_ADDRESS = "venue.egress"
FIRST_TICK = "first_tick"
# a venue's first trade may come a little after its open
_FIRST_TICK_WITHIN = timedelta(minutes=1)
_LOOK_AGAIN_S = 30.0


def hear_address(desk: Desk, event: SendOutcome) -> None:
    """Halt entries when the venue takes no orders from this address; an order that it takes ends that."""
    order = desk.state.orders.get(event.client_id)
    if order is None or order.intent.book is not Book.LIVE:
        return
    if event.result is SendResult.REJECTED and event.code == WRONG_ADDRESS:
        sentence = (
            f"the venue takes no orders from this desk's address (“{event.message}”): entries halt until the address "
            "is registered at the venue or the account's is changed; exits are still tried"
        )
        desk.discrepancy(EGRESS, ADDRESS, sentence, Level.URGENT)
    elif event.result is SendResult.CONFIRMED:
        desk.resolve(EGRESS, ADDRESS, "the venue takes orders from this address")


def tell_stuck(desk: Desk, books: BooksRead) -> None:
    """Put every order into the inbox that the venue has, and neither works nor ends for long; it stays exposure."""
    words = {row.venue_order_id: row.venue_status for row in books.orders}
    stuck = {
        order.client_id: words[order.venue_order_id]
        for order in desk.state.open_orders()
        if order.intent.book is Book.LIVE
        and order.status is OrderStatus.ACCEPTED
        and order.venue_order_id in words
        and (desk.at - order.created_at).total_seconds() >= desk.config.stuck_after_s
    }
    for client_id, word in stuck.items():
        order = desk.state.order(client_id)
        sentence = (
            f"{order.intent.instrument}: the venue says “{word}” of {client_id} for more than "
            f"{desk.config.stuck_after_s:g} s; it counts as exposure until it works or ends"
        )
        desk.discrepancy(STUCK, client_id, sentence)
    for kind, subject in list(desk.state.discrepancies):
        if kind == STUCK and subject not in stuck:
            desk.resolve(kind, subject, f"{subject}: the order works or has ended")


def failures_of(triggers: Iterable[Gtt], *, at: datetime) -> tuple[FailedTrigger, ...]:
    """Return the triggers that fired and left no order; `at` stands for a time that the venue does not tell."""
    return tuple(
        FailedTrigger(
            trigger_id=trigger.trigger_id,
            instrument=trigger.instrument,
            reason=failure.rejection_reason or failure.status,
            fired_at=failure.triggered_at or at,
        )
        for trigger in triggers
        for failure in trigger.failures
    )


def triggers_read(desk: Desk, event: TriggersRead) -> None:
    """Alarm once for every trigger that fired in vain today: whatever relied on it is bare."""
    for failure in event.failures:
        is_new = failure.trigger_id not in desk.triggers_told
        if is_new and desk.day_of(failure.fired_at).isoformat() >= desk.venue_day:
            desk.triggers_told.add(failure.trigger_id)
            sentence = (
                f"{failure.instrument}: the good-till-triggered order {failure.trigger_id} fired, and the order that it "
                f"placed was refused (“{failure.reason}”): nothing stands in its place"
            )
            desk.discrepancy(TRIGGER_FAILED, failure.trigger_id, sentence, Level.URGENT)


def await_first_tick(desk: Desk) -> None:
    """Look whether a real market that the calendar calls open has shown a price; then wait for the next open.

    A market that never opens has no such moment: there the feed's own silence tells.
    """
    if not desk.config.is_real_market or desk.config.calendar.is_always_open:
        return
    local = desk.at.astimezone(IST)
    due_at = _due_at(desk, local)
    if due_at is None or desk.at < due_at:
        _look_at(desk, due_at or _next_midnight(local))
        return
    if desk.market.link is not Link.CONNECTED or not desk.market.tracked():
        # nothing was listened to: that is told by the feed, and proves nothing about the market
        desk.schedule(FIRST_TICK, _LOOK_AGAIN_S)
        return
    if _has_ticked(desk, local):
        desk.resolve(NO_TICKS, OPEN, "prices come")
        _look_at(desk, _next_midnight(local))
        return
    sentence = (
        f"the calendar says that the market opened on {local.date():%d %B}, and no price has come: nothing is entered; "
        "it may be a holiday that the calendar does not know"
    )
    desk.discrepancy(NO_TICKS, OPEN, sentence, Level.URGENT)
    desk.schedule(FIRST_TICK, _LOOK_AGAIN_S)


def _due_at(desk: Desk, local: datetime) -> datetime | None:
    try:
        session = desk.config.calendar.session(Segment.EQUITY, local.date())
    except DataError:
        return None  # a year without a calendar is told as that
    if session is None or local >= session.continuous_end_at:
        return None
    return session.open_at + _FIRST_TICK_WITHIN


def _has_ticked(desk: Desk, local: datetime) -> bool:
    seen = desk.market_at
    return seen is not None and seen.astimezone(IST).date() >= local.date()


def _look_at(desk: Desk, at: datetime) -> None:
    desk.schedule(FIRST_TICK, (at - desk.at).total_seconds())


def _next_midnight(local: datetime) -> datetime:
    return (local + timedelta(days=1)).replace(hour=0, minute=0, second=1, microsecond=0)
