"""The account's books, put together from those of its symbols."""

from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.errors import Retryable
from brokers.domain.orders import OrderStatus, UnreadableRow
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide
from tests.brokers.adapters.aster.exchange import (
    INSTRUMENT,
    a_perpetual_order,
    a_position_row,
    a_trade_row,
    a_venue,
    an_order_row,
    reply,
)
from tests.brokers.adapters.doubles import START, permit


async def test_the_book_shows_open_and_ended_orders_by_symbol():
    venue, exchange = a_venue()
    exchange.books["openOrders"] = [an_order_row()]
    exchange.books["allOrders"] = [
        an_order_row(),
        an_order_row(orderId=8, status="FILLED", executedQty="0.010", avgPrice="60001"),
    ]

    rows = {row.venue_order_id: row for row in await venue.orders()}

    assert rows["BTCUSDT:7"].status is OrderStatus.OPEN
    assert rows["BTCUSDT:7"].tags == ("W1TEST00001",)
    assert rows["BTCUSDT:7"].pending_quantity == Decimal("0.010")
    assert (rows["BTCUSDT:8"].filled_quantity, rows["BTCUSDT:8"].average_price) == (Decimal("0.010"), 60001)


async def test_between_two_looks_only_what_can_have_changed_is_read():
    venue, exchange = a_venue()
    exchange.books["openOrders"] = [an_order_row(orderId=5)]
    exchange.books["allOrders"] = [an_order_row(orderId=4, status="CANCELED"), an_order_row(orderId=5)]
    await venue.orders()
    exchange.books["allOrders"] = [an_order_row(orderId=5, status="FILLED", executedQty="0.010", avgPrice="1")]

    rows = await venue.orders()

    assert exchange.named("GET", "allOrders")[-1].params["orderId"] == "5"
    assert len(exchange.named("GET", "openOrders")) == 1
    assert {row.venue_order_id: row.status for row in rows} == {
        "BTCUSDT:4": OrderStatus.CANCELLED, "BTCUSDT:5": OrderStatus.FILLED,
    }  # fmt: skip


async def test_a_symbol_is_found_by_position_income_or_an_order_of_ours():
    for book in (
        {"positionRisk": [a_position_row()]},
        {
            "income": [
                {
                    "symbol": "BTCUSDT",
                    "incomeType": "COMMISSION",
                    "income": "-1",
                    "asset": "USDT",
                    "tranId": 1,
                    "time": 1,
                }
            ]
        },
    ):
        venue, exchange = a_venue()
        exchange.books |= book
        await venue.orders()
        assert [call.params["symbol"] for call in exchange.named("GET", "allOrders")] == ["BTCUSDT"]
    venue, exchange = a_venue()
    await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    venue.follow(["ASTER:ETHUSDT"])
    await venue.orders()
    assert {call.params["symbol"] for call in exchange.named("GET", "allOrders")} == {"BTCUSDT", "ETHUSDT"}


async def test_a_row_that_cannot_be_read_stands_among_the_others():
    venue, exchange = a_venue()
    exchange.books["openOrders"] = [an_order_row(), an_order_row(orderId=9, origQty="much")]
    exchange.books["allOrders"] = [an_order_row(), an_order_row(orderId=9, side="HOLD")]
    exchange.books["userTrades"] = [a_trade_row(), a_trade_row(id=71, price=None)]
    exchange.books["positionRisk"] = [a_position_row(), a_position_row(positionSide="UP")]

    orders_ = [row for row in await venue.orders() if isinstance(row, UnreadableRow)]
    trades = [row for row in await venue.trades() if isinstance(row, UnreadableRow)]
    positions = [row for row in await venue.positions() if isinstance(row, UnreadableRow)]

    assert [(row.book, row.row_id, row.instrument) for row in orders_] == [("orders", "BTCUSDT:9", "ASTER:BTCUSDT")]
    assert [(row.book, row.row_id) for row in trades] == [("trades", "71")]
    assert [(row.book, row.instrument) for row in positions] == [("positions", "ASTER:BTCUSDT")]


@pytest.mark.parametrize(
    ("client_id", "source"),
    [
        ("W1TEST00001", FillSource.TRADE),
        ("autoclose-1596107620040000020", FillSource.LIQUIDATION),
        ("adl_autoclose", FillSource.DELEVERAGE),
    ],
)
async def test_a_trade_says_its_fee_and_whose_hand_it_was(client_id, source):
    venue, exchange = a_venue()
    exchange.books["positionRisk"] = [a_position_row()]
    exchange.books["allOrders"] = [an_order_row(clientOrderId=client_id, status="FILLED", executedQty="0.010")]
    exchange.books["userTrades"] = [a_trade_row()]

    [trade] = await venue.trades()

    assert (trade.fee_quote, trade.source, trade.venue_order_id) == (Decimal("0.084"), source, "BTCUSDT:7")


@pytest.mark.parametrize(
    ("commission", "asset", "fee"),
    [("-0.02", "USDT", "-0.02"), ("0.001", "BNB", None), ("0.0001", "BTC", "6.01")],
)
async def test_a_fee_is_counted_in_the_quote_where_its_asset_has_a_price(commission, asset, fee):
    venue, exchange = a_venue()
    exchange.books["positionRisk"] = [a_position_row()]
    exchange.books["userTrades"] = [a_trade_row(commission=commission, commissionAsset=asset)]

    [trade] = await venue.trades()

    assert trade.fee_quote == (None if fee is None else Decimal(fee))


async def test_positions_show_what_is_held_and_what_was_closed_today():
    venue, exchange = a_venue()
    exchange.books["positionRisk"] = [
        a_position_row(),
        a_position_row(symbol="ETHUSDT", positionAmt="0", entryPrice="0"),
        a_position_row(symbol="SOLUSDT", positionAmt="0", entryPrice="0"),
    ]
    venue.follow(["ASTER:ETHUSDT"])
    closed = a_trade_row(symbol="ETHUSDT", realizedPnl="-3.5")
    exchange.script("GET", "userTrades", reply([closed]), reply([a_trade_row()]))

    rows = {row.instrument: row for row in await venue.positions()}

    assert set(rows) == {"ASTER:BTCUSDT", "ASTER:ETHUSDT"}
    assert rows["ASTER:ETHUSDT"].realised_quote == Decimal("-3.5")
    bitcoin = rows["ASTER:BTCUSDT"]
    assert (bitcoin.quantity, bitcoin.leverage, bitcoin.margin_mode) == (Decimal("0.004"), 10, MarginMode.CROSSED)
    assert (bitcoin.mark_price, bitcoin.liquidation_price) == (60100, 40000)


async def test_a_hedged_short_is_negative_whatever_the_exchange_writes():
    for amount in ("10", "-10"):
        venue, exchange = a_venue()
        exchange.books["positionRisk"] = [a_position_row(positionSide="SHORT", positionAmt=amount)]
        [row] = await venue.positions()
        assert (row.quantity, row.position_side) == (-10, PositionSide.SHORT)


async def test_one_order_is_found_by_our_own_id_or_not_at_all():
    venue, exchange = a_venue()
    exchange.script("GET", "order", reply(an_order_row()))

    assert (await venue.order("BTCUSDT", "W1TEST00001")).venue_order_id == "BTCUSDT:7"
    assert await venue.order("BTCUSDT", "W1TEST00002") is None


async def test_yesterday_s_ended_orders_leave_the_book_and_open_ones_stay():
    venue, exchange = a_venue()
    yesterday = 1795147200000 - 86_400_000
    old = {"time": yesterday, "updateTime": yesterday}
    exchange.books["openOrders"] = [an_order_row(orderId=2, **old)]
    exchange.books["allOrders"] = [an_order_row(orderId=1, status="CANCELED", **old), an_order_row(orderId=2, **old)]

    assert [row.venue_order_id for row in await venue.orders()] == ["BTCUSDT:2"]


async def test_what_the_desk_holds_open_is_shown_however_long_ago_it_ended():
    venue, exchange = a_venue()
    days_ago = 1795147200000 - 3 * 86_400_000
    exchange.books["allOrders"] = [an_order_row(orderId=1, status="FILLED", time=days_ago, updateTime=days_ago)]
    exchange.books["userTrades"] = [a_trade_row(orderId=1, time=days_ago)]
    venue.follow(["ASTER:BTCUSDT"])
    assert await venue.orders() == await venue.trades() == []

    venue.follow(["ASTER:BTCUSDT"], since=START - timedelta(days=4))
    venue.doubt()

    assert [row.venue_order_id for row in await venue.orders()] == ["BTCUSDT:1"]
    assert [row.venue_order_id for row in await venue.trades()] == ["BTCUSDT:1"]


async def test_an_order_waits_for_no_list_once_the_books_were_read():
    venue, exchange = a_venue()
    await venue.orders()
    exchange.clock.elapsed_s += 7200
    before = len(exchange.named("GET", "exchangeInfo"))

    await venue.place(a_perpetual_order(), INSTRUMENT, permit)
    during = len(exchange.named("GET", "exchangeInfo"))
    await venue.orders()

    assert (before, during, len(exchange.named("GET", "exchangeInfo"))) == (1, 1, 2)


async def test_an_old_list_serves_while_no_newer_one_is_had():
    venue, exchange = a_venue()
    await venue.orders()
    exchange.clock.elapsed_s += 7200
    exchange.script("GET", "exchangeInfo", *[Retryable("away")] * 4)

    assert await venue.orders() == []
    await venue.place(a_perpetual_order(), INSTRUMENT, permit)


async def test_a_thousand_orders_are_not_all_of_them():
    venue, exchange = a_venue()
    venue.follow(["ASTER:BTCUSDT"])
    await venue.orders()
    rows = [an_order_row(orderId=number, status="CANCELED") for number in range(10, 1510)]
    exchange.script("GET", "allOrders", reply(rows[:1]))
    venue.doubt()
    await venue.orders()
    exchange.script("GET", "allOrders", reply(rows[:1000]), reply(rows[999:]))

    found = await venue.orders()

    assert len(found) == 1500
    assert [call.params.get("orderId") for call in exchange.named("GET", "allOrders")] == [None, None, "10", "1009"]


async def test_an_order_that_the_exchange_has_forgotten_leaves_the_book():
    venue, exchange = a_venue()
    exchange.books["openOrders"] = exchange.books["allOrders"] = [an_order_row()]
    await venue.orders()
    exchange.books["openOrders"] = exchange.books["allOrders"] = []
    venue.doubt()

    assert await venue.orders() == []


async def test_what_is_doubted_is_read_whole():
    venue, exchange = a_venue()
    exchange.books["positionRisk"] = [a_position_row()]
    exchange.books["userTrades"] = [a_trade_row()]
    await venue.trades()
    await venue.trades()
    venue.doubt()
    await venue.trades()

    assert [call.params.get("fromId") for call in exchange.named("GET", "userTrades")] == [None, "70", None]


async def test_what_ended_today_stays_in_the_book_when_a_thousand_newer_ones_hide_it():
    venue, exchange = a_venue()
    venue.follow(["ASTER:BTCUSDT"])
    rows = [an_order_row(orderId=number, status="CANCELED") for number in range(1, 1003)]
    exchange.script("GET", "allOrders", reply(rows[:1000]), reply(rows[2:]))
    await venue.orders()
    venue.doubt()

    assert len(await venue.orders()) == 1002


async def test_yesterday_s_fills_are_forgotten_and_today_s_are_not():
    venue, exchange = a_venue()
    exchange.books["positionRisk"] = [a_position_row()]
    exchange.books["userTrades"] = [a_trade_row(id=60, time=1795147200000 - 86_400_000), a_trade_row()]

    assert [trade.trade_id for trade in await venue.trades()] == ["70"]
    assert venue._books._symbols["BTCUSDT"].fills.keys() == {"70"}


async def test_a_question_that_fails_loses_no_living_order():
    venue, exchange = a_venue()
    venue.follow(["ASTER:BTCUSDT"])
    rows = [an_order_row(orderId=7)] + [an_order_row(orderId=n, status="CANCELED") for n in range(8, 1008)]
    exchange.script("GET", "allOrders", reply(rows[:1]))
    await venue.orders()
    venue.doubt()
    exchange.script("GET", "allOrders", *[Retryable("away")] * 4)
    with pytest.raises(Retryable):
        await venue.orders()
    exchange.script("GET", "allOrders", reply(rows[1:]))
    exchange.script("GET", "order", reply(rows[0]))

    assert "BTCUSDT:7" in {row.venue_order_id for row in await venue.orders()}


async def test_a_doubt_that_arises_during_a_look_asks_for_another():
    venue, exchange = a_venue()

    def doubted(_):
        venue.doubt()
        return reply([])

    exchange.script("GET", "openOrders", doubted)
    await venue.orders()
    await venue.orders()

    assert len(exchange.named("GET", "openOrders")) == 2


async def test_a_look_that_fails_is_made_again():
    venue, exchange = a_venue()
    exchange.script("GET", "positionRisk", *[Retryable("away")] * 4)
    with pytest.raises(Retryable):
        await venue.orders()
    exchange.books["openOrders"] = exchange.books["allOrders"] = [an_order_row()]

    assert len(await venue.orders()) == 1
