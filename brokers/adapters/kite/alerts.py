"""Price alerts at the venue. One that places orders takes `ApprovedOrder`s: it is an order in waiting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from brokers.adapters.kite import protocol
from brokers.adapters.kite.calls import Act, Ask, act, ask
from brokers.adapters.kite.protocol import KiteRequest
from brokers.adapters.kite.reading import Fields, list_of
from brokers.domain.alerts import AlertEvent, AlertKind, AlertOrder, AlertRule, AlertStatus, VenueAlert
from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument, split_key
from brokers.domain.orders import ApprovedOrder
from brokers.domain.terms import Variety

PATH = "/alerts"
INDEX_EXCHANGE = "INDICES"
PAGE_SIZES = range(1, 501)

BasketOrder = tuple[ApprovedOrder, Instrument]


def create(rule: AlertRule, basket: Sequence[BasketOrder] = ()) -> Act[VenueAlert]:
    """Leave an alert at the venue; with a basket it places those orders when it fires."""
    form = _form(rule, basket)
    return act(KiteRequest(method="POST", path=PATH, kind=protocol.READ, form=form), alert_of)


def replace(alert_id: str, rule: AlertRule, basket: Sequence[BasketOrder] = ()) -> Act[VenueAlert]:
    """Put another rule in the place of an alert's; all of it is sent."""
    form = _form(rule, basket)
    return act(KiteRequest(method="PUT", path=f"{PATH}/{alert_id}", kind=protocol.READ, form=form), alert_of)


def delete(*alert_ids: str) -> Act[None]:
    """Take alerts away."""
    if not alert_ids:
        raise Invalid("name an alert", code="alert.id", field="alert_ids")
    params = tuple(("uuid", alert_id) for alert_id in alert_ids)
    return act(KiteRequest(method="DELETE", path=PATH, kind=protocol.READ, params=params), lambda _: None)


def listed(
    *, status: AlertStatus | None = None, page: int | None = None, page_size: int | None = None
) -> Ask[list[VenueAlert]]:
    """Ask for the alerts, of one status, or page by page."""
    if page_size is not None and page_size not in PAGE_SIZES:
        raise Invalid("a page holds 1 to 500 alerts", code="alert.page_size", field="page_size")
    wanted = {"status": status, "page": page, "page_size": page_size}
    params = ((name, str(value)) for name, value in wanted.items() if value is not None)
    return ask(protocol.reading(PATH, *params), alerts_of)


def one(alert_id: str) -> Ask[VenueAlert]:
    """Ask for one alert."""
    return ask(protocol.reading(f"{PATH}/{alert_id}"), alert_of)


def history(alert_id: str) -> Ask[list[AlertEvent]]:
    """Ask when an alert fired."""
    return ask(protocol.reading(f"{PATH}/{alert_id}/history"), events_of)


def alerts_of(data: object) -> list[VenueAlert]:
    """Read a list of alerts."""
    return [alert_of(row) for row in list_of(data)]


def alert_of(data: object) -> VenueAlert:
    """Read one alert."""
    row = Fields(data)
    other = row.text("rhs_exchange"), row.text("rhs_tradingsymbol")
    right_side = row.text("rhs_type")
    constant = row.number("rhs_constant")
    basket = row.maybe("basket")
    return VenueAlert(
        alert_id=row.need("uuid"),
        kind=row.text("type"),
        user_id=row.text("user_id"),
        name=row.text("name"),
        status=row.text("status"),
        disabled_reason=row.text("disabled_reason"),
        instrument=f"{row.text('lhs_exchange')}:{row.text('lhs_tradingsymbol')}",
        attribute=row.text("lhs_attribute"),
        comparison=row.text("operator"),
        constant=constant if right_side == "constant" else None,
        other_instrument=":".join(other) if right_side == "instrument" else None,
        other_attribute=row.text("rhs_attribute"),
        count=row.whole("alert_count"),
        basket=tuple(map(_basket_order, basket.each("items"))) if basket is not None else (),
        created_at=row.at("created_at"),
        updated_at=row.at("updated_at"),
        extra=row.rest(),
    )


def events_of(data: object) -> list[AlertEvent]:
    """Read an alert's history."""
    return [_event(Fields(row)) for row in list_of(data)]


def _event(row: Fields) -> AlertEvent:
    return AlertEvent(
        alert_id=row.need("uuid"),
        kind=row.text("type"),
        condition=row.text("condition"),
        quotes=tuple(quote.rest() for quote in row.each("meta")),
        orders=row.raw("order_meta"),
        fired_at=row.at("created_at"),
        extra=row.rest(),
    )


def _form(rule: AlertRule, basket: Sequence[BasketOrder]) -> dict[str, str]:
    exchange, symbol = split_key(rule.instrument)
    form = {
        "name": rule.name,
        "type": (AlertKind.ORDER if basket else AlertKind.SIMPLE).value,
        "lhs_exchange": exchange,
        "lhs_tradingsymbol": symbol,
        "lhs_attribute": rule.attribute,
        "operator": rule.comparison.value,
    }
    if rule.constant is not None:
        form |= {"rhs_type": "constant", "rhs_constant": protocol.plain(rule.constant)}
    if rule.other_instrument is not None:
        exchange, symbol = split_key(rule.other_instrument)
        form |= {
            "rhs_type": "instrument",
            "rhs_exchange": exchange,
            "rhs_tradingsymbol": symbol,
            "rhs_attribute": rule.attribute,
        }
    if basket:
        form["basket"] = json.dumps(
            {"name": rule.name, "type": "alert", "tags": [], "items": [_item(*entry) for entry in basket]}
        )
    return form


def _item(order: ApprovedOrder, instrument: Instrument) -> dict[str, object]:
    words: dict[str, object] = dict(protocol.order_fields(order.intent, instrument))
    exchange, symbol = words.pop("exchange"), words.pop("tradingsymbol")
    for name in ("quantity", "price", "trigger_price", "market_protection"):
        if name in words:
            words[name] = protocol.json_number(Decimal(str(words[name])))
    words |= {"variety": Variety.REGULAR.value, "tags": [order.client_id]}
    # a basket's orders are weighed by their own quantities
    weight = protocol.json_number(order.intent.quantity)
    return {"type": "insert", "tradingsymbol": symbol, "exchange": exchange, "weight": weight, "params": words}


def _basket_order(row: Fields) -> AlertOrder:
    params = row.inner("params")
    gtt = params.inner("gtt")
    # fields of bracket orders, which Kite has given up
    params.drop("squareoff", "stoploss", "trailing_stoploss", "disclosed_quantity", "validity_ttl")
    return AlertOrder(
        item_id=row.text("id"),
        instrument=row.key(),
        instrument_token=row.whole("instrument_token"),
        weight=row.whole("weight"),
        variety=params.text("variety"),
        order_type=params.text("order_type"),
        side=params.text("transaction_type"),
        product=params.text("product"),
        validity=params.text("validity"),
        quantity=params.number("quantity"),
        price=params.number("price"),
        trigger_price=params.number("trigger_price"),
        gtt_target=gtt.number("target"),
        gtt_stop=gtt.number("stoploss"),
        tags=params.texts("tags"),
        extra={**row.rest(), **params.rest()},
    )
