"""The venue's own samples, through the whole feed."""

import json
from decimal import Decimal

import pytest

from brokers.domain.orders import OrderStatus, OrderType
from brokers.ports import FeedDoubt, FeedMessage, FeedOrder, FeedQuotes, FeedTrade, FeedWallet
from tests.brokers.adapters.aster.stream_doubles import Desk, settled
from tests.reference import reference_file

MARKET = ("24hrMiniTicker", "24hrTicker", "24hrTicker_arr", "aggTrade", "bookTicker", "markPriceUpdate")
MARKET += ("markPriceUpdate_arr",)
TOLERATED = ("kline", "forceOrder", "depth_partial", "depth_diff", "sub_ack", "list_subscriptions")
ACCOUNT = {
    "ACCOUNT_CONFIG_UPDATE_leverage": [FeedMessage, FeedDoubt],
    "ACCOUNT_CONFIG_UPDATE_modes": [FeedMessage, FeedDoubt],
    "ACCOUNT_UPDATE": [FeedWallet],
    "MARGIN_CALL": [FeedMessage, FeedDoubt],
    "ORDER_TRADE_UPDATE_new": [FeedOrder],
    "announcement": [FeedMessage],
    "listenKeyExpired": [],
}
CASES = ("local_book_case", "order_lifecycle_partial_fill")


def body_of(name):
    return json.loads(reference_file(f"ws/{name}.json", folder="aster").read_text())


@pytest.mark.reference
def test_no_sample_is_left_out():
    folder = reference_file("ws/sub_ack.json", folder="aster").parent
    assert {path.stem for path in folder.glob("*.json")} == {*MARKET, *TOLERATED, *ACCOUNT, *CASES}


@pytest.mark.reference
@pytest.mark.parametrize("name", MARKET)
@pytest.mark.parametrize("is_combined", [True, False])
async def test_every_market_sample_becomes_quotes(name, is_combined):
    body = body_of(name)
    async with Desk("BTCUSDT", "BNBUSDT") as desk:
        desk.exchange.markets[0].push({"stream": "x", "data": body} if is_combined else body)
        await settled()
        (quotes,) = desk.of(FeedQuotes)
        columns = quotes.columns
        assert len(columns) == 1
        assert columns.exchange_ns[0] == (body[0] if isinstance(body, list) else body)["E"] * 1_000_000
        assert any(column[0] > 0 for column in (columns.last_price, columns.bid, columns.mark_price))


@pytest.mark.reference
@pytest.mark.parametrize("name", TOLERATED)
async def test_every_other_market_sample_is_tolerated(name):
    async with Desk("BTCUSDT") as desk:
        desk.exchange.markets[0].push(body_of(name))
        await desk.advance(3)
        assert desk.states() == ["connected"]
        assert desk.feed.figures()["unreadable"] == 0


@pytest.mark.reference
@pytest.mark.parametrize("name", sorted(ACCOUNT))
async def test_every_account_sample_is_told(name):
    async with Desk() as desk:
        await desk.advance(2)
        before = len(desk.seen)
        await desk.hear(body_of(name))
        assert [type(event) for event in desk.seen[before:]] == ACCOUNT[name]
        assert desk.feed.figures()["account_unreadable"] == 0


@pytest.mark.reference
async def test_a_waiting_stop_is_told_as_one():
    async with Desk() as desk:
        await desk.advance(2)
        await desk.hear(body_of("ORDER_TRADE_UPDATE_new"))
        (told,) = desk.of(FeedOrder)
        assert (told.order.order_type, told.order.status) == (OrderType.TRAILING_STOP, OrderStatus.TRIGGER_PENDING)
        assert (told.order.tags, told.order.trigger_price) == (("TEST",), Decimal("7103.04"))


@pytest.mark.reference
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2, 1, 2)])
async def test_the_lifecycle_case_adds_up_in_any_order_of_arrival(order):
    case = body_of("order_lifecycle_partial_fill")
    async with Desk() as desk:
        await desk.advance(2)
        await desk.hear(*(case["events"][number] for number in order))
        fills = [event.trade for event in desk.of(FeedTrade)]
        last = desk.of(FeedOrder)[-1].order
        assert sorted(int(fill.trade_id) for fill in fills) == case["want"]["trades"]
        assert sum(fill.quantity for fill in fills) == Decimal(case["want"]["filled"]) == last.filled_quantity
        assert sum(fill.fee_quote for fill in fills) == Decimal(case["want"]["fees"]["USDT"])
        assert (last.status, last.average_price) == (OrderStatus.FILLED, Decimal(case["want"]["average"]))
