"""Aster's streams over loopback against the simulated exchange: silent, cut, expired, changed over."""

import asyncio
import random
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import numpy as np
import pytest

from brokers.adapters.aster import stream_life, user_stream
from brokers.adapters.aster.feed import AsterFeed
from brokers.adapters.aster.tokens import token_of
from brokers.domain.orders import OrderStatus, OrderType
from brokers.ports import FeedDoubt, FeedFundingRate, FeedOrder, FeedQuotes, FeedState, FeedTrade, FeedWallet
from brokers.simulator.aster.traders import DEMO_TRADER
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import permit
from tests.contracts.aster_bench import an_aster_bench, script
from tests.contracts.kite_bench import clear

pytestmark = pytest.mark.slow
SYMBOLS = ("BTCUSDT", "ETHUSDT")


@pytest.fixture(autouse=True)
def misbehaviour_ends(simulator):
    yield
    clear(simulator)


@pytest.fixture
async def bench(simulator, net):
    return await an_aster_bench(simulator, net)


@pytest.fixture
def quick_looks(monkeypatch):
    """Hold the account's stream against the books every second."""
    monkeypatch.setattr(user_stream, "CHECK_EVERY_S", 1.0)
    monkeypatch.setattr(user_stream, "CHECK_SPREAD_S", 0.0)
    monkeypatch.setattr(user_stream, "SECOND_LOOK_S", 0.5)


class Heard:
    """What a feed has said so far."""

    def __init__(self, feed):
        self.feed = feed
        self.events = []

    async def listen(self):
        async for event in self.feed.events():
            self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def states(self):
        return [event.state for event in self.of(FeedState)]

    async def until(self, condition, *, seconds=30):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - the condition is of the feed's own figures
                await asyncio.sleep(0.05)


@asynccontextmanager
async def listening(simulator, net, bench, *, with_depth=False):
    feed = AsterFeed(
        net=net,
        clock=SystemClock(),
        jitter=random.Random(1).random,
        calls=bench.venue,
        stream_url=f"ws://{urlsplit(simulator.api).netloc}",
        with_depth=with_depth,
    )
    listed = await bench.venue.instruments()
    feed.learn(instrument for instrument in listed if instrument.symbol in SYMBOLS)
    await feed.subscribe([token_of(symbol) for symbol in SYMBOLS])
    heard = Heard(feed)
    task = asyncio.create_task(heard.listen())
    try:
        await heard.until(lambda: heard.states == ["connected"] and heard.of(FeedQuotes))
        yield heard
    finally:
        await feed.close()
        await task


async def misbehave(simulator, **fault):
    await asyncio.to_thread(lambda: script(simulator, **fault))


async def test_quotes_rates_orders_and_fills_come_as_the_books_say(simulator, net, bench):
    async with listening(simulator, net, bench) as heard:
        await heard.until(lambda: heard.of(FeedFundingRate))
        order_id, client_id = await bench.place()
        await heard.until(lambda: any(event.order.status is OrderStatus.FILLED for event in heard.of(FeedOrder)))
        fills = [event.trade for event in heard.of(FeedTrade) if event.trade.venue_order_id == order_id]
        booked = [trade for trade in await bench.venue.trades() if trade.venue_order_id == order_id]

    assert {(fill.trade_id, fill.quantity, fill.price, fill.fee_quote) for fill in fills} == {
        (trade.trade_id, trade.quantity, trade.price, trade.fee_quote) for trade in booked
    }
    assert any(event.order.tags == (client_id,) for event in heard.of(FeedOrder))
    assert any(event.reason == "ORDER" for event in heard.of(FeedWallet))
    assert {token for event in heard.of(FeedQuotes) for token in event.columns.token.tolist()} == {
        token_of(symbol) for symbol in SYMBOLS
    }


async def test_a_book_kept_from_differences_is_whole_and_never_crossed(simulator, net, bench):
    async with listening(simulator, net, bench, with_depth=True) as heard:

        def depths():
            found = [event.columns.depth for event in heard.of(FeedQuotes)]
            rows = np.concatenate([depth for depth in found if depth is not None])
            return rows[~np.isnan(rows[:, 0, 1])]

        await heard.until(lambda: len(depths()) > 100, seconds=60)
        await asyncio.sleep(2)
        rows = depths()

    assert (rows[:, 0, 1] < rows[:, 5, 1]).all()
    assert heard.feed.figures()["crossed"] == 0
    assert heard.feed.figures()["unreadable"] == 0


async def test_silent_market_sockets_are_left_for_new_ones(simulator, net, bench):
    async with listening(simulator, net, bench) as heard:
        await misbehave(simulator, kind="silent_socket", seconds=60)
        await heard.until(lambda: heard.states[-2:] == ["silent", "connected"])
        await heard.until(lambda: isinstance(heard.events[-1], FeedQuotes))


async def test_broken_connections_are_opened_again_and_doubted(simulator, net, bench):
    async with listening(simulator, net, bench) as heard:
        doubts = len(heard.of(FeedDoubt))
        await misbehave(simulator, kind="drop_socket")
        await heard.until(lambda: heard.states[-2:] == ["disconnected", "connected"])
        assert len(heard.of(FeedDoubt)) > doubts


async def test_an_expired_key_is_replaced_and_the_stream_goes_on(simulator, net, bench):
    async with listening(simulator, net, bench) as heard:
        await misbehave(simulator, kind="listen_key_expired", account=DEMO_TRADER.user)
        await heard.until(lambda: heard.states[-2:] == ["disconnected", "connected"])
        order_id, _ = await bench.place()
        await heard.until(lambda: any(event.trade.venue_order_id == order_id for event in heard.of(FeedTrade)))


async def test_what_a_silent_stream_kept_back_is_found_in_the_books(simulator, net, bench, quick_looks):
    async with listening(simulator, net, bench) as heard:
        await heard.until(lambda: heard.feed.figures()["account_checks"] > 1)
        await misbehave(simulator, kind="silent_user_stream", account=DEMO_TRADER.user, seconds=60)
        far_below = (await bench.last() / 2).quantize(bench.instrument.tick_size)
        order_id, _ = await bench.place(order_type=OrderType.LIMIT, price=far_below)
        await heard.until(lambda: heard.states[-2:] == ["silent", "connected"])
        assert any(order_id in event.reason for event in heard.of(FeedDoubt))
        await bench.venue.cancel(order_id, permit)
        await heard.until(lambda: any(event.order.venue_order_id == order_id for event in heard.of(FeedOrder)))


async def test_a_change_over_is_not_noticed_by_the_desk(simulator, net, bench, monkeypatch):
    monkeypatch.setattr(stream_life, "LIFE_S", 4.0)
    monkeypatch.setattr(stream_life, "LIFE_SPREAD_S", 0.0)
    async with listening(simulator, net, bench) as heard:
        await heard.until(lambda: heard.feed.figures()["changeovers"] >= 2)
        order_id, _ = await bench.place()
        await heard.until(lambda: any(event.trade.venue_order_id == order_id for event in heard.of(FeedTrade)))
        figures = heard.feed.figures()

    assert heard.states == ["connected"]
    assert figures["repeated"] > 0  # both connections brought it, and it was told once
    assert figures["unreadable"] == 0
