"""From goals to orders: what is held is brought to what is wanted, one order at a time.

A holder (a deployment's or nobody's position in one instrument and product) never has two orders
of ours working. A reversal exits first and enters once the exit's fills are known. An entry has
one attempt; an exit is repeated until it stands, with growing pauses and an alarm.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from brokers.domain.orders import Book, OrderIntent, Origin, Product, Purpose, Side
from brokers.domain.portfolio import PositionKey
from execution.domain.allowance import tell, why_no_entry, why_no_exit
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.lifecycle import MAX_PAUSE_S, OrderRecord
from execution.domain.market_life import in_parts
from execution.domain.records import DeploymentMoved, Goal, GoalSet, SignalMade
from execution.domain.sending import EXIT_STUCK, intent_for, is_out_of_modifications, place, refuse, want_cancel
from risk.domain.gate import Refused

ZERO = Decimal(0)
UNPROTECTED = "unprotected"
_QUEUED_LOOK_S = 30.0
_DOUBLINGS = 10
_TIMER_MARGIN_S = 0.05  # a shell's timer may fire a moment early by another clock


def key_of(intent: OrderIntent) -> PositionKey:
    """Return whose position an order changes."""
    return PositionKey(
        book=intent.book,
        instrument=intent.instrument,
        product=intent.product,
        strategy_key=intent.deployment_id or "",
    )


def set_goal(
    desk: Desk, key: PositionKey, quantity: Decimal | None, reason: str, decision_price: Decimal | None = None
) -> None:
    """Journal a new goal and pursue it."""
    goal = Goal(key=key, quantity=quantity, reason=reason, decided_at=desk.at, decision_price=decision_price)
    desk.record(GoalSet(goal=goal))
    pursue(desk, key)


def journal_signal(desk: Desk, key: PositionKey, *, exposure: float, reason: str, bar_end_ns: int = 0) -> None:
    """Journal the exposure that a deployment wants from now on."""
    desk.record(
        SignalMade(
            deployment_id=key.strategy_key,
            instrument=key.instrument,
            exposure=exposure,
            reason=reason,
            bar_end_ns=bar_end_ns,
            decided_at=desk.at,
            decision_price=desk.market.middle(key.instrument),
        )
    )


def pursue(desk: Desk, key: PositionKey) -> None:
    """Send, or cancel, what brings a position to its goal; do nothing while an order works."""
    goal = desk.state.goals.get(key)
    if goal is None or goal.quantity is None:
        return
    held = desk.state.positions.get(key).quantity
    gap = goal.quantity - held
    working = [o for o in working_orders(desk, key) if not o.is_doubtful]
    for order in working:
        if order.is_entry and gap * order.intent.side.sign < order.pending_quantity:
            want_cancel(desk, order, f"no longer wanted: {goal.reason}")
    if gap == 0:
        _protected_again(desk, key.instrument)
    if working or gap == 0 or _is_to_wait(desk, goal):
        return
    if held * gap < 0:
        _exit(desk, goal, held, gap)
    elif desk.config.runs_strategies:
        _enter(desk, goal, gap)


def pursue_all(desk: Desk) -> None:
    for key in list(desk.state.goals):
        pursue(desk, key)


def working_orders(desk: Desk, key: PositionKey) -> list[OrderRecord]:
    """Return the holder's orders of ours from which something may still come."""
    return [o for o in desk.state.open_orders() if o.intent.origin is not Origin.EXTERNAL and _is_of(o.intent, key)]


def _is_of(intent: OrderIntent, key: PositionKey) -> bool:
    # what most orders differ in comes first: this is asked of every open order at every step of every other one
    return (
        intent.instrument == key.instrument
        and (intent.deployment_id or "") == key.strategy_key
        and intent.book is key.book
        and intent.product is key.product
    )


def settled(desk: Desk, order: OrderRecord) -> None:
    """Go on after an order of ours is over and its fills are known."""
    key = key_of(order.intent)
    if key.strategy_key and not order.is_entry and _subject(_nobodys(key)) in desk.state.discrepancies:
        pursue(desk, _nobodys(key))  # less stands against what is to be closed of nobody's
    goal = desk.state.goals.get(key)
    if goal is None or goal.quantity is None:
        desk.resolve(EXIT_STUCK, order.client_id, f"{order.client_id} is {order.status}, and nothing more is wanted")
        return
    if not order.is_entry and order.filled_quantity >= order.intent.quantity:
        _through(desk, order)
    is_same = goal.decided_at <= order.intent.decided_at
    if is_same and desk.turn_missed == order.client_id:
        _decide_again(desk, goal)
        return
    if is_same and order.is_entry:
        if desk.state.positions.get(key).quantity != goal.quantity:
            _give_up(desk, goal, f"the entry ended {order.status} with {order.filled_quantity} filled")
        return
    if is_same and order.filled_quantity < order.intent.quantity and not is_out_of_modifications(desk, order):
        _retry_later(desk, goal, order.message or f"it ended {order.status}")
    pursue(desk, key)


def _through(desk: Desk, exit_order: OrderRecord) -> None:
    """End the alarms of a holder's exits that are over, now that one of them has filled whole."""
    key = key_of(exit_order.intent)
    for client_id in [subject for kind, subject in desk.state.discrepancies if kind == EXIT_STUCK]:
        order = desk.state.orders.get(client_id)
        if order is not None and order.is_settled and key_of(order.intent) == key:
            desk.resolve(EXIT_STUCK, client_id, f"{exit_order.client_id} has filled the exit")


def _enter(desk: Desk, goal: Goal, gap: Decimal) -> None:
    side = Side.BUY if gap > 0 else Side.SELL
    quantity = desk.config.instruments[goal.key.instrument].lots_of(abs(gap))
    if quantity == 0:
        _give_up(desk, goal, "the order value does not buy one lot")
        return
    intent = intent_for(desk, goal, side, quantity, Purpose.ENTRY)
    refused = _not_entering(desk, goal)
    if refused is not None:
        refuse(desk, intent, refused)
    else:
        refused = place(desk, intent)
    if refused is not None:
        _give_up(desk, goal, f"refused: {refused.reason}")


def _not_entering(desk: Desk, goal: Goal) -> Refused | None:
    objection = entry_objection(desk, goal.key)
    if objection is not None:
        return objection
    age = desk.at - goal.decided_at
    if age > timedelta(seconds=desk.config.entry_age_s):
        return Refused(rule="stale_goal", reason=f"the decision is {age.total_seconds():.0f} s old")
    return None


def entry_objection(desk: Desk, key: PositionKey) -> Refused | None:
    """Return what keeps the desk from entering for a holder, whatever the limits say."""
    blocked = desk.why_not_entering(key.book)
    if blocked is not None:
        return Refused(rule="desk", reason=blocked)
    no_room = why_no_entry(desk, key.book)
    if no_room is not None:
        tell(desk)
        return Refused(rule="venue_orders", reason=no_room)
    mismatch = desk.state.discrepancies.get(("position", key.instrument))
    if mismatch is not None and key.book is Book.LIVE:
        return Refused(rule="reconcile", reason=mismatch[0])
    hidden = next((row for row in desk.unreadable if row.instrument == key.instrument), None)
    if hidden is not None and key.book is Book.LIVE:
        return Refused(rule="reconcile", reason=f"{hidden.row_id} of the venue's {hidden.book} cannot be read")
    return None


def _exit(desk: Desk, goal: Goal, held: Decimal, gap: Decimal) -> None:
    if desk.why_not_sending(goal.key.book) is not None or not desk.is_owner:
        return  # the goal stays, and the pages show it as a queued exit
    if why_no_exit(desk, goal.key.book) is not None:
        tell(desk)
        _pursue_later(desk, goal, _QUEUED_LOOK_S)
        return
    if goal.key.instrument not in desk.config.instruments:
        sentence = f"{goal.key.instrument} is listed no longer: its {held:f} cannot be exited from here"
        desk.discrepancy(UNPROTECTED, goal.key.instrument, sentence, Level.URGENT)
        return
    side = Side.SELL if held > 0 else Side.BUY
    quantity = min(abs(gap), _closable(desk, goal.key, held, side))
    if quantity <= 0:
        return
    quantity = in_parts(desk, goal, quantity)
    refused = place(desk, intent_for(desk, goal, side, quantity, Purpose.EXIT))
    if refused is not None:
        _retry_later(desk, goal, refused.reason)


def _closable(desk: Desk, key: PositionKey, held: Decimal, side: Side) -> Decimal:
    """Return what an exit may take: less what UNKNOWN exits may have taken, and others' orders."""
    doubtful = sum((o.pending_quantity for o in working_orders(desk, key) if o.intent.side is side), ZERO)
    others = _taken_by_others(desk, key, held)
    if others > 0:
        sentence = f"{key.instrument}: {others} of our {held} were closed by orders placed elsewhere"
        if not key.strategy_key:
            whose = f"{others} of nobody's {held} stand against what strategies hold"
            sentence = f"{key.instrument}: {whose}, and are not closed at the venue"
        desk.discrepancy(*_subject(key), sentence)
    return min(abs(held) - doubtful - others, _at_the_venue(desk, key, held, side))


def _at_the_venue(desk: Desk, key: PositionKey, held: Decimal, side: Side) -> Decimal:
    # A broker's square-off on a day that no desk saw, or a conversion to another product, leaves no
    # order in the book: what the journal holds and the venue does not cannot be sold.
    excess = desk.excess.get((key.instrument, key.product), ZERO)
    if key.book is not Book.LIVE or key.product is Product.DELIVERY or excess * held <= 0:
        return abs(held)
    positions = desk.state.positions.open(Book.LIVE)
    ours = sum((p.quantity for p in positions if _is_beside(p.key, key)), ZERO)
    leaving = [o for o in desk.state.open_orders() if _is_beside(key_of(o.intent), key) and o.intent.side is side]
    real = (ours - excess) * (1 if held > 0 else -1) - sum((o.pending_quantity for o in leaving), ZERO)
    return max(real, ZERO)


def _is_beside(one: PositionKey, other: PositionKey) -> bool:
    return (one.book, one.instrument, one.product) == (other.book, other.instrument, other.product)


def _taken_by_others(desk: Desk, key: PositionKey, held: Decimal) -> Decimal:
    # A broker squaring our position off, or a hand on its app, books under nobody: selling the same
    # shares once more, or buying nobody's side back, would open the opposite position at the venue.
    if key.strategy_key:
        nobody = desk.state.positions.get(_nobodys(key)).quantity
        return min(abs(nobody), abs(held)) if nobody * held < 0 else ZERO
    beside = (p for p in desk.state.positions.open(key.book) if p.key.strategy_key and _is_beside(p.key, key))
    return min(sum((abs(p.quantity) for p in beside if p.quantity * held < 0), ZERO), abs(held))


def _subject(key: PositionKey) -> tuple[str, str]:
    return "closed_elsewhere", f"{key.instrument} {key.strategy_key}"


def _nobodys(key: PositionKey) -> PositionKey:
    return replace(key, strategy_key="")


def _give_up(desk: Desk, goal: Goal, reason: str) -> None:
    desk.record(GoalSet(goal=replace(goal, quantity=None, reason=reason)))
    deployment = desk.state.deployments.get(goal.key.strategy_key)
    if deployment is not None:
        # the page's last reason is then why nothing was bought, not why it was wanted
        sentence = f"{goal.key.instrument}: {reason}"
        fact = DeploymentMoved(
            deployment_id=goal.key.strategy_key, state=deployment.state, reason=sentence, cause=deployment.cause
        )
        desk.record(fact)


def _is_to_wait(desk: Desk, goal: Goal) -> bool:
    """Tell whether a goal waits for its next attempt; its timer is set anew, it may have died with a process."""
    if goal.retry_at is None or desk.at >= goal.retry_at:
        return False
    _pursue_later(desk, goal, (goal.retry_at - desk.at).total_seconds())
    return True


def _decide_again(desk: Desk, goal: Goal) -> None:
    """Go on soon with a goal of which nothing was sent, as a new order at the prices of then; an old entry ends.

    While the venue lets nobody in each try waits twice as long as the last: a ban may last for days.
    """
    misses = goal.misses + 1 if desk.is_shut_out else 0
    pause_s = min(desk.config.decide_again_s * 2 ** min(misses, _DOUBLINGS), MAX_PAUSE_S)
    desk.record(GoalSet(goal=replace(goal, retry_at=desk.at + timedelta(seconds=pause_s), misses=misses)))
    _pursue_later(desk, goal, pause_s)


def _pursue_later(desk: Desk, goal: Goal, pause_s: float) -> None:
    name = f"{goal.key.book}:{goal.key.instrument}:{goal.key.product}:{goal.key.strategy_key}"
    desk.schedule(f"pursue:{name}", pause_s + _TIMER_MARGIN_S)


def _protected_again(desk: Desk, instrument: str) -> None:
    """End the alarms once every holder has what it wants; the next exit that fails alarms anew."""
    stuck = [subject for kind, subject in desk.state.discrepancies if kind == EXIT_STUCK]
    if (UNPROTECTED, instrument) not in desk.state.discrepancies and not stuck:
        return
    goals = [g for g in desk.state.goals.values() if g.key.instrument == instrument and g.quantity is not None]
    if all(desk.state.positions.get(goal.key).quantity == goal.quantity for goal in goals):
        desk.resolve(UNPROTECTED, instrument, f"{instrument}: what is held is what is wanted")
        for client_id in stuck:
            order = desk.state.orders.get(client_id)
            if order is None or (order.is_settled and order.intent.instrument == instrument):
                desk.resolve(EXIT_STUCK, client_id, f"{client_id} is over, and what is held is what is wanted")


def _retry_later(desk: Desk, goal: Goal, why: str) -> None:
    failures = goal.failures + 1
    pause_s = desk.config.exit_retry_s * 2 ** min(failures - 1, 4)
    retry_at = desk.at + timedelta(seconds=pause_s)
    desk.record(GoalSet(goal=replace(goal, failures=failures, retry_at=retry_at)))
    _pursue_later(desk, goal, pause_s)
    if failures >= desk.config.exit_attempts:
        sentence = f"{goal.key.instrument}: {failures} exits failed, the last because {why}"
        desk.discrepancy(UNPROTECTED, goal.key.instrument, sentence, Level.URGENT)
