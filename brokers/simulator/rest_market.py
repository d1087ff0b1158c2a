"""Kite's routes about the market: instruments, quotes, candles."""

import gzip
import re
from typing import TYPE_CHECKING, Any

from brokers.simulator import kite_payloads as payloads
from brokers.simulator.candles import INTERVAL_MINUTES, Candles, candle_stamp
from brokers.simulator.kite_http import Response, ok, route
from brokers.simulator.kite_requests import Request, moment_of
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
    return ok({key: shape(board, row) for key, row in found.items() if row is not None})


def trigger_range(site: "KiteSite", request: Request, _app: App, match: re.Match[str]) -> Response:
    """Return where the stops of cover orders may lie; an unknown instrument is simply absent."""
    board, side = site.venue.board, match["side"].lower()
    found = {key: board.row_of_key.get(_exchange_and_symbol(key)) for key in request.query.get("i", [])}
    return ok({key: payloads.trigger_range(board, row, side) for key, row in found.items() if row is not None})


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
    return ok({"candles": _candle_rows(candles, with_oi=request.get("oi") == "1")})


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


ROUTES = (
    route("GET", r"/instruments/historical/(?P<token>[0-9]{1,10})/(?P<interval>\w+)", history, "historical"),
    route("GET", "/instruments/trigger_range/(?P<side>(?i:buy|sell))", trigger_range),
    route("GET", "/instruments(?:/(?P<exchange>[A-Z]+))?", instruments),
    route("GET", "/quote(?:/ohlc|/ltp)?", quotes, "quote"),
)
