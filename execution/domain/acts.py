"""What an operator asks for, executed once: a command id that is done is never done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from brokers.domain.errors import Invalid, NotFound, WindhoverError
from brokers.domain.orders import Book, OrderStatus, Product
from brokers.domain.portfolio import PositionKey
from execution.domain.basket_acts import (
    basket_send,
    basket_unwind,
    baskets_stop,
    baskets_take_back,
    ends_between_tries,
    exit_of_basket,
    leave_to_operator,
)
from execution.domain.commands import CommandDone, Level
from execution.domain.desk import Desk
from execution.domain.events import Act, OperatorAct
from execution.domain.exception_acts import adopt, named_order, resolve, settle_order
from execution.domain.lifecycle import OrderRecord
from execution.domain.pursuit import key_of, set_goal, working_orders
from execution.domain.records import (
    CommandEnded,
    DeploymentMoved,
    DeploymentSpec,
    DeploymentState,
    Goal,
    GoalSet,
    SwitchSet,
)
from execution.domain.running import drop_entry_goals, forget, start
from execution.domain.sending import want_cancel
from execution.domain.state import ACCOUNT_SCOPE, DEPLOYMENT_SCOPE, DESK_SCOPE, Deployment
from risk.domain.switch import RELEASED, SwitchState

ZERO = Decimal(0)
Payload = Mapping[str, Any]
STOPPED_BY_HAND = "stopped by the operator"
OURS = "deployments"  # an exit of what deployments hold, and of nothing that others bought here


def operate(desk: Desk, event: OperatorAct) -> None:
    """Execute a command and say how it ended; a wrong one ends with a sentence, not an error."""
    if event.command_id in desk.state.commands_done:
        return
    act = _ACTS.get(event.kind)
    try:
        if act is None:
            raise Invalid(f"the desk knows no command {event.kind!r}", code="command.kind")
        outcome, ok = act(desk, event.payload), True
    except WindhoverError as error:
        outcome, ok = error.message, False
    except (KeyError, TypeError, ValueError) as error:
        outcome, ok = f"{event.kind} cannot be read: {error!r}", False
    desk.record(CommandEnded(command_id=event.command_id, ok=ok, outcome=outcome[:300]))
    desk.ask(CommandDone(command_id=event.command_id, ok=ok, outcome=outcome[:300]))


def spec_of(payload: Payload) -> DeploymentSpec:
    """Read a deployment's spec from a command's payload."""
    return DeploymentSpec(
        deployment_id=str(payload["deployment_id"]),
        strategy=str(payload["strategy"]),
        instruments=tuple(str(name) for name in payload["instruments"]),
        mode=Book(payload["mode"]),
        params=dict(payload.get("params") or {}),
        label=str(payload.get("label") or ""),
    )


def _deployment_start(desk: Desk, payload: Payload) -> str:
    spec = spec_of(payload)
    known = desk.state.deployments.get(spec.deployment_id)
    if known is not None and known.is_running:
        return "it is running already"
    start(desk, spec)
    return "started"


def _deployment_stop(desk: Desk, payload: Payload) -> str:
    deployment = _deployment(desk, payload)
    if deployment.state is DeploymentState.STOPPED:
        return "it is stopped already"
    _stop(desk, deployment, str(payload.get("reason") or STOPPED_BY_HAND))
    return "stopped; what it holds stays until it is exited or squared off"


def _stop(desk: Desk, deployment: Deployment, reason: str = STOPPED_BY_HAND) -> None:
    deployment_id = deployment.spec.deployment_id
    desk.record(DeploymentMoved(deployment_id=deployment_id, state=DeploymentState.STOPPED, reason=reason))
    drop_entry_goals(desk, deployment_id, "the strategy was stopped")
    _cancel_entries(desk, "the strategy was stopped", lambda o: o.intent.deployment_id == deployment_id)
    forget(desk, deployment_id)


def _deployment_remove(desk: Desk, payload: Payload) -> str:
    deployment = _deployment(desk, payload)
    deployment_id = deployment.spec.deployment_id
    if deployment.state is not DeploymentState.STOPPED:
        # its row is hidden already: whatever keeps it in the books, it must decide nothing more
        _stop(desk, deployment)
    held = [p for p in desk.state.positions.open() if p.key.strategy_key == deployment_id]
    if held:
        raise Invalid(f"it still holds {held[0].quantity:f} {held[0].key.instrument}: exit that first")
    if any(o.intent.deployment_id == deployment_id and not o.is_settled for o in desk.state.open_orders()):
        raise Invalid("an order of it is still working: wait for the order's end")
    desk.record(DeploymentMoved(deployment_id=deployment_id, state=DeploymentState.REMOVED, reason="removed"))
    forget(desk, deployment_id)
    return "removed"


def _kill(desk: Desk, payload: Payload) -> str:
    switch, scope, target_id = _set_switch(desk, payload, engaged=True)
    count = _cancel_entries(
        desk, "the kill switch was pulled", lambda o: scope != DEPLOYMENT_SCOPE or o.intent.deployment_id == target_id
    )
    desk.alert(Level.URGENT, f"{scope} kill switch", f"entries are refused: {switch.reason or 'no reason given'}")
    return f"engaged; {count} open entries are being cancelled"


def _unkill(desk: Desk, payload: Payload) -> str:
    _, scope, _ = _set_switch(desk, payload, engaged=False)
    desk.alert(Level.WARNING, f"{scope} kill switch", "entries are allowed again")
    return "released"


def _set_switch(desk: Desk, payload: Payload, *, engaged: bool) -> tuple[SwitchState, str, str]:
    scope, target_id = str(payload.get("scope") or ACCOUNT_SCOPE), str(payload.get("target_id") or "")
    if scope not in (DESK_SCOPE, ACCOUNT_SCOPE, DEPLOYMENT_SCOPE):
        raise Invalid(f"a kill switch is the desk's, the account's or a deployment's, not {scope!r}", field="scope")
    before = _switch(desk, scope, target_id)
    epoch = int(payload.get("epoch") or before.epoch + 1)
    if epoch < before.epoch:
        raise Invalid(f"this switch was moved since (epoch {before.epoch}, asked for {epoch})", code="switch.epoch")
    reason = str(payload.get("reason") or "")
    desk.record(SwitchSet(scope=scope, target_id=target_id, engaged=engaged, reason=reason, epoch=epoch))
    return _switch(desk, scope, target_id), scope, target_id


def _switch(desk: Desk, scope: str, target_id: str) -> SwitchState:
    switches = desk.state.switches
    named = {DESK_SCOPE: switches.desk, ACCOUNT_SCOPE: switches.account}
    return named.get(scope) or switches.deployments.get(target_id, RELEASED)


def _cancel_order(desk: Desk, payload: Payload) -> str:
    order = named_order(desk, payload)
    if ends_between_tries(desk, order):
        return "nothing of it was sent, and it is not tried again"
    goal = desk.state.goals.get(key_of(order.intent))
    is_tried_again = goal is not None and _is_tried_again(desk, order, goal)
    if order.is_final and not is_tried_again:
        raise Invalid(f"it is {order.status} already", code="order.final")
    if goal is not None:
        desk.record(GoalSet(goal=replace(goal, quantity=None, reason="its order was cancelled by the operator")))
    want_cancel(desk, order, "cancelled by the operator")
    leave_to_operator(desk, order)
    return "nothing of it was sent, and it is not tried again" if is_tried_again else "being cancelled"


def _is_tried_again(desk: Desk, order: OrderRecord, goal: Goal) -> bool:
    """Tell whether an order of which nothing was sent is about to be placed once more, under another id."""
    is_its_goal = goal.quantity is not None and goal.decided_at <= order.intent.decided_at
    is_waiting = order.status is OrderStatus.NOT_SENT and not working_orders(desk, goal.key)
    return is_its_goal and is_waiting and goal.quantity != desk.state.positions.get(goal.key).quantity


def _exit_position(desk: Desk, payload: Payload) -> str:
    key = PositionKey(
        book=Book(payload["book"]),
        instrument=str(payload["instrument"]),
        product=Product(payload["product"]),
        strategy_key=str(payload.get("strategy_key") or ""),
    )
    if not desk.state.positions.get(key).is_open and not working_orders(desk, key):
        raise NotFound(f"no position in {key.instrument} is held there", field="instrument")
    _exit(desk, key, whole=False)
    return _exit_outcome(desk, key.book)


def _exit_all(desk: Desk, payload: Payload) -> str:
    book = Book(payload["book"]) if payload.get("book") else None
    is_ours_alone = payload.get("of") == OURS
    keys = [p.key for p in desk.state.positions.open(book) if p.key.strategy_key or not is_ours_alone]
    entering = _entering(desk, book)
    baskets = baskets_take_back(desk, book)
    for key in dict.fromkeys([*keys, *entering]):
        _exit(desk, key, whole=True)
    return f"exiting {len(keys)} positions" + (f" and taking back {baskets} baskets" if baskets else "")


def _entering(desk: Desk, book: Book | None) -> list[PositionKey]:
    """Return whose entries are at work: an entry that fills after everything was exited is a position again."""
    ours = [o for o in desk.state.open_orders() if o.is_entry and o.intent.origin != "EXTERNAL"]
    # between a turn that did not come and the next try no order stands, and still an entry is on its way
    keys = [*(key_of(o.intent) for o in ours), *(g.key for g in desk.state.goals.values() if g.quantity)]
    return [key for key in keys if book in (None, key.book)]


def _exit(desk: Desk, key: PositionKey, *, whole: bool) -> None:
    if exit_of_basket(desk, key, whole=whole):
        return
    set_goal(desk, key, ZERO, "exit asked by the operator", desk.market.middle(key.instrument))


def _exit_outcome(desk: Desk, book: Book) -> str:
    blocked = desk.why_not_sending(book)
    return f"queued: {blocked}" if blocked else "exiting"


def _live_start(desk: Desk, payload: Payload) -> str:
    specs = [spec_of(item) for item in payload.get("deployments") or ()]
    idle = [s for s in specs if not _is_running(desk, s.deployment_id)]
    failed: list[str] = []
    for spec in idle:
        try:
            start(desk, spec)
        except Invalid as error:
            failed.append(f"{spec.label or spec.deployment_id}: {error.message}")
    if failed:
        raise Invalid("; ".join(failed))
    return f"started {len(idle)} of {len(specs)} deployments"


def _live_stop(desk: Desk, _payload: Payload) -> str:
    running = [d for d in desk.state.deployments.values() if d.state is not DeploymentState.STOPPED]
    for deployment in running:
        _stop(desk, deployment)
    baskets = baskets_stop(desk, STOPPED_BY_HAND)
    return f"stopped {len(running)} deployments" + (f" and {baskets} baskets" if baskets else "")


def _cancel_entries(desk: Desk, reason: str, concerns: Callable[[OrderRecord], bool]) -> int:
    entries = [o for o in desk.state.open_orders() if o.is_entry and not o.is_final and o.intent.origin != "EXTERNAL"]
    concerned = [o for o in entries if concerns(o)]
    for order in concerned:
        want_cancel(desk, order, reason)
    return len(concerned)


def _is_running(desk: Desk, deployment_id: str) -> bool:
    known = desk.state.deployments.get(deployment_id)
    return known is not None and known.is_running


def _deployment(desk: Desk, payload: Payload) -> Deployment:
    found = desk.state.deployments.get(str(payload["deployment_id"]))
    if found is None:
        raise NotFound("the desk does not run this deployment", field="deployment_id")
    return found


_ACTS: dict[str, Callable[[Desk, Payload], str]] = {
    Act.DEPLOYMENT_START: _deployment_start,
    Act.DEPLOYMENT_STOP: _deployment_stop,
    Act.DEPLOYMENT_REMOVE: _deployment_remove,
    Act.KILL: _kill,
    Act.UNKILL: _unkill,
    Act.CANCEL_ORDER: _cancel_order,
    Act.EXIT_POSITION: _exit_position,
    Act.EXIT_ALL: _exit_all,
    Act.LIVE_START: _live_start,
    Act.LIVE_STOP: _live_stop,
    Act.RESOLVE: resolve,
    Act.ADOPT: adopt,
    Act.SETTLE_ORDER: settle_order,
    Act.BASKET_SEND: basket_send,
    Act.BASKET_UNWIND: basket_unwind,
}
