import asyncio
import json
import struct
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import serve

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite.feed import KiteFeed
from brokers.adapters.rest import HttpNet
from brokers.domain.errors import Invalid
from brokers.ports import FeedHeartbeat, FeedOrder, FeedQuotes, FeedState
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import CREDENTIALS

ORDER = {
    "type": "order",
    "data": {
        "order_id": "1",
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "BUY",
        "product": "MIS",
        "order_type": "LIMIT",
        "status": "COMPLETE",
        "quantity": 1,
        "filled_quantity": 1,
        "tag": "W1",
    },
}


def a_tick(number=1, copies=1):
    body = struct.pack(">II", 408065, number)
    return struct.pack(">H", copies) + (struct.pack(">H", 8) + body) * copies


class Venue:
    """A stream of Kite's kind; each connection plays the next script, an async function of its socket."""

    def __init__(self, *scripts, refuse=()):
        self.scripts = list(scripts)
        self.refuse = list(refuse)
        self.paths = []
        self.said = []

    def admit(self, connection, request):
        self.paths.append(request.path)
        if self.refuse:
            status = self.refuse.pop(0)
            return connection.respond(HTTPStatus(status), "no\n") if status != 200 else None
        return None

    async def talk(self, socket):
        said = []
        self.said.append(said)
        hearing = asyncio.create_task(self._hear(socket, said))
        try:
            await self.scripts.pop(0)(socket)
            await socket.wait_closed()
        finally:
            hearing.cancel()

    async def _hear(self, socket, said):
        async for text in socket:
            said.append(json.loads(text))


@asynccontextmanager
async def feeding(venue, *, silence_s=1.0):
    async with serve(venue.talk, "127.0.0.1", 0, process_request=venue.admit, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        net = HttpNet()
        feed = KiteFeed(
            net=net,
            credentials=CREDENTIALS,
            clock=SystemClock(),
            backoff=Backoff(jitter=lambda: 0.0, first_s=0.02),
            stream_url=f"ws://127.0.0.1:{port}/",
            silence_s=silence_s,
        )
        try:
            yield feed
        finally:
            await feed.close()
            await net.close()


async def take(feed, count):
    """Return the first events of a feed."""
    events = feed.events()
    try:
        async with asyncio.timeout(5):
            return [await anext(events) for _ in range(count)]
    finally:
        await events.aclose()


def states(events):
    return [event.state for event in events if isinstance(event, FeedState)]


async def idle(_socket):
    """Say nothing."""


async def one_tick(socket):
    await socket.send(a_tick(157_315))


async def tick_then_hang_up(socket):
    await socket.send(a_tick(157_315))
    await asyncio.sleep(0.05)
    await socket.close()


async def test_quotes_orders_heartbeats_and_words_become_events():
    async def talk(socket):
        await socket.send(a_tick(157_315))
        await socket.send(b"\x00")
        await socket.send(json.dumps(ORDER))
        await socket.send('{"type":"message","data":"hello"}')

    async with feeding(Venue(talk)) as feed:
        connected, quotes, heartbeat, order, words = await take(feed, 5)

    assert connected == FeedState(state="connected", reason="The stream is open.")
    assert isinstance(quotes, FeedQuotes)
    assert (quotes.columns.last_price[0], quotes.raw_bytes) == (1573.15, 12)
    assert isinstance(heartbeat, FeedHeartbeat)
    assert isinstance(order, FeedOrder)
    assert order.order.tags == ("W1",)
    assert words.reason == "The venue says (message): hello"


async def test_frames_that_say_nothing_are_counted_and_passed_over():
    async def talk(socket):
        await socket.send("not json")
        await socket.send(b"\x00\x05\x00")
        await socket.send(a_tick())

    async with feeding(Venue(talk)) as feed:
        events = await take(feed, 3)

    assert [type(event) for event in events] == [FeedState, FeedHeartbeat, FeedQuotes]
    assert feed.unread_texts == 1
    assert feed.counters.malformed_frames == 1


async def test_the_session_travels_in_the_address():
    venue = Venue(one_tick)
    async with feeding(venue) as feed:
        await take(feed, 1)

    assert venue.paths == ["/?api_key=the-key&access_token=the-token"]


async def test_subscriptions_are_told_again_after_a_reconnect():
    venue = Venue(tick_then_hang_up, one_tick)
    async with feeding(venue) as feed:
        await feed.subscribe([1, 2])
        await feed.subscribe([2, 3])
        await feed.unsubscribe([1, 9])
        events = await take(feed, 5)
        await asyncio.sleep(0.05)

    expected = [{"a": "subscribe", "v": [2, 3]}, {"a": "mode", "v": ["full", [2, 3]]}]
    assert states(events) == ["connected", "disconnected", "connected"]
    assert venue.said == [expected, expected]


async def test_tokens_asked_while_connected_are_told_at_once():
    venue = Venue(one_tick)
    async with feeding(venue) as feed:
        events = feed.events()
        await anext(events)
        await feed.subscribe([7])
        await anext(events)
        await feed.unsubscribe([7])
        await asyncio.sleep(0.05)
        await events.aclose()

    assert [message["a"] for message in venue.said[0]] == ["subscribe", "mode", "unsubscribe"]


async def test_silence_is_noticed_and_ends_in_a_reconnect():
    venue = Venue(idle, one_tick)
    async with feeding(venue, silence_s=0.1) as feed:
        events = await take(feed, 4)

    assert states(events) == ["connected", "silent", "connected"]
    assert isinstance(events[-1], FeedQuotes)


async def test_heartbeats_alone_keep_the_watchdog_calm():
    async def beat(socket):
        for _ in range(6):
            await socket.send(b"\x00")
            await asyncio.sleep(0.05)
        await socket.send(a_tick())

    async with feeding(Venue(beat), silence_s=0.15) as feed:
        events = await take(feed, 8)

    assert states(events) == ["connected"]


async def test_a_forbidden_stream_ends_the_feed_after_one_attempt():
    venue = Venue(refuse=[403])
    async with feeding(venue) as feed:
        async with asyncio.timeout(5):
            events = [event async for event in feed.events()]

    assert states(events) == ["needs_login"]
    assert len(venue.paths) == 1


async def test_other_refusals_are_tried_again():
    venue = Venue(one_tick, refuse=[503, 502, 200])
    async with feeding(venue) as feed:
        events = await take(feed, 4)

    assert states(events) == ["disconnected", "disconnected", "connected"]


async def test_a_slow_consumer_loses_no_frame_and_is_not_taken_for_silence():
    frames = 3000

    async def flood(socket):
        for number in range(frames):
            await socket.send(a_tick(number, copies=50))

    async with feeding(Venue(flood), silence_s=0.2) as feed:
        seen, others = [], []
        events = feed.events()
        async with asyncio.timeout(20):
            while len(seen) < frames:
                event = await anext(events)
                if isinstance(event, FeedQuotes):
                    seen.append(round(event.columns.last_price[0] * 100))
                else:
                    others.append(event)
                if len(seen) == 100:
                    await asyncio.sleep(0.5)
        await events.aclose()

    assert seen == list(range(frames))
    assert states(others) == ["connected"]


async def test_a_flood_leaves_others_their_turn():
    frames = 400

    async def flood(socket):
        for number in range(frames):
            await socket.send(a_tick(number))

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turns = longest = 0
    async with feeding(Venue(flood)) as feed:
        events = feed.events()
        await anext(events)
        await asyncio.sleep(0.2)
        other = asyncio.create_task(count())
        for _ in range(frames):
            before = turns
            await anext(events)
            longest = max(longest, 1) if turns > before else longest + 1
        other.cancel()
        await events.aclose()

    assert turns >= frames / 2
    assert longest < 5


async def test_closing_brings_the_events_to_their_end():
    async with feeding(Venue(one_tick)) as feed:
        seen = []
        async with asyncio.timeout(5):
            async for event in feed.events():
                seen.append(event)
                if isinstance(event, FeedQuotes):
                    await feed.close()

    assert [type(event) for event in seen] == [FeedState, FeedQuotes]


async def test_waits_grow_while_nothing_is_heard_and_shrink_after_a_frame():
    venue = Venue(tick_then_hang_up, one_tick, refuse=[503, 503, 200, 200])
    async with feeding(venue) as feed:
        attempts = []
        events = feed.events()
        for _ in range(5):
            await anext(events)
            attempts.append(feed._backoff.attempts)
        await events.aclose()

    assert attempts == [0, 1, 2, 0, 0]


async def test_more_instruments_than_a_stream_carries_are_refused():
    async with feeding(Venue()) as feed:
        await feed.subscribe(range(3000))
        with pytest.raises(Invalid):
            await feed.subscribe([5000])
        await feed.subscribe([7])


@pytest.mark.parametrize("tokens", [[], [5, 5]])
async def test_nothing_new_is_nothing_said(tokens):
    venue = Venue(one_tick)
    async with feeding(venue) as feed:
        await feed.subscribe([5])
        await feed.subscribe(tokens)
        await take(feed, 2)
        await asyncio.sleep(0.05)

    assert [message["v"] for message in venue.said[0]] == [[5], ["full", [5]]]
