import asyncio
import json
import struct
import time
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import serve

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite.feed import KiteFeed
from brokers.adapters.rest import HttpNet
from brokers.domain.errors import NeedsLogin, Retryable
from brokers.ports import FeedHeartbeat, FeedMessage, FeedMode, FeedOrder, FeedQuotes, FeedState
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


INDEX_TOKEN = 264969


def an_index_tick(second):
    body = struct.pack(">8I", INDEX_TOKEN, 1_500, 1_500, 1_500, 1_500, 1_500, 0, second)
    return struct.pack(">HH", 1, len(body)) + body


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


class WatchedClock(SystemClock):
    """The machine's clock, and what was waited for on it."""

    def __init__(self):
        super().__init__()
        self.waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        await super().sleep(seconds)


@asynccontextmanager
async def feeding(venue, *, silence_s=1.0, clock=None, probe=None):
    async with serve(venue.talk, "127.0.0.1", 0, process_request=venue.admit, ping_interval=None) as server:
        port = server.sockets[0].getsockname()[1]
        net = HttpNet()
        feed = KiteFeed(
            net=net,
            credentials=CREDENTIALS,
            clock=clock or SystemClock(),
            backoff=Backoff(jitter=lambda: 0.0, first_s=0.02),
            stream_url=f"ws://127.0.0.1:{port}/",
            silence_s=silence_s,
            probe=probe,
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
        found = await take(feed, 5)
    connected = next(event for event in found if isinstance(event, FeedState))
    quotes = next(event for event in found if isinstance(event, FeedQuotes))
    heartbeat = next(event for event in found if isinstance(event, FeedHeartbeat))
    order = next(event for event in found if isinstance(event, FeedOrder))
    words = next(event for event in found if isinstance(event, FeedMessage))

    assert connected == FeedState(state="connected", reason="The stream is open.")
    assert isinstance(quotes, FeedQuotes)
    assert (quotes.columns.last_price[0], quotes.raw_bytes) == (1573.15, 12)
    assert isinstance(heartbeat, FeedHeartbeat)
    assert isinstance(order, FeedOrder)
    assert order.order.tags == ("W1",)
    assert words == FeedMessage(kind="message", text="hello")


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
        events = await take(feed, 3)

    assert states(events) == ["disconnected", "connected"]
    assert len(venue.paths) == 3


async def test_a_slow_desk_gets_the_latest_and_is_not_taken_for_silence():
    frames = 3000

    async def flood(socket):
        for number in range(frames):
            await socket.send(a_tick(number, copies=50))

    async with feeding(Venue(flood), silence_s=0.2) as feed:
        seen, others = [], []
        events = feed.events()
        async with asyncio.timeout(20):
            while not seen or seen[-1] < frames - 1:
                event = await anext(events)
                if isinstance(event, FeedQuotes):
                    seen.append(round(event.columns.last_price[-1] * 100))
                    time.sleep(0.5 if len(seen) == 100 else 0)  # noqa: ASYNC251 - a desk that decides blocks the loop
                else:
                    others.append(event)
        await events.aclose()

    assert seen == sorted(seen)
    assert states(others) == ["connected"]
    assert feed.counters.frames == frames


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

    turns, last = 0, -1
    async with feeding(Venue(flood)) as feed:
        events = feed.events()
        await anext(events)
        other = asyncio.create_task(count())
        async with asyncio.timeout(10):
            while last < frames - 1:
                event = await anext(events)
                last = round(event.columns.last_price[-1] * 100)
        other.cancel()
        await events.aclose()

    assert turns >= frames / 2


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
    clock = WatchedClock()
    venue = Venue(tick_then_hang_up, idle, refuse=[503, 503, 503, 200, 200])
    async with feeding(venue, clock=clock) as feed:
        await take(feed, 5)

    assert clock.waits == pytest.approx([0.01, 0.02, 0.04, 0.01])


@pytest.mark.parametrize("tokens", [[], [5, 5]])
async def test_nothing_new_is_nothing_said(tokens):
    venue = Venue(one_tick)
    async with feeding(venue) as feed:
        await feed.subscribe([5])
        await feed.subscribe(tokens)
        await take(feed, 2)
        await asyncio.sleep(0.05)

    assert [message["v"] for message in venue.said[0]] == [[5], ["full", [5]]]


async def test_an_instrument_may_change_its_mode():
    venue = Venue(one_tick)
    async with feeding(venue) as feed:
        await feed.subscribe([5, 6], FeedMode.QUOTE)
        events = feed.events()
        await anext(events)
        await feed.subscribe([6])
        await anext(events)
        await asyncio.sleep(0.05)
        await events.aclose()

    assert venue.said[0] == [
        {"a": "subscribe", "v": [5, 6]},
        {"a": "mode", "v": ["quote", [5, 6]]},
        {"a": "mode", "v": ["full", [6]]},
    ]


async def test_instruments_beyond_one_stream_open_a_second_and_a_third():
    venue = Venue(idle, idle, idle)
    async with feeding(venue) as feed:
        await feed.subscribe(range(6001))
        connected = await take(feed, 1)
        await asyncio.sleep(0.1)

    sizes = sorted(sum(len(message["v"]) for message in said if message["a"] == "subscribe") for said in venue.said)
    assert connected == [FeedState(state="connected", reason="3 streams are open.")]
    assert sizes == [1, 3000, 3000]
    assert all(len(message["v"]) <= 300 for said in venue.said for message in said if message["a"] == "subscribe")


async def test_one_instrument_more_touches_only_its_own_stream():
    venue = Venue(idle, idle)
    async with feeding(venue) as feed:
        await feed.subscribe(range(3001))
        events = feed.events()
        await anext(events)
        await asyncio.sleep(0.1)
        for said in venue.said:
            said.clear()
        await feed.unsubscribe([17])
        await feed.subscribe([9999])
        await asyncio.sleep(0.1)
        await events.aclose()

    assert sorted(len(said) for said in venue.said) == [0, 3]


async def test_an_emptied_stream_is_closed_and_the_first_one_stays():
    venue = Venue(idle, idle)
    async with feeding(venue) as feed:
        await feed.subscribe(range(3001))
        events = feed.events()
        await anext(events)
        await feed.unsubscribe(range(3001))
        open_streams = feed.figures()["streams"]
        await events.aclose()

    assert open_streams == 1


async def test_the_desk_is_told_once_of_several_streams_that_break_and_return():
    venue = Venue(tick_then_hang_up, tick_then_hang_up, tick_then_hang_up, idle, idle, idle)
    async with feeding(venue) as feed:
        await feed.subscribe(range(6001))
        found = []
        events = feed.events()
        async with asyncio.timeout(5):
            while states(found).count("connected") < 2:
                found.append(await anext(events))
        await events.aclose()

    assert states(found) == ["connected", "disconnected", "connected"]
    assert len(venue.said) == 6


async def test_several_forbidden_streams_are_one_change():
    venue = Venue(refuse=[403, 403, 403])
    async with feeding(venue) as feed:
        await feed.subscribe(range(6001))
        async with asyncio.timeout(5):
            events = [event async for event in feed.events()]

    assert states(events) == ["needs_login"]
    assert len(venue.paths) <= 3


async def test_a_plan_without_market_data_is_no_dead_session():
    async def answers():
        return {"user_id": "AB1234"}

    venue = Venue(refuse=[403])
    async with feeding(venue, probe=answers) as feed:
        async with asyncio.timeout(5):
            events = [event async for event in feed.events()]

    assert states(events) == ["no_market_data"]
    assert "plan has no market data" in events[0].reason
    assert len(venue.paths) == 1


async def test_a_dead_session_is_told_in_the_words_of_the_call_that_proved_it():
    failures = [Retryable("no answer"), NeedsLogin("the token died at six")]

    async def refuses():
        raise failures.pop(0)

    venue = Venue(refuse=[403])
    async with feeding(venue, probe=refuses) as feed:
        async with asyncio.timeout(5):
            events = [event async for event in feed.events()]

    assert events == [
        FeedState(state="disconnected", reason="no answer"),
        FeedState(state="needs_login", reason="the token died at six"),
    ]
    assert len(venue.paths) == 1


async def test_a_paused_feed_ends_and_begins_again_with_what_was_subscribed():
    venue = Venue(idle, idle)
    async with feeding(venue) as feed:
        await feed.subscribe([5])
        seen = []
        async with asyncio.timeout(5):
            async for event in feed.events():
                seen.append(event)
                await feed.pause()
            seen += await take(feed, 1)
            await asyncio.sleep(0.05)

    assert states(seen) == ["connected", "connected"]
    assert venue.said[0] == venue.said[1] != []


async def test_a_process_that_was_busy_does_not_take_its_own_pause_for_silence():
    async def steady(socket):
        while True:
            await socket.send(b"\x00")
            await asyncio.sleep(0.02)

    venue = Venue(steady)
    async with feeding(venue, silence_s=0.15) as feed:
        events = feed.events()
        await anext(events)
        seen = []
        async with asyncio.timeout(5):
            for number in range(30):
                if number in (5, 15):
                    time.sleep(0.4)  # noqa: ASYNC251 - a desk that decides blocks the loop
                seen.append(await anext(events))
        await events.aclose()

    assert states(seen) == []


async def test_what_the_venue_had_cached_is_marked_until_its_time_moves_on():
    async def talk(socket):
        for second in (1_000, 1_000, 1_001, 1_001):
            await socket.send(an_index_tick(second))

    async with feeding(Venue(talk)) as feed:
        await feed.subscribe([INDEX_TOKEN])
        quotes = [event for event in await take(feed, 5) if isinstance(event, FeedQuotes)]

    cached = [event.columns.cached is not None and bool(event.columns.cached[0]) for event in quotes]
    assert cached == [True, True, False, False]


async def test_an_unforeseen_error_of_a_reader_reaches_the_desk():
    async with feeding(Venue(one_tick)) as feed:
        feed._connections[0]._event = lambda frame: 1 // 0
        with pytest.raises(ZeroDivisionError):
            await take(feed, 2)
