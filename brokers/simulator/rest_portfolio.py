"""Kite's routes of positions and holdings."""

import re
from typing import TYPE_CHECKING

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


def positions(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return net and day positions."""
    return ok(payloads.positions(site.venue.engine.accounts[app.user_id], site.venue.board))


def holdings(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the shares held, where they are listed today."""
    board, held = site.venue.board, site.venue.engine.accounts[app.user_id].holdings.values()
    rows = ((holding, board.row_of_key.get(("NSE", holding.symbol))) for holding in held)
    return ok([payloads.holding_row(holding, board, row) for holding, row in rows if row is not None])


ROUTES = (
    route("GET", "/portfolio/positions", positions),
    route("GET", "/portfolio/holdings", holdings),
)
