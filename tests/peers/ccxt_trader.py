"""Trade at a simulated Aster with ccxt's own class and print what it was told, as JSON.

Runs in the peers' environment, apart from the desk: ``python ccxt_trader.py URL ADDRESS PRIVATE_KEY``.
"""

import json
import sys
import time

import ccxt

SYMBOL = "BTC/USDT:USDT"
FILLED_WITHIN_S = 20.0


def client(url: str, address: str, key: str) -> ccxt.aster:
    """Return the class pointed at the simulator; the wallet is its own agent, which is how ccxt works by default."""
    exchange = ccxt.aster({"walletAddress": address, "privateKey": key, "options": {"builderFee": False}})
    # the simulator has no spot exchange: its list of contracts stands in for the spot list that ccxt reads as well
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], f"{url}/fapi")
    exchange.session.trust_env = False
    return exchange


def market_data(exchange: ccxt.aster) -> dict:
    markets = exchange.load_markets()
    return {
        "markets": {name: {k: m[k] for k in ("id", "active", "precision", "limits")} for name, m in markets.items()},
        "ticker": exchange.fetch_ticker(SYMBOL),
        "tickers": len(exchange.fetch_tickers()),
        "book": exchange.fetch_order_book(SYMBOL, 20),
        "candles": exchange.fetch_ohlcv(SYMBOL, "5m", limit=50),
        "trades": exchange.fetch_trades(SYMBOL, limit=5),
        "funding": exchange.fetch_funding_rate(SYMBOL),
        "fundings": exchange.fetch_funding_rate_history(SYMBOL, limit=3),
        "time": exchange.fetch_time(),
    }


def resting(exchange: ccxt.aster, last: float) -> dict:
    """Place an order far from the market, find it everywhere, cancel it."""
    price = exchange.price_to_precision(SYMBOL, last * 0.985)
    placed = exchange.create_order(SYMBOL, "limit", "buy", 0.01, float(price), {"newClientOrderId": "peer-1"})
    found = {
        "placed": placed,
        "fetched": exchange.fetch_order(placed["id"], SYMBOL),
        "open": [order["id"] for order in exchange.fetch_open_orders(SYMBOL)],
    }
    found["cancelled"] = exchange.cancel_order(placed["id"], SYMBOL)
    found["after"] = exchange.fetch_order(placed["id"], SYMBOL)
    return found


def filled(exchange: ccxt.aster) -> dict:
    """Buy at the market and wait until the order is told filled: its first answer says NEW."""
    placed = exchange.create_order(SYMBOL, "market", "buy", 0.02)
    until = time.monotonic() + FILLED_WITHIN_S
    while (order := exchange.fetch_order(placed["id"], SYMBOL))["status"] != "closed" and time.monotonic() < until:
        time.sleep(0.2)
    return {
        "order": order,
        "trades": exchange.fetch_my_trades(SYMBOL),
        "positions": exchange.fetch_positions([SYMBOL]),
        "balance": exchange.fetch_balance({"type": "swap"}),
    }


def refused(act, *arguments) -> str:
    """Return the name of the error that an act ends with."""
    try:
        act(*arguments)
    except ccxt.BaseError as error:
        return type(error).__name__
    return ""


def main() -> None:
    exchange = client(*sys.argv[1:4])
    told = {"version": ccxt.__version__, "market": market_data(exchange)}
    told["before"] = exchange.fetch_balance({"type": "swap"})
    told["leverage"] = exchange.set_leverage(10, SYMBOL)
    told["resting"] = resting(exchange, told["market"]["ticker"]["last"])
    told["filled"] = filled(exchange)
    told["refused"] = {
        "too small": refused(exchange.create_order, SYMBOL, "limit", "buy", 0.001, 10.0),
        "gone": refused(exchange.cancel_order, told["resting"]["placed"]["id"], SYMBOL),
        "stranger": refused(client(sys.argv[1], sys.argv[2], "0x" + "11" * 32).fetch_balance, {"type": "swap"}),
    }
    print(json.dumps(told, default=str))  # noqa: T201 -- the driver's answer


if __name__ == "__main__":
    main()
