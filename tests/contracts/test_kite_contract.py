import asyncio
import itertools
import json
import os
import random
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from brokers.adapters.kite import blocking
from brokers.adapters.kite.client import KiteVenue
from brokers.domain.errors import Ambiguous, NeedsLogin
from brokers.domain.market import NANOSECONDS
from brokers.domain.orders import OrderStatus, OrderType
from brokers.ports import Credentials, FeedOrder, FeedQuotes, FeedState, VenueUrls
from brokers.registry import feed_for, net_for
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import OpenBudget, an_order, permit
from tests.contracts.venue_contract import Bench, VenueContract

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "simulatedkey0001", "simulatedsecret0001"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    """Run the simulated venue as a process of its own, mid-session, with faults to be asked for."""
    state_file = tmp_path_factory.mktemp("simulator") / "state.json"
    command = [
        sys.executable,
        "-m",
        "brokers.simulator.serve",
        "--port",
        "0",
        "--state-file",
        str(state_file),
        "--faults",
        "--start",
        "2026-11-20T10:00",
        "--account",
        f"AB1234:{KEY}:{SECRET}:http://127.0.0.1:9/callback:50000000",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not state_file.exists():
            assert process.poll() is None, "the simulator ended at its start"
            assert time.monotonic() < deadline, "the simulator did not start"
            time.sleep(0.05)
        state = json.loads(state_file.read_text())
        yield VenueUrls(api=state["url"], stream=state["stream_url"], login=state["login_url"])
    finally:
        process.terminate()
        process.wait(timeout=10)


def request_token(urls):
    """Sign in as a browser would and return the token that comes back."""
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(urls.login.replace("/connect/login", "/connect/finish"), params={"api_key": KEY})
    return parse_qs(urlsplit(answer.headers["location"]).query)["request_token"][0]


def signed_in(urls):
    session = blocking.exchange_session(
        api_url=urls.api, api_key=KEY, request_token=request_token(urls), api_secret=SECRET
    )
    return Credentials(user_id=session.user_id, api_key=KEY, access_token=session.access_token)


def script(urls, **fault):
    """Ask the simulator to misbehave."""
    request = urllib.request.Request(
        f"{urls.api}/sim/faults", data=json.dumps(fault).encode(), headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).close()


def state_of(urls):
    with urllib.request.urlopen(f"{urls.api}/sim/state", timeout=5) as answer:
        return json.loads(answer.read())


class KiteBench(Bench):
    async def last(self):
        quotes = await self.venue.quotes([self.instrument.key], "ltp")
        return Decimal(quotes[self.instrument.key]["last_price"])


@pytest.fixture
async def net():
    net = net_for()
    yield net
    await net.close()


@pytest.fixture
async def session(simulator):
    return await asyncio.to_thread(signed_in, simulator)


@pytest.fixture
async def bench(simulator, net, session):
    venue = KiteVenue(
        net=net,
        budget=OpenBudget(),
        credentials=session,
        clock=SystemClock(),
        jitter=random.Random(1).random,
        api_url=simulator.api,
    )
    listed = {instrument.key: instrument for instrument in await venue.instruments()}
    return KiteBench(venue, listed["NSE:RELIANCE"], listed["NSE:NIFTY 50"])


class TestKite(VenueContract):
    @pytest.fixture
    async def bench(self, bench):
        return bench


async def test_a_request_token_serves_once(simulator):
    token = request_token(simulator)
    login = {"api_url": simulator.api, "api_key": KEY, "request_token": token, "api_secret": SECRET}

    session = await asyncio.to_thread(lambda: blocking.exchange_session(**login))

    assert session.user_id == "AB1234"
    with pytest.raises(NeedsLogin):
        await asyncio.to_thread(lambda: blocking.exchange_session(**login))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lose_reply"},
        {"kind": "status_after", "status": 504, "body": "<html>gateway</html>"},
    ],
)
async def test_an_order_whose_answer_is_lost_is_found_by_its_client_id(simulator, bench, fault):
    script(simulator, method="POST", path="/orders", **fault)
    order = an_order(instrument=bench.instrument.key, quantity=1, client_id=f"W1LOST{random.randrange(10**6):06d}")

    with pytest.raises(Ambiguous):
        await bench.venue.place(order, bench.instrument, permit)

    assert any(order.client_id in row.tags for row in await bench.venue.orders())


async def test_an_order_refused_before_it_arrived_leaves_no_row(simulator, bench):
    script(simulator, kind="status_before", method="POST", path="/orders", status=503)
    order = an_order(instrument=bench.instrument.key, quantity=1, client_id=f"W1NONE{random.randrange(10**6):06d}")

    with pytest.raises(Ambiguous):
        await bench.venue.place(order, bench.instrument, permit)

    assert not any(order.client_id in row.tags for row in await bench.venue.orders())


async def test_a_read_survives_a_gateway_s_bad_moment(simulator, bench):
    script(simulator, kind="status_before", method="GET", path="/trades", status=502, count=2)

    assert isinstance(await bench.venue.trades(), list)


async def test_a_dead_session_asks_for_a_login_everywhere(simulator, net, bench, session):
    script(simulator, kind="kill_token")

    with pytest.raises(NeedsLogin):
        await bench.venue.orders()
    feed = a_feed(simulator, net, session)
    assert [event.state async for event in feed.events()] == ["needs_login"]


async def test_a_new_login_ends_the_older_session(simulator, bench):
    await asyncio.to_thread(signed_in, simulator)

    with pytest.raises(NeedsLogin):
        await bench.venue.profile()


async def test_history_is_closed_bars_in_order(simulator, bench):
    now_ns = (await asyncio.to_thread(state_of, simulator))["market_ns"]
    end = datetime.fromtimestamp(now_ns / NANOSECONDS, tz=UTC)
    start = end.replace(hour=3, minute=45, second=0, microsecond=0)

    bars = await bench.venue.history(bench.instrument, 60, start, end)

    assert len(bars) >= 40
    assert bars[-1].end_ns <= now_ns
    assert all(later.start_ns > earlier.start_ns for earlier, later in itertools.pairwise(bars))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


def a_feed(urls, net, session):
    return feed_for(
        "kite",
        net=net,
        credentials=session,
        clock=SystemClock(),
        urls=urls,
        jitter=random.Random(1).random,
        silence_s=5,
    )


async def test_the_stream_brings_quotes_and_the_account_s_own_orders(simulator, net, bench, session):
    feed = a_feed(simulator, net, session)
    await feed.subscribe([bench.instrument.token])
    events = feed.events()
    async with asyncio.timeout(15):
        assert await anext(events) == FeedState(state="connected", reason="The stream is open.")
        # what was cached before the mode was told may come first, without depth
        while (quotes := await first(events, FeedQuotes)).columns.depth is None:
            pass
        order_id, client_id = await bench.place(order_type=OrderType.MARKET)
        update = await first(events, FeedOrder)
        while update.order.status is not OrderStatus.FILLED:
            update = await first(events, FeedOrder)
    await feed.close()
    await events.aclose()

    assert quotes.columns.token.tolist() == [bench.instrument.token]
    assert quotes.columns.bid[0] <= quotes.columns.ask[0]
    assert quotes.columns.depth.shape == (1, 10, 3)
    assert (update.order.venue_order_id, client_id in update.order.tags) == (order_id, True)


async def first(events, kind):
    while not isinstance(event := await anext(events), kind):
        pass
    return event
