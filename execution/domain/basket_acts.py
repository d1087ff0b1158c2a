"""What an operator asks of baskets: to send one, to take one back, and what other acts mean for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from brokers.domain.errors import Invalid, NotFound
from brokers.domain.orders import Book, OrderStatus, OrderType, Product, Side
from brokers.domain.portfolio import PositionKey
from execution.domain.basket_legs import latest_order, leg_name, orders_of
from execution.domain.basket_work import advance_baskets, fail, hold, take_back
from execution.domain.baskets import (
    MOST_LEGS,
    OPTIONS_WRITTEN,
    BasketLeg,
    BasketPolicy,
    BasketRecord,
    BasketState,
    BasketTaken,
    key_of_basket,
    sending_order,
    stage_of,
)
from execution.domain.desk import Desk
from execution.domain.lifecycle import OrderRecord
from execution.domain.perpetuals import product_of

Payload = Mapping[str, Any]
S = BasketState


def basket_send(desk: Desk, payload: Payload) -> str:
    """Journal a basket with its legs; nothing of it is sent before the next event's end.

    Raises Invalid for a basket that no desk could send, which is then none.
    """
    basket_id = str(payload["basket_id"])
    if key_of_basket(basket_id) in desk.state.baskets:
        return "it is known already"
    legs = tuple(sending_order(_leg(desk, row) for row in payload["legs"]))
    _check(legs)
    asked_at = datetime.fromisoformat(str(payload["asked_at"]))
    taken = BasketTaken(
        basket_id=basket_id,
        name=str(payload.get("name") or basket_id[:8]),
        policy=BasketPolicy(payload["policy"]),
        book=Book(payload["mode"]),
        deadline_at=asked_at + timedelta(seconds=float(payload["deadline_s"])),
        legs=legs,
    )
    desk.record(taken)
    advance_baskets(desk)
    basket = desk.state.baskets[key_of_basket(basket_id)]
    if basket.state is S.REFUSED:
        raise Invalid(basket.reason, code="basket.refused")
    return f"{basket.state}: {basket.reason}"


def _leg(desk: Desk, row: Mapping[str, Any]) -> BasketLeg:
    name = str(row["instrument"])
    instrument, side = desk.config.instruments.get(name), Side(row["side"])
    if instrument is None or not instrument.is_tradable:
        raise Invalid(f"{name} is not an instrument that can be traded here", code="instrument.unknown")
    return BasketLeg(
        instrument=name,
        side=side,
        quantity=Decimal(str(row["quantity"])),
        order_type=OrderType(row["type"]),
        product=product_of(instrument, Product(row["product"])),
        price=Decimal(str(row["price"])) if row.get("price") else None,
        stage=stage_of(instrument, side),
    )


def _check(legs: tuple[BasketLeg, ...]) -> None:
    if not 1 <= len(legs) <= MOST_LEGS:
        raise Invalid(f"a basket has 1 to {MOST_LEGS} legs, not {len(legs)}", code="basket.legs")
    if len({leg.instrument for leg in legs}) < len(legs):
        raise Invalid("an instrument is named by two legs", code="basket.legs")
    for leg in legs:
        if leg.quantity <= 0:
            raise Invalid("quantity must be above 0", code="order.quantity")
        if leg.order_type not in (OrderType.LIMIT, OrderType.MARKET):
            raise Invalid(f"a leg is LIMIT or MARKET, not {leg.order_type}", code="order.type")
        if leg.order_type is OrderType.LIMIT and (leg.price is None or leg.price <= 0):
            raise Invalid("a LIMIT leg needs a price above 0", code="order.price")


def basket_unwind(desk: Desk, payload: Payload) -> str:
    """Take a basket back, whatever has become of it."""
    basket = desk.state.baskets.get(key_of_basket(str(payload["basket_id"])))
    if basket is None:
        raise NotFound(f"there is no basket {payload['basket_id']} of today", field="id")
    if basket.state is S.UNWINDING:
        return "it is being taken back already"
    if basket.state in (S.REFUSED, S.UNWOUND):
        raise Invalid(f"it is {basket.state}: {basket.reason}", code="basket.over")
    take_back(desk, basket, "taken back by the operator")
    return f"{desk.state.baskets[basket.key].state}"


def baskets_stop(desk: Desk, reason: str) -> int:
    """End every basket that is being entered, as its policy says; return how many there were."""
    entering = [b for b in desk.state.baskets.values() if b.state in (S.PENDING, S.WORKING)]
    for basket in entering:
        fail(desk, basket, reason)
    return len(entering)


def baskets_take_back(desk: Desk, book: Book | None) -> int:
    """Take back every basket of a book that is being entered, also one of which nothing rests; return how many."""
    entering = [b for b in desk.state.baskets.values() if b.state in (S.PENDING, S.WORKING)]
    concerned = [b for b in entering if book in (None, b.taken.book)]
    for basket in concerned:
        take_back(desk, basket, "exit of everything asked by the operator")
    return len(concerned)


def exit_of_basket(desk: Desk, key: PositionKey, *, whole: bool) -> bool:
    """Take a basket back instead of closing one position of it, where that would leave something written uncovered.

    Answers whether it did; otherwise the position alone may be closed.
    """
    basket = desk.state.baskets.get(key.strategy_key)
    if basket is None or (not whole and basket.state in (S.FILLED, S.HELD) and not _covers(desk, basket, key)):
        return False
    take_back(desk, basket, "exit asked by the operator")
    return True


def _covers(desk: Desk, basket: BasketRecord, key: PositionKey) -> bool:
    """Tell whether a position may be what bounds the loss of an option that the basket has written or may yet write."""
    written = [n for n, leg in enumerate(basket.legs) if leg.stage == OPTIONS_WRITTEN]
    may_be_written = any(order.is_entry and order.intent.side is Side.SELL for order in orders_of(desk, basket))
    is_written = may_be_written or any(desk.state.positions.get(basket.position_key(n)).is_open for n in written)
    number = basket.number_of(key.instrument)
    return is_written and number is not None and number not in written


def ends_between_tries(desk: Desk, order: OrderRecord) -> bool:
    """End the basket of an order of which nothing was sent and whose leg would be sent anew; answer whether it did."""
    basket = desk.state.baskets.get(order.intent.deployment_id or "")
    number = basket.number_of(order.intent.instrument) if basket is not None and order.is_entry else None
    if basket is None or number is None or basket.state is not S.WORKING or order.status is not OrderStatus.NOT_SENT:
        return False
    if latest_order(desk, basket, number) != order:
        return False
    fail(desk, basket, f"{leg_name(basket, number)}: its order was cancelled by the operator")
    return True


def leave_to_operator(desk: Desk, order: OrderRecord) -> None:
    """Leave a basket as it is once a person has cancelled one of the orders that take it back."""
    basket = desk.state.baskets.get(order.intent.deployment_id or "")
    if basket is not None and basket.state is S.UNWINDING and not order.is_entry:
        hold(desk, basket, "an order that was to take it back was cancelled by the operator")
