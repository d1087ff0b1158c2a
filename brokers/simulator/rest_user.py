"""Kite's routes about the user."""

import re
from typing import TYPE_CHECKING

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


def user_profile(_site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the profile."""
    return ok(payloads.profile(app.user_id))


def user_profile_full(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the profile with everything the broker keeps about the user."""
    return ok(payloads.full_profile(app.user_id, site.moment().market_ns))


def user_margins(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return both margin segments or the one named."""
    account = site.venue.engine.accounts[app.user_id]
    segments = {"equity": payloads.margins(account, site.venue.board), "commodity": payloads.no_margins()}
    return ok(segments[match["segment"]] if match["segment"] else segments)


ROUTES = (
    route("GET", "/user/profile", user_profile),
    route("GET", "/user/profile/full", user_profile_full),
    route("GET", "/user/margins(?:/(?P<segment>equity|commodity))?", user_margins),
)
