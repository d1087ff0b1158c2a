"""The beginning of an owner's life, and the comings and goings of its session and its feed."""

from __future__ import annotations

from brokers.domain.orders import Book, OrderStatus
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.events import (
    FeedChanged,
    Link,
    SendResult,
    SessionChanged,
    SessionState,
    TakenOver,
    Write,
)
from execution.domain.lifecycle import OrderEvent, OrderRecord
from execution.domain.pursuit import pursue_all, settled
from execution.domain.records import DeploymentState, OrderMoved, Outcome, SessionMoved, Takeover
from execution.domain.running import halt, reload, resume, subscribe
from execution.domain.sending import watch
from execution.domain.setbacks import await_first_tick
from execution.domain.unknown import doubt, look_up_later

SESSION_CAUSE = "session"


def taken_over(desk: Desk, event: TakenOver) -> None:
    """Take the account over: what an older owner left in flight is unknown unless proven unsent."""
    is_caretaker = not desk.config.runs_strategies
    desk.record(Takeover(lease_token=event.lease_token, incarnation=event.incarnation, is_caretaker=is_caretaker))
    desk.ids.begin(event.incarnation)
    for client_id in (*desk.state.orders, *desk.state.newest_ids.values()):
        desk.ids.skip_past(client_id)
    desk.is_owner = True
    desk.must_reconcile("the account was taken over")
    for order in desk.state.open_orders():
        _inherit(desk, order, proven_unsent=order.client_id in event.unsent)
    desk.schedule("reconcile", desk.config.in_flight_read_s)
    # what is held or worked on needs its quotes, whether or not a strategy still runs on it
    desk.market.track({p.key.instrument for p in desk.state.positions.open()})
    desk.market.track({order.intent.instrument for order in desk.state.open_orders()})
    desk.market.track({leg.instrument for key in desk.state.baskets_at_work for leg in desk.state.baskets[key].legs})
    subscribe(desk)
    for deployment in list(desk.state.deployments.values()):
        if deployment.is_running and desk.config.runs_strategies:
            reload(desk, deployment)
    await_first_tick(desk)
    pursue_all(desk)


def _inherit(desk: Desk, order: OrderRecord, *, proven_unsent: bool) -> None:
    if proven_unsent and (order.is_in_flight or order.status is OrderStatus.UNKNOWN):
        message = "the send log proves that no byte of it left"
        desk.record(Outcome(client_id=order.client_id, write=Write.PLACE, result=SendResult.NOT_SENT, message=message))
        settled(desk, desk.state.order(order.client_id))
    elif order.intent.book is Book.PAPER:
        _end_paper(desk, order)
    elif order.is_in_flight:
        doubt(desk, order, "the process that sent it is gone", last_byte_at=order.send_by)
    elif order.status is OrderStatus.UNKNOWN:
        look_up_later(desk, order.client_id, 0)
    elif order.is_resting:
        watch(desk, order)


def _end_paper(desk: Desk, order: OrderRecord) -> None:
    # the paper venue lived in the process that is gone, and its resting orders with it; an order
    # that was declared filled has its fills in the same journal batch, or never had them
    if not order.is_final:
        desk.record(
            OrderMoved(
                client_id=order.client_id,
                event=OrderEvent.CANCEL,
                status=order.moved(OrderEvent.CANCEL, desk.at).status,
                price=order.price,
                trigger_price=order.trigger_price,
                message="the paper market was restarted",
            )
        )
        settled(desk, desk.state.order(order.client_id))


def session_changed(desk: Desk, event: SessionChanged) -> None:
    """Halt visibly when the venue's session dies; go on after a login and a read of the books."""
    if event.state is desk.state.session:
        return
    desk.record(SessionMoved(state=event.state, reason=event.reason))
    if event.state is SessionState.NEEDS_LOGIN:
        desk.is_reconciled = False
        desk.alert(Level.URGENT, "session", f"the venue needs a login: {event.reason or 'the token died'}")
        for deployment in list(desk.state.deployments.values()):
            if deployment.is_running:
                halt(desk, deployment, "halted: the venue session needs a login", cause=SESSION_CAUSE)
        return
    desk.must_reconcile("a new session began")
    desk.schedule("reconcile", desk.config.in_flight_read_s)


def feed_changed(desk: Desk, event: FeedChanged) -> None:
    """Note the feed's state; what was missed while it was away is read from the books."""
    was = desk.market.link
    desk.market.link, desk.market.link_reason = event.state, event.reason
    if event.state is was:
        return
    if event.state is Link.CONNECTED:
        desk.must_reconcile("the feed is connected")
        return
    desk.market.lose_ticks()
    state = event.state.replace("_", " ")
    level = Level.INFO if event.state is Link.CLOSED else Level.WARNING
    desk.alert(level, "feed", f"the feed is {state}: {event.reason or 'no reason given'}")


def resume_halted(desk: Desk) -> None:
    """Let the deployments that a dead session halted go on, once the books have been read."""
    if not desk.config.runs_strategies:
        return
    for deployment in list(desk.state.deployments.values()):
        if deployment.state is DeploymentState.HALTED and deployment.cause == SESSION_CAUSE:
            resume(desk, deployment)
