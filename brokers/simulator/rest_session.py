"""Kite's routes of signing in and out."""

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import App

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite


LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated sign-in</title>
<style>body{{font:16px system-ui;max-width:26rem;margin:15vh auto;padding:0 1rem}}button{{font:inherit;padding:.6rem 1.4rem}}</style>
<h1>Simulated broker</h1><p>Sign in as <strong>{user}</strong> and return to your desk.</p>
<form action="/connect/finish" method="get"><input type="hidden" name="api_key" value="{key}">
<input type="hidden" name="redirect_params" value="{extra}"><button autofocus>Sign in</button></form></html>"""


def login_page(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Show one button, or with ``auto=1`` redirect at once."""
    app = site.sessions.app(request.need("api_key"))
    if request.get("auto") == "1":
        return login_finish(site, request, _app, _match)
    page = LOGIN_PAGE.format(user=_escape(app.user_id), key=_escape(app.api_key), extra=_escape(_extra(request)))
    return Response(body=page.encode(), content_type="text/html; charset=utf-8")


def login_finish(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Send the browser back to the app's registered address with a one-time request token."""
    app = site.sessions.app(request.need("api_key"))
    token = site.sessions.begin(app, site.wall_ns(), request.get("user"))
    answer = [("action", "login"), ("type", "login"), ("status", "success"), ("request_token", token)]
    parameters = urlencode([*answer, *parse_qsl(_extra(request))])
    joiner = "&" if "?" in app.redirect_url else "?"
    return Response(status=302, headers={"location": f"{app.redirect_url}{joiner}{parameters}"})


def session_token(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Exchange a request token for an access token."""
    key, token, checksum = (request.need(name) for name in ("api_key", "request_token", "checksum"))
    app, access_token = site.sessions.exchange(key, token, checksum, site.wall_ns())
    site.hub.disconnect(app.user_id)
    session = payloads.session(app.user_id, app.api_key, access_token, site.moment().market_ns)
    return ok({**session, "refresh_token": site.sessions.refresh_token(app)})


def session_renew(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Exchange a refresh token for a new access token."""
    key, token, checksum = (request.need(name) for name in ("api_key", "refresh_token", "checksum"))
    app, access_token = site.sessions.renew(key, token, checksum)
    refresh_token = site.sessions.refresh_token(app)
    return ok({"user_id": app.user_id, "access_token": access_token, "refresh_token": refresh_token})


def session_end(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """End the session that the query names, or forget the refresh token it names."""
    if refresh_token := request.get("refresh_token"):
        site.sessions.revoke(request.need("api_key"), refresh_token)
        return ok(data=True)
    app = site.sessions.user(request.need("api_key"), request.need("access_token"))
    site.end_session(app.user_id)
    return ok(data=True)


def _extra(request: Request) -> str:
    return request.get("redirect_params")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


ROUTES = (
    route("GET", "/connect/login", login_page, is_open=True),
    route("GET", "/connect/finish", login_finish, is_open=True),
    route("POST", "/session/token", session_token, is_open=True),
    route("POST", "/session/refresh_token", session_renew, is_open=True),
    route("DELETE", "/session/token", session_end, is_open=True),
)
