"""A simulated Aster in this process: a made market with a hand-driven clock, called through ASGI by either signature."""

from urllib.parse import urlencode

import httpx

from brokers.adapters.aster.signing import hmac_hex, private_key_bytes, wallet_signature
from brokers.simulator.aster.hub import AsterSocket
from brokers.simulator.aster.traders import DEMO_AGENT_KEY, DEMO_TRADER, SPARE_AGENT_KEY, SPARE_TRADER, text_of_trader
from brokers.simulator.kite_server import KiteApplication
from tests.brokers.simulator.site import BASE, a_site

BOTH_TRADERS = tuple(f"--aster-account={text_of_trader(trader)}" for trader in (DEMO_TRADER, SPARE_TRADER))
AGENT_KEYS = {DEMO_TRADER.user: DEMO_AGENT_KEY, SPARE_TRADER.user: SPARE_AGENT_KEY}
SECOND = 10**9


def an_aster(*arguments):
    """A site with two Aster accounts at 2026-11-20T03:46Z; return it, its Aster and its clock."""
    site, clock = a_site(*BOTH_TRADERS, *arguments)
    return site, site.aster, clock


class Caller:
    """Calls one account's endpoints: V3 by its agent, V1 by its key, or without any signature."""

    def __init__(self, site, trader=DEMO_TRADER):
        self.site, self.trader = site, trader
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(KiteApplication(site)), base_url=BASE)
        self._nonce = 0

    async def open(self, name, *, version="v3", **params):
        """Read market data, unsigned."""
        return await self.client.get(f"/fapi/{version}/{name}", params=params)

    async def v3(self, method, name, *, nonce=None, key=None, **params):
        """Call with the agent's signature over the url-encoded text that is sent."""
        self._nonce = max(self._nonce + 1, self.site.wall_ns() // 1_000)
        fields = {**params, "nonce": nonce or self._nonce, "user": self.trader.user, "signer": self.trader.agent}
        text = urlencode(fields)
        text += f"&signature={wallet_signature(private_key_bytes(key or AGENT_KEYS[self.trader.user]), text, 1666)}"
        return await self._send(method, f"/fapi/v3/{name}", text, {})

    async def v1(self, method, name, *, version="v1", timestamp=None, secret=None, **params):
        """Call with the key and an HMAC over the text that is sent."""
        text = urlencode({**params, "timestamp": timestamp or self.site.wall_ns() // 1_000_000})
        text += f"&signature={hmac_hex((secret or self.trader.api_secret).encode(), text)}"
        return await self._send(method, f"/fapi/{version}/{name}", text, {"X-MBX-APIKEY": self.trader.api_key})

    async def _send(self, method, path, text, headers):
        if method == "GET":
            return await self.client.get(f"{path}?{text}", headers=headers)
        form = {**headers, "content-type": "application/x-www-form-urlencoded"}
        return await self.client.request(method, path, content=text, headers=form)

    async def order(self, **changes):
        """Place an order, by default a limit order to buy a little BTC at the market; give back the answer's body."""
        row = {
            "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010",
            "price": price_text(self.site, "BTCUSDT", "1.001"),
        }  # fmt: skip
        asked = {name: value for name, value in {**row, **changes}.items() if value is not None}
        return (await self.v3("POST", "order", **asked)).json()

    async def market(self, symbol="BTCUSDT", side="BUY", quantity="0.100", **more):
        """Place a market order and give back its final state."""
        asked = {"symbol": symbol, "side": side, "type": "MARKET", "quantity": quantity, **more}
        return (await self.v3("POST", "order", newOrderRespType="RESULT", **asked)).json()


def price_text(site, symbol, factor="1"):
    """A price of whole ticks at a multiple of the mark price."""
    engine = site.aster.venue.engine
    contract = engine.contract(symbol)
    units = contract.price_units(engine.mark(symbol) * type(engine.mark(symbol))(factor))
    return contract.price_text(units // contract.tick * contract.tick)


def run(site, clock, steps):
    """Let the market take so many steps, each when it is due by the wall."""
    aster = site.aster
    for _ in range(steps):
        clock.ns += int(aster.venue.market.step_ns / aster.pace.speed)
        aster.hub.broadcast(aster.venue.advance(clock.ns))
        aster.rest()


def listen(aster, *names, combined=False):
    """A connection to the streams without a wire."""
    socket = AsterSocket(list(names), combined=combined, opened_ns=aster.monotonic_ns())
    aster.hub.sockets.add(socket)
    return socket


def frames(socket):
    """What waits to be sent on a connection."""
    found = []
    while not socket.frames.empty():
        found.append(socket.frames.get_nowait())
    return found
