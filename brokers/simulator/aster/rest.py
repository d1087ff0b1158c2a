"""Aster's REST interface over the simulated venue: route, weight, signature, fault script, handler."""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

from brokers.simulator.aster import rest_account, rest_market, rest_orders, rest_settings
from brokers.simulator.aster.calls import Call, Route
from brokers.simulator.aster.limits import banned
from brokers.simulator.aster.orders import AsterRefusal
from brokers.simulator.aster.requests import Fields
from brokers.simulator.aster.security import NONCE_EXPIRED, OUTSIDE, Security
from brokers.simulator.aster.site import AsterSite
from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import ASTER, Fault
from brokers.simulator.kite_http import Response
from brokers.simulator.kite_requests import Request

PATH = re.compile(r"/fapi/(v[1-4])/([A-Za-z0-9/]+)")
ROUTES: dict[tuple[str, str], Route] = {
    (route.method, route.name): route
    for route in (*rest_market.ROUTES, *rest_orders.ROUTES, *rest_account.ROUTES, *rest_settings.ROUTES)
}
TIMED_OUT = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
UNEXPECTED = "An unexpected response was received from the message bus. Execution status unknown."
INTERNAL = "Internal error; unable to process your request. Please try again."
TOO_MANY = "Too many requests; please use the websocket for live updates."
FORBIDDEN = "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
BEFORE = (
    FaultKind.STATUS_BEFORE,
    FaultKind.HTTP_5XX_BEFORE,
    FaultKind.HTTP_429,
    FaultKind.HTTP_418,
    FaultKind.HTTP_403,
)
AFTER = (
    FaultKind.STATUS_AFTER,
    FaultKind.HTTP_5XX_AFTER,
    FaultKind.HTML_BODY,
    FaultKind.ORDER_TIMED_OUT,
    FaultKind.UNKNOWN_AFTER_ACCEPT,
)
# a fault that names Kite's path of orders means the orders of any exchange
ORDERS_ALIAS = "/orders"


def respond(site: AsterSite, request: Request) -> Response:
    """Answer one request under /fapi."""
    headers: dict[str, str] = {}
    try:
        response = _answer(site, request, headers)
    except AsterRefusal as refusal:
        body = orjson.dumps({"code": refusal.code, "msg": refusal.message})
        response = Response(status=refusal.http, body=body)
    headers |= site.ceilings.weight_header(request.client, site.wall_ns())
    return Response(
        status=response.status,
        body=response.body,
        content_type=response.content_type,
        headers={**headers, **response.headers},
        lost=response.lost,
    )


def _answer(site: AsterSite, request: Request, headers: dict[str, str]) -> Response:
    route, version = _find(request)
    is_v3, fields = version == "v3", Fields.of(request)
    site.ceilings.spend(request.client, route.weight(fields), site.wall_ns())
    trader = site.doorkeeper.admit(request, route.security, is_v3=is_v3, wall_ns=site.wall_ns())
    user = trader.user if trader else ""
    if route.orders:
        site.ceilings.spend_order(user, site.wall_ns(), route.orders)
    call = Call(site=site, fields=fields, is_v3=is_v3, user=user)
    response = _under_faults(site, request, route, user, lambda: Response(body=orjson.dumps(route.handler(call))))
    if route.orders:
        headers |= site.ceilings.order_headers(user, site.wall_ns())
    return response


def _find(request: Request) -> tuple[Route, str]:
    path = PATH.fullmatch(request.path)
    if path is None:
        raise AsterRefusal(-1020, "This operation is not supported.", http=404)
    version, name = path.groups()
    route = ROUTES.get((request.method, name))
    if route is None or version not in route.versions:
        raise AsterRefusal(-1020, "This operation is not supported.", http=404)
    return route, version


def _under_faults(
    site: AsterSite, request: Request, route: Route, user: str, answer: Callable[[], Response]
) -> Response:
    def take(*kinds: FaultKind) -> Fault | None:
        paths = (request.path, ORDERS_ALIAS) if route.writes_orders else (request.path,)
        for kind in kinds:
            for path in paths:
                taken = site.faults.take(kind, account=user, method=request.method, path=path, venue=ASTER)
                if taken:
                    return taken
        return None

    if before := take(*BEFORE):
        return _broken(site, before, request)
    if route.security is Security.SIGNED:
        if take(FaultKind.NONCE_EXPIRED if request.get("nonce") else FaultKind.CODE_1021):
            code, text = (-4225, NONCE_EXPIRED) if request.get("nonce") else (-1021, OUTSIDE)
            raise AsterRefusal(code, text)
        if route.writes_orders and take(FaultKind.ADDRESS_REFUSED):
            text = f"Invalid API-key, IP, or permissions for action, request ip: {request.client}"
            raise AsterRefusal(-2015, text, http=401)
    response = answer()
    if after := take(*AFTER):
        return _broken(site, after, request)
    return Response(lost=True) if take(FaultKind.LOSE_REPLY) else response


def _broken(site: AsterSite, fault: Fault, request: Request) -> Response:
    match fault.kind:
        case FaultKind.HTTP_429:
            raise AsterRefusal(-1003, TOO_MANY, http=429)
        case FaultKind.HTTP_418:
            until = site.ceilings.ban(request.client, fault.seconds, site.wall_ns()) if fault.seconds else None
            raise banned(until)
        case FaultKind.HTTP_403:
            return Response(status=403, body=FORBIDDEN.encode(), content_type="text/html")
        case FaultKind.ORDER_TIMED_OUT:
            raise AsterRefusal(-1007, TIMED_OUT, http=408)
        case FaultKind.UNKNOWN_AFTER_ACCEPT:
            raise AsterRefusal(-1006, UNEXPECTED, http=503)
        case _:
            return _status(fault)


def _status(fault: Fault) -> Response:
    body = PAGE if fault.kind is FaultKind.HTML_BODY else fault.body
    if body is not None:
        return Response(status=fault.status, body=body.encode(), content_type="text/html")
    code, text = (-1007, TIMED_OUT) if fault.kind is FaultKind.HTTP_5XX_AFTER else (-1001, INTERNAL)
    raise AsterRefusal(code, text, http=fault.status)
