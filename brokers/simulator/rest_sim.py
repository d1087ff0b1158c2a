"""The simulator's own routes: where a run stands, its ledger, its faults."""

import re
from typing import TYPE_CHECKING

from brokers.simulator.fault_rules import RULES, FaultInvalid, FaultKind, fields_of, kind_from
from brokers.simulator.faults import Waiting, fault_from
from brokers.simulator.kite_http import Response, json_body, plain, route
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


def sim_state(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return where the run stands."""
    return plain(site.state())


def sim_address(_site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return the address that the caller is seen to come from."""
    return plain({"address": request.client})


def sim_ledger(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return the ledger after ``since``, of one ``account`` or of all; with ``venue=aster`` that of Aster, its orders beside."""
    since = request.get("since", "0")
    if not re.fullmatch("[0-9]{1,12}", since):
        raise Refusal("Invalid `since`.")
    if request.get("venue") == "aster" and site.aster is not None:
        engine, account = site.aster.venue.engine, request.get("account") or None
        orders = [
            order for user in engine.accounts.values() if account in {None, user.user} for order in user.orders.values()
        ]
        return plain(
            {
                **engine.ledger.rows(since=int(since), account=account),
                "orders": [
                    {"order_id": order.order_id, "client_id": order.client_id, "symbol": order.contract.symbol}
                    for order in orders
                ],
            }
        )
    fills = site.venue.engine.ledger.rows(since=int(since), account=request.get("account") or None)
    return plain({"fills": fills, "count": len(fills)})


def sim_faults(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return every kind of fault with its fields, what waits, and how often each kind has struck."""
    _check_faults_allowed(site)
    kinds = [
        {
            "kind": kind,
            "name": rule.name,
            "about": rule.about,
            "does": rule.does,
            "immediate": rule.immediate,
            "venues": list(rule.venues),
            "fields": fields_of(kind),
            "defaults": dict(rule.defaults),
            "struck": site.faults.struck[kind],
        }
        for kind, rule in RULES.items()
    ]
    return plain({"kinds": kinds, "waiting": [_waiting(entry) for entry in site.faults.waiting]})


def sim_faults_add(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Take a fault into the script, or carry it out when it is immediate."""
    _check_faults_allowed(site)
    try:
        fault = fault_from(json_body(request))
    except FaultInvalid as error:
        return _wrong(error)
    struck = site.add_fault(fault)
    number = None if fault.is_immediate else site.faults.waiting[-1].number
    return plain({"waiting": len(site.faults), "number": number, "struck": struck})


def sim_faults_clear(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Forget the faults that wait, those of one ``kind`` or all."""
    _check_faults_allowed(site)
    try:
        kind: FaultKind | None = kind_from(request.get("kind")) if request.get("kind") else None
    except FaultInvalid as error:
        return _wrong(error)
    site.faults.clear(kind)
    return plain({"waiting": len(site.faults)})


def _waiting(entry: Waiting) -> dict[str, object]:
    fault = entry.fault
    fields = {name: getattr(fault, name) for name in ("account", "venue", *RULES[fault.kind].defaults)}
    return {"number": entry.number, "kind": fault.kind, **fields, "left": entry.left, "struck": entry.struck}


def _wrong(error: FaultInvalid) -> Response:
    envelope = {"status": "error", "message": str(error), "error_type": "InputException"}
    return plain({**envelope, "data": {"field": error.field, "allowed": error.allowed}}, status=400)


def _check_faults_allowed(site: "KiteSite") -> None:
    if not site.faults_allowed:
        raise Refusal("Route not found.", "GeneralException", 404)


ROUTES = (
    route("GET", "/sim/state", sim_state, is_open=True),
    route("GET", "/sim/address", sim_address, is_open=True),
    route("GET", "/sim/ledger", sim_ledger, is_open=True),
    route("GET", "/sim/faults", sim_faults, is_open=True),
    route("POST", "/sim/faults", sim_faults_add, is_open=True),
    route("DELETE", "/sim/faults", sim_faults_clear, is_open=True),
)
