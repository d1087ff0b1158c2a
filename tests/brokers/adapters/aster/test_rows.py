import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster import account, events, market
from brokers.adapters.aster.errors import Refusal
from brokers.adapters.aster.wire import exact, flag, row_of, rows_of
from brokers.domain.errors import DataError
from tests.reference import reference_file

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SUCCESS_ONLY = {
    "rest/allOpenOrders_cancel.json", "rest/marginType.json", "rest/noop.json", "rest/positionMargin.json",
    "rest/positionSide_set.json", "rest/ping.json", "rest/listenKey_put.json", "rest/listenKey_delete.json",
}  # fmt: skip
ROWS = {
    "rest/account.json": account.AccountSummary, "live/account_v4.json": account.AccountSummary,
    "rest/adlQuantile.json": account.DeleverageRank, "rest/aggTrades.json": market.AggregateTrade,
    "rest/allOrders.json": account.OrderRow, "rest/balance.json": account.BalanceRow,
    "rest/bookTicker_one.json": market.BestPrices, "rest/chase.json": account.ChaseRow,
    "rest/commissionRate.json": account.CommissionRate, "rest/countdownCancelAll.json": account.CountdownSet,
    "rest/depth.json": market.DepthSnapshot, "live/depth_ccxt.json": market.DepthSnapshot,
    "rest/forceOrders.json": account.OrderRow, "rest/fundingInfo.json": market.FundingTerms,
    "rest/fundingRate.json": market.FundingRate, "rest/historicalTrades.json": market.MarketTrade,
    "rest/income.json": account.IncomeRow, "live/income_ccxt.json": account.IncomeRow,
    "rest/indexreferences.json": market.IndexMakeup, "rest/leverage.json": account.LeverageSet,
    "rest/leverageBracket_all.json": account.SymbolBrackets, "rest/leverageBracket_one.json": account.SymbolBrackets,
    "rest/openOrder.json": account.OrderRow, "rest/openOrders.json": account.OrderRow,
    "live/orders_open_ccxt.json": account.OrderRow, "live/order_ack_ccxt.json": account.OrderRow,
    "rest/order_cancel.json": account.OrderRow, "rest/order_modify.json": account.OrderRow,
    "rest/order_new.json": account.OrderRow, "rest/order_query.json": account.OrderRow,
    "rest/positionRisk_hedge.json": account.PositionRisk, "rest/positionRisk_oneway.json": account.PositionRisk,
    "live/positionRisk_ccxt.json": account.PositionRisk, "rest/premiumIndex_all.json": market.MarkPrice,
    "rest/premiumIndex_one.json": market.MarkPrice, "live/premiumIndex_ccxt.json": market.MarkPrice,
    "rest/ticker24hr_all.json": market.DayTicker, "rest/ticker24hr_one.json": market.DayTicker,
    "rest/tickerPrice_one.json": market.PriceTicker, "rest/trades.json": market.MarketTrade,
    "rest/userTrades.json": account.TradeRow, "live/userTrades_ccxt.json": account.TradeRow,
}  # fmt: skip
READERS = {
    "rest/batchOrders_cancel_mixed.json": account.batch_of, "rest/batchOrders_new_mixed.json": account.batch_of,
    "rest/exchangeInfo_doc.json": market.exchange_list, "live/exchangeInfo.json": market.exchange_list,
    "rest/klines.json": lambda body: market.klines(body, now=NOW),
    "rest/indexPriceKlines.json": lambda body: market.klines(body, now=NOW),
    "rest/markPriceKlines.json": lambda body: market.klines(body, now=NOW),
    "rest/listenKey_post.json": account.listen_key_of,
    "rest/multiAssets_get.json": lambda body: account.mode_of(body, "multiAssetsMargin"),
    "rest/positionSide_get.json": lambda body: account.mode_of(body, "dualSidePosition"),
    "rest/stpMode_get.json": lambda body: body["stpMode"], "rest/time.json": lambda body: body["serverTime"],
}  # fmt: skip
ACCOUNT_EVENTS = {
    "ws/ACCOUNT_CONFIG_UPDATE_leverage.json": events.LeverageChange,
    "ws/ACCOUNT_CONFIG_UPDATE_modes.json": events.ModeChange,
    "ws/ACCOUNT_UPDATE.json": events.AccountUpdate, "live/ws_ACCOUNT_UPDATE_ccxt.json": events.AccountUpdate,
    "ws/MARGIN_CALL.json": events.MarginCall, "ws/ORDER_TRADE_UPDATE_new.json": events.OrderUpdate,
    "ws/announcement.json": events.Announcement, "ws/listenKeyExpired.json": events.StreamKeyExpired,
}  # fmt: skip


def body_of(name):
    return json.loads(reference_file(name, folder="aster").read_text())


@pytest.mark.reference
@pytest.mark.parametrize("name", sorted(ROWS))
def test_every_documented_row_is_read(name):
    rows = rows_of(ROWS[name], body_of(name))
    assert rows


@pytest.mark.reference
@pytest.mark.parametrize("name", sorted(READERS))
def test_every_other_documented_answer_is_read(name):
    assert READERS[name](body_of(name)) is not None


@pytest.mark.reference
@pytest.mark.parametrize("name", sorted(ACCOUNT_EVENTS))
def test_every_documented_account_event_is_read(name):
    stamped = events.account_event(body_of(name))
    assert isinstance(stamped.event, ACCOUNT_EVENTS[name])
    assert stamped.sent_at is not None or name == "ws/announcement.json"


@pytest.mark.reference
def test_no_rest_sample_is_left_unread():
    folder = reference_file("rest/ping.json", folder="aster").parent
    found = {f"rest/{path.name}" for path in folder.glob("*.json")}
    assert found == {name for name in (*ROWS, *READERS, *SUCCESS_ONLY) if name.startswith("rest/")}


@pytest.mark.reference
def test_a_batch_tells_orders_from_refusals_in_request_order():
    order, refusal = account.batch_of(body_of("rest/batchOrders_new_mixed.json"))
    assert order.order_id == "22542179"
    assert refusal == Refusal(status=200, code=-2022, message="ReduceOnly Order is rejected.")


@pytest.mark.reference
def test_the_lifecycle_case_adds_up():
    case = body_of("ws/order_lifecycle_partial_fill.json")
    steps = [events.account_event(body).event for body in case["events"]]
    fills = [step for step in steps if step.has_fill]
    assert [int(step.trade_id) for step in fills] == case["want"]["trades"]
    assert sum(step.fill_quantity for step in fills) == Decimal(case["want"]["filled"]) == steps[-1].filled_quantity
    value = sum(step.fill_quantity * step.fill_price for step in fills)
    assert value / steps[-1].filled_quantity == Decimal(case["want"]["average"]) == steps[-1].average_price
    assert {"USDT": sum(step.fee for step in fills)} == {
        asset: Decimal(fee) for asset, fee in case["want"]["fees"].items()
    }


@pytest.mark.reference
def test_an_unknown_key_is_kept_and_never_refused():
    row = row_of(account.OrderRow, body_of("live/order_ack_ccxt.json"))
    assert set(row.extra["newChainData"]) == {"hash"}
    assert row.status == "NEW"


def an_update(**changes):
    order = {
        "s": "BTCUSDT", "c": "W1", "i": 7, "S": "SELL", "o": "LIMIT", "f": "IOC", "x": "NEW", "X": "NEW", "q": "1",
        "p": "0", "ap": "0", "sp": "0", "z": "0", "l": "0", "L": "0", "t": 0, "T": 5, "m": False, "R": False, "ps": "BOTH",
    }  # fmt: skip
    return events.account_event({"e": "ORDER_TRADE_UPDATE", "E": 5, "o": order | changes}).event


@pytest.mark.parametrize("changes", [{"c": "autoclose-1596107620040"}, {"c": "adl_autoclose"}, {"X": "NEW_ADL"}])
def test_a_liquidation_is_told_from_an_order_of_ours(changes):
    assert an_update(**changes).is_forced
    assert not an_update().is_forced


def test_a_step_without_an_execution_is_no_fill():
    assert not an_update(x="NEW").has_fill
    assert not an_update(x="CANCELED", l="0").has_fill
    assert an_update(x="CALCULATED", l="1").has_fill


def test_an_event_of_a_later_version_is_kept_by_its_word():
    assert events.account_event({"e": "SOMETHING_NEW", "E": 1}).event == events.UnknownEvent(word="SOMETHING_NEW")


@pytest.mark.parametrize(
    ("body", "words"),
    [([], "an object"), ({}, "is missing"), ({"symbol": "X", "makerCommissionRate": "much"}, "makerCommissionRate")],
)
def test_a_row_that_cannot_be_read_names_itself_and_the_key(body, words):
    with pytest.raises(DataError, match=words) as error:
        row_of(account.CommissionRate, body)
    assert "CommissionRate" in error.value.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(set(ROWS.values()), key=str)), json_values)
def test_no_damaged_row_raises_anything_but_a_data_error(kind, body):
    try:
        rows_of(kind, body)
    except DataError:
        return
    assert body == []


@given(st.sampled_from(["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "MARGIN_CALL", "ACCOUNT_CONFIG_UPDATE", "announcement"]),
       st.dictionaries(st.sampled_from(["E", "o", "a", "p", "ac", "ai", "en"]), json_values, max_size=4))  # fmt: skip
def test_no_damaged_event_raises_anything_but_a_data_error(word, body):
    try:
        stamped = events.account_event({**body, "e": word})
    except DataError:
        return
    assert stamped.event is not None


@pytest.mark.parametrize("value", [True, None, "NaN", "Infinity", "1,5", []])
def test_what_is_no_number_is_refused(value):
    with pytest.raises((ValueError, ArithmeticError)):
        exact(value)


def test_truths_come_as_json_or_as_words():
    assert [flag(value) for value in (True, False, "true", "FALSE")] == [True, False, True, False]
    with pytest.raises(KeyError):
        flag("perhaps")
