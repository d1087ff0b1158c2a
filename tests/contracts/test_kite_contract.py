import asyncio
import itertools
import random
from datetime import UTC, datetime

import pytest

from brokers.adapters.kite import blocking
from brokers.domain.errors import Ambiguous, NeedsLogin
from brokers.domain.market import NANOSECONDS
from brokers.domain.orders import OrderStatus, OrderType
from brokers.ports import FeedOrder, FeedQuotes, FeedState
from tests.brokers.adapters.doubles import an_order, permit
from tests.contracts.kite_bench import KEY, SECRET, a_feed, first, request_token, script, signed_in, state_of
from tests.contracts.venue_contract import VenueContract

pytestmark = pytest.mark.slow


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
