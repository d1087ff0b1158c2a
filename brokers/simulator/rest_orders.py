"""Kite's routes of orders and trades."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request, order_changes, order_request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import OrderRequest, Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


def order_place(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Place an order; a delay script lets it reach the venue later under the id given now."""
    wanted = order_request(request, match["variety"])
    site.budgets.spend_day(app, site.wall_ns(), max(wanted.iceberg_legs, 1))
    asked = {"account": app.user_id, "method": request.method, "path": request.path}
    _check_authorised(site, wanted, asked)
    if wanted.autoslice:
        return order_slices(site, app, wanted, asked)
    freeze = site.faults.find(FaultKind.FREEZE_REFUSAL, **asked)
    if freeze and wanted.quantity > freeze.quantity:
        site.faults.take(FaultKind.FREEZE_REFUSAL, **asked)
        raise Refusal(f"Quantity exceeds the freeze quantity of {freeze.quantity} for {wanted.symbol}.")
    if wanted.variety == "regular" and (stuck := site.faults.take(FaultKind.STUCK_PENDING, **asked)):
        return ok({"order_id": site.venue.varieties.hang(app.user_id, wanted, site.moment(), stuck.seconds).order_id})
    if wanted.variety == "regular" and (delay := site.faults.take(FaultKind.DELAY_VISIBILITY, **asked)):
        return ok({"order_id": site.place_later(app.user_id, wanted, delay.seconds)})
    return ok({"order_id": site.venue.varieties.place(app.user_id, wanted, site.moment()).order_id})


def order_slices(site: "KiteSite", app: App, wanted: OrderRequest, asked: dict[str, str]) -> Response:
    """Place an order in slices under the freeze quantity; each is accepted or refused by itself.

    Two shapes of the answer exist: a parent with its children, and a plain list.
    """
    engine, mixed = site.venue.engine, site.faults.find(FaultKind.AUTOSLICE_MIXED, **asked)
    freeze = site.faults.find(FaultKind.FREEZE_REFUSAL, **asked)
    limits = [fault.quantity for fault in (mixed, freeze) if fault and fault.quantity]
    largest = min([engine.board.listings[engine.row_of(wanted.exchange, wanted.symbol)].freeze, *limits])
    parts = site.venue.varieties.slices(wanted, largest)
    if len(parts) > 1 and mixed:
        site.faults.take(FaultKind.AUTOSLICE_MIXED, **asked)
    parent = engine.ids.order()[0]
    tags = ("autoslice", f"autoslice:{parent}") if len(parts) > 1 else ()
    site.budgets.spend_day(app, site.wall_ns(), len(parts) - 1)
    children = [
        {"error": payloads.slice_error(Refusal(NO_FUNDS, "MarginException"))}
        if mixed and number % 2
        else _place_slice(site, app, replace(wanted, quantity=quantity, tags=tags))
        for number, quantity in enumerate(parts)
    ]
    if site.slices_as_list:
        return ok(children)
    return ok({"order_id": parent, "children": children})


def _place_slice(site: "KiteSite", app: App, wanted: OrderRequest) -> dict[str, object]:
    try:
        return {"order_id": site.venue.varieties.place(app.user_id, wanted, site.moment()).order_id}
    except Refusal as refusal:
        return {"error": payloads.slice_error(refusal)}


def order_modify(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Modify a waiting order."""
    _check_variety(site, app, match)
    order = site.venue.varieties.modify(app.user_id, match["order_id"], order_changes(request), site.moment())
    return ok({"order_id": order.order_id})


def order_cancel(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Cancel a waiting order; the second leg of a cover order is exited."""
    _check_variety(site, app, match)
    return ok({"order_id": site.venue.varieties.cancel(app.user_id, match["order_id"], site.moment()).order_id})


def order_book(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return today's orders, oldest first."""
    return ok([payloads.order_row(order) for order in site.venue.engine.accounts[app.user_id].orders.values()])


def order_history(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return every state of one order, oldest first."""
    order = site.venue.engine.order(app.user_id, match["order_id"])
    return ok([payloads.order_row(row) for row in order.history])


def trade_book(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return today's executions, of one order or of all."""
    fills = site.venue.engine.accounts[app.user_id].fills
    if order_id := match.groupdict().get("order_id"):
        site.venue.engine.order(app.user_id, order_id)
        fills = [fill for fill in fills if fill.order_id == order_id]
    return ok([payloads.trade_row(fill) for fill in fills])


def _check_authorised(site: "KiteSite", wanted: OrderRequest, asked: dict[str, str]) -> None:
    held = site.venue.engine.accounts[asked["account"]].holdings.get(wanted.symbol)
    if (wanted.side, wanted.product) != ("SELL", "CNC") or held is None or wanted.quantity <= held.authorised:
        return
    if site.faults.take(FaultKind.HOLDINGS_UNAUTHORISED, **asked):
        raise Refusal(NOT_AUTHORISED, "HoldingException", 428)


def _check_variety(site: "KiteSite", app: App, match: re.Match[str]) -> None:
    if site.venue.engine.order(app.user_id, match["order_id"]).variety != match["variety"]:
        raise Refusal(f"The order is not of the variety `{match['variety']}`.")


NOT_AUTHORISED = "Holdings need authorisation at the depository before they can be sold."
NO_FUNDS = "Insufficient funds for this slice."
_ORDER = r"/orders/(?P<variety>[a-z]+)/(?P<order_id>\w+)"
ROUTES = (
    route("GET", "/orders", order_book),
    route("GET", "/trades", trade_book),
    route("GET", r"/orders/(?P<order_id>\d+)", order_history),
    route("GET", r"/orders/(?P<order_id>\d+)/trades", trade_book),
    route("POST", "/orders/(?P<variety>[a-z]+)", order_place, "order"),
    route("PUT", _ORDER, order_modify, "order"),
    route("DELETE", _ORDER, order_cancel, "order"),
)
