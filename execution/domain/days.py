"""The market's day: its beginning, and the square-off that ends intraday positions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from brokers.domain.market import at_of, ns_of
from brokers.domain.orders import Book, OrderStatus, Product
from brokers.domain.portfolio import PositionKey
from execution.domain.basket_legs import orders_of
from execution.domain.basket_work import take_back
from execution.domain.baskets import AT_WORK
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.lifecycle import OrderEvent, OrderRecord
from execution.domain.pursuit import journal_signal, key_of, set_goal
from execution.domain.records import DayStarted, OrderMoved
from execution.domain.unknown import doubt, end_day

ZERO = Decimal(0)
SQUARE_OFF_REASON = "square-off: intraday positions end before the broker's own time"


def begin_day(desk: Desk, market_ns: int) -> None:
    """Begin the market's day: yesterday's orders end, held positions cost their last price.

    At a venue that never closes orders stay; nothing but the day's reckoning begins anew.
    """
    calendar = desk.config.calendar
    market_at = at_of(market_ns) or desk.at
    day = calendar.day_of(market_at)
    desk.next_day_ns = ns_of(calendar.bounds_of(day)[1])
    desk.square_off_ns = 0
    desk.market.start_day(day)
    if not desk.market.has_calendar():
        sentence = f"no holiday list is loaded for {day.year}: nothing is open, nothing will be entered"
        desk.discrepancy("calendar", str(day.year), sentence, Level.URGENT)
    if desk.state.venue_day < day.isoformat():
        _end_yesterday(desk, day, market_at)


def _end_yesterday(desk: Desk, day: date, market_at: datetime) -> None:
    if desk.state.venue_day and not desk.config.calendar.is_always_open:
        for order in desk.state.open_orders():
            if order.venue_day < day.isoformat():
                _end_order(desk, order)
    held = {p.key.instrument for p in desk.state.positions.open()}
    marks = {name: str(mark) for name, mark in sorted(desk.market.marks(held).items())}
    desk.record(DayStarted(venue_day=day.isoformat(), marks=marks, market_at=market_at))


def _end_order(desk: Desk, order: OrderRecord) -> None:
    if order.is_in_flight:
        doubt(desk, order, "its day ended", last_byte_at=order.send_by)
        order = desk.state.order(order.client_id)
    if order.status is OrderStatus.UNKNOWN:
        end_day(desk, order)
    elif order.is_resting:
        desk.record(_expired(order))


def _expired(order: OrderRecord) -> OrderMoved:
    return OrderMoved(
        client_id=order.client_id,
        event=OrderEvent.EXPIRE,
        status=order.moved(OrderEvent.EXPIRE, order.updated_at).status,
        venue_filled=order.filled_quantity,
        price=order.price,
        trigger_price=order.trigger_price,
        message="orders end with their day",
    )


def square_off(desk: Desk) -> None:
    """Flatten every intraday position whose segment has reached its hour, once per segment."""
    now = desk.market.now(desk.at)
    later: list[int] = []
    for key in sorted(_intraday_keys(desk), key=str):
        session = desk.market.session(key.instrument)
        if session is None or session.is_always_open:
            continue
        if now < session.square_off_at:
            later.append(ns_of(session.square_off_at))
            continue
        _flatten(desk, key, SQUARE_OFF_REASON)
    sessions = [desk.market.session(name) for name in desk.market.tracked()]
    later += [ns_of(s.square_off_at) for s in sessions if s and not s.is_always_open and now < s.square_off_at]
    desk.square_off_ns = min(later, default=desk.next_day_ns)


def _intraday_keys(desk: Desk) -> set[PositionKey]:
    state = desk.state
    keys = {p.key for p in state.positions.open()} | {key_of(o.intent) for o in state.open_orders()}
    keys |= set(state.goals)
    # what others hold in this account is theirs to close, or their broker's
    return {k for k in keys if k.product is Product.INTRADAY and (k.strategy_key or k.book is Book.PAPER)}


def _flatten(desk: Desk, key: PositionKey, reason: str) -> None:
    basket = desk.state.baskets.get(key.strategy_key)
    if basket is not None:
        is_held = any(desk.state.positions.get(basket.position_key(n)).is_open for n in range(len(basket.legs)))
        may_be_held = any(order.is_entry for order in orders_of(desk, basket))
        if is_held or may_be_held or basket.state in AT_WORK:
            take_back(desk, basket, reason)  # what it has written goes before its cover
        return
    deployment = desk.state.deployments.get(key.strategy_key)
    if deployment is not None and deployment.exposures.get(key.instrument):
        journal_signal(desk, key, exposure=0.0, reason=reason, bar_end_ns=desk.market.now_ns)
    goal = desk.state.goals.get(key)
    if goal is not None and goal.quantity == 0:
        return
    set_goal(desk, key, ZERO, reason, desk.market.middle(key.instrument))
