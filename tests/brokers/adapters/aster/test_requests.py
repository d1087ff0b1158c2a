import json
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest

from brokers.adapters.aster import requests
from brokers.adapters.aster.requests import Security
from brokers.domain.errors import Invalid
from tests.reference import reference_file


def at(milliseconds):
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


RECORDED = {
    "klines": requests.klines("BTCUSDT", "5m", start=at(1749806347909), limit=1),
    "indexPriceKlines (pair, not symbol)": requests.market(
        "indexPriceKlines", 1, pair="BTCUSDT", startTime=at(1749806347909), limit=1, interval="5m"
    ),
    "fundingRate": requests.funding_rates("BTCUSDT", limit=1),
    "userTrades": requests.signed_read("userTrades", 5, symbol="BTCUSDT", startTime=at(1750400269888), limit=1),
    "positionMode get": requests.position_mode(),
    "commissionRate": requests.commission_rate("BTCUSDT"),
    "openOrder": requests.signed_read("openOrder", 1, orderId="1917641", symbol="BTCUSDT"),
    "openOrders": requests.open_orders("BTCUSDT"),
    "positionMargin add": requests.add_margin("BTCUSDT", Decimal(3)),
    "cancel all": requests.cancel_all("BTCUSDT"),
    "cancel by client id": requests.cancel("BTCUSDT", client_id="123"),
    "leverage": requests.set_leverage("BTCUSDT", 21),
    "market buy": requests.place({"symbol": "ASTERUSDT", "side": "BUY", "type": "MARKET", "quantity": Decimal(10)}),
    "stop limit (trigger)": requests.place(
        {"symbol": "ASTERUSDT", "side": "BUY", "type": "STOP", "quantity": Decimal("1E+1"),
         "price": Decimal("0.70"), "stopPrice": Decimal("0.8")}
    ),
}  # fmt: skip


@pytest.mark.reference
def test_every_recorded_request_is_rebuilt():
    cases = json.loads(reference_file("signing/ccxt_v1_requests.json", folder="aster").read_text())["cases"]
    assert {case["name"] for case in cases} == set(RECORDED)
    for case in cases:
        request = RECORDED[case["name"]]
        assert request.method == case["method"]
        assert request.path("v1") == urlsplit(case["url"]).path
        assert dict(request.params) == dict(parse_qsl(case["params"]))
        assert (request.security is Security.SIGNED) == case["signed"]


def test_the_generations_differ_where_the_documents_say_so():
    assert requests.balances().path("v1") == "/fapi/v2/balance"
    assert requests.balances().path("v3") == "/fapi/v3/balance"
    assert requests.account().path("v1") == "/fapi/v4/account"
    assert requests.account().path("v3") == "/fapi/v3/accountWithJoinMargin"


def test_a_change_of_an_order_needs_an_agent_wallet():
    change = requests.modify("BTCUSDT", "7", side="BUY", quantity=Decimal(1), price=Decimal(2))
    assert change.path("v3") == "/fapi/v3/order"
    with pytest.raises(Invalid) as refusal:
        change.path("v1")
    assert refusal.value.code == "aster.v3_only"


@pytest.mark.parametrize(("limit", "weight"), [(5, 2), (50, 2), (100, 5), (500, 10), (1000, 20)])
def test_the_book_weighs_what_it_brings(limit, weight):
    assert requests.depth("BTCUSDT", limit).weight == weight


@pytest.mark.parametrize(("limit", "weight"), [(99, 1), (100, 2), (499, 2), (500, 5), (1000, 5), (1500, 10)])
def test_candles_weigh_by_their_count(limit, weight):
    assert requests.klines("BTCUSDT", "1m", limit=limit).weight == weight


def test_everything_at_once_weighs_more_than_one_symbol():
    assert (requests.open_orders().weight, requests.open_orders("BTCUSDT").weight) == (40, 1)
    assert (requests.day_tickers().weight, requests.day_tickers("BTCUSDT").weight) == (40, 1)


def test_cancels_go_first():
    assert requests.cancel("BTCUSDT", order_id="1").is_urgent
    assert requests.cancel_all("BTCUSDT").is_urgent
    assert not requests.place({"symbol": "BTCUSDT"}).is_urgent


def test_a_batch_is_one_compact_list_of_plain_numbers():
    batch = requests.place_batch([{"symbol": "A", "quantity": Decimal("1E+2"), "reduceOnly": True, "price": None}])
    assert batch.params == (("batchOrders", '[{"symbol":"A","quantity":"100","reduceOnly":"true"}]'),)
    cancels = requests.cancel_batch("A", ["x", "y"])
    assert dict(cancels.params)["origClientOrderIdList"] == '["x","y"]'


@pytest.mark.parametrize(
    "build",
    [
        lambda: requests.place_batch([]),
        lambda: requests.place_batch([{}] * 6),
        lambda: requests.cancel_batch("A", ["x"] * 11),
        lambda: requests.cancel("A"),
        lambda: requests.cancel("A", order_id="1", client_id="2"),
        lambda: requests.depth("A", 1001),
        lambda: requests.klines("A", "1m", limit=0),
        lambda: requests.set_leverage("A", 126),
        lambda: requests.set_margin_type("A", "PORTFOLIO"),
        lambda: requests.add_margin("A", Decimal(0)),
        lambda: requests.account_trades("A", from_id="1", start=at(1)),
    ],
)
def test_what_the_exchange_would_refuse_is_refused_here_by_field(build):
    with pytest.raises(Invalid) as refusal:
        build()
    assert refusal.value.field
