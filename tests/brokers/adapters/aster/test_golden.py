"""Every sample of Aster's is read by the very call that would bring it, and every file of the samples has a reader."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from brokers.adapters.aster import orders, quotes, settings, statements, words
from brokers.adapters.aster.account import IncomeRow, OrderRow, PositionRisk, TradeRow
from brokers.adapters.aster.calls import Act, Ask
from brokers.adapters.aster.errors import data_of
from brokers.adapters.aster.filters import rules_of
from brokers.adapters.aster.listing import listing_of
from brokers.adapters.aster.market import exchange_list
from brokers.adapters.aster.requests import Security
from brokers.adapters.aster.wire import row_of, rows_of
from brokers.domain.errors import DataError, Rejected, VenueError
from brokers.domain.orders import OrderStatus, OrderType, Side, VenueOrder
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide
from brokers.ports import Reply
from tests.brokers.adapters.aster.exchange import RULES, a_perpetual_order
from tests.fuzz.mutations import damaged_json
from tests.reference import reference_file

pytestmark = pytest.mark.reference

START, END, NOW = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021, 2030))
LIMIT = a_perpetual_order(order_type=OrderType.LIMIT, price="60000")
RESTING = words.venue_order(
    row_of(
        OrderRow,
        {
            "orderId": 1, "clientOrderId": "W1", "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "status": "NEW",
            "origQty": "1", "executedQty": "0", "price": "60000", "time": 1, "updateTime": 1,
        },
    )
)  # fmt: skip
CALLS: dict[str, Ask | Act] = {
    "rest/account.json": statements.summary(),
    "rest/adlQuantile.json": statements.deleverage_ranks(),
    "rest/aggTrades.json": quotes.aggregate_trades("BTCUSDT"),
    "rest/allOpenOrders_cancel.json": orders.cancel_all("BTCUSDT"),
    "rest/allOrders.json": statements.orders("BTCUSDT"),
    "rest/balance.json": statements.balances(),
    "rest/batchOrders_cancel_mixed.json": orders.cancel_batch("BTCUSDT", ["W1", "W2"]),
    "rest/batchOrders_new_mixed.json": orders.place_batch([LIMIT, LIMIT], {"BTCUSDT": RULES}, is_hedge=False),
    "rest/bookTicker_one.json": quotes.best_price("BTCUSDT"),
    "rest/chase.json": orders.chase(LIMIT, RULES, is_hedge=False),
    "rest/commissionRate.json": statements.commission("BTCUSDT"),
    "rest/countdownCancelAll.json": orders.countdown("BTCUSDT", 100),
    "rest/depth.json": quotes.depth("BTCUSDT"),
    "rest/exchangeInfo_doc.json": quotes.exchange_list(),
    "rest/forceOrders.json": statements.forced_orders("BTCUSDT"),
    "rest/fundingInfo.json": quotes.funding_terms(),
    "rest/fundingRate.json": quotes.funding_rates("BTCUSDT"),
    "rest/historicalTrades.json": quotes.old_trades("BTCUSDT"),
    "rest/income.json": statements.incomes(),
    "rest/indexPriceKlines.json": quotes.index_candles("BTCUSDT", "1m", start=START, end=END, now=NOW),
    "rest/indexreferences.json": quotes.index_makeup("BTCUSDT"),
    "rest/klines.json": quotes.candles("BTCUSDT", "1m", start=START, end=END, now=NOW),
    "rest/leverage.json": settings.leverage("BTCUSDT", 21),
    "rest/leverageBracket_all.json": statements.all_brackets(),
    "rest/leverageBracket_one.json": statements.all_brackets(),
    "rest/listenKey_delete.json": settings.end_stream_key(),
    "rest/listenKey_post.json": settings.stream_key(),
    "rest/listenKey_put.json": settings.extend_stream_key("key"),
    "rest/marginType.json": settings.margin_mode("BTCUSDT", MarginMode.ISOLATED),
    "rest/markPriceKlines.json": quotes.mark_candles("BTCUSDT", "1m", start=START, end=END, now=NOW),
    "rest/multiAssets_get.json": statements.is_multi_assets(),
    "rest/noop.json": settings.noop(),
    "rest/openOrder.json": statements.open_order("BTCUSDT", "W1"),
    "rest/openOrders.json": statements.open_orders("BTCUSDT"),
    "rest/order_cancel.json": orders.cancel("BTCUSDT:1"),
    "rest/order_modify.json": orders.modify(RESTING, price=Decimal(60000), rules=RULES),
    "rest/order_new.json": orders.place(LIMIT, RULES, is_hedge=False),
    "rest/order_query.json": statements.order("BTCUSDT", client_id="W1"),
    "rest/ping.json": quotes.ping(),
    "rest/positionMargin.json": settings.add_margin("BTCUSDT", Decimal(1)),
    "rest/positionRisk_hedge.json": statements.positions(),
    "rest/positionRisk_oneway.json": statements.positions("BTCUSDT"),
    "rest/positionSide_get.json": statements.is_hedge(),
    "rest/positionSide_set.json": settings.position_mode(is_hedge=True),
    "rest/premiumIndex_all.json": quotes.mark_prices(),
    "rest/premiumIndex_one.json": quotes.mark_price("BTCUSDT"),
    "rest/stpMode_get.json": statements.self_trade_mode(),
    "rest/ticker24hr_all.json": quotes.day_tickers(),
    "rest/ticker24hr_one.json": quotes.day_ticker("BTCUSDT"),
    "rest/tickerPrice_one.json": quotes.last_price("BTCUSDT"),
    "rest/time.json": quotes.server_time(),
    "rest/trades.json": quotes.recent_trades("BTCUSDT"),
    "rest/userTrades.json": statements.fills("BTCUSDT"),
    # captured from the exchange itself
    "live/account_v4.json": statements.summary(),
    "live/depth_ccxt.json": quotes.depth("BTCUSDT"),
    "live/exchangeInfo.json": quotes.exchange_list(),
    "live/income_ccxt.json": statements.incomes(),
    "live/order_ack_ccxt.json": orders.place(LIMIT, RULES, is_hedge=False),
    "live/orders_open_ccxt.json": statements.open_orders(),
    "live/positionRisk_ccxt.json": statements.positions(),
    "live/premiumIndex_ccxt.json": quotes.mark_price("BTCUSDT"),
    "live/userTrades_ccxt.json": statements.fills("BTCUSDT"),
}
# which test of this folder reads the others
ELSEWHERE = {
    "ws/": "test_feed_golden.py",
    "live/ws_": "test_rows.py",
    "signing/v1_hmac.json": "test_signing.py",
    "signing/v3_eip712.json": "test_signing.py",
    "signing/ccxt_v1_requests.json": "test_requests.py",
    "errors/codes.json": "test_errors.py",
    "errors/samples.json": "test_errors.py",
}
DOCUMENTS = {"INDEX.json", "PROVENANCE.md"}
SECURITY = {
    "NONE": {Security.OPEN},
    "MARKET_DATA": {Security.MARKET, Security.OPEN},
    "USER_STREAM": {Security.KEYED},
    "USER_DATA": {Security.SIGNED},
    "TRADE": {Security.SIGNED},
}


def sample(name):
    body = reference_file(name, folder="aster").read_bytes()
    # one row of a list was kept of this answer
    return b"[" + body + b"]" if name == "live/userTrades_ccxt.json" else body


def body_of(name):
    return json.loads(sample(name))


def read(call, body):
    """Read an answer as the transport does."""
    reply = Reply(status=200, headers={}, body=body)
    return call.read(data_of(reply, is_write=isinstance(call, Act)))


def test_every_file_of_the_samples_has_a_reader():
    folder = reference_file("INDEX.json", folder="aster").parent
    here = Path(__file__).parent
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - DOCUMENTS

    unread = {name for name in files if name not in CALLS and not name.startswith(tuple(ELSEWHERE))}

    assert unread == set()
    assert all((here / test).exists() for test in ELSEWHERE.values())
    assert CALLS.keys() <= files


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_sample_is_read_by_the_call_that_brings_it(name):
    found = read(CALLS[name], sample(name))

    rows = found if isinstance(found, tuple) else (found,)
    assert not any(type(row).__name__ == "UnreadableRow" for row in rows)
    if isinstance(CALLS[name], Ask) and body_of(name):
        assert found not in (None, ())


def test_each_call_goes_where_the_documents_say_and_is_signed_as_they_say():
    entries = [entry for entry in body_of("INDEX.json") if entry["file"].startswith("rest/")]
    assert len(entries) >= 50
    for entry in entries:
        request = CALLS[entry["file"]].request
        assert (request.method, request.path("v3")) == (entry["method"], entry["path"]), entry["file"]
        assert request.security in SECURITY[entry["security"]], entry["file"]


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_damaged_sample_is_read_or_refused_by_name(name):
    random = Random(name)
    for _ in range(40):
        try:
            read(CALLS[name], damaged_json(random, sample(name)))
        except (VenueError, DataError):
            continue


def test_an_order_says_what_the_exchange_said_of_it():
    [resting] = map(words.venue_order, rows_of(OrderRow, body_of("live/orders_open_ccxt.json")))
    new = words.venue_order(row_of(OrderRow, body_of("live/order_ack_ccxt.json")))

    assert isinstance(resting, VenueOrder)
    assert resting.venue_order_id.startswith(f"{resting.instrument.removeprefix('ASTER:')}:")
    assert (new.status, new.order_type, new.quantity) == (OrderStatus.ACCEPTED, OrderType.MARKET, Decimal("0.010"))
    assert new.tags == ("727Wt3TIUgkUCxXp20E543",)


def test_a_liquidation_and_a_deleverage_are_told_by_their_ids():
    rows = rows_of(OrderRow, body_of("rest/forceOrders.json"))

    assert [words.source_of(row.client_id, row.status) for row in rows] == [
        FillSource.LIQUIDATION,
        FillSource.DELEVERAGE,
    ]


def test_a_trade_a_position_and_an_income_keep_their_numbers():
    [trade] = [words.venue_trade(row) for row in rows_of(TradeRow, body_of("live/userTrades_ccxt.json"))]
    long, short = (words.venue_position(row) for row in rows_of(PositionRisk, body_of("rest/positionRisk_hedge.json")))
    [_, commission] = rows_of(IncomeRow, body_of("rest/income.json"))

    assert (trade.side, trade.quantity, trade.fee_quote) == (Side.SELL, Decimal("0.0030"), Decimal("0.00279605"))
    assert (long.position_side, long.quantity, long.liquidation_price) == (PositionSide.LONG, 20, Decimal("5930.78"))
    assert (short.position_side, short.quantity, short.margin_mode) == (PositionSide.SHORT, -10, MarginMode.ISOLATED)
    assert words.venue_funding(commission).amount_quote == Decimal("-0.01")


def test_the_list_gives_an_instrument_for_each_symbol_that_can_be_traded_or_is_held():
    listed = exchange_list(body_of("live/exchangeInfo.json"))
    listing = listing_of(listed)
    found = {one.symbol: one for one in listing.instruments}

    assert listing.skipped == 0
    assert found["BTCUSDT"].takes_orders
    assert not found["MATICUSDT"].takes_orders
    assert listing.statuses["ASTER:MATICUSDT"] == "SETTLING"
    assert found["ETHUSDT"].tick_size == Decimal("0.10")
    assert {one.min_notional_quote for one in listing.instruments} == {Decimal(5)}


def test_a_hundred_thousand_orders_as_they_leave_keep_every_filter_by_exact_modulo():
    rows = [row for row in body_of("live/exchangeInfo.json")["symbols"] if row["status"] == "TRADING"]
    random, sent = Random(7), 0
    for number in range(100_000):
        row = rows[number % len(rows)]
        filters = {item["filterType"]: item for item in row["filters"]}
        price = Decimal(repr(10 ** random.uniform(-3, 5.3)))
        quantity = Decimal(repr(10 ** random.uniform(-4, 6)))
        order = a_perpetual_order(
            instrument=f"ASTER:{row['symbol']}", order_type=OrderType.LIMIT, price=price, quantity=quantity,
            side=random.choice(list(Side)),
        )  # fmt: skip
        try:
            said = orders.fields_of(order, rules_of(row), is_hedge=False)
        except Rejected:
            continue
        sent += 1
        assert_keeps(filters["PRICE_FILTER"], said["price"], ("minPrice", "maxPrice", "tickSize"))
        assert_keeps(filters["LOT_SIZE"], said["quantity"], ("minQty", "maxQty", "stepSize"))
        assert said["price"] * said["quantity"] >= Decimal(filters["MIN_NOTIONAL"]["notional"])
        assert said["quantity"] <= quantity
    assert sent > 20_000


def assert_keeps(rule, value, names):
    low, high, step = (Decimal(rule[name]) for name in names)
    assert not low or value >= low
    assert not high or value <= high
    assert not step or (value - low) % step == 0
