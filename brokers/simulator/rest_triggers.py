"""Kite's routes of GTT and alerts; both carry JSON inside form fields."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from brokers.simulator import trigger_payloads as payloads
from brokers.simulator.alerts import ATTRIBUTE, AlertWish, Condition
from brokers.simulator.gtt import Wish
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request, paise_of, whole_number
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import OrderRequest, Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


def gtt_place(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Let a trigger wait."""
    return ok({"trigger_id": site.venue.triggers.place(app.user_id, _wish(request), site.moment()).number})


def gtt_list(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the active triggers and those that ended lately."""
    shown = site.venue.triggers.shown(app.user_id, site.moment())
    return ok([payloads.trigger(trigger, site.venue.board) for trigger in shown])


def gtt_one(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return one trigger of any age."""
    return ok(payloads.trigger(site.venue.triggers.trigger(app.user_id, int(match["number"])), site.venue.board))


def gtt_modify(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Replace what a trigger waits for."""
    number = int(match["number"])
    trigger = site.venue.triggers.modify(app.user_id, number, _wish(request), site.moment())
    return ok({"trigger_id": trigger.number})


def gtt_delete(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Take a trigger back."""
    return ok({"trigger_id": site.venue.triggers.delete(app.user_id, int(match["number"]), site.moment()).number})


def alert_create(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Keep a new alert."""
    return ok(payloads.alert(site.venue.alerts.create(app.user_id, _alert_wish(request), site.moment())))


def alert_list(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return alerts, of one status or all, page by page."""
    shown = site.venue.alerts.shown(app.user_id, request.get("status"))
    page = max(whole_number(request.get("page", "1"), "page"), 1)
    size = max(whole_number(request.get("page_size", "500"), "page_size"), 1)
    return ok([payloads.alert(alert) for alert in shown[(page - 1) * size : page * size]])


def alert_one(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return one alert."""
    return ok(payloads.alert(site.venue.alerts.alert(app.user_id, match["uuid"])))


def alert_modify(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Replace an alert."""
    alert = site.venue.alerts.modify(app.user_id, match["uuid"], _alert_wish(request), site.moment())
    return ok(payloads.alert(alert))


def alert_delete(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Delete the alerts that the query names."""
    request.need("uuid")
    site.venue.alerts.delete(app.user_id, request.query["uuid"], site.moment())
    return ok(None)


def alert_history(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return when an alert fired, newest first."""
    alert = site.venue.alerts.alert(app.user_id, match["uuid"])
    return ok([payloads.firing(alert, firing, site.venue.board) for firing in reversed(alert.firings)])


def _wish(request: Request) -> Wish:
    condition, orders = _object(request, "condition"), _json(request, "orders")
    values = condition.get("trigger_values")
    if not isinstance(orders, list) or not isinstance(values, list):
        raise Refusal("Invalid `orders` or `trigger_values`: both are lists.")
    return Wish(
        kind=request.need("type"),
        exchange=str(condition.get("exchange", "")),
        symbol=str(condition.get("tradingsymbol", "")),
        trigger_values=tuple(paise_of(value, "trigger_values") for value in values),
        last_price=paise_of(condition.get("last_price", 0), "last_price"),
        orders=tuple(_order(order) for order in orders),
    )


def _alert_wish(request: Request) -> AlertWish:
    if request.get("lhs_attribute", ATTRIBUTE) != ATTRIBUTE:
        raise Refusal(f"Invalid `lhs_attribute`: {ATTRIBUTE}.")
    kind, basket = request.need("type"), None
    if kind == "ato":
        basket = _object(request, "basket")
    return AlertWish(
        name=request.need("name"), kind=kind, condition=_condition(request), basket=_basket(basket), raw_basket=basket
    )


def _condition(request: Request) -> Condition:
    lhs = (request.need("lhs_exchange"), request.need("lhs_tradingsymbol"))
    operator = request.need("operator")
    match request.need("rhs_type"):
        case "constant":
            return Condition(
                lhs=lhs, operator=operator, rhs_constant=paise_of(request.need("rhs_constant"), "rhs_constant")
            )
        case "instrument":
            rhs = (request.need("rhs_exchange"), request.need("rhs_tradingsymbol"))
            return Condition(lhs=lhs, operator=operator, rhs=rhs)
    raise Refusal("Invalid `rhs_type`: constant or instrument.")


def _basket(basket: Mapping[str, Any] | None) -> tuple[OrderRequest, ...]:
    items = basket.get("items", []) if basket else []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise Refusal("Invalid `basket`.")
    named = ("exchange", "tradingsymbol")
    return tuple(_order({**(item.get("params") or {}), **{name: item.get(name) for name in named}}) for item in items)


def _order(data: object) -> OrderRequest:
    if not isinstance(data, Mapping):
        raise Refusal("Invalid `orders`: each is an object.")
    return OrderRequest(
        exchange=str(data.get("exchange", "")),
        symbol=str(data.get("tradingsymbol", "")),
        side=str(data.get("transaction_type", "")),
        quantity=whole_number(data.get("quantity", 0), "quantity"),
        product=str(data.get("product", "")),
        order_type=str(data.get("order_type", "")),
        price=paise_of(data.get("price", 0), "price"),
        trigger_price=paise_of(data.get("trigger_price", 0), "trigger_price"),
    )


def _object(request: Request, name: str) -> Mapping[str, Any]:
    value = _json(request, name)
    if not isinstance(value, Mapping):
        raise Refusal(f"Invalid `{name}`: it is a JSON object.")
    return value


def _json(request: Request, name: str) -> object:
    try:
        return orjson.loads(request.need(name))
    except orjson.JSONDecodeError:
        raise Refusal(f"Invalid `{name}`: it is not JSON.") from None


_GTT = "/gtt/triggers"
_ONE_GTT = r"/gtt/triggers/(?P<number>[0-9]{1,12})"
_ONE_ALERT = r"/alerts/(?P<uuid>[0-9a-fA-F-]{1,64})"
ROUTES = (
    route("POST", _GTT, gtt_place),
    route("GET", _GTT, gtt_list),
    route("GET", _ONE_GTT, gtt_one),
    route("PUT", _ONE_GTT, gtt_modify),
    route("DELETE", _ONE_GTT, gtt_delete),
    route("POST", "/alerts", alert_create),
    route("GET", "/alerts", alert_list),
    route("DELETE", "/alerts", alert_delete),
    route("GET", _ONE_ALERT, alert_one),
    route("PUT", _ONE_ALERT, alert_modify),
    route("GET", f"{_ONE_ALERT}/history", alert_history),
)
