"""Kite's stream over loopback against the simulated exchange: sockets that fall silent, drop, are slow or are refused."""

import asyncio
import random
import time

import pytest

from brokers.adapters.kite.client import KiteVenue
from brokers.domain.errors import Invalid
from brokers.ports import FeedMessage, FeedMode, FeedQuotes, FeedState
from brokers.registry import feed_for
from execution.runtime.clock import SystemClock
from tests.brokers.adapters.doubles import OpenBudget
from tests.contracts.kite_bench import script, signed_in

pytestmark = pytest.mark.slow
SILENCE_S = 2.5


def a_feed(urls, net, session, *, probe=None):
    return feed_for(
        "kite",
        net=net,
        credentials=session,
        clock=SystemClock(),
        urls=urls,
        jitter=random.Random(1).random,
        silence_s=SILENCE_S,
        probe=probe,
    )


@pytest.fixture
def reliance(bench):
    return bench.instrument.token


async def until_states(feed, wanted, *, seconds=30):
    """Take events until these states were told, in order; return everything."""
    found, states = [], []
    events = feed.events()
    async with asyncio.timeout(seconds):
        async for event in events:
            found.append(event)
            states += [event.state] if isinstance(event, FeedState) else []
            if states[-len(wanted) :] == wanted:
                break
    return events, found


async def next_quotes(events):
    async with asyncio.timeout(15):
        while not isinstance(event := await anext(events), FeedQuotes):
            pass
    return event.columns


async def test_silence_is_told_at_once_and_the_next_socket_is_told_everything(simulator, net, session, reliance):
    feed = a_feed(simulator, net, session)
    await feed.subscribe([reliance])
    states = []
    quoted_after = False

    async with asyncio.timeout(40):
        async for event in feed.events():
            if isinstance(event, FeedState):
                states.append(event.state)
            if states == ["connected"] and isinstance(event, FeedQuotes):
                await asyncio.to_thread(
                    lambda: script(simulator, kind="silent_socket", account=session.user_id, seconds=60)
                )
            if states == ["connected", "silent", "connected"] and isinstance(event, FeedQuotes):
                quoted_after = True
                break
    await feed.close()

    assert quoted_after


async def test_a_dropped_socket_comes_back_with_its_subscriptions(simulator, net, session, reliance):
    feed = a_feed(simulator, net, session)
    await feed.subscribe([reliance], FeedMode.QUOTE)
    states, after = [], None

    async with asyncio.timeout(40):
        async for event in feed.events():
            if isinstance(event, FeedState):
                states.append(event.state)
            if states == ["connected"] and isinstance(event, FeedQuotes):
                await asyncio.to_thread(lambda: script(simulator, kind="drop_socket", account=session.user_id))
            if states == ["connected", "disconnected", "connected"] and isinstance(event, FeedQuotes):
                after = event.columns
                break
    await feed.close()

    assert after.token.tolist() == [reliance]
    assert feed.figures()["openings"] == 2


async def test_the_first_ticks_after_a_subscription_are_marked_as_old(simulator, net, session, reliance):
    feed = a_feed(simulator, net, session)
    await feed.subscribe([reliance])
    events, _ = await until_states(feed, ["connected"])

    first = await next_quotes(events)
    async with asyncio.timeout(30):
        while (later := await next_quotes(events)).cached is not None:
            pass
    await feed.close()

    assert first.cached.tolist() == [True]
    assert later.exchange_ns[0] > first.exchange_ns[0]


async def test_a_desk_that_is_busy_for_seconds_gets_the_latest_and_keeps_its_socket(simulator, net, session, reliance):
    feed = a_feed(simulator, net, session)
    await feed.subscribe([reliance])
    events, _ = await until_states(feed, ["connected"])
    before = await next_quotes(events)

    time.sleep(SILENCE_S + 1.5)  # noqa: ASYNC251 - a desk that decides blocks the loop
    states = []
    async with asyncio.timeout(20):
        while True:
            event = await anext(events)
            if isinstance(event, FeedState):
                states.append(event.state)
            if isinstance(event, FeedQuotes) and event.columns.exchange_ns[-1] > before.exchange_ns[-1]:
                break
    await feed.close()

    assert states == []
    assert feed.figures()["openings"] == 1


async def test_a_dead_session_is_one_change_after_one_handshake(simulator, net, session):
    venue = KiteVenue(
        net=net,
        budget=OpenBudget(),
        credentials=session,
        clock=SystemClock(),
        jitter=random.Random(1).random,
        api_url=simulator.api,
    )
    await asyncio.to_thread(signed_in, simulator)  # a newer login ends this one
    feed = a_feed(simulator, net, session, probe=venue.profile)

    async with asyncio.timeout(20):
        events = [event async for event in feed.events()]

    assert [event.state for event in events] == ["needs_login"]


async def test_a_refused_stream_of_a_living_session_is_a_plan_without_market_data(simulator, net, session):
    async def alive():
        return {"user_id": session.user_id}

    await asyncio.to_thread(signed_in, simulator)
    feed = a_feed(simulator, net, session, probe=alive)

    async with asyncio.timeout(20):
        events = [event async for event in feed.events()]

    assert [event.state for event in events] == ["no_market_data"]


async def test_more_than_a_socket_carries_is_said_by_the_venue_in_words(simulator, net, session):
    feed = a_feed(simulator, net, session)
    await feed.subscribe(range(1, 3_001))
    events, _ = await until_states(feed, ["connected"])

    await feed._connections[0].add(dict.fromkeys(range(50_001, 50_301), FeedMode.FULL))
    async with asyncio.timeout(15):
        while not isinstance(event := await anext(events), FeedMessage):
            pass
    await feed.close()

    assert event.kind == "error"
    assert "3000" in event.text


async def test_the_feed_itself_asks_for_no_more_than_three_sockets_carry(simulator, net, session):
    feed = a_feed(simulator, net, session)
    await feed.subscribe(range(1, 9_001))

    with pytest.raises(Invalid) as refusal:
        await feed.subscribe([9_001])
    events, found = await until_states(feed, ["connected"])
    await events.aclose()

    assert refusal.value.code == "feed.too_many"
    assert found[-1].reason == "3 streams are open."
