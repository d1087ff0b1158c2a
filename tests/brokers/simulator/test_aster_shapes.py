"""Every answer and event of the simulated Aster has the keys and JSON types of the venue's own samples."""

import json

import pytest

from tests.brokers.simulator.aster_site import Caller, an_aster, frames, listen, price_text, run
from tests.reference import reference_file

pytestmark = pytest.mark.reference
# What V3's captured replies have beyond the documents' samples.
BEYOND = {"newChainData"}


def sample(name, folder="rest"):
    return json.loads(reference_file(f"{folder}/{name}.json", folder="aster").read_text())


def shape(value):
    """Keys and JSON types; of a list what its rows have in common with each other, row by row the same."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items() if name not in BEYOND}
    if isinstance(value, list):
        rows = [shape(item) for item in value]
        return [row for at, row in enumerate(rows) if row not in rows[:at]]
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else "text"


def first(value):
    """A list cut to its first row: later ones repeat its shape, or are another kind of row."""
    return value[:1] if isinstance(value, list) else value


@pytest.fixture
async def traded():
    """An account that holds BTC, has an order waiting and a trailing stop."""
    site, _, clock = an_aster("--speed", "60")
    run(site, clock, 5)
    caller = Caller(site)
    await caller.market()
    await caller.order(price=price_text(site, "BTCUSDT", "0.99"), newClientOrderId="resting")
    await caller.v3("POST", "order", symbol="BTCUSDT", side="SELL", type="TRAILING_STOP_MARKET", quantity="0.050",
                    callbackRate="1.0", newClientOrderId="trailing")  # fmt: skip
    caller.clock = clock
    return caller


MARKET = [
    ("ping", "ping", {}),
    ("time", "time", {}),
    ("depth", "depth", {"symbol": "BTCUSDT"}),
    ("trades", "trades", {"symbol": "BTCUSDT"}),
    ("historicalTrades", "historicalTrades", {"symbol": "BTCUSDT"}),
    ("aggTrades", "aggTrades", {"symbol": "BTCUSDT"}),
    ("klines", "klines", {"symbol": "BTCUSDT", "interval": "1m"}),
    ("indexPriceKlines", "indexPriceKlines", {"pair": "BTCUSDT", "interval": "1m"}),
    ("markPriceKlines", "markPriceKlines", {"symbol": "BTCUSDT", "interval": "1m"}),
    ("premiumIndex", "premiumIndex_one", {"symbol": "BTCUSDT"}),
    ("premiumIndex", "premiumIndex_all", {}),
    ("fundingRate", "fundingRate", {"symbol": "BTCUSDT"}),
    ("fundingInfo", "fundingInfo", {}),
    ("ticker/24hr", "ticker24hr_one", {"symbol": "BTCUSDT"}),
    ("ticker/24hr", "ticker24hr_all", {}),
    ("ticker/price", "tickerPrice_one", {"symbol": "BTCUSDT"}),
    ("ticker/bookTicker", "bookTicker_one", {"symbol": "BTCUSDT"}),
    ("indexreferences", "indexreferences", {"symbol": "BTCUSDT"}),
]


@pytest.mark.parametrize(("name", "file", "params"), MARKET)
async def test_market_data_has_the_shape_of_the_sample(traded, name, file, params):
    answer = await traded.open(name, **params)

    assert answer.status_code == 200
    assert shape(first(answer.json())) == shape(first(sample(file)))


async def test_the_list_of_contracts_has_the_shape_of_the_captured_one(traded):
    ours = (await traded.open("exchangeInfo")).json()
    theirs = sample("exchangeInfo", folder="live")

    assert {k: v for k, v in shape(ours).items() if k != "symbols"} == {
        k: v for k, v in shape(theirs).items() if k != "symbols"
    }
    # SETTLING and its like share the shape; which sub-types a symbol has is data
    captured = {**theirs["symbols"][1], "underlyingSubType": []}
    for symbol in ours["symbols"]:
        assert shape(symbol) == shape(captured)


ACCOUNT = [
    ("balance", "balance", {}),
    ("account", "account", {}),
    ("positionRisk", "positionRisk_oneway", {"symbol": "BTCUSDT"}),
    ("order", "order_query", {"symbol": "BTCUSDT", "origClientOrderId": "trailing"}),
    ("openOrder", "openOrder", {"symbol": "BTCUSDT", "origClientOrderId": "trailing"}),
    ("userTrades", "userTrades", {"symbol": "BTCUSDT"}),
    ("income", "income", {}),
    ("leverageBracket", "leverageBracket_all", {}),
    ("leverageBracket", "leverageBracket_one", {"symbol": "BTCUSDT"}),
    ("commissionRate", "commissionRate", {"symbol": "BTCUSDT"}),
    ("positionSide/dual", "positionSide_get", {}),
    ("multiAssetsMargin", "multiAssets_get", {}),
    ("stpMode", "stpMode_get", {}),
]
# what the captured account has and the documents' sample lacks
CAPTURED = {"account": {"notional", "isolatedWallet"}}


@pytest.mark.parametrize(("name", "file", "params"), ACCOUNT)
async def test_account_data_has_the_shape_of_the_sample(traded, name, file, params):
    ours, theirs = (await traded.v3("GET", name, **params)).json(), sample(file)
    for row in ours["positions"] if name == "account" else ():
        for extra in CAPTURED["account"]:
            row.pop(extra)

    assert _cut(shape(first(ours))) == _cut(shape(first(theirs)))


def _cut(found):
    return {k: first(v) for k, v in found.items()} if isinstance(found, dict) else found


async def test_the_account_has_the_shape_of_the_captured_one_too(traded):
    ours, theirs = (await traded.v1("GET", "account", version="v4")).json(), sample("account_v4", folder="live")

    assert _cut(shape(ours)) == _cut(shape(theirs))


@pytest.mark.parametrize("file", ["openOrders", "allOrders"])
async def test_lists_of_orders_have_the_rows_of_the_sample(traded, file):
    rows = (await traded.v3("GET", file, symbol="BTCUSDT")).json()

    assert shape([row for row in rows if row["clientOrderId"] == "trailing"]) == shape(sample(file))


async def test_placing_changing_and_cancelling_answer_as_the_samples_do(traded):
    trailing = {"symbol": "BTCUSDT", "side": "SELL", "type": "TRAILING_STOP_MARKET", "quantity": "0.010",
                "callbackRate": "2"}  # fmt: skip
    placed = (await traded.v3("POST", "order", **trailing)).json()
    changed = (await traded.v3("PUT", "order", symbol="BTCUSDT", origClientOrderId="resting", quantity="0.020",
                               price=price_text(traded.site, "BTCUSDT", "0.985"))).json()  # fmt: skip
    cancelled = (await traded.v3("DELETE", "order", symbol="BTCUSDT", origClientOrderId="trailing")).json()

    assert shape(placed) == shape(sample("order_new"))
    assert shape(changed) == shape(sample("order_modify"))
    assert shape(cancelled) == shape(sample("order_cancel"))


async def test_batches_answer_in_the_order_of_the_request_with_orders_and_errors(traded):
    rows = [
        {"symbol": "BTCUSDT", "side": "SELL", "type": "TRAILING_STOP_MARKET", "quantity": "0.010", "callbackRate": "2",
         "newClientOrderId": "one"},
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.010", "reduceOnly": "true"},
    ]  # fmt: skip
    placed = (await traded.v3("POST", "batchOrders", batchOrders=json.dumps(rows))).json()
    gone = (await traded.v3("DELETE", "batchOrders", symbol="BTCUSDT", origClientOrderIdList='["one","never"]')).json()

    theirs = sample("batchOrders_new_mixed")
    # the documents' sample of a batch leaves closePosition out, their sample of one order has it
    assert shape([{k: v for k, v in placed[0].items() if k != "closePosition"}, placed[1]]) == shape(theirs)
    assert placed[1] == theirs[1]
    assert shape(gone) == shape(sample("batchOrders_cancel_mixed"))
    assert gone[1] == sample("batchOrders_cancel_mixed")[1]


async def test_writes_without_a_row_have_their_own_envelopes(traded):
    post = [
        ("allOpenOrders", "DELETE", "allOpenOrders_cancel", {"symbol": "BTCUSDT"}),
        ("countdownCancelAll", "POST", "countdownCancelAll", {"symbol": "BTCUSDT", "countdownTime": "100000"}),
        ("leverage", "POST", "leverage", {"symbol": "SOLUSDT", "leverage": "21"}),
        ("marginType", "POST", "marginType", {"symbol": "SOLUSDT", "marginType": "ISOLATED"}),
        ("noop", "POST", "noop", {}),
        ("listenKey", "POST", "listenKey_post", {}),
        ("listenKey", "PUT", "listenKey_put", {}),
        ("listenKey", "DELETE", "listenKey_delete", {}),
    ]
    for name, method, file, params in post:
        answer = (await traded.v3(method, name, **params)).json()
        theirs = sample(file)
        assert shape(answer) == shape(theirs), name
        if "code" in theirs or file == "countdownCancelAll":
            assert {k: v for k, v in answer.items() if k != "symbol"} == {
                k: v for k, v in theirs.items() if k != "symbol"
            }


async def test_isolated_margin_and_hedge_mode_answer_as_the_samples_do():
    site, _, clock = an_aster()
    run(site, clock, 2)
    caller = Caller(site)
    assert (await caller.v3("POST", "positionSide/dual", dualSidePosition="true")).json() == sample("positionSide_set")
    await caller.v3("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await caller.market(positionSide="LONG")
    moved = (
        await caller.v3("POST", "positionMargin", symbol="BTCUSDT", amount="100", type="1", positionSide="LONG")
    ).json()
    risk = (await caller.v3("GET", "positionRisk", symbol="BTCUSDT")).json()
    ranks = (await caller.v3("GET", "adlQuantile", symbol="BTCUSDT")).json()

    assert moved == sample("positionMargin")
    assert shape(risk) == shape(sample("positionRisk_hedge"))
    assert [row["positionSide"] for row in risk] == ["LONG", "SHORT"]
    assert shape(ranks) == shape(sample("adlQuantile")[:1])


async def test_forced_orders_have_the_rows_of_the_sample(traded):
    await traded.client.post("/sim/faults", json={"kind": "deleverage", "fraction": 0.5})
    await traded.client.post("/sim/faults", json={"kind": "liquidate"})

    rows = (await traded.v3("GET", "forceOrders")).json()

    assert shape(rows) == shape(sample("forceOrders"))
    assert [row["clientOrderId"][:9] for row in rows] == ["adl_autoc", "autoclose"]


STREAMS = [
    ("btcusdt@aggTrade", "aggTrade"),
    ("btcusdt@bookTicker", "bookTicker"),
    ("btcusdt@markPrice@1s", "markPriceUpdate"),
    ("!markPrice@arr@1s", "markPriceUpdate_arr"),
    ("btcusdt@kline_1m", "kline"),
    ("btcusdt@miniTicker", "24hrMiniTicker"),
    ("btcusdt@ticker", "24hrTicker"),
    ("!ticker@arr", "24hrTicker_arr"),
    ("btcusdt@depth5", "depth_partial"),
    ("btcusdt@depth@100ms", "depth_diff"),
    ("btcusdt@forceOrder", "forceOrder"),
]


@pytest.mark.parametrize(("name", "file"), STREAMS)
async def test_streams_say_what_the_samples_say(traded, name, file):
    aster = traded.site.aster
    socket = listen(aster, name)
    await traded.client.post("/sim/faults", json={"kind": "liquidate"})
    run(traded.site, traded.clock, 8)

    events = [json.loads(frame) for frame in frames(socket)]

    assert _cut(shape(events[0])) == _cut(shape(sample(file, folder="ws")))


async def test_the_account_stream_says_what_the_samples_say(traded):
    aster = traded.site.aster
    key = (await traded.v3("POST", "listenKey")).json()["listenKey"]
    socket = listen(aster, key)
    await traded.v3("POST", "leverage", symbol="ETHUSDT", leverage="25")
    await traded.v3("POST", "multiAssetsMargin", multiAssetsMargin="true")
    await traded.v3("POST", "order", symbol="BTCUSDT", side="SELL", type="TRAILING_STOP_MARKET", quantity="0.001",
                    callbackRate="5")  # fmt: skip
    await traded.market(quantity="0.010")
    aster.expire_key(traded.trader.user)

    events = [json.loads(frame) for frame in frames(socket)]

    told = {}
    for event in events:
        told.setdefault((event["e"], next((k for k in ("ac", "ai") if k in event), "")), event)
    assert shape(told["ACCOUNT_CONFIG_UPDATE", "ac"]) == shape(sample("ACCOUNT_CONFIG_UPDATE_leverage", folder="ws"))
    assert shape(told["ACCOUNT_CONFIG_UPDATE", "ai"]) == shape(sample("ACCOUNT_CONFIG_UPDATE_modes", folder="ws"))
    assert shape(told["ORDER_TRADE_UPDATE", ""]) == shape(sample("ORDER_TRADE_UPDATE_new", folder="ws"))
    assert shape(told["ACCOUNT_UPDATE", ""]) == shape(sample("ACCOUNT_UPDATE", folder="ws"))
    assert shape(told["listenKeyExpired", ""]) == shape(sample("listenKeyExpired", folder="ws"))
