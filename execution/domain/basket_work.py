"""A basket from its acceptance to its end, one step after every event.

Each step looks at nothing but the journalled state, the clock of the event and the market, so a successor goes on from
the journal where its predecessor stood. A leg whose outcome is unknown freezes the basket's entries; buying back what is
written goes on, and its cover is kept until no written leg stands or may stand.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from brokers.domain.orders import Side
from execution.domain.basket_legs import (
    failure_of,
    far_side,
    is_leg_unsent,
    is_passing,
    leg_name,
    objection_to_whole,
    orders_of,
    send_leg,
)
from execution.domain.baskets import AT_WORK, BasketMoved, BasketPolicy, BasketRecord, BasketState
from execution.domain.commands import Level, Subscribe
from execution.domain.desk import Desk
from execution.domain.pursuit import set_goal
from execution.domain.sending import refuse, want_cancel

ZERO = Decimal(0)
HELD = "basket_held"
_AGAIN_S = 0.5
_TIMER_MARGIN_S = 0.05
S = BasketState


def advance_baskets(desk: Desk) -> None:
    """Let every basket at work take its next step."""
    if not desk.is_owner:
        return
    for key in list(desk.state.baskets_at_work):
        basket = desk.state.baskets[key]
        _set_timer(desk, basket)
        _STEPS[basket.state](desk, basket)


def take_back(desk: Desk, basket: BasketRecord, reason: str) -> None:
    """Cancel what rests of a basket and close what it holds, what it has written first, whatever its policy."""
    if basket.state is S.PENDING:
        _move(desk, basket, S.REFUSED, reason)
    elif basket.state is not S.UNWINDING and basket.state is not S.REFUSED:
        _unwind(desk, _move(desk, basket, S.UNWINDING, reason))


def fail(desk: Desk, basket: BasketRecord, reason: str) -> None:
    """End a basket that cannot be completed, as its policy says; one of which nothing was sent is refused."""
    if basket.state is S.PENDING or not any(leg.client_ids for leg in basket.progress):
        _move(desk, basket, S.REFUSED, reason)
    elif basket.taken.policy is BasketPolicy.HOLD:
        hold(desk, basket, reason)
    else:
        desk.alert(Level.URGENT, basket.key, f"basket {basket.taken.name} is taken back: {reason}")
        _unwind(desk, _move(desk, basket, S.UNWINDING, reason))


def hold(desk: Desk, basket: BasketRecord, reason: str) -> None:
    """Send no more of a basket, cancel what rests, leave what it holds, and say so until a person has seen it."""
    _cancel_entries(desk, basket, reason)
    moved = _move(desk, basket, S.HELD, reason)
    sentence = f"basket {basket.taken.name} is left with {moved.filled_legs} of {len(moved.legs)} legs: {reason}"
    desk.discrepancy(HELD, basket.key, sentence[:300], Level.URGENT)


def _begin(desk: Desk, basket: BasketRecord) -> None:
    """Send the first stage once prices are there and the gate lets every leg pass."""
    if desk.at >= basket.taken.deadline_at:
        _move(desk, basket, S.REFUSED, "its deadline passed before anything of it was sent")
        return
    if not desk.config.runs_strategies:
        return  # a caretaker sends nothing new
    unfit = _unfit(desk, basket)
    if unfit is not None:
        _move(desk, basket, S.REFUSED, unfit)
        return
    _listen(desk, basket)
    arrivals = tuple(far_side(desk, leg.instrument, leg.side) for leg in basket.legs)
    wait = _why_to_wait(desk, basket, arrivals)
    if wait is not None:
        _wait(desk, basket, wait)
        return
    objection = objection_to_whole(desk, basket)
    if objection is not None:
        intent, refused = objection
        refuse(desk, intent, refused)
        _move(desk, basket, S.REFUSED, refused.reason)
        return
    known = tuple(price for price in arrivals if price is not None)
    moved = _move(desk, basket, S.WORKING, f"sending {len(basket.legs)} legs, what covers the others first", known)
    _work(desk, moved)


def _unfit(desk: Desk, basket: BasketRecord) -> str | None:
    """Return what no waiting cures: a leg that is not listed or has expired, or an account that is on paper."""
    for leg in basket.legs:
        instrument = desk.config.instruments.get(leg.instrument)
        if instrument is None:
            return f"{leg.instrument} is not listed"
        if instrument.expiry is not None and instrument.expiry < desk.market_day:
            return f"{leg.instrument} expired on {instrument.expiry}"
    return desk.why_not_opening(basket.taken.book)


def _why_to_wait(desk: Desk, basket: BasketRecord, arrivals: tuple[Decimal | None, ...]) -> str | None:
    blocked = desk.why_not_entering(basket.taken.book)
    if blocked is not None:
        return blocked
    unpriced = [leg.instrument for leg, price in zip(basket.legs, arrivals, strict=True) if price is None]
    return f"no fresh price of {unpriced[0]} has come" if unpriced else None


def _wait(desk: Desk, basket: BasketRecord, reason: str) -> None:
    if (desk.at - basket.created_at).total_seconds() >= desk.config.basket_prices_within_s:
        _move(desk, basket, S.REFUSED, reason)
    else:
        _again(desk, basket)


def _listen(desk: Desk, basket: BasketRecord) -> None:
    if desk.market.track(leg.instrument for leg in basket.legs):
        desk.square_off_ns = 0
        desk.ask(Subscribe(instruments=tuple(sorted(desk.market.tracked()))))


def _work(desk: Desk, basket: BasketRecord) -> None:
    """Send what is due, and see whether a leg failed, the time is over, or all is filled."""
    failures = [why for number in range(len(basket.legs)) if (why := failure_of(desk, basket, number))]
    if failures:
        fail(desk, basket, failures[0])
    elif basket.filled_legs == len(basket.legs):
        _move(desk, basket, S.FILLED, f"all {len(basket.legs)} legs are filled")
    elif (shut := desk.why_not_opening(basket.taken.book)) is not None:
        fail(desk, basket, shut)
    elif desk.at >= basket.taken.deadline_at:
        fail(desk, basket, f"its time was over with {basket.filled_legs} of {len(basket.legs)} legs filled")
    elif not any(order.is_doubtful for order in orders_of(desk, basket)) and desk.config.runs_strategies:
        _send_due(desk, basket)


def _send_due(desk: Desk, basket: BasketRecord) -> None:
    for number in basket.due():
        if not is_leg_unsent(desk, basket, number):
            continue
        refused = send_leg(desk, desk.state.baskets[basket.key], number)
        if refused is not None and is_passing(refused):
            _again(desk, basket)
            return
        if refused is not None:
            fail(desk, desk.state.baskets[basket.key], f"{leg_name(basket, number)}: {refused.reason}")
            return
    if any(_is_to_try_again(desk, basket, number) for number in basket.due()):
        _again(desk, basket)


def _is_to_try_again(desk: Desk, basket: BasketRecord, number: int) -> bool:
    known = desk.state.baskets[basket.key].progress[number].client_ids
    return bool(known) and desk.state.orders[known[-1]].is_final


def _unwind(desk: Desk, basket: BasketRecord) -> None:
    """Cancel what rests, buy back what is written, then sell what covered it."""
    reason = f"basket {basket.taken.name} is taken back"
    _cancel_entries(desk, basket, reason)
    orders = orders_of(desk, basket)
    held = {n: desk.state.positions.get(basket.position_key(n)).quantity for n in range(len(basket.legs))}
    written = [number for number, quantity in held.items() if quantity < 0]
    may_be_written = any(order.is_entry and order.intent.side is Side.SELL for order in orders)
    for number in written if written or may_be_written else held:
        if held[number]:
            _want_flat(desk, basket, number, reason)
    if not orders_of(desk, basket) and not any(held.values()):
        _move(desk, basket, S.UNWOUND, f"nothing of it is left: {basket.reason}")


def _look_again(desk: Desk, basket: BasketRecord) -> None:
    """Take back what came after a basket had been taken back."""
    keys = [basket.position_key(number) for number in range(len(basket.legs))]
    if any(desk.state.positions.get(key).is_open for key in keys):
        reason = "something of it was filled late"
        desk.alert(Level.URGENT, basket.key, f"basket {basket.taken.name}: {reason}")
        _unwind(desk, _move(desk, basket, S.UNWINDING, reason))


def _want_flat(desk: Desk, basket: BasketRecord, number: int, reason: str) -> None:
    key = basket.position_key(number)
    goal = desk.state.goals.get(key)
    if goal is None or goal.quantity != 0:
        set_goal(desk, key, ZERO, reason, desk.market.middle(key.instrument))


def _cancel_entries(desk: Desk, basket: BasketRecord, reason: str) -> None:
    for order in orders_of(desk, basket):
        if order.is_entry and not order.cancel_wanted:
            want_cancel(desk, order, reason)


def _move(
    desk: Desk, basket: BasketRecord, state: BasketState, reason: str, arrivals: tuple[Decimal, ...] = ()
) -> BasketRecord:
    fact = BasketMoved(basket_id=basket.taken.basket_id, state=state, reason=reason[:300], arrivals=arrivals)
    desk.record(fact)
    if state not in AT_WORK:
        desk.timed_baskets.discard(basket.key)
    if state is not S.HELD:
        desk.resolve(HELD, basket.key, f"basket {basket.taken.name} is {state}")
    return desk.state.baskets[basket.key]


def _set_timer(desk: Desk, basket: BasketRecord) -> None:
    """Be woken at the deadline, also where nothing else happens; a process sets its own timers."""
    if basket.key not in desk.timed_baskets:
        desk.timed_baskets.add(basket.key)
        left_s = (basket.taken.deadline_at - desk.at).total_seconds()
        desk.schedule(f"{basket.key}:deadline", max(left_s, 0.0) + _TIMER_MARGIN_S)


def _again(desk: Desk, basket: BasketRecord) -> None:
    desk.schedule(f"{basket.key}:again", _AGAIN_S)


_STEPS: dict[BasketState, Callable[[Desk, BasketRecord], None]] = {
    S.PENDING: _begin,
    S.WORKING: _work,
    S.UNWINDING: _unwind,
    S.UNWOUND: _look_again,
}
