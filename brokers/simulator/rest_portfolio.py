"""Kite's routes of positions and holdings."""

import re
import secrets
from typing import TYPE_CHECKING

from brokers.simulator import portfolio_payloads as payloads
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request, whole_number
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal
from brokers.simulator.portfolio import Holding

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite

AUTHORISE_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated depository</title>
<style>body{{font:16px system-ui;max-width:26rem;margin:15vh auto;padding:0 1rem}}button{{font:inherit;padding:.6rem 1.4rem}}</style>
<h1>Simulated depository</h1><p>Let {count} holdings be sold today.</p>
<form action="{path}/finish" method="get"><button autofocus>Authorise</button></form></html>"""


def positions(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return net and day positions."""
    return ok(payloads.positions(site.venue.engine.accounts[app.user_id], site.venue.board))


def convert(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Move a part of a position into another product."""
    engine = site.venue.engine
    kind, side = request.need("position_type"), request.need("transaction_type")
    if kind not in {"day", "overnight"} or side not in {"BUY", "SELL"}:
        raise Refusal("Invalid `position_type` or `transaction_type`.")
    listing = engine.board.listings[engine.row_of(request.need("exchange"), request.need("tradingsymbol"))]
    engine.accounts[app.user_id].convert(
        listing,
        side=side,
        overnight=kind == "overnight",
        quantity=whole_number(request.need("quantity"), "quantity"),
        old=request.need("old_product"),
        new=request.need("new_product"),
    )
    return ok(data=True)


def holdings(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the shares held, where they are listed today."""
    return ok([payloads.holding_row(holding, site.venue.board, row) for holding, row in _held(site, app)])


def holdings_summary(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return what all holdings cost, are worth, and have gained."""
    return ok(payloads.holdings_summary(_held(site, app), site.venue.board))


def holdings_compact(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the holdings' quantities alone."""
    names = ("exchange", "tradingsymbol", "instrument_token", "t1_quantity", "quantity")
    rows = [payloads.holding_row(holding, site.venue.board, row) for holding, row in _held(site, app)]
    return ok([{name: full[name] for name in names} for full in rows])


def holdings_auctions(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the auctions in which the user's holdings can be sold today."""
    numbers = site.venue.auctions(app.user_id)
    rows = [payloads.holding_row(holding, site.venue.board, row) for holding, row in _held(site, app)]
    listed = [(full, numbers.get((full["exchange"], full["tradingsymbol"]))) for full in rows]
    return ok([payloads.auction_row(full, number) for full, number in listed if number is not None])


def holdings_authorise(site: "KiteSite", request: Request, app: App, _match: re.Match[str]) -> Response:
    """Begin to let holdings be sold; without names all of them."""
    isins, quantities = request.form.get("isin", []), request.form.get("quantity", [])
    if len(isins) != len(quantities):
        raise Refusal("Each `isin` needs its `quantity`.")
    held = {holding.isin: holding for holding in site.venue.engine.accounts[app.user_id].holdings.values()}
    if unknown := [isin for isin in isins if isin not in held]:
        raise Refusal(f"There is no holding of `{unknown[0]}`.")
    wanted = {isin: whole_number(text, "quantity") for isin, text in zip(isins, quantities, strict=True)}
    request_id = secrets.token_urlsafe(24)
    site.authorisations[request_id] = (app.user_id, wanted or {isin: row.quantity for isin, row in held.items()})
    return ok({"request_id": request_id})


def authorise_page(site: "KiteSite", request: Request, _app: App, match: re.Match[str]) -> Response:
    """Show the depository's page with its one button."""
    _, wanted = _authorisation(site, match)
    page = AUTHORISE_PAGE.format(count=len(wanted), path=request.path)
    return Response(body=page.encode(), content_type="text/html; charset=utf-8")


def authorise_finish(site: "KiteSite", _request: Request, _app: App, match: re.Match[str]) -> Response:
    """Let the named quantities be sold, once."""
    user_id, wanted = _authorisation(site, match)
    del site.authorisations[match["request_id"]]
    for holding in site.venue.engine.accounts[user_id].holdings.values():
        holding.authorised = max(holding.authorised, min(wanted.get(holding.isin, 0), holding.quantity))
    return Response(body=b"<!doctype html><p>Authorised.</p>", content_type="text/html; charset=utf-8")


def _authorisation(site: "KiteSite", match: re.Match[str]) -> tuple[str, dict[str, int]]:
    app = site.sessions.app(match["api_key"])
    user_id, wanted = site.authorisations.get(match["request_id"], ("", {}))
    if user_id != app.user_id:
        raise Refusal("The request was not found or is over.", "GeneralException", 404)
    return user_id, wanted


def _held(site: "KiteSite", app: App) -> list[tuple[Holding, int]]:
    board, held = site.venue.board, site.venue.engine.accounts[app.user_id].holdings.values()
    rows = ((holding, board.row_of_key.get(("NSE", holding.symbol))) for holding in held)
    return [(holding, row) for holding, row in rows if row is not None]


_PAGE = r"/connect/portfolio/authorise/holdings/(?P<api_key>\w+)/(?P<request_id>[\w-]+)"
ROUTES = (
    route("GET", "/portfolio/positions", positions),
    route("PUT", "/portfolio/positions", convert),
    route("GET", "/portfolio/holdings", holdings),
    route("GET", "/portfolio/holdings/summary", holdings_summary),
    route("GET", "/portfolio/holdings/compact", holdings_compact),
    route("GET", "/portfolio/holdings/auctions", holdings_auctions),
    route("POST", "/portfolio/holdings/authorise", holdings_authorise),
    route("GET", _PAGE, authorise_page, is_open=True),
    route("GET", f"{_PAGE}/finish", authorise_finish, is_open=True),
)
