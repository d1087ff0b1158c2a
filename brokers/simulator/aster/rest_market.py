"""Market data of the simulated Aster over REST."""

from __future__ import annotations

from typing import Any

from brokers.simulator.aster import market_payloads as payloads
from brokers.simulator.aster.calls import Call, by_limit, by_symbol, route
from brokers.simulator.aster.clock import HOUR_MS
from brokers.simulator.aster.contracts import exchange_row
from brokers.simulator.aster.limits import RATE_LIMITS
from brokers.simulator.aster.minutes import MinuteTape
from brokers.simulator.aster.orders import AsterRefusal
from brokers.simulator.aster.security import Security

DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
MOST_CANDLES, MOST_FUNDINGS = 1_500, 1_000
ASSETS = (("USDT", "-10000"), ("BTC", "0"), ("ETH", "0"))


def ping(_call: Call) -> object:
    return {}


def server_time(call: Call) -> object:
    """Return the wall's time: signatures and nonces are held against it, whatever the market's clock says."""
    return {"serverTime": call.site.wall_ns() // 1_000_000}


def exchange_info(call: Call) -> object:
    return {
        "timezone": "UTC",
        "serverTime": call.site.wall_ns() // 1_000_000,
        "futuresType": "U_MARGINED",
        "rateLimits": list(RATE_LIMITS),
        "exchangeFilters": [],
        "assets": [{"asset": name, "marginAvailable": True, "autoAssetExchange": floor} for name, floor in ASSETS],
        "symbols": [exchange_row(contract) for contract in call.site.venue.market.contracts],
    }


def depth(call: Call) -> object:
    """Return a snapshot of the book, true to an update that the next difference spans."""
    venue, row, limit = call.site.venue, call.row(), call.fields.whole("limit") or 500
    if limit not in DEPTHS:
        raise AsterRefusal(-4021, f"'{limit}' is not valid depth limit.")
    bids, asks = payloads.sides(venue, row, limit)
    now_ms = venue.now_ms
    return {"lastUpdateId": venue.reserve_update(row), "E": now_ms, "T": now_ms, "bids": bids, "asks": asks}


def trades(call: Call) -> object:
    row, limit = call.row(), call.fields.limit(500, 1_000)
    return payloads.trades(call.site.venue.market.contracts[row], call.site.venue.tape[row][-limit:])


def historical_trades(call: Call) -> object:
    row, limit, first = call.row(), call.fields.limit(500, 1_000), call.fields.whole("fromId")
    tape = call.site.venue.tape[row]
    found = tape[-limit:] if first is None else [one for one in tape if one[0] >= first][:limit]
    return payloads.trades(call.site.venue.market.contracts[row], found)


def aggregate_trades(call: Call) -> object:
    row, limit, first_id = call.row(), call.fields.limit(500, 1_000), call.fields.whole("fromId")
    first, last = call.fields.span()
    if first is not None and last is not None and last - first >= HOUR_MS:
        raise AsterRefusal(-1127, "More than 1 hours between startTime and endTime.")
    found = call.site.venue.tape[row]
    if first_id is not None:
        found = [one for one in found if one[0] >= first_id][:limit]
    elif first is not None:
        found = [one for one in found if first <= one[3] <= (last or one[3])][:limit]
    else:
        found = [one for one in found if last is None or one[3] <= last][-limit:]
    return [payloads.aggregate_trade(call.site.venue.market.contracts[row], one) for one in found]


def klines(call: Call) -> object:
    contract = call.contract()
    return payloads.candles(contract, _rows(call, call.site.venue.minutes, "symbol"), call.fields.interval())


def mark_klines(call: Call) -> object:
    return payloads.mark_candles(_rows(call, call.site.venue.marks, "symbol"), call.fields.interval())


def index_klines(call: Call) -> object:
    return payloads.mark_candles(_rows(call, call.site.venue.indices, "pair"), call.fields.interval())


def _rows(call: Call, tape: MinuteTape, name: str) -> Any:
    first, last = call.fields.span()
    venue = call.site.venue
    return venue.candles(
        tape,
        call.row(name),
        call.fields.interval(),
        first_ms=first,
        last_ms=venue.now_ms if last is None else last,
        limit=call.fields.limit(500, MOST_CANDLES),
    )


def premium_index(call: Call) -> object:
    found = [payloads.premium(call.site.venue, row) for row in call.rows()]
    return found[0] if call.fields.get("symbol") else found


def funding_rates(call: Call) -> object:
    """Return past fundings, oldest first; without a symbol those of all contracts."""
    limit, (first, last) = call.fields.limit(100, MOST_FUNDINGS), call.fields.span()
    found = sorted(
        (row for number in call.rows() for row in _fundings(call, number, first, last, limit)),
        key=lambda row: (row["fundingTime"], row["symbol"]),
    )
    return found[:limit] if first is not None else found[-limit:]


def _fundings(call: Call, row: int, first: int | None, last: int | None, limit: int) -> list[dict[str, Any]]:
    venue = call.site.venue
    contract = venue.market.contracts[row]
    if not contract.is_trading:
        return []
    paid = {at: rate for symbol, rate, _, at in venue.custody.fundings if symbol == contract.symbol}
    length = contract.funding_hours * HOUR_MS
    newest = min(last or venue.now_ms, venue.custody.next_ms(row) - 1) // length * length
    oldest = newest - (limit - 1) * length if first is None else -(-first // length) * length
    times = range(max(oldest, 0), newest + 1, length)
    chosen = times[:limit] if first is not None else times
    return [
        {"symbol": contract.symbol, "fundingRate": f"{paid[at]:.8f}", "fundingTime": at}
        if at in paid
        else payloads.past_funding(contract, row, at, call.site.seed)
        for at in chosen
    ]


def funding_info(call: Call) -> object:
    contracts = call.site.venue.market.contracts
    return [payloads.funding_terms(call.site.venue, contracts[row]) for row in call.rows()]


def day_ticker(call: Call) -> object:
    found = [payloads.day(call.site.venue, row) for row in call.rows()]
    return found[0] if call.fields.get("symbol") else found


def price_ticker(call: Call) -> object:
    found = [payloads.last_price(call.site.venue, row) for row in call.rows()]
    return found[0] if call.fields.get("symbol") else found


def book_ticker(call: Call) -> object:
    found = [payloads.best(call.site.venue, row) for row in call.rows()]
    return found[0] if call.fields.get("symbol") else found


def index_references(call: Call) -> object:
    try:
        return payloads.index_makeup(call.site.venue, call.contract())
    except AsterRefusal:
        # this endpoint alone has another number for it
        raise AsterRefusal(-1000, "Invalid symbol.") from None


_CANDLES = by_limit(((99, 1), (499, 2), (1_000, 5), (1_500, 10)), 500)
_OPEN = Security.OPEN
ROUTES = (
    route("GET", "ping", ping, security=_OPEN),
    route("GET", "time", server_time, security=_OPEN),
    route("GET", "exchangeInfo", exchange_info, security=_OPEN),
    route("GET", "depth", depth, by_limit(((50, 2), (100, 5), (500, 10), (1_000, 20)), 500), security=_OPEN),
    route("GET", "trades", trades, security=_OPEN),
    route("GET", "historicalTrades", historical_trades, 20, security=Security.KEYED),
    route("GET", "aggTrades", aggregate_trades, 20, security=_OPEN),
    route("GET", "klines", klines, _CANDLES, security=_OPEN),
    route("GET", "markPriceKlines", mark_klines, _CANDLES, security=_OPEN),
    route("GET", "indexPriceKlines", index_klines, _CANDLES, security=_OPEN),
    route("GET", "premiumIndex", premium_index, security=_OPEN),
    route("GET", "fundingRate", funding_rates, security=_OPEN),
    route("GET", "fundingInfo", funding_info, security=_OPEN),
    route("GET", "ticker/24hr", day_ticker, by_symbol(1, 40), security=_OPEN),
    route("GET", "ticker/price", price_ticker, by_symbol(1, 2), security=_OPEN),
    route("GET", "ticker/bookTicker", book_ticker, by_symbol(1, 2), security=_OPEN),
    route("GET", "indexreferences", index_references, security=_OPEN, versions=("v3",)),
)
