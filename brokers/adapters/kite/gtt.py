"""Good-till-triggered orders. A trigger is an order in waiting, so it starts from an `ApprovedOrder` as any other.

One approval covers both legs of a two-leg order: side, quantity and product are the same, and the venue lets only
one of the two fire. A fired trigger is over, whether or not the order that it placed lives: read its outcome.
"""

from __future__ import annotations

import json
from decimal import Decimal

from brokers.adapters.kite import protocol
from brokers.adapters.kite.calls import Act, Ask, act, ask
from brokers.adapters.kite.protocol import KiteRequest
from brokers.adapters.kite.reading import Fields, list_of, number_of
from brokers.domain.errors import Invalid
from brokers.domain.gtt import Gtt, GttKind, GttLeg, GttOutcome, GttTarget
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import ApprovedOrder, OrderType, Product, Side

PATH = "/gtt/triggers"
HELD_PRODUCTS = frozenset({Product.DELIVERY, Product.CARRY})


def place(
    order: ApprovedOrder, instrument: Instrument, *, last_price: Decimal, target: GttTarget | None = None
) -> Act[str]:
    """Leave an approved order to wait for its trigger price, with a target as the other leg; return its id.

    The order is a limit: its `trigger_price` fires it and its `price` bounds it.
    """
    form = _form(order, instrument, last_price, target)
    return act(KiteRequest(method="POST", path=PATH, kind=protocol.READ, form=form), trigger_id_of)


def replace(
    trigger_id: str,
    order: ApprovedOrder,
    instrument: Instrument,
    *,
    last_price: Decimal,
    target: GttTarget | None = None,
) -> Act[str]:
    """Put other terms in the place of a waiting trigger's; all of them are sent."""
    form = _form(order, instrument, last_price, target)
    return act(KiteRequest(method="PUT", path=f"{PATH}/{trigger_id}", kind=protocol.READ, form=form), trigger_id_of)


def delete(trigger_id: str) -> Act[str]:
    """Take a trigger away."""
    return act(KiteRequest(method="DELETE", path=f"{PATH}/{trigger_id}", kind=protocol.READ), trigger_id_of)


def listed() -> Ask[list[Gtt]]:
    """Ask for the triggers; those that are over are listed for seven days."""
    return ask(protocol.reading(PATH), gtts_of)


def one(trigger_id: str) -> Ask[Gtt]:
    """Ask for one trigger, however old."""
    return ask(protocol.reading(f"{PATH}/{trigger_id}"), gtt_of)


def trigger_id_of(data: object) -> str:
    """Read the receipt of a write."""
    return Fields(data).need("trigger_id")


def gtts_of(data: object) -> list[Gtt]:
    """Read a list of triggers."""
    return [gtt_of(row) for row in list_of(data)]


def gtt_of(data: object) -> Gtt:
    """Read one trigger."""
    row = Fields(data)
    condition = row.inner("condition")
    values = [number_of(value, "trigger_values") for value in condition.listed("trigger_values")]
    legs = [_leg(leg, trigger) for leg, trigger in zip(row.each("orders"), values, strict=False)]
    return Gtt(
        trigger_id=row.need("id"),
        user_id=row.text("user_id"),
        parent_id=row.text("parent_trigger"),
        kind=row.need("type"),
        status=row.need("status"),
        instrument=condition.key(),
        instrument_token=condition.whole("instrument_token"),
        last_price=condition.number("last_price"),
        legs=tuple(legs),
        created_at=row.at("created_at"),
        updated_at=row.at("updated_at"),
        expires_at=row.at("expires_at"),
        extra=row.rest(),
    )


def _form(
    order: ApprovedOrder, instrument: Instrument, last_price: Decimal, target: GttTarget | None
) -> dict[str, str]:
    legs = _pairs(order, target)
    _check(order, instrument, [trigger for trigger, _ in legs], last_price)
    condition = {
        "exchange": instrument.exchange,
        "tradingsymbol": instrument.symbol,
        "trigger_values": [protocol.json_number(trigger) for trigger, _ in legs],
        "last_price": protocol.json_number(last_price),
    }
    return {
        "type": (GttKind.SINGLE if target is None else GttKind.TWO_LEG).value,
        "condition": json.dumps(condition),
        "orders": json.dumps([_order(order, instrument, price) for _, price in legs]),
    }


def _pairs(order: ApprovedOrder, target: GttTarget | None) -> list[tuple[Decimal, Decimal]]:
    """Return trigger and limit of each leg, the lower trigger first."""
    intent = order.intent
    if intent.order_type not in protocol.PRICED_TYPES or intent.trigger_price is None or intent.price is None:
        raise Invalid(
            "a trigger leaves a limit order and names its trigger price", code="gtt.order", field="order_type"
        )
    legs = [(intent.trigger_price, intent.price)]
    if target is not None:
        legs.append((target.trigger_price, target.price))
    return sorted(legs)


def _check(order: ApprovedOrder, instrument: Instrument, triggers: list[Decimal], last_price: Decimal) -> None:
    if order.intent.product not in HELD_PRODUCTS:
        raise Invalid(
            "a trigger may fire on any day, so its product is held overnight", code="gtt.product", field="product"
        )
    if last_price <= 0 or last_price in triggers:
        raise Invalid("a trigger lies away from the last price", code="gtt.trigger_price", field="trigger_price")
    if len(triggers) > 1 and order.intent.side is Side.BUY and instrument.kind is InstrumentKind.EQUITY:
        raise Invalid("two legs that buy are for derivatives alone", code="gtt.side", field="side")
    if len(triggers) > 1 and not triggers[0] < last_price < triggers[1]:
        raise Invalid(
            "a stop and a target lie on either side of the last price", code="gtt.trigger_price", field="trigger_price"
        )


def _order(order: ApprovedOrder, instrument: Instrument, price: Decimal) -> dict[str, object]:
    words = protocol.order_fields(order.intent, instrument)
    return {
        "exchange": words["exchange"],
        "tradingsymbol": words["tradingsymbol"],
        "transaction_type": words["transaction_type"],
        "quantity": protocol.json_number(order.intent.quantity),
        "order_type": OrderType.LIMIT.value,
        "product": words["product"],
        "price": protocol.json_number(price),
    }


def _leg(row: Fields, trigger: Decimal) -> GttLeg:
    return GttLeg(
        trigger_price=trigger,
        instrument=row.key(),
        side=row.text("transaction_type"),
        quantity=row.number("quantity"),
        order_type=row.text("order_type"),
        product=row.text("product"),
        price=row.number("price"),
        outcome=_outcome(row.maybe("result")),
        extra=row.rest(),
    )


def _outcome(row: Fields | None) -> GttOutcome | None:
    if row is None:
        return None
    # the order's own words stand in the leg
    row.drop("exchange", "tradingsymbol", "product", "order_type", "transaction_type", "quantity", "price", "validity")
    told = row.inner("order_result")
    return GttOutcome(
        order_id=told.text("order_id"),
        status=told.text("status"),
        rejection_reason=told.text("rejection_reason"),
        triggered_price=row.number("triggered_at"),
        triggered_at=row.at("timestamp"),
        extra=row.rest(),
    )
