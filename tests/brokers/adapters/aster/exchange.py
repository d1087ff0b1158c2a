"""An exchange of our own that checks every signature it is sent and answers from a script, else from its books."""

import json
from collections import deque
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from brokers.adapters.aster.client import AsterVenue
from brokers.adapters.aster.filters import rules_of
from brokers.adapters.aster.listing import instrument_of
from brokers.adapters.aster.signing import MAINNET_CHAIN, address_of, hmac_hex, recovered_address
from brokers.domain.orders import Product
from brokers.ports import AuthScheme, Credentials, Reply
from tests.brokers.adapters.doubles import OpenBudget, SteppingClock, an_order

AGENT_KEY = "0x" + "11" * 32
AGENT = address_of(bytes.fromhex("11" * 32))
USER = "0x" + "ab" * 20
SECRET = "v1-secret-that-must-not-show"
V3 = Credentials(user_id=USER, api_key=AGENT, access_token=AGENT_KEY, scheme=AuthScheme.AGENT)
V1 = Credentials(user_id="trader", api_key="v1-key", access_token=SECRET, scheme=AuthScheme.KEY_PAIR)
UNSIGNED = {
    "ping", "time", "exchangeInfo", "depth", "trades", "historicalTrades", "aggTrades", "klines", "indexPriceKlines",
    "markPriceKlines", "premiumIndex", "fundingRate", "fundingInfo", "ticker/24hr", "ticker/price",
    "ticker/bookTicker", "indexreferences",
}  # fmt: skip

BTC = {
    "symbol": "BTCUSDT", "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "minPrice": "1", "maxPrice": "1000000", "tickSize": "0.10"},
        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "5"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
    ],
    "orderTypes": ["LIMIT", "MARKET"],
}  # fmt: skip
RULES = rules_of(BTC)
INSTRUMENT = instrument_of(RULES)
LEAVING = BTC | {"symbol": "OLDUSDT", "status": "SETTLING", "baseAsset": "OLD"}


def reply(body, status=200, headers=None):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status=status, headers=headers or {}, body=content)


def refusal(code, message="no", status=400, headers=None):
    return reply({"code": code, "msg": message}, status, headers)


def an_order_row(**changes):
    row = {
        "orderId": 7, "clientOrderId": "W1TEST00001", "symbol": "BTCUSDT", "side": "BUY", "positionSide": "BOTH",
        "type": "LIMIT", "origType": "LIMIT", "timeInForce": "GTC", "status": "NEW", "origQty": "0.010",
        "executedQty": "0", "cumQuote": "0", "price": "60000", "avgPrice": "0", "stopPrice": "0", "reduceOnly": False,
        "closePosition": False, "time": 1795147200000, "updateTime": 1795147200000,
    }  # fmt: skip
    return row | changes


def a_trade_row(**changes):
    row = {
        "symbol": "BTCUSDT", "id": 70, "orderId": 7, "side": "BUY", "positionSide": "BOTH", "price": "60000",
        "qty": "0.004", "commission": "0.084", "commissionAsset": "USDT", "realizedPnl": "0", "maker": False,
        "time": 1795147200500,
    }  # fmt: skip
    return row | changes


def a_position_row(**changes):
    row = {
        "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "0.004", "entryPrice": "60000",
        "markPrice": "60100", "liquidationPrice": "40000", "unRealizedProfit": "0.4", "leverage": "10",
        "marginType": "cross", "isolatedMargin": "0", "isAutoAddMargin": "false", "maxNotionalValue": "1000000",
        "updateTime": 1795147200500,
    }  # fmt: skip
    return row | changes


def a_mark(**changes):
    row = {
        "symbol": "BTCUSDT", "markPrice": "60100", "indexPrice": "60090", "lastFundingRate": "0.0001",
        "nextFundingTime": 1795150800000, "time": 1795147200000,
    }  # fmt: skip
    return row | changes


BOOKS = {
    "exchangeInfo": {"rateLimits": [], "symbols": [BTC, LEAVING]},
    "premiumIndex": [a_mark()],
    "positionSide/dual": {"dualSidePosition": False},
    "multiAssetsMargin": {"multiAssetsMargin": False},
    "agent": [{"agentAddress": AGENT, "agentName": "desk", "canPerpTrade": True, "canWithdraw": False}],
    "openOrders": [], "allOrders": [], "userTrades": [], "positionRisk": [], "income": [], "balance": [],
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    method: str
    generation: str
    name: str
    params: dict
    headers: dict
    raw: str
    in_url: bool


class Exchange:
    """The `Net` port onto a scripted exchange; its clock is ours with `ahead_ms` to spare."""

    def __init__(self, clock, *, ahead_ms=0):
        self.clock = clock
        self.ahead_ms = ahead_ms
        self.calls = []
        self.nonces = []
        self.scripts = {}
        self.books = dict(BOOKS)

    def script(self, method, name, *answers):
        """Answer the next calls so: a reply, an exception, or a function of the call."""
        self.scripts.setdefault((method, name), deque()).extend(answers)

    def named(self, method, name):
        return [call for call in self.calls if (call.method, call.name) == (method, name)]

    def writes(self):
        return [call for call in self.calls if call.method != "GET"]

    async def request(
        self, method, url, *, headers=None, params=None, form=None, json=None, content=None, timeout_s=7.0,
        before_write=None,
    ):  # fmt: skip
        assert (params, form, json) == (None, None, None), "what is signed is sent as it is"
        parts = urlsplit(url)
        _, generation, name = parts.path.removeprefix("/").split("/", 2)
        raw = parts.query if method == "GET" else (content or b"").decode()
        call = Call(method, generation, name, dict(parse_qsl(raw)), dict(headers or {}), raw, bool(parts.query))
        script = self.scripts.get((method, name))
        answer = script.popleft() if script else None
        if isinstance(answer, Exception) and getattr(answer, "is_unsent", False):
            raise answer
        assert before_write is not None, "whatever is sent leaves by the account's own way out"
        before_write()
        self.calls.append(call)
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(call)
        if answer is not None:
            return answer
        return self._objection(call) or self._own(call)

    async def close(self):
        return

    def _objection(self, call):
        if call.name in UNSIGNED:
            return None
        text, _, signature = call.raw.rpartition("&signature=")
        if call.headers.get("X-MBX-APIKEY"):
            if call.name == "listenKey":
                return None
            return None if hmac_hex(SECRET.encode(), text) == signature else refusal(-1022, "Signature is not valid.")
        if recovered_address(signature, text, MAINNET_CHAIN) != AGENT or call.params["user"] != USER:
            return refusal(-1022, "Signature is not valid.")
        nonce = int(call.params["nonce"])
        if nonce in self.nonces or (self.nonces and nonce < self.nonces[-1]):
            return refusal(-4225, "Nonce Expired")
        self.nonces.append(nonce)
        return None

    def _own(self, call):
        if call.name == "time":
            return reply({"serverTime": round(self.clock.now().timestamp() * 1000) + self.ahead_ms})
        if (call.method, call.name) == ("POST", "order"):
            given = call.params
            row = an_order_row(
                clientOrderId=given["newClientOrderId"], symbol=given["symbol"], side=given["side"],
                type=given["type"], origType=given["type"], origQty=given.get("quantity", "0"),
                price=given.get("price", "0"), stopPrice=given.get("stopPrice", "0"),
            )  # fmt: skip
            return reply(row)
        if (call.method, call.name) == ("GET", "order"):
            return refusal(-2013, "Order does not exist.")
        if call.method == "GET" and call.name in self.books:
            return reply(self.books[call.name])
        if call.method == "POST" and call.name == "listenKey":
            return reply({"listenKey": "a-stream-key"})
        return reply({"code": 200, "msg": "success"})


def a_venue(*, credentials=V3, ahead_ms=0, budget=None, **words):
    """A venue on a scripted exchange; returns both."""
    clock = SteppingClock()
    exchange = Exchange(clock, ahead_ms=ahead_ms)
    venue = AsterVenue(
        net=exchange,
        budget=budget or OpenBudget(),
        credentials=credentials,
        clock=clock,
        jitter=lambda: 0.0,
        api_url="https://exchange.test",
        **words,
    )
    return venue, exchange


def a_perpetual_order(*, quantity="0.010", product=Product.PERPETUAL, instrument="ASTER:BTCUSDT", **words):
    return an_order(quantity=quantity, product=product, instrument=instrument, **words)
