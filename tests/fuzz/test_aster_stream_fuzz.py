"""Whatever Aster's streams bring, the feed goes on: each frame is read, or counted, or a reason to read the books."""

import json
from collections import Counter
from random import Random

import numpy as np

from brokers.ports import FeedDoubt, FeedFundingRate, FeedMessage, FeedOrder, FeedQuotes, FeedTrade, FeedWallet
from tests.brokers.adapters.aster.stream_doubles import (
    Desk,
    a_fill,
    a_frame,
    a_mark,
    a_snapshot,
    a_trade,
    an_update,
    balances,
    settled,
)
from tests.fuzz.mutations import damaged_bytes, damaged_json
from tests.fuzz.test_kite_fuzz import CASES, SEED, show

TOLD = (FeedQuotes, FeedFundingRate, FeedMessage, FeedOrder, FeedTrade, FeedWallet, FeedDoubt)
FRAMES_A_TURN = 50


def market_samples(number):
    best = {
        "e": "bookTicker",
        "u": number,
        "E": 1_000 + number,
        "s": "BTCUSDT",
        "b": "99",
        "B": "1",
        "a": "101",
        "A": "2",
    }
    day = {"e": "24hrMiniTicker", "E": 1_000 + number, "s": "BTCUSDT", "c": "100", "o": "98", "h": "102", "l": "97"}
    depth = {"e": "depthUpdate", "E": 1, "s": "BTCUSDT", "U": number, "u": number, "pu": number - 1}
    return [
        a_trade(number, 1_000 + number),
        a_mark("BTCUSDT", 1_000 + number),
        a_frame("btcusdt@bookTicker", **best),
        a_frame("btcusdt@miniTicker", **day),
        a_frame("btcusdt@depth@100ms", **depth, b=[["99", "1"], ["98", "0"]], a=[["101", "2"]]),
        {"result": None, "id": number},
        {"code": 2, "msg": "Invalid request"},
    ]


def account_samples(number):
    call = {"s": "ETHUSDT", "ps": "LONG", "pa": "1", "mp": "187", "up": "-1", "mm": "1.6"}
    return [
        an_update(order=number, at=number),
        a_fill(number, "4", order=number, at=number),
        balances(at=number, position="4"),
        balances("FUNDING_FEE", at=number),
        {"e": "MARGIN_CALL", "E": number, "p": [call]},
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": number, "ac": {"s": "BTCUSDT", "l": 25}},
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": number, "ai": {"j": True}},
        {"e": "announcement", "en": {"t": "news", "c": "x"}},
    ]


def damaged(random, samples):
    text = json.dumps(random.choice(samples)).encode()
    chance = random.random()
    if chance < 0.2:
        return text.decode()
    body = damaged_json(random, text) if chance < 0.7 else damaged_bytes(random, text, [text])
    return body.decode("utf-8", "replace")


async def test_no_frame_ends_a_stream_and_every_one_is_counted():
    random, sent = Random(SEED + 2), Counter()
    world = Desk("BTCUSDT", with_depth=True)
    world.calls.snapshots.extend(a_snapshot(number * 100, [("9", "1")], [("200", "1")]) for number in range(50))
    async with world as desk:
        await desk.advance(2)
        for turn in range(CASES // 2 // FRAMES_A_TURN):
            for number in range(turn * FRAMES_A_TURN + 1, (turn + 1) * FRAMES_A_TURN + 1):
                desk.exchange.markets[-1].push(damaged(random, market_samples(number)))
                desk.exchange.accounts[-1].push(damaged(random, account_samples(number)))
                sent.update(("market", "account"))
            for _ in range(5):  # the desk takes an event a turn of the loop, and orders pass quotes
                await settled()
        figures = desk.feed.figures()
        told = Counter(type(event).__name__ for event in desk.seen)
        assert not desk.is_over

    show(
        "aster streams", told + Counter({name: figures[name] for name in ("unreadable", "unknown", "repeated", "gaps")})
    )
    assert set(desk.states()) == {"connected"}
    assert figures["frames"] >= sent["market"]
    assert min(figures["unreadable"], figures["unknown"], figures["account_unreadable"]) > 0
    assert all(told[kind.__name__] for kind in TOLD)
    assert told["FeedQuotes"] > CASES // 2 // FRAMES_A_TURN // 2
    for event in desk.of(FeedQuotes):
        columns = event.columns
        assert len(columns) > 0
        assert (columns.exchange_ns >= 0).all()
        for prices in (columns.last_price, columns.bid, columns.ask, columns.mark_price, columns.day_high):
            assert not np.isinf(prices).any()
            assert not (prices < 0).any()
    for event in desk.of(FeedTrade):
        assert event.trade.quantity > 0
        assert event.trade.price > 0
