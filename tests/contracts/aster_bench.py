"""The Aster adapter on the simulated exchange: the same process as Kite's, another trader's key, faults of its own."""

import json
import random
import urllib.request
from dataclasses import replace
from decimal import Decimal

from brokers.adapters.aster import quotes
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Product
from brokers.ports import AuthScheme, Credentials, VenueUrls
from brokers.registry import ASTER, venue_for
from brokers.simulator.aster.traders import DEMO_AGENT_KEY, DEMO_TRADER
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import OpenBudget, an_order
from tests.contracts.venue_contract import Bench

SYMBOL = "ETHUSDT"
V3 = Credentials(
    user_id=DEMO_TRADER.user, api_key=DEMO_TRADER.agent, access_token=DEMO_AGENT_KEY, scheme=AuthScheme.AGENT
)
V1 = Credentials(
    user_id=DEMO_TRADER.user,
    api_key=DEMO_TRADER.api_key,
    access_token=DEMO_TRADER.api_secret,
    scheme=AuthScheme.KEY_PAIR,
)
SCHEMES = {"v3": V3, "v1": V1}


def aster_urls(urls):
    return VenueUrls(api=urls.api, stream=urls.stream, login="", chain_id=1666)


def an_aster_venue(urls, net, credentials=V3, budget=None, **words):
    return venue_for(
        ASTER,
        net=net,
        budget=budget or OpenBudget(),
        credentials=credentials,
        clock=SystemClock(),
        urls=aster_urls(urls),
        jitter=random.Random(1).random,
        **words,
    )


def script(urls, **fault):
    """Ask the simulated Aster to misbehave."""
    body = json.dumps({"venue": "aster"} | fault).encode()
    request = urllib.request.Request(f"{urls.api}/sim/faults", data=body, headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()


def ledger_of(urls):
    with urllib.request.urlopen(f"{urls.api}/sim/ledger?venue=aster", timeout=5) as answer:
        return json.loads(answer.read())


class AsterBench(Bench):
    """Ether in units of itself; what the exchange has beside it stands in `index`, which nobody can trade."""

    async def last(self):
        return (await self.venue.ask(quotes.last_price(self.instrument.symbol))).price

    async def place(self, **words):
        words.setdefault("client_id", an_id())
        words.setdefault("quantity", 1)
        words.setdefault("product", Product.PERPETUAL)
        order = an_order(instrument=self.instrument.key, **words)
        receipt = await self.venue.place(order, self.instrument, lambda: None)
        return receipt.venue_order_id, order.client_id


def an_id():
    return f"W1A{random.randrange(10**12):012d}"


async def an_aster_bench(urls, net, credentials=V3):
    venue = an_aster_venue(urls, net, credentials)
    listed = {instrument.symbol: instrument for instrument in await venue.instruments()}
    ether = listed[SYMBOL]
    index = replace(ether, symbol="NOINDEX", token=1, kind=InstrumentKind.INDEX, tick_size=Decimal(0))
    return AsterBench(venue, ether, index)
