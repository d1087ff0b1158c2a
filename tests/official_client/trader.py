"""Trades at a simulated exchange with the venue's official client, and prints what it was told as JSON.

It runs under the interpreter of the client's own environment, so it imports nothing of the desk.
"""

import inspect
import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

from kiteconnect import KiteConnect, KiteTicker
from kiteconnect.exceptions import KiteException

KEY, SECRET = "simulatedkey0001", "simulatedsecret0001"
SYMBOL = "RELIANCE"
WATCHED = ("NSE:RELIANCE", "NSE:INFY", "NSE:NIFTY 50")
FRAMES = 6
WAIT_S = 30


class Noted:
    """The client, with a note of every public method that was called on it."""

    def __init__(self, kite):
        self._kite = kite
        self.called = set()

    def __getattr__(self, name):
        if inspect.ismethod(value := getattr(self._kite, name)):
            self.called.add(name)
        return value


def public_methods():
    methods = inspect.getmembers(KiteConnect, inspect.isfunction)
    return sorted(name for name, _ in methods if not name.startswith("_"))


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
    kite = Noted(KiteConnect(api_key=KEY, root=url))
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
        "margins_of_equity": kite.margins("equity"),
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
    everything = kite.instruments()
    tokens = {f"NSE:{row['tradingsymbol']}": row["instrument_token"] for row in listed}
    quote = first_quote(kite)
    return {
        "profile": kite.profile(),
        "listed": len(listed),
        "everything": len(everything),
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


def refusal(call, *arguments, **words):
    """Return what the client raised, by its class, code and sentence."""
    try:
        call(*arguments, **words)
    except KiteException as error:
        return [type(error).__name__, error.code, str(error)]
    return None


def cover(kite, last):
    """Enter with a stop beside, and leave by exiting the stop."""
    first = order(kite, variety=kite.VARIETY_CO, price=round(last * 1.01, 1), trigger_price=round(last * 0.95, 1))
    stop = wait_for(lambda: next((row for row in kite.orders() if row["parent_order_id"] == first), None))
    waiting = stop["status"]
    kite.exit_order(kite.VARIETY_CO, stop["order_id"], parent_order_id=first)
    return {"waiting": waiting, "left": kite.order_history(stop["order_id"])[-1]["status"]}


def wait_for(look_up):
    for _ in range(200):
        if found := look_up():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came")


def slice_up(kite, last):
    """Send more than the exchange takes at once, then take the slices back."""
    sliced = kite.place_autoslice_order(
        variety=kite.VARIETY_REGULAR,
        exchange="NSE",
        tradingsymbol=SYMBOL,
        transaction_type=kite.TRANSACTION_TYPE_BUY,
        quantity=100_010,
        product=kite.PRODUCT_MIS,
        order_type=kite.ORDER_TYPE_LIMIT,
        price=round(last * 0.97, 1),
    )
    for child in sliced["children"]:
        if "order_id" in child:
            kite.cancel_order(kite.VARIETY_REGULAR, child["order_id"])
    return sliced


def wait_on_prices(kite, last):
    """Place, change, read and delete a trigger."""

    def wish(value, price):
        order_ = {
            "transaction_type": kite.TRANSACTION_TYPE_SELL,
            "quantity": 1,
            "order_type": kite.ORDER_TYPE_LIMIT,
            "product": kite.PRODUCT_CNC,
            "price": price,
        }
        return {
            "trigger_type": kite.GTT_TYPE_SINGLE,
            "tradingsymbol": SYMBOL,
            "exchange": "NSE",
            "trigger_values": [value],
            "last_price": last,
            "orders": [order_],
        }

    placed = kite.place_gtt(**wish(round(last * 0.9, 1), round(last * 0.97, 1)))["trigger_id"]
    kite.modify_gtt(placed, **wish(round(last * 0.8, 1), round(last * 0.97, 1)))
    modified = kite.get_gtt(placed)
    listed = kite.get_gtts()
    kite.delete_gtt(placed)
    return {"modified": modified, "listed": listed, "deleted": kite.get_gtt(placed)}


def convert(kite):
    """Move the share bought for the day into delivery."""
    done = kite.convert_position("NSE", SYMBOL, "BUY", "day", 1, kite.PRODUCT_MIS, kite.PRODUCT_CNC)
    return {"done": done, "positions": kite.positions()["net"]}


def calculate(kite, last):
    """Ask what orders would hold and cost."""
    wish = {
        "exchange": "NSE",
        "tradingsymbol": SYMBOL,
        "transaction_type": "BUY",
        "variety": "regular",
        "product": "CNC",
        "order_type": "LIMIT",
        "quantity": 10,
        "price": last,
    }
    executed = {**wish, "order_id": "1", "average_price": last}
    return {
        "last": last,
        "orders": kite.order_margins([wish]),
        "basket": kite.basket_order_margins([wish, wish]),
        "note": kite.get_virtual_contract_note([executed]),
    }


def funds(kite):
    """Read funds, and be refused what the venue no longer offers."""
    orders, sips = kite.mf_orders(), kite.mf_sips()
    order_id, sip_id = orders[0]["order_id"], sips[0]["sip_id"]
    return {
        "instruments": kite.mf_instruments(),
        "holdings": kite.mf_holdings(),
        "orders": orders,
        "order": kite.mf_orders(order_id),
        "sips": sips,
        "sip": kite.mf_sips(sip_id),
        "refused": [
            refusal(kite.place_mf_order, "INF000S01011", "BUY", amount=500),
            refusal(kite.cancel_mf_order, order_id),
            refusal(kite.place_mf_sip, "INF000S01011", 500, 12, "monthly"),
            refusal(kite.modify_mf_sip, sip_id, amount=500),
            refusal(kite.cancel_mf_sip, sip_id),
        ],
    }


def leave(kite, refresh_token):
    """Renew the session, log out of it, and hear of its end."""
    ended = []
    kite.set_session_expiry_hook(lambda: ended.append(True))
    renewed = kite.renew_access_token(refresh_token, api_secret=SECRET)
    still = kite.profile()["user_id"]
    kite.invalidate_refresh_token(renewed["refresh_token"])
    kite.invalidate_access_token()
    return {"still": still, "refused": refusal(kite.profile), "ended": ended}


def main(url):
    kite, session = sign_in(url)
    told = {"session": session, "login_url": kite.login_url(), **look(kite, session["login_time"]), **trade(kite)}
    last = told["last"]
    told["converted"] = convert(kite)
    told["stream"] = listen(kite, url, list(told["tokens"].values()))
    told["cover"], told["sliced"] = cover(kite, last), slice_up(kite, last)
    told["triggers"], told["calculated"], told["funds"] = wait_on_prices(kite, last), calculate(kite, last), funds(kite)
    told["auctions"], told["range"] = kite.get_auction_instruments(), kite.trigger_range("BUY", *WATCHED)
    told["left"] = leave(kite, session["refresh_token"])
    told["called"], told["public"] = sorted(kite.called), public_methods()
    sys.stdout.write(json.dumps(told, default=_plain))


def _plain(value):
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    main(sys.argv[1])
