"""The simulated Aster's streams: books that join, keys that live an hour, connections that live a day."""

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from brokers.adapters.aster.local_book import BookStep, LocalBook
from brokers.simulator.aster.hub import QUEUE_FRAMES, AsterSocket
from brokers.simulator.aster.streams import stream_names
from brokers.simulator.aster.traders import SPARE_TRADER
from tests.brokers.simulator.aster_site import Caller, an_aster, frames, listen, run

HOUR = 3_600


@pytest.fixture
def caller():
    site, _, clock = an_aster("--speed", "60")
    caller = Caller(site)
    caller.clock = clock
    run(site, clock, 4)
    return caller


def events(socket):
    return [json.loads(frame) for frame in frames(socket)]


async def test_a_book_kept_from_differences_equals_each_later_snapshot(caller):
    socket, book = listen(caller.site.aster, "btcusdt@depth@100ms"), LocalBook()
    steps = []
    for round_ in range(6):
        run(caller.site, caller.clock, 3)
        steps += [book.apply(event) for event in events(socket)]
        snapshot = (await caller.open("depth", symbol="BTCUSDT", limit="1000")).json()
        if round_ == 0:
            assert book.seed(snapshot["lastUpdateId"], snapshot["bids"], snapshot["asks"]) is BookStep.APPLIED
        else:
            assert book.bids(20) == [(float(p), float(q)) for p, q in snapshot["bids"]]
            assert book.asks(20) == [(float(p), float(q)) for p, q in snapshot["asks"]]
        assert not book.is_crossed

    assert BookStep.GAP not in steps
    assert steps.count(BookStep.APPLIED) == 15


async def test_every_snapshot_joins_the_very_next_difference(caller):
    socket = listen(caller.site.aster, "btcusdt@depth")
    run(caller.site, caller.clock, 2)
    frames(socket)

    for _ in range(5):
        snapshot = (await caller.open("depth", symbol="BTCUSDT")).json()
        run(caller.site, caller.clock, 1)
        (event,) = events(socket)
        assert event["U"] <= snapshot["lastUpdateId"] <= event["u"]


def test_differences_chain_and_carry_absolute_quantities(caller):
    socket = listen(caller.site.aster, "btcusdt@depth", "ethusdt@depth")
    run(caller.site, caller.clock, 6)

    found = events(socket)

    for symbol in ("BTCUSDT", "ETHUSDT"):
        of_symbol = [event for event in found if event["s"] == symbol]
        assert len(of_symbol) == 5
        assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(of_symbol))


def test_partial_depth_is_the_whole_top_best_first(caller):
    socket = listen(caller.site.aster, "btcusdt@depth5@500ms")
    run(caller.site, caller.clock, 2)

    for event in events(socket):
        bids, asks = ([float(price) for price, _ in event[side]] for side in "ba")
        assert (len(bids), len(asks)) == (5, 5)
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]


def test_trades_on_the_stream_add_up_to_the_candles(caller):
    socket = listen(caller.site.aster, "btcusdt@aggTrade", "btcusdt@kline_1m")
    run(caller.site, caller.clock, 12)

    found = events(socket)

    closed = [event["k"] for event in found if event["e"] == "kline" and event["k"]["x"]]
    trades = [event for event in found if event["e"] == "aggTrade"]
    assert len(closed) == 3
    for candle in closed[1:]:
        inside = [trade for trade in trades if candle["t"] <= trade["T"] <= candle["T"]]
        assert float(candle["v"]) == pytest.approx(sum(float(trade["q"]) for trade in inside))
        assert (candle["o"], candle["c"]) == (inside[0]["p"], inside[-1]["p"])
        assert candle["h"] == max((trade["p"] for trade in inside), key=float)


def test_trades_of_a_contract_are_numbered_without_a_gap(caller):
    socket = listen(caller.site.aster, "btcusdt@aggTrade", "solusdt@aggTrade")
    run(caller.site, caller.clock, 6)

    found = events(socket)

    for symbol in ("BTCUSDT", "SOLUSDT"):
        numbers = [event["a"] for event in found if event["s"] == symbol]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_marks_come_by_the_second_or_every_three_of_market_time():
    site, aster, clock = an_aster()
    fast, slow = listen(aster, "btcusdt@markPrice@1s"), listen(aster, "btcusdt@markPrice")
    run(site, clock, 24)

    assert (len(frames(fast)), len(frames(slow))) == (6, 2)


def test_names_outside_ascii_and_arrays_of_all_have_their_streams(caller):
    socket = listen(caller.site.aster, "红隼usdt@bookTicker", "!bookTicker", "!miniTicker@arr")
    run(caller.site, caller.clock, 1)

    found = events(socket)

    assert "红隼USDT" in {event["s"] for event in found if isinstance(event, dict)}
    assert len([event for event in found if isinstance(event, dict)]) == 6
    assert [len(event) for event in found if isinstance(event, list)] == [5]


def test_combined_frames_carry_the_name_and_plain_ones_do_not(caller):
    combined = listen(caller.site.aster, "btcusdt@bookTicker", combined=True)
    plain = listen(caller.site.aster, "btcusdt@bookTicker")
    run(caller.site, caller.clock, 1)

    (wrapped,), (bare,) = events(combined), events(plain)

    assert wrapped == {"stream": "btcusdt@bookTicker", "data": bare}


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ({"method": "SUBSCRIBE", "params": ["ethusdt@aggTrade"], "id": 1}, {"result": None, "id": 1}),
        ({"method": "UNSUBSCRIBE", "params": ["btcusdt@aggTrade"], "id": 2}, {"result": None, "id": 2}),
        ({"method": "LIST_SUBSCRIPTIONS", "id": 3}, {"result": ["btcusdt@aggTrade"], "id": 3}),
        ({"method": "GET_PROPERTY", "params": ["combined"], "id": 4}, {"result": False, "id": 4}),
        ({"method": "SET_PROPERTY", "params": ["combined", True], "id": 5}, {"result": None, "id": 5}),
        ({"method": "SET_PROPERTY", "params": ["colour", True], "id": 5}, {"code": 0, "msg": "Unknown property"}),
        ({"method": "DANCE", "id": 6}, {"code": 2, "msg": "Invalid request: unknown variant DANCE"}),
        (
            {"method": "SUBSCRIBE", "params": "all", "id": 7},
            {"code": 2, "msg": "Invalid request: missing or wrong field"},
        ),
        (["SUBSCRIBE"], {"code": 2, "msg": "Invalid request: missing or wrong field"}),
    ],
)
def test_a_client_steers_its_connection_by_messages(message, answer):
    socket = AsterSocket(["btcusdt@aggTrade"], combined=False, opened_ns=0)

    assert socket.carry_out(message) == answer


def test_two_hundred_streams_are_the_most_and_ten_messages_a_second():
    socket = AsterSocket([f"s{n}@aggTrade" for n in range(200)], combined=False, opened_ns=0)

    refused = socket.carry_out({"method": "SUBSCRIBE", "params": ["btcusdt@depth"], "id": 1})

    assert refused["code"] == 2
    assert [socket.is_flooding(5) for _ in range(11)] == [False] * 10 + [True]
    assert not socket.is_flooding(10**9)


def test_a_reader_too_slow_is_closed_and_nobody_waits_for_it():
    socket = AsterSocket([], combined=False, opened_ns=0)
    for _ in range(QUEUE_FRAMES + 1):
        socket.put("x")

    assert frames(socket) == [1008]


async def key_of(caller):
    return (await caller.v3("POST", "listenKey")).json()["listenKey"]


async def test_an_account_hears_of_its_own_orders_and_money_alone(caller):
    mine = listen(caller.site.aster, await key_of(caller))
    theirs = listen(caller.site.aster, await key_of(Caller(caller.site, SPARE_TRADER)))

    await caller.order(newClientOrderId="heard")

    told = [(event["e"], event.get("o", {}).get("x")) for event in events(mine)]
    assert told[0] == ("ORDER_TRADE_UPDATE", "NEW")
    assert {("ACCOUNT_UPDATE", None), ("ORDER_TRADE_UPDATE", "TRADE")} <= set(told)
    assert frames(theirs) == []


async def test_what_the_stream_tells_equals_what_the_books_say(caller):
    socket = listen(caller.site.aster, await key_of(caller))
    await caller.market(quantity="0.200")
    await caller.market(side="SELL", quantity="0.050")

    found = events(socket)

    fills = (await caller.v3("GET", "userTrades", symbol="BTCUSDT")).json()
    balance = (await caller.v3("GET", "balance")).json()[0]
    told = [event["o"] for event in found if event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["x"] == "TRADE"]
    last = [event["a"] for event in found if event["e"] == "ACCOUNT_UPDATE"][-1]
    assert [(o["t"], o["L"], o["l"], o["n"], o["rp"]) for o in told] == [
        (f["id"], f["price"], f["qty"], f["commission"], f["realizedPnl"]) for f in fills
    ]
    assert (last["B"][0]["wb"], last["P"][0]["pa"]) == (balance["balance"], "0.150")


async def test_funding_of_a_crossed_position_tells_the_balance_alone(caller):
    socket = listen(caller.site.aster, await key_of(caller))
    await caller.market()
    frames(socket)
    # from 03:47 to 08:00 UTC in steps of fifteen seconds
    run(caller.site, caller.clock, 1_020)

    funded = [event for event in events(socket) if event["e"] == "ACCOUNT_UPDATE" and event["a"]["m"] == "FUNDING_FEE"]

    income = (await caller.v3("GET", "income", incomeType="FUNDING_FEE")).json()
    assert [(event["a"]["B"][0]["bc"], event["a"]["P"]) for event in funded] == [(income[0]["income"], [])]
    assert datetime.fromtimestamp(income[0]["time"] / 1000, UTC).hour == 8


async def test_a_key_lives_an_hour_unless_it_is_extended_and_then_says_so_once(caller):
    key = await key_of(caller)
    socket = listen(caller.site.aster, key)
    caller.clock.move(HOUR - 1)
    assert (await caller.v3("PUT", "listenKey")).json() == {}
    assert await key_of(caller) == key
    caller.clock.move(HOUR + 1)
    caller.site.aster.rest()

    told = events(socket)
    await caller.order()
    gone = (await caller.v3("PUT", "listenKey")).json()

    assert [event["e"] for event in told] == ["listenKeyExpired"]
    assert frames(socket) == []
    assert gone["code"] == -1125
    assert await key_of(caller) != key


async def test_a_deleted_key_falls_silent_without_a_word(caller):
    socket = listen(caller.site.aster, await key_of(caller))
    await caller.v3("DELETE", "listenKey")

    await caller.order()

    assert frames(socket) == []


def test_a_connection_is_closed_after_a_day(caller):
    old = listen(caller.site.aster, "btcusdt@aggTrade")
    caller.clock.move(24 * HOUR - 1)
    young = listen(caller.site.aster, "btcusdt@aggTrade")
    caller.clock.move(1)

    caller.site.aster.rest()

    assert (frames(old), frames(young)) == ([1001], [])


@pytest.mark.parametrize(
    ("path", "query", "names"),
    [
        ("/ws/btcusdt@aggTrade", "", ["btcusdt@aggTrade"]),
        ("/ws/a/b", "", ["a", "b"]),
        ("/stream", "streams=a@x/b@y", ["a@x", "b@y"]),
        ("/stream", "", []),
        ("/ws", "", []),
        ("/ws", "api_key=k&access_token=t", None),
        ("/", "api_key=k", None),
    ],
)
def test_an_address_tells_whose_stream_it_is(path, query, names):
    assert stream_names({"path": path, "query_string": query.encode()}) == names


def test_a_stream_that_nobody_knows_says_nothing(caller):
    socket = listen(caller.site.aster, "nopeusdt@aggTrade", "btcusdt@nonsense", "!nonsense", "oldusdt@bookTicker")

    run(caller.site, caller.clock, 2)

    assert frames(socket) == []
