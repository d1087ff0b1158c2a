"""A basket's legs on their way: their price, the gate's word on each, and what has become of each order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from brokers.domain.orders import OrderIntent, OrderStatus, OrderType, Purpose, Side
from execution.domain.baskets import BasketRecord, BasketState, sending_order
from execution.domain.cover import Beside, covered
from execution.domain.desk import Desk
from execution.domain.gateway import risk_view
from execution.domain.lifecycle import OrderRecord
from execution.domain.perpetuals import validity_of
from execution.domain.pursuit import entry_objection
from execution.domain.sending import change_price, is_out_of_modifications, limit_price, may_be_repriced, place, watch
from risk.domain.exposure import PendingOrder, pending_of
from risk.domain.gate import Reduced, Refused, review

ZERO = Decimal(0)
# of an order of which nothing was sent: nothing can be doubled by sending its leg under another id
MOST_TRIES = 4
# what another moment may cure; everything else is an answer
_PASSING = frozenset({"desk", "reconcile", "order_rate", "stale_quote", "unknown_outcome"})


def leg_name(basket: BasketRecord, number: int) -> str:
    """Return a leg as a person names it."""
    leg = basket.legs[number]
    return f"{leg.side.lower()} {leg.quantity:f} {leg.instrument}"


def orders_of(desk: Desk, basket: BasketRecord) -> list[OrderRecord]:
    """Return the basket's orders from which something may still come, exits included."""
    return [order for order in desk.state.open_orders() if order.intent.deployment_id == basket.key]


def latest_order(desk: Desk, basket: BasketRecord, number: int) -> OrderRecord | None:
    """Return the last order by which a leg was entered, None before the first and after its day."""
    ids = basket.progress[number].client_ids
    return desk.state.orders.get(ids[-1]) if ids else None


def far_side(desk: Desk, instrument: str, side: Side) -> Decimal | None:
    """Return the price at which a leg would fill at once; None without a fresh quote."""
    quote = desk.market.quote(instrument, desk.at)
    if quote is None or quote.is_stale or quote.is_cached or quote.age_s > desk.limits.max_quote_age_s:
        return None
    return (quote.ask if side is Side.BUY else quote.bid) or quote.last_price


def leg_intent(desk: Desk, basket: BasketRecord, number: int, *, step: int = 0) -> OrderIntent:
    """Return a leg as an order: at its own limit, or a little beyond the far side and never beyond its slippage."""
    leg, price = basket.legs[number], leg_price(desk, basket, number, step=step)
    return OrderIntent(
        account_id=desk.config.account_id,
        book=basket.taken.book,
        instrument=leg.instrument,
        side=leg.side,
        quantity=leg.quantity,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        product=leg.product,
        purpose=Purpose.ENTRY,
        reason=f"basket {basket.taken.name}: leg {number + 1} of {len(basket.legs)}",
        decided_at=desk.at,
        price=price,
        deployment_id=basket.key,
        decision_price=basket.arrivals[number] if basket.arrivals else desk.market.middle(leg.instrument),
        validity=validity_of(leg.product),
    )


def leg_price(desk: Desk, basket: BasketRecord, number: int, *, step: int) -> Decimal | None:
    """Return the price of a leg's order after some new prices; None without a fresh quote."""
    leg = basket.legs[number]
    if leg.order_type is OrderType.LIMIT:
        return leg.price
    price = limit_price(desk, basket.position_key(number), leg.side, Purpose.ENTRY, step=step)
    if price is None or not basket.arrivals:
        return price
    instrument, slip = desk.config.instruments[leg.instrument], desk.config.basket_slippage_fraction
    if leg.side is Side.BUY:
        return min(price, instrument.price_above(basket.arrivals[number] * (1 + slip)))
    return max(price, instrument.price_below(basket.arrivals[number] * (1 - slip)), instrument.tick_size)


def objection_to_whole(desk: Desk, basket: BasketRecord) -> tuple[OrderIntent, Refused] | None:
    """Judge every leg before the first is sent, each as if those before it had filled; None lets the basket go."""
    beside: list[Beside] = []
    view_pending: list[PendingOrder] = []
    for leg in sending_order(basket.legs):
        number = basket.number_of(leg.instrument) or 0
        intent = leg_intent(desk, basket, number)
        view = risk_view(desk, intent)
        view = replace(
            view,
            pending=(*view.pending, *view_pending),
            covered=covered(desk, intent, extra=beside),
            orders_last_second=0,  # legs beyond a second's share wait for the next one
            orders_today=view.orders_today + len(view_pending),
        )
        refused = entry_objection(desk, basket.position_key(number))
        decision = refused or review(
            intent,
            view=view,
            limits=desk.limits,
            switches=desk.state.switches,
            client_id=f"leg {number + 1}",
            at=desk.at,
        )
        if isinstance(decision, Refused | Reduced):
            reason = decision.reason if isinstance(decision, Refused) else f"only in part: {decision.reason}"
            return intent, Refused(rule=decision.rule, reason=f"{leg_name(basket, number)}: {reason}")
        instrument = desk.config.instruments[leg.instrument]
        view_pending.append(pending_of(decision, instrument=instrument, remaining=leg.quantity))
        beside.append(Beside(instrument, leg.quantity * leg.side.sign, leg.product))
    return None


def send_leg(desk: Desk, basket: BasketRecord, number: int) -> Refused | None:
    """Send a leg through the gate; return what objects, journalled unless another moment may cure it."""
    intent = leg_intent(desk, basket, number)
    refused = entry_objection(desk, basket.position_key(number)) or _gate_objection(desk, intent)
    if refused is not None:
        return refused
    return place(desk, intent)


def is_passing(refused: Refused) -> bool:
    """Tell whether waiting may help."""
    return refused.rule in _PASSING


def _gate_objection(desk: Desk, intent: OrderIntent, order: OrderRecord | None = None) -> Refused | None:
    """Ask the gate without sending; for a new price of an order, as if that order did not exist."""
    client_id = order.client_id if order else ""
    view = risk_view(desk, intent, besides=client_id)
    decision = review(
        intent,
        view=view.without(client_id) if order else view,
        limits=desk.limits,
        switches=desk.state.switches,
        client_id=client_id or "leg",
        at=desk.at,
    )
    if isinstance(decision, Reduced):
        return Refused(rule=decision.rule, reason=f"only in part: {decision.reason}")
    return decision if isinstance(decision, Refused) else None


def leg_patience_over(desk: Desk, order: OrderRecord) -> None:
    """Let a resting leg reach further, within its slippage and through the gate."""
    basket = desk.state.baskets.get(order.intent.deployment_id or "")
    number = basket.number_of(order.intent.instrument) if basket is not None else None
    if basket is None or number is None or basket.state is not BasketState.WORKING or order.is_final:
        return
    watch(desk, order)
    is_frozen = any(other.is_doubtful for other in orders_of(desk, basket))
    if is_frozen or order.cancel_wanted or not may_be_repriced(desk, order) or is_out_of_modifications(desk, order):
        return
    price = leg_price(desk, basket, number, step=order.modifications + 1)
    if price is None or order.price is None or (price - order.price) * order.intent.side.sign <= 0:
        return  # no better one is known, or its place in the queue is worth more
    if entry_objection(desk, basket.position_key(number)) is not None:
        return
    # what of it has filled is held, and would count twice
    rest = replace(order.intent, price=price, quantity=order.pending_quantity)
    if _gate_objection(desk, rest, order) is None:
        change_price(desk, order, price)


def failure_of(desk: Desk, basket: BasketRecord, number: int) -> str | None:
    """Return why a leg cannot be filled any more, None while it still may be."""
    ids, filled = basket.progress[number].client_ids, basket.progress[number].filled
    if basket.is_filled(number) or not ids:
        return None
    order = latest_order(desk, basket, number)
    if order is None:
        return f"{leg_name(basket, number)}: its order ended with its day, {filled:f} filled"
    is_unsent = order.status is OrderStatus.NOT_SENT and len(ids) < MOST_TRIES and not order.cancel_wanted
    if not order.is_settled or is_unsent:
        return None
    why = desk.state.switches.objection(basket.key) or order.message
    because = f" ({why})" if why else ""
    return f"{leg_name(basket, number)}: its order ended {order.status}{because}, {filled:f} filled"


def is_leg_unsent(desk: Desk, basket: BasketRecord, number: int) -> bool:
    """Tell whether no order stands for a leg: none was made, or nothing of the last one was sent a while ago."""
    ids = basket.progress[number].client_ids
    order = latest_order(desk, basket, number)
    if order is None or order.status is not OrderStatus.NOT_SENT or order.cancel_wanted:
        return not ids
    pause_s: float = desk.config.decide_again_s * 2.0 ** len(ids)
    return (desk.at - order.updated_at).total_seconds() >= pause_s
