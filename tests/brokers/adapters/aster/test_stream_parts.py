import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.events import AccountUpdate
from brokers.adapters.aster.stream_account import REMEMBERED, AccountReader
from brokers.adapters.aster.stream_check import AccountView, differences, view_of
from brokers.adapters.aster.stream_names import account_url, market_url, names_of
from brokers.adapters.aster.stream_shards import Shards
from brokers.adapters.aster.stream_watch import Watch
from brokers.domain.errors import Invalid
from brokers.domain.orders import UnreadableRow
from brokers.domain.perpetual_terms import PositionSide
from brokers.ports import FeedDoubt, FeedMode, FeedTrade
from tests.brokers.adapters.aster.stream_doubles import a_fill, a_position, an_order, an_update, balances
from tests.brokers.adapters.doubles import START

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def names(symbol, mode=FeedMode.FULL):
    return names_of(symbol, mode)


def test_symbols_stay_where_they_are_and_room_is_used_again():
    shards = Shards(most_names=4, connections=2)
    shards.set({f"S{number}": names(f"S{number}") for number in range(60)})
    assert [len(shards.names(number)) for number in (0, 1)] == [50, 10]
    shards.remove(["S3", "S55", "unknown"])
    changes = shards.set({"S1": names("S1", FeedMode.LTP), "NEW": names("NEW")})
    assert set(changes) == {0}
    assert changes[0].unsubscribe == ["s1@aggTrade", "s1@bookTicker"]
    assert changes[0].subscribe == list(names("NEW"))
    assert [len(shards.names(number)) for number in (0, 1)] == [50, 9]


def test_what_does_not_fit_changes_nothing():
    shards = Shards(most_names=100, connections=2)
    shards.set({"A": names("A"), "B": names("B"), "C": names("C")})
    with pytest.raises(Invalid):
        shards.set({"D": names("D"), "E": names("E")})
    assert len(shards) == 3
    assert shards.capacity == 4


def test_addresses_hold_nothing_that_an_address_may_not():
    assert market_url("wss://x.test/", ["币@markPrice@1s"]) == "wss://x.test/stream?streams=%E5%B8%81@markPrice@1s"
    assert account_url("wss://x.test", "a/b") == "wss://x.test/ws/a%2Fb"


def test_a_watch_counts_looks_and_gives_a_new_symbol_time():
    watch = Watch(looks=3, grace=2)
    watch.expect(["A", "B"])
    assert [watch.look({"A"}) for _ in range(5)] == [set()] * 4 + [{"B"}]
    watch.set_aside.add("B")
    assert watch.look({"A"}) == set()
    assert watch.expected == {"A"}
    watch.look({"A", "B"})
    assert watch.expected == {"A", "B"}
    watch.forget(["B"])
    assert watch.expected == {"A"}


def test_books_and_stream_differ_in_orders_fills_and_positions():
    told, books = (
        AccountView(),
        view_of(
            [
                an_order(1),
                an_order(2, filled="3"),
                UnreadableRow(book="orders", row_id="9", instrument=None, reason="?"),
            ],
            [a_position("-2"), a_position("0", "ETHUSDT")],
        ),
    )
    told.order(an_order(2, filled="1"))
    told.order(an_order(3))
    told.position("ASTER:SOLUSDT", PositionSide.SHORT, Decimal(-5))
    assert differences(books, books) == []
    assert differences(told, books) == [
        "ASTER:BTCUSDT BOTH is -2, the stream said 0",
        "ASTER:SOLUSDT SHORT is 0, the stream said 5",
        "order BTCUSDT:1 is open and the stream never said so",
        "order BTCUSDT:2 has filled 3, the stream said 1",
        "order BTCUSDT:3 is over and the stream never said so",
    ]


def test_what_is_remembered_is_bounded():
    reader = AccountReader()
    for number in range(1, REMEMBERED + 50):
        reader.read(a_fill(number, "1", order=number))
    assert len(reader._trades) == len(reader._orders) == REMEMBERED
    _, told = reader.read(a_fill(REMEMBERED, "1", order=REMEMBERED))
    assert told == []


def test_balances_and_positions_never_go_back():
    reader, view = AccountReader(), AccountView()
    told = []
    for at, position in ((2_000, "5"), (1_000, "3"), (2_000, "5")):
        stamped, events = reader.read(balances(at=at, position=position))
        view.balances(stamped.event, stamped.sent_at)
        told.append(len(events))
    assert told == [1, 0, 1]
    assert view.held == {("ASTER:BTCUSDT", PositionSide.BOTH): Decimal(5)}


def test_a_change_of_price_is_news_though_nothing_filled():
    reader = AccountReader()
    first, again = (reader.read(an_update(p=price))[1] for price in ("100", "101"))
    assert [event.order.price for event in (*first, *again)] == [Decimal(100), Decimal(101)]


@given(st.sampled_from(["o", ""]), st.sampled_from([*an_update()["o"], "e", "E", "T"]), anything)
def test_no_order_event_raises(place, key, value):
    body = a_fill(1, "1")
    (body["o"] if place else body)[key] = value
    stamped, told = AccountReader().read(body)
    assert stamped is not None or isinstance(told[0], FeedDoubt)
    assert all(event.trade.quantity > 0 for event in told if isinstance(event, FeedTrade))


@given(st.sampled_from(["s", "ps", "pa", "ep", "up", "mt", "iw"]), anything)
def test_no_change_of_balances_raises(key, value):
    body = json.loads(json.dumps(balances(position="1")))
    body["a"]["P"][0][key] = value
    stamped, told = AccountReader().read(body)
    assert told
    if stamped is not None:
        assert isinstance(stamped.event, AccountUpdate)
        AccountView().balances(stamped.event, START)


@given(st.dictionaries(st.sampled_from(["e", "E", "o", "a", "p", "ac", "ai", "en", "s"]), anything, max_size=5))
def test_no_body_raises(body):
    words = ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE", "announcement"]
    for word in words:
        _, told = AccountReader().read(body | {"e": word})
        assert isinstance(told, list)
    AccountReader().read(body)
