"""Kite's REST interface over the simulated venue: route, session, budget, fault script, handler."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from brokers.simulator import (
    rest_calculators,
    rest_funds,
    rest_market,
    rest_orders,
    rest_portfolio,
    rest_session,
    rest_sim,
    rest_triggers,
    rest_user,
)
from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import Fault
from brokers.simulator.kite_http import Response, Route, refused
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite

NOBODY = App(user_id="", api_key="", api_secret="", redirect_url="", cash=0)
ROUTES = (
    *rest_session.ROUTES,
    *rest_user.ROUTES,
    *rest_orders.ROUTES,
    *rest_portfolio.ROUTES,
    *rest_market.ROUTES,
    *rest_triggers.ROUTES,
    *rest_calculators.ROUTES,
    *rest_funds.ROUTES,
    *rest_sim.ROUTES,
)
TOO_MANY = "Too many requests"
TIMED_OUT = "Order request timed out. Please check the order book and confirm before placing again."
PAGE = "<!doctype html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"
FORBIDDEN = {
    # The venue's own words for a wrong address are not published.
    FaultKind.ADDRESS_REFUSED: "The request's IP address is not allowed to place orders for this app.",
    FaultKind.NO_MARKET_DATA: "Insufficient permission for that call.",
}
BEFORE = (FaultKind.STATUS_BEFORE, FaultKind.HTTP_5XX_BEFORE, FaultKind.HTTP_429)
AFTER = (FaultKind.STATUS_AFTER, FaultKind.HTTP_5XX_AFTER, FaultKind.HTML_BODY, FaultKind.ORDER_TIMED_OUT)
_ERROR_TYPES = {429: "NetworkException", 502: "DataException", 503: "NetworkException", 504: "DataException"}


def respond(site: "KiteSite", request: Request) -> Response:
    """Answer one request."""
    try:
        route, match = _find(request)
        app = NOBODY if route.is_open else site.signed_in(request)
        if not route.is_open:
            site.budgets.spend(route.budget, app, site.wall_ns())
        return _under_faults(site, request, app, lambda: route.handler(site, request, app, match))
    except Refusal as refusal:
        return refused(refusal)


def _under_faults(site: "KiteSite", request: Request, app: App, answer: Callable[[], Response]) -> Response:
    def take(*kinds: FaultKind) -> Fault | None:
        script, asked = site.faults, (app.user_id, request.method, request.path)
        taken = (script.take(kind, account=asked[0], method=asked[1], path=asked[2]) for kind in kinds)
        return next((fault for fault in taken if fault), None)

    if request.path.startswith("/sim/"):
        return answer()
    if before := take(*BEFORE):
        return _broken(before)
    if (kind := _forbidden(request)) and take(kind):
        raise Refusal(FORBIDDEN[kind], "PermissionException", 403)
    response = answer()
    if response.status < 400 and (after := take(*AFTER)):
        return _broken(after)
    if response.status < 400 and take(FaultKind.LOSE_REPLY):
        return Response(lost=True)
    return response


def _forbidden(request: Request) -> FaultKind | None:
    """Return the fault that forbids this kind of call to the whole app."""
    if request.path.startswith("/orders") and request.method != "GET":
        return FaultKind.ADDRESS_REFUSED
    if request.path.startswith(("/quote", "/instruments/historical")):
        return FaultKind.NO_MARKET_DATA
    return None


def _broken(fault: Fault) -> Response:
    if fault.kind is FaultKind.HTTP_429:
        return refused(Refusal(TOO_MANY, "NetworkException", 429))
    if fault.kind is FaultKind.ORDER_TIMED_OUT:
        return refused(Refusal(TIMED_OUT, "OrderException"))
    body = PAGE if fault.kind is FaultKind.HTML_BODY else fault.body
    if body is not None:
        return Response(status=fault.status, body=body.encode(), content_type="text/html")
    error_type = _ERROR_TYPES.get(fault.status, "GeneralException")
    return refused(Refusal("Gateway fault by script.", error_type, fault.status))


def _find(request: Request) -> tuple[Route, re.Match[str]]:
    wrong_method = False
    for route in ROUTES:
        if match := route.path.fullmatch(request.path):
            if route.method == request.method:
                return route, match
            wrong_method = True
    if wrong_method:
        raise Refusal("Method not allowed.", "GeneralException", 405)
    raise Refusal("Route not found.", "GeneralException", 404)
