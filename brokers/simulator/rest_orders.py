"""Kite's routes of orders and trades."""

import re
from typing import TYPE_CHECKING

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.faults import FaultKind
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request, order_changes, order_request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


def order_place(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Place an order; a delay script lets it reach the venue later under the id given now."""
    wanted = order_request(request, match["variety"])
    site.budgets.spend_day(app, site.wall_ns(), 1)
    asked = {"account": app.user_id, "method": request.method, "path": request.path}
    freeze = site.faults.find(FaultKind.FREEZE_REFUSAL, **asked)
    if freeze and wanted.quantity > freeze.quantity:
        site.faults.take(FaultKind.FREEZE_REFUSAL, **asked)
        raise Refusal(f"Quantity exceeds the freeze quantity of {freeze.quantity} for {wanted.symbol}.")
    if delay := site.faults.take(FaultKind.DELAY_VISIBILITY, **asked):
        return ok({"order_id": site.place_later(app.user_id, wanted, delay.seconds)})
    return ok({"order_id": site.venue.engine.place(app.user_id, wanted, site.moment()).order_id})


def order_modify(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Modify a waiting order."""
    _check_variety(match)
    order = site.venue.engine.modify(app.user_id, match["order_id"], order_changes(request), site.moment())
    return ok({"order_id": order.order_id})


def order_cancel(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Cancel a waiting order."""
    _check_variety(match)
    return ok({"order_id": site.venue.engine.cancel(app.user_id, match["order_id"], site.moment()).order_id})


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


def _check_variety(match: re.Match[str]) -> None:
    if match["variety"] != "regular":
        raise Refusal(f"The order is not of the variety `{match['variety']}`.")


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
