"""Kite's REST routes over the simulated venue: parse, call the engine, shape the answer."""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import orjson

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.candles import INTERVAL_MINUTES, Candles, candle_stamp
from brokers.simulator.faults import FaultInvalid, FaultKind, fault_from
from brokers.simulator.kite_requests import Request, moment_of, order_changes, order_request
from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal

if TYPE_CHECKING:
    from brokers.simulator.kite_server import KiteSite

MAX_DAYS = {
    "minute": 60,
    "3minute": 100,
    "5minute": 100,
    "10minute": 100,
    "15minute": 200,
    "30minute": 200,
    "60minute": 400,
    "day": 2000,
}
QUOTE_LIMITS = {"/quote": 500, "/quote/ohlc": 1000, "/quote/ltp": 1000}
LOGIN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated sign-in</title>
<style>body{{font:16px system-ui;max-width:26rem;margin:15vh auto;padding:0 1rem}}button{{font:inherit;padding:.6rem 1.4rem}}</style>
<h1>Simulated broker</h1><p>Sign in as <strong>{user}</strong> and return to your desk.</p>
<form action="/connect/finish" method="get"><input type="hidden" name="api_key" value="{key}">
<input type="hidden" name="redirect_params" value="{extra}"><button autofocus>Sign in</button></form></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer; a lost one is never sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False


Handler = Callable[["KiteSite", Request, App, re.Match[str]], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A method and path with the handler and the budget it spends from; open routes need no session."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    budget: str = "other"
    is_open: bool = False


def respond(site: "KiteSite", request: Request) -> Response:
    """Answer one request: route, session, budget, fault script, handler."""
    try:
        route, match = _find(request)
        app = NOBODY if route.is_open else site.sessions.user_of_header(request.headers.get("authorization", ""))
        if not route.is_open:
            scope = app.user_id if route.budget == "order" else app.api_key
            site.budgets.spend(route.budget, scope, site.wall_ns())
        return _under_faults(site, request, app, lambda: route.handler(site, request, app, match))
    except Refusal as refusal:
        return refused(refusal)


def refused(refusal: Refusal) -> Response:
    """Return the error envelope."""
    return Response(status=refusal.http, body=orjson.dumps(payloads.failure(refusal)))


def _under_faults(site: "KiteSite", request: Request, app: App, answer: Callable[[], Response]) -> Response:
    def take(kind: FaultKind) -> Any:
        return site.faults.take(kind, account=app.user_id, method=request.method, path=request.path)

    if request.path.startswith("/sim/"):
        return answer()
    if before := take(FaultKind.STATUS_BEFORE):
        return _broken(before.status, before.body)
    response = answer()
    if response.status < 400 and (after := take(FaultKind.STATUS_AFTER)):
        return _broken(after.status, after.body)
    if response.status < 400 and take(FaultKind.LOSE_REPLY):
        return Response(lost=True)
    return response


def _broken(status: int, body: str | None) -> Response:
    if body is not None:
        return Response(status=status, body=body.encode(), content_type="text/html")
    kind = {429: "NetworkException", 502: "DataException", 503: "NetworkException", 504: "DataException"}
    return refused(Refusal("Gateway fault by script.", kind.get(status, "GeneralException"), status))


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


def _ok(data: object) -> Response:
    return Response(body=orjson.dumps(payloads.success(data)))


# Signing in ------------------------------------------------------------------------------------


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
    token = site.sessions.begin(app, site.wall_ns())
    answer = [("action", "login"), ("type", "login"), ("status", "success"), ("request_token", token)]
    parameters = urlencode([*answer, *parse_qsl(_extra(request))])
    joiner = "&" if "?" in app.redirect_url else "?"
    return Response(status=302, headers={"location": f"{app.redirect_url}{joiner}{parameters}"})


def session_token(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Exchange a request token for an access token."""
    key, token, checksum = (request.need(name) for name in ("api_key", "request_token", "checksum"))
    app, access_token = site.sessions.exchange(key, token, checksum, site.wall_ns())
    site.hub.disconnect(app.user_id)
    return _ok(payloads.session(app.user_id, app.api_key, access_token, site.moment().market_ns))


def session_end(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """End the session that the query names."""
    app = site.sessions.user(request.need("api_key"), request.need("access_token"))
    site.end_session(app.user_id)
    return _ok(data=True)


def _extra(request: Request) -> str:
    return request.get("redirect_params")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


# The user ---------------------------------------------------------------------------------------


def user_profile(_site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the profile."""
    return _ok(payloads.profile(app.user_id))


def user_margins(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return both margin segments or the one named."""
    account = site.venue.engine.accounts[app.user_id]
    segments = {"equity": payloads.margins(account, site.venue.board), "commodity": payloads.no_margins()}
    return _ok(segments[match["segment"]] if match["segment"] else segments)


# Orders -----------------------------------------------------------------------------------------


def order_place(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Place an order; a delay script lets it reach the venue later under the id given now."""
    wanted = order_request(request, match["variety"])
    take = site.faults.take
    delay = take(FaultKind.DELAY_VISIBILITY, account=app.user_id, method=request.method, path=request.path)
    if delay:
        return _ok({"order_id": site.place_later(app.user_id, wanted, delay.seconds)})
    return _ok({"order_id": site.venue.engine.place(app.user_id, wanted, site.moment()).order_id})


def order_modify(site: "KiteSite", request: Request, app: App, match: re.Match[str]) -> Response:
    """Modify a waiting order."""
    _check_variety(match)
    order = site.venue.engine.modify(app.user_id, match["order_id"], order_changes(request), site.moment())
    return _ok({"order_id": order.order_id})


def order_cancel(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Cancel a waiting order."""
    _check_variety(match)
    return _ok({"order_id": site.venue.engine.cancel(app.user_id, match["order_id"], site.moment()).order_id})


def order_book(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return today's orders, oldest first."""
    return _ok([payloads.order_row(order) for order in site.venue.engine.accounts[app.user_id].orders.values()])


def order_history(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return every state of one order, oldest first."""
    order = site.venue.engine.order(app.user_id, match["order_id"])
    return _ok([payloads.order_row(row) for row in order.history])


def trade_book(site: "KiteSite", _request: Request, app: App, match: re.Match[str]) -> Response:
    """Return today's executions, of one order or of all."""
    fills = site.venue.engine.accounts[app.user_id].fills
    if order_id := match.groupdict().get("order_id"):
        site.venue.engine.order(app.user_id, order_id)
        fills = [fill for fill in fills if fill.order_id == order_id]
    return _ok([payloads.trade_row(fill) for fill in fills])


def _check_variety(match: re.Match[str]) -> None:
    if match["variety"] != "regular":
        raise Refusal(f"The order is not of the variety `{match['variety']}`.")


# Portfolio --------------------------------------------------------------------------------------


def positions(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return net and day positions."""
    return _ok(payloads.positions(site.venue.engine.accounts[app.user_id], site.venue.board))


def holdings(site: "KiteSite", _request: Request, app: App, _match: re.Match[str]) -> Response:
    """Return the shares held, where they are listed today."""
    board, held = site.venue.board, site.venue.engine.accounts[app.user_id].holdings.values()
    rows = ((holding, board.row_of_key.get(("NSE", holding.symbol))) for holding in held)
    return _ok([payloads.holding_row(holding, board, row) for holding, row in rows if row is not None])


# The market -------------------------------------------------------------------------------------


def instruments(site: "KiteSite", request: Request, _app: App, match: re.Match[str]) -> Response:
    """Return the instrument dump, compressed for a client that takes it."""
    body = payloads.instruments_csv(site.venue.board, match["exchange"])
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(body=body, content_type="text/csv")
    zipped = gzip.compress(body, compresslevel=1)
    return Response(body=zipped, content_type="text/csv", headers={"content-encoding": "gzip"})


def quotes(site: "KiteSite", request: Request, _app: App, match: re.Match[str]) -> Response:
    """Return full quotes, OHLC or last prices; an unknown instrument is simply absent."""
    shape = {"/quote": payloads.quote, "/quote/ohlc": payloads.ohlc, "/quote/ltp": payloads.ltp}[match.string]
    keys = request.query.get("i", [])
    if not keys or len(keys) > QUOTE_LIMITS[match.string]:
        raise Refusal(f"Between 1 and {QUOTE_LIMITS[match.string]} instruments can be asked for.")
    board = site.venue.board
    found = {key: board.row_of_key.get(_exchange_and_symbol(key)) for key in keys}
    return _ok({key: shape(board, row) for key, row in found.items() if row is not None})


def history(site: "KiteSite", request: Request, _app: App, match: re.Match[str]) -> Response:
    """Return candles between two inclusive times, the running one included."""
    interval = match["interval"]
    if interval not in INTERVAL_MINUTES:
        raise Refusal("invalid interval")
    row = site.venue.board.row_of_token.get(int(match["token"]))
    if row is None:
        raise Refusal("invalid token")
    first_s, last_s = moment_of(request.need("from"), "from"), moment_of(request.need("to"), "to")
    if last_s < first_s:
        raise Refusal("invalid date range: from is after to")
    if last_s - first_s > MAX_DAYS[interval] * 86_400:
        raise Refusal(f"interval exceeds max limit: {MAX_DAYS[interval]} days")
    candles = site.venue.candles(site.venue.board.listings[row], interval, first_s, last_s)
    return _ok({"candles": _candle_rows(candles, with_oi=request.get("oi") == "1")})


def _candle_rows(candles: Candles, *, with_oi: bool) -> list[list[str | float]]:
    columns: list[list[Any]] = [[candle_stamp(start) for start in candles.start_s.tolist()]]
    columns += [(c / 100).tolist() for c in (candles.open, candles.high, candles.low, candles.close)]
    columns.append(candles.volume.tolist())
    if with_oi:
        columns.append(candles.oi.tolist())
    return [list(row) for row in zip(*columns, strict=True)]


def _exchange_and_symbol(key: str) -> tuple[str, str]:
    exchange, _, symbol = key.partition(":")
    return exchange, symbol


# The simulator's own ----------------------------------------------------------------------------


def sim_state(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return where the run stands."""
    return Response(body=orjson.dumps(site.state()))


def sim_ledger(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Return the ledger after ``since``, of one ``account`` or of all."""
    since = request.get("since", "0")
    if not re.fullmatch("[0-9]{1,12}", since):
        raise Refusal("Invalid `since`.")
    fills = site.venue.engine.ledger.rows(since=int(since), account=request.get("account") or None)
    return Response(body=orjson.dumps({"fills": fills, "count": len(fills)}))


def sim_faults_add(site: "KiteSite", request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Take a fault into the script, or carry it out when it is immediate."""
    _check_faults_allowed(site)
    try:
        site.add_fault(fault_from(orjson.loads(request.body)))
    except (FaultInvalid, orjson.JSONDecodeError) as error:
        raise Refusal(str(error)) from error
    return Response(body=orjson.dumps({"waiting": len(site.faults)}))


def sim_faults_clear(site: "KiteSite", _request: Request, _app: App, _match: re.Match[str]) -> Response:
    """Forget the faults that have not happened."""
    _check_faults_allowed(site)
    site.faults.clear()
    return Response(body=orjson.dumps({"waiting": 0}))


def _check_faults_allowed(site: "KiteSite") -> None:
    if not site.faults_allowed:
        raise Refusal("Route not found.", "GeneralException", 404)


def _route(method: str, path: str, handler: Handler, budget: str = "other", *, is_open: bool = False) -> Route:
    return Route(method=method, path=re.compile(path), handler=handler, budget=budget, is_open=is_open)


NOBODY = App(user_id="", api_key="", api_secret="", redirect_url="", cash=0)
_ORDER = r"/orders/(?P<variety>[a-z]+)/(?P<order_id>\w+)"
ROUTES = (
    _route("GET", "/connect/login", login_page, is_open=True),
    _route("GET", "/connect/finish", login_finish, is_open=True),
    _route("POST", "/session/token", session_token, is_open=True),
    _route("DELETE", "/session/token", session_end, is_open=True),
    _route("GET", "/user/profile", user_profile),
    _route("GET", "/user/margins(?:/(?P<segment>equity|commodity))?", user_margins),
    _route("GET", "/orders", order_book),
    _route("GET", "/trades", trade_book),
    _route("GET", r"/orders/(?P<order_id>\d+)", order_history),
    _route("GET", r"/orders/(?P<order_id>\d+)/trades", trade_book),
    _route("POST", "/orders/(?P<variety>[a-z]+)", order_place, "order"),
    _route("PUT", _ORDER, order_modify, "order"),
    _route("DELETE", _ORDER, order_cancel, "order"),
    _route("GET", "/portfolio/positions", positions),
    _route("GET", "/portfolio/holdings", holdings),
    _route("GET", r"/instruments/historical/(?P<token>[0-9]{1,10})/(?P<interval>\w+)", history, "historical"),
    _route("GET", "/instruments(?:/(?P<exchange>[A-Z]+))?", instruments),
    _route("GET", "/quote(?:/ohlc|/ltp)?", quotes, "quote"),
    _route("GET", "/sim/state", sim_state, is_open=True),
    _route("GET", "/sim/ledger", sim_ledger, is_open=True),
    _route("POST", "/sim/faults", sim_faults_add, is_open=True),
    _route("DELETE", "/sim/faults", sim_faults_clear, is_open=True),
)
