import asyncio
import math
from itertools import pairwise

import pytest

from brokers.adapters.aster.tokens import token_of
from brokers.domain.errors import Invalid, NeedsLogin, Retryable
from brokers.ports import FeedFundingRate, FeedMessage, FeedMode, FeedQuotes
from tests.brokers.adapters.aster.stream_doubles import (
    Desk,
    a_contract,
    a_frame,
    a_mark,
    a_snapshot,
    a_trade,
    now_ms,
    settled,
)

HOUR = 3600


def a_difference(first, last, previous, bids=(), asks=()):
    data = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": first, "u": last, "pu": previous, "b": bids, "a": asks}
    return a_frame("btcusdt@depth@100ms", **data)


async def test_one_connection_carries_every_stream_of_its_symbols_from_the_first_moment():
    async with Desk("BTCUSDT", "币安人生USDT") as desk:
        await desk.advance(2)
        (socket,) = desk.exchange.markets
        assert socket.url.isascii()
        assert socket.streams[:4] == [
            f"btcusdt@{kind}" for kind in ("markPrice@1s", "miniTicker", "aggTrade", "bookTicker")
        ]
        assert "币安人生usdt@markPrice@1s" in socket.streams
        assert socket.said == []
        assert desk.states() == ["connected"]


async def test_frames_read_together_reach_the_desk_together():
    async with Desk("BTCUSDT", "ETHUSDT") as desk:
        at = now_ms(desk.clock)
        desk.exchange.markets[0].push(
            a_trade(1, at), a_trade(2, at, "101"), a_mark("ETHUSDT", at), a_trade(1, at, symbol="ETHUSDT")
        )
        await settled()
        (quotes,) = desk.of(FeedQuotes)
        assert quotes.columns.token.tolist() == [token_of("BTCUSDT")] * 2 + [token_of("ETHUSDT")]
        assert quotes.columns.last_price.tolist() == [100, 101, 100]
        assert quotes.columns.exchange_ns.tolist() == [at * 1_000_000] * 3
        assert math.isnan(quotes.columns.mark_price[0])
        assert quotes.columns.mark_price[2] == 100
        assert quotes.raw_bytes > 400


async def test_a_change_over_after_23_hours_loses_and_doubles_nothing():
    async with Desk("BTCUSDT", "ETHUSDT") as desk:
        desk.exchange.trades = True
        await desk.advance(5)
        desk.clock.skip(23 * HOUR)
        await desk.advance(60)
        first, second = desk.exchange.markets
        volumes = [volume for _, volume in desk.prices("BTCUSDT")]
        assert (first.is_closed, second.is_closed) == (True, False)
        assert sorted(set(volumes)) == list(range(1, len(set(volumes)) + 1))
        assert volumes[-1] == max(volumes) >= 60
        assert desk.feed.figures()["missed_trades"] == 0
        assert desk.feed.figures()["repeated"] > 0
        assert desk.feed.figures()["changeovers"] == 2  # the market's and the account's
        assert desk.states() == ["connected"]


@pytest.mark.parametrize(("jitter", "hours"), [(0.0, 22.5), (0.999, 23.4995)])
async def test_each_connection_has_its_own_moment_to_change_over(jitter, hours):
    async with Desk("BTCUSDT", jitter=jitter) as desk:
        await desk.advance(5)
        desk.clock.skip(hours * HOUR - 60)
        await desk.advance(30)
        assert len(desk.exchange.markets) == 1
        await desk.advance(60)
        assert len(desk.exchange.markets) == 2


async def test_a_second_socket_that_cannot_be_opened_leaves_the_first_alone_and_is_tried_again():
    async with Desk("BTCUSDT") as desk:
        await desk.advance(5)
        desk.exchange.refuse = [Retryable("no"), Retryable("no")]
        desk.clock.skip(23 * HOUR)
        await desk.advance(60)
        assert [socket.is_closed for socket in desk.exchange.markets] == [False]
        await desk.advance(600)
        assert [socket.is_closed for socket in desk.exchange.markets] == [True, False]
        assert desk.states() == ["connected"]


async def test_a_second_socket_that_dies_before_it_was_heard_does_not_replace_the_first():
    async with Desk("BTCUSDT") as desk:
        await desk.advance(5)
        desk.exchange.silent.add("BTCUSDT")
        desk.clock.skip(23 * HOUR)
        await desk.advance(2)
        assert len(desk.exchange.markets) == 2
        desk.exchange.markets[1].hang_up()
        desk.exchange.silent.clear()
        await desk.advance(20)
        assert desk.exchange.markets[0].is_closed is False
        assert desk.states() == ["connected"]


async def test_three_days_of_a_quiet_connection_pass_in_change_overs():
    async with Desk("BTCUSDT") as desk:
        desk.exchange.trades = True
        for _ in range(3):
            await desk.advance(30)
            desk.clock.skip(23.6 * HOUR)
        await desk.advance(30)
        assert desk.feed.figures()["openings"] == 4
        assert desk.feed.figures()["missed_trades"] == 0
        assert desk.states() == ["connected"]


async def test_silence_is_noticed_within_seconds_and_ends_in_a_new_connection():
    async with Desk("BTCUSDT") as desk:
        await desk.advance(20)
        desk.exchange.markets[0].is_muted = True
        await desk.advance(4)
        assert desk.states() == ["connected"]
        await desk.advance(6)
        assert desk.states() == ["connected", "silent", "connected"]
        assert desk.exchange.markets[0].is_closed


async def test_a_pause_of_the_whole_process_is_no_silence():
    async with Desk("BTCUSDT") as desk:
        await desk.advance(20)
        desk.clock.skip(600)
        await desk.advance(20)
        assert desk.states() == ["connected"]
        assert len(desk.exchange.markets) == 1


async def test_one_silent_symbol_is_told_and_given_one_new_connection_while_the_others_go_on():
    async with Desk("BTCUSDT", "DELISTEDUSDT") as desk:
        await desk.advance(10)
        desk.exchange.silent.add("DELISTEDUSDT")
        await desk.advance(400)
        (warning,) = [message.text for message in desk.of(FeedMessage) if message.kind == "error"]
        assert warning.startswith("DELISTEDUSDT has sent no mark price for 5 s")
        assert len(desk.exchange.markets) == 2
        assert desk.states() == ["connected"]


async def test_a_symbol_that_speaks_again_is_listened_for_again():
    async with Desk("BTCUSDT", "ETHUSDT") as desk:
        await desk.advance(10)
        for _ in range(2):
            desk.exchange.silent.add("ETHUSDT")
            await desk.advance(400)
            desk.exchange.silent.clear()
            await desk.advance(400)
        assert len([message for message in desk.of(FeedMessage) if message.kind == "error"]) == 2
        assert len(desk.exchange.markets) == 3


async def test_a_lost_connection_is_opened_again_after_growing_waits():
    async with Desk("BTCUSDT") as desk:
        await desk.advance(10)
        began_ns = desk.clock.elapsed_ns
        desk.exchange.refuse = [Retryable("no")] * 8
        desk.exchange.markets[0].hang_up()
        tried, waits = len(desk.exchange.refuse), []
        while desk.exchange.refuse and len(waits) < 500:
            await desk.advance(1)
            waits.append(tried - len(desk.exchange.refuse))
        assert desk.states() == ["connected", "disconnected"]
        # with this jitter 0.75 of 1, 2, 4 ... 60, 60 seconds
        took_s = (desk.clock.elapsed_ns - began_ns) / 1e9
        assert took_s == pytest.approx(0.75 * (1 + 2 + 4 + 8 + 16 + 32 + 60 + 60), abs=3)
        await desk.advance(50)
        assert desk.states()[-1] == "connected"


async def test_a_front_door_that_turns_the_market_stream_away_is_no_lost_login():
    async with Desk("BTCUSDT", refuse=[None, NeedsLogin("the venue refused the stream with HTTP 403")]) as desk:
        await desk.advance(10)
        assert desk.states() == ["disconnected", "connected"]


async def test_a_new_connection_forgets_the_numbers_of_the_last():
    async with Desk("BTCUSDT") as desk:
        at = now_ms(desk.clock)
        desk.exchange.markets[0].push(a_trade(900, at))
        await settled()
        desk.exchange.markets[0].hang_up()
        await desk.advance(5)
        desk.exchange.markets[1].push(a_trade(1, at, "77"))
        await settled()
        assert desk.prices("BTCUSDT")[-1] == (77, 2)


async def test_symbols_asked_while_connected_are_said_a_few_messages_a_second():
    async with Desk("BTCUSDT") as desk:
        names = [f"S{number}USDT" for number in range(49)]
        desk.feed.learn(a_contract(name) for name in names)
        asking = desk.feed.subscribe([token_of(name) for name in names])
        await _while_time_passes(desk, asking, 3)
        (socket,) = desk.exchange.markets
        assert [len(message["params"]) for message in socket.said] == [50, 50, 50, 46]
        assert len(socket.streams) == 200
        assert len({message["id"] for message in socket.said}) == 4
        assert desk.clock.elapsed_ns >= 0.8 * 1_000_000_000


async def test_a_mode_asks_for_its_streams_and_gives_back_the_others():
    async with Desk("BTCUSDT") as desk:
        await _while_time_passes(desk, desk.feed.subscribe([token_of("BTCUSDT")], FeedMode.LTP), 2)
        (socket,) = desk.exchange.markets
        assert socket.streams == ["btcusdt@markPrice@1s", "btcusdt@miniTicker"]
        await _while_time_passes(desk, desk.feed.unsubscribe([token_of("BTCUSDT")]), 2)
        assert socket.is_closed
        await desk.advance(30)
        assert desk.states() == ["connected"]


async def test_more_symbols_than_one_connection_carries_open_another():
    names = [f"S{number}USDT" for number in range(51)]
    async with Desk(*names) as desk:
        await desk.advance(2)
        assert [len(socket.streams) for socket in desk.exchange.markets] == [200, 4]
        assert desk.states() == ["connected"]


async def test_too_many_symbols_and_unknown_tokens_are_refused_and_change_nothing():
    async with Desk("BTCUSDT") as desk:
        names = [f"S{number}USDT" for number in range(500)]
        desk.feed.learn(a_contract(name) for name in names)
        with pytest.raises(Invalid) as refusal:
            await desk.feed.subscribe([token_of(name) for name in names])
        assert refusal.value.details == {"capacity": 500, "wanted": 501}
        with pytest.raises(Invalid, match="no contract"):
            await desk.feed.subscribe([token_of("BTCUSDT"), 42])
        assert desk.feed.figures()["subscribed"] == 1


async def test_what_is_unknown_or_refused_is_told_once():
    async with Desk("BTCUSDT") as desk:
        odd = a_frame("btcusdt@tradepro", e="tradepro", s="BTCUSDT", E=1)
        desk.exchange.markets[0].push(odd, odd, {"result": None, "id": 1}, {"code": 2, "msg": "Invalid request"}, "?")
        await settled()
        assert [message.text for message in desk.of(FeedMessage)] == [
            "The stream refuses what it was asked: Invalid request",
            "The stream sends what this version does not know: tradepro.",
        ]
        assert desk.feed.figures()["unreadable"] == 1
        assert desk.states() == ["connected"]


async def test_the_funding_rate_is_told_when_its_hour_changes_and_now_and_then():
    async with Desk("BTCUSDT") as desk:
        desk.exchange.silent.add("BTCUSDT")
        for at, due in ((1_000, 9_000), (2_000, 9_000), (3_000, 19_000), (20_000, 19_000)):
            desk.exchange.markets[0].push(a_mark("BTCUSDT", at, "101.5", due=due))
        await settled()
        (last,) = desk.of(FeedFundingRate)  # one read of the socket, one rate
        assert (last.instrument, str(last.rate), str(last.mark)) == ("ASTER:BTCUSDT", "0.0001", "101.5")
        assert last.due_at.timestamp() == 19


async def test_a_mistake_of_ours_ends_the_feed_aloud():
    desk = Desk("BTCUSDT")
    desk.feed._decoder.drain = lambda _: 1 / 0
    await desk.__aenter__()
    await desk.advance(3)
    assert desk.is_over
    with pytest.raises(ZeroDivisionError):
        await desk.__aexit__()


async def test_a_book_gets_its_snapshot_once_its_differences_wait_for_one():
    async with Desk("BTCUSDT", with_depth=True) as desk:
        await desk.advance(5)
        assert desk.calls.times("depth") == []
        desk.calls.snapshots.append(a_snapshot(100, [("9", "1")], [("11", "1")]))
        at = now_ms(desk.clock)
        desk.exchange.markets[0].push(a_difference(90, 101, 80, bids=[["10", "2"]]))
        await desk.advance(1)
        desk.exchange.markets[0].push(a_trade(1, at))
        await settled()
        depth = desk.of(FeedQuotes)[-1].columns.depth
        assert depth[-1, 0, :2].tolist() == [2, 10]
        assert depth[-1, 5, :2].tolist() == [1, 11]


async def test_a_lost_difference_costs_a_snapshot_and_ever_fewer_of_them():
    async with Desk("BTCUSDT", with_depth=True) as desk:
        update = 100
        for _ in range(400):
            desk.calls.snapshots.append(a_snapshot(update, [("9", "1")], [("11", "1")]))
            # begins behind the snapshot: never joins
            desk.exchange.markets[0].push(a_difference(update + 50, update + 60, update + 49))
            update += 100
            await desk.advance(1)
        asked = desk.calls.times("depth")
        waits = [later - earlier for earlier, later in pairwise(asked)]
        assert desk.feed.figures()["gaps"] > 5
        assert waits[0] <= 3
        assert waits[-1] >= 30
        assert len(asked) < 20


async def test_a_crossed_book_is_thrown_away_and_asked_for_again():
    async with Desk("BTCUSDT", with_depth=True) as desk:
        desk.calls.snapshots += [a_snapshot(100, [("9", "1")], [("11", "1")])] * 2
        desk.exchange.markets[0].push(a_difference(90, 101, 80))
        await desk.advance(1)
        desk.exchange.markets[0].push(a_difference(102, 110, 101, bids=[["12", "1"]]))
        await desk.advance(1)
        assert desk.feed.figures()["crossed"] == 1
        desk.exchange.markets[0].push(a_difference(95, 120, 110))
        await desk.advance(10)
        assert len(desk.calls.times("depth")) == 2


async def _while_time_passes(desk, work, seconds):
    task = asyncio.ensure_future(work)
    await desk.advance(seconds)
    await task
