"""A hosted account whose stream is refused, closed for the night, or speaks in words."""

import asyncio
from datetime import UTC, datetime, timedelta

from brokers.models import SessionState, TradingAccount, VenueLogin
from brokers.ports import FeedMessage, FeedState
from execution.runtime.stream_hours import StreamHours
from tests.execution.desk_fakes import log_in, until
from tests.execution.test_session import hosted as hosted  # noqa: PLC0414 - a fixture
from tests.execution.test_session import hosting, read

OPEN = StreamHours(is_open=True, until=None)


def shown(world, account):
    return world.notebook.states.get(f"{account.pk}/feeds", {})


def test_a_plan_without_market_data_keeps_its_session_and_its_calls(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds))
            hosted.feed.say(FeedState(state="no_market_data", reason="this app's plan has no market data"))
            hosted.feed.say(None)
            await until(lambda: shown(hosted, account).get("state") == "no_market_data")
            await asyncio.sleep(1.5)
            state = await read(hosted, lambda: VenueLogin.objects.get().state)
            return state, dict(shown(hosted, account)), len(hosted.feeds)

    state, feeds, streams = asyncio.run(scenario())

    assert (state, feeds["session"], streams) == (SessionState.LIVE, "live", 1)
    assert feeds["reason"] == "this app's plan has no market data"


def test_a_new_login_tries_the_stream_again(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds))
            hosted.feed.say(FeedState(state="no_market_data", reason="no market data"))
            hosted.feed.say(None)
            await until(lambda: shown(hosted, account).get("state") == "no_market_data")
            epoch = await read(hosted, lambda: VenueLogin.objects.get().epoch)
            await read(hosted, lambda: log_in(account, epoch=epoch + 1))
            await until(lambda: len(hosted.feeds) == 2)
            await until(lambda: shown(hosted, account).get("state") == "connected")

    asyncio.run(scenario())


def test_outside_the_market_s_hours_a_real_stream_stays_closed_and_says_until_when(hosted, account, monkeypatch):
    TradingAccount.objects.update(is_simulated=False)
    opens_at = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
    hours = [StreamHours(is_open=False, until=opens_at)]
    monkeypatch.setattr("execution.runtime.live.stream_hours", lambda calendar, at: hours[0])

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: shown(hosted, account).get("state") == "closed")
            closed = dict(shown(hosted, account))
            hours[0] = OPEN
            await until(lambda: shown(hosted, account).get("state") == "connected")
            return closed

    closed = asyncio.run(scenario())

    assert closed["reason"] == "the market is closed, the stream opens at 08:45 on 23 November"
    assert closed["session"] == "live"


def test_a_stream_is_hung_up_when_its_hours_end(hosted, account, monkeypatch):
    TradingAccount.objects.update(is_simulated=False)
    ends_at = datetime.now(tz=UTC) + timedelta(seconds=3)

    def hours(_calendar, at):
        return StreamHours(is_open=at < ends_at, until=ends_at if at < ends_at else ends_at + timedelta(hours=9))

    monkeypatch.setattr("execution.runtime.live.stream_hours", hours)

    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: shown(hosted, account).get("state") == "connected")
            await until(lambda: shown(hosted, account).get("state") == "closed")
            return await read(hosted, lambda: VenueLogin.objects.get().state)

    assert asyncio.run(scenario()) == SessionState.LIVE


def test_the_venue_s_words_and_the_feed_s_counts_are_shown(hosted, account):
    async def scenario():
        async with hosting(hosted, account):
            await until(lambda: bool(hosted.feeds))
            hosted.feed.say(FeedMessage(kind="message", text="maintenance at eight"))
            await until(lambda: bool(shown(hosted, account).get("messages")))
            return dict(shown(hosted, account))

    feeds = asyncio.run(scenario())

    assert [message["text"] for message in feeds["messages"]] == ["maintenance at eight"]
    assert feeds["counts"] == {"frames": 1}
    assert feeds["state"] == "connected"
