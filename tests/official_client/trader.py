"""Trades at a simulated exchange with the venue's official client, and prints what it was told as JSON.

It runs under the interpreter of the client's own environment, so it imports nothing of the desk.
"""

import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

from kiteconnect import KiteConnect, KiteTicker

KEY, SECRET = "simulatedkey0001", "simulatedsecret0001"
SYMBOL = "RELIANCE"
WATCHED = ("NSE:RELIANCE", "NSE:INFY", "NSE:NIFTY 50")
FRAMES = 6
WAIT_S = 30


class _StaysHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments):
        return None


def request_token(url):
    """Sign in as a browser would, up to the redirect that carries the token."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StaysHere())
    try:
        opener.open(f"{url}/connect/login?v=3&auto=1&api_key={KEY}", timeout=10)
    except urllib.error.HTTPError as redirect:
        query = urllib.parse.urlsplit(redirect.headers["location"]).query
        return urllib.parse.parse_qs(query)["request_token"][0]
    raise AssertionError("the login did not redirect")


def sign_in(url):
    kite = KiteConnect(api_key=KEY, root=url)
    session = kite.generate_session(request_token(url), api_secret=SECRET)
    kite.set_access_token(session["access_token"])
    return kite, session


def order(kite, **words):
    """Place a limit order to buy one share, unless told otherwise."""
    common = {
        "variety": kite.VARIETY_REGULAR,
        "exchange": "NSE",
        "tradingsymbol": SYMBOL,
        "transaction_type": kite.TRANSACTION_TYPE_BUY,
        "quantity": 1,
        "product": kite.PRODUCT_MIS,
        "order_type": kite.ORDER_TYPE_LIMIT,
        "tag": "OFFICIAL1",
    }
    return kite.place_order(**{**common, **words})


def trade(kite):
    """Rest, modify and cancel one order; fill another; read every book."""
    last = kite.ltp(f"NSE:{SYMBOL}")[f"NSE:{SYMBOL}"]["last_price"]
    away = round(last * 0.97, 1)
    resting = order(kite, price=away)
    kite.modify_order(kite.VARIETY_REGULAR, resting, price=away - 1)
    modified = kite.order_history(resting)[-1]
    kite.cancel_order(kite.VARIETY_REGULAR, resting)
    filled = order(kite, order_type=kite.ORDER_TYPE_MARKET, market_protection=-1, tag="OFFICIAL2")
    return {
        "last": last,
        "resting": resting,
        "wanted": away - 1,
        "modified": modified,
        "filled": filled,
        "orders": kite.orders(),
        "history": kite.order_history(resting),
        "trades": kite.trades(),
        "order_trades": kite.order_trades(filled),
        "positions": kite.positions(),
        "margins": kite.margins(),
        "holdings": kite.holdings(),
    }


def first_quote(kite):
    """Wait for the day's first trades: before them a venue shows yesterday's close alone."""
    for _ in range(200):
        quote = kite.quote(*WATCHED)
        if all(row["ohlc"]["open"] for row in quote.values()):
            return quote
        time.sleep(0.05)
    raise AssertionError("nothing was traded")


def look(kite, end):
    """Read what needs no order: profile, quotes, instruments, candles."""
    listed = kite.instruments("NSE")
    tokens = {f"NSE:{row['tradingsymbol']}": row["instrument_token"] for row in listed}
    quote = first_quote(kite)
    return {
        "profile": kite.profile(),
        "listed": len(listed),
        "tokens": {name: tokens[name] for name in WATCHED},
        "quote": quote,
        "ohlc": kite.ohlc(*WATCHED),
        "candles": kite.historical_data(tokens[WATCHED[0]], end - timedelta(days=3), end, "minute"),
    }


def listen(kite, url, tokens):
    """Collect frames of the stream with what the client made of them, and the order it was told of."""
    ticker = KiteTicker(KEY, kite.access_token, root=url.replace("http", "ws", 1), reconnect=False)
    frames, ticks, orders, done = [], [], [], threading.Event()

    def on_connect(ws, response):
        ws.subscribe(tokens)
        ws.set_mode(ws.MODE_FULL, tokens)

    def on_message(ws, payload, is_binary):
        if is_binary and len(payload) > 4:
            frames.append(payload.hex())

    def on_ticks(ws, rows):
        if rows:
            ticks.append(rows)
        if len(ticks) >= FRAMES and any(row["status"] == "COMPLETE" for row in orders):
            done.set()

    ticker.on_connect, ticker.on_message, ticker.on_ticks = on_connect, on_message, on_ticks
    ticker.on_order_update = lambda ws, row: orders.append(row)
    ticker.connect(threaded=True)
    for _ in range(100):
        if ticks or done.wait(0.1):
            break
    sent = order(kite, order_type=kite.ORDER_TYPE_MARKET, market_protection=-1, tag="OFFICIAL3")
    done.wait(WAIT_S)
    count = min(len(frames), len(ticks))
    return {"sent": sent, "frames": frames[:count], "ticks": ticks[:count], "orders": orders}


def main(url):
    kite, session = sign_in(url)
    told = {"session": session, **look(kite, session["login_time"]), **trade(kite)}
    told["stream"] = listen(kite, url, list(told["tokens"].values()))
    kite.invalidate_access_token()
    sys.stdout.write(json.dumps(told, default=_plain))


def _plain(value):
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    main(sys.argv[1])
