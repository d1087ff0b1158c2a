"""Orders at the simulated Aster: filters, modes, kinds, changes, batches, the countdown."""

import json

import pytest

from brokers.simulator.aster.traders import SPARE_TRADER
from tests.brokers.simulator.aster_site import Caller, an_aster, price_text, run


@pytest.fixture
def caller():
    site, _, clock = an_aster()
    run(site, clock, 8)
    caller = Caller(site)
    caller.clock = clock
    return caller


def near(caller, factor, symbol="BTCUSDT"):
    return price_text(caller.site, symbol, factor)


def shown(caller, row=0):
    """Best bid and offer, as text."""
    from brokers.simulator.aster.market_payloads import best

    return best(caller.site.aster.venue, row)


def level_up(caller, *, side, quantity, row=0):
    """Let one level alone stand on a side, with so much of it."""
    board = caller.site.aster.venue.market.board
    first = board.depth if side == "SELL" else 0
    board.depth_quantity[row, first + 1 : first + board.depth] = 0
    board.depth_quantity[row, first] = quantity


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "1001"}, -4005),
        ({"price": "90000.05"}, -1111),
        ({"price": "0"}, -4013),
        ({"price": "2000000"}, -4002),
        ({"quantity": "abc"}, -1102),
        ({"quantity": "NaN"}, -1102),
        ({"price": None}, -1102),
        ({"timeInForce": "DAY"}, -1115),
        ({"side": "HOLD"}, -1117),
        ({"type": "GUESS"}, -1116),
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"symbol": "OLDUSDT", "price": "0.1730", "quantity": "100"}, -4140),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -4060),
        ({"newClientOrderId": "not allowed"}, -4015),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"reduceOnly": "true"}, -2022),
        ({"reduceOnly": "perhaps"}, -1130),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"workingType": "INDEX"}, -4031),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_its_number(caller, changes, code):
    assert (await caller.order(**changes))["code"] == code


async def test_prices_far_from_the_mark_and_small_orders_are_refused(caller):
    assert (await caller.order(price=near(caller, "1.021")))["code"] == -4016
    assert (await caller.order(side="SELL", price=near(caller, "0.979")))["code"] == -4024
    small = {"symbol": "SOLUSDT", "quantity": "0.03", "price": near(caller, "0.99", "SOLUSDT")}
    assert (await caller.order(**small))["code"] == -4164
    assert "status" in await caller.order(**{**small, "quantity": "0.05"})


async def test_a_tick_coarser_than_the_precision_counts(caller):
    price = near(caller, "0.995", "ETHUSDT")

    assert (await caller.order(symbol="ETHUSDT", price=price, quantity="0.010"))["status"] == "NEW"
    assert (await caller.order(symbol="ETHUSDT", price=f"{float(price) + 0.01:.2f}", quantity="0.010"))["code"] == -4014


async def test_a_non_ascii_symbol_trades_like_any_other(caller):
    bought = await caller.market(symbol="红隼USDT", quantity="500")

    assert (bought["symbol"], bought["status"]) == ("红隼USDT", "FILLED")


async def test_too_much_for_the_margin_or_the_leverage_is_refused(caller):
    await caller.v3("POST", "leverage", symbol="BTCUSDT", leverage="125")

    assert (await caller.order(quantity="1.000"))["code"] == -2027
    await caller.v3("POST", "leverage", symbol="BTCUSDT", leverage="1")
    assert (await caller.order(quantity="2.000"))["code"] == -2019


async def test_acknowledged_orders_say_new_though_they_are_filled(caller):
    placed = await caller.order(newClientOrderId="at-once")

    found = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="at-once")).json()

    assert (placed["status"], placed["executedQty"]) == ("NEW", "0")
    assert (found["status"], found["executedQty"]) == ("FILLED", "0.010")


async def test_a_client_id_is_unique_among_open_orders_alone(caller):
    first = await caller.order(price=near(caller, "0.99"), newClientOrderId="mine")
    twice = await caller.order(price=near(caller, "0.99"), newClientOrderId="mine")
    await caller.v3("DELETE", "order", symbol="BTCUSDT", orderId=first["orderId"])

    again = await caller.order(price=near(caller, "0.99"), newClientOrderId="mine")

    assert twice["code"] == -4116
    assert again["orderId"] != first["orderId"]


async def test_post_only_expires_where_it_would_take(caller):
    taking = await caller.order(timeInForce="GTX", price=shown(caller)["askPrice"], newOrderRespType="RESULT")
    making = await caller.order(timeInForce="GTX", price=shown(caller)["bidPrice"], newOrderRespType="RESULT")

    assert (taking["status"], making["status"]) == ("EXPIRED", "NEW")


async def test_fill_or_kill_fills_whole_or_not_at_all_and_immediate_or_cancel_what_it_can(caller):
    level_up(caller, side="SELL", quantity=40)
    price = near(caller, "1.001")

    killed = await caller.order(timeInForce="FOK", quantity="0.050", price=price, newOrderRespType="RESULT")
    partly = await caller.order(timeInForce="IOC", quantity="0.050", price=price, newOrderRespType="RESULT")

    assert (killed["status"], killed["executedQty"]) == ("EXPIRED", "0")
    assert (partly["status"], partly["executedQty"]) == ("EXPIRED", "0.040")


async def test_a_market_order_trades_no_further_than_its_bound(caller):
    level_up(caller, side="SELL", quantity=40)

    bought = await caller.market(quantity="0.100")

    assert (bought["status"], bought["executedQty"], bought["price"]) == ("EXPIRED", "0.040", "0")


async def test_two_accounts_trade_with_each_other_one_making_one_taking(caller):
    other = Caller(caller.site, SPARE_TRADER)
    level_up(caller, side="SELL", quantity=1)
    price = shown(caller)["askPrice"]
    await caller.order(side="SELL", price=price, quantity="0.020", newClientOrderId="maker")

    taken = await other.order(price=price, quantity="0.015", newOrderRespType="RESULT")

    mine = (await caller.v3("GET", "userTrades", symbol="BTCUSDT")).json()
    theirs = (await other.v3("GET", "userTrades", symbol="BTCUSDT")).json()
    assert taken["executedQty"] == "0.015"
    assert [(row["maker"], row["side"], row["qty"]) for row in mine] == [(True, "SELL", "0.014")]
    assert [row["maker"] for row in theirs] == [False, False]
    assert mine[0]["id"] == theirs[1]["id"]


async def test_a_reducing_order_never_turns_the_position_and_ends_with_it(caller):
    await caller.market(quantity="0.030")
    rest = {"side": "SELL", "reduceOnly": "true", "price": near(caller, "1.01"), "quantity": "0.030"}
    await caller.order(**rest, newClientOrderId="profit")

    sold = await caller.market(side="SELL", quantity="0.080", reduceOnly="true")

    ended = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="profit")).json()
    risk = (await caller.v3("GET", "positionRisk", symbol="BTCUSDT")).json()
    assert (sold["executedQty"], sold["status"]) == ("0.030", "EXPIRED")
    assert (ended["status"], risk[0]["positionAmt"]) == ("EXPIRED", "0.000")


async def test_stops_wait_fire_and_close_what_is_held(caller):
    await caller.market(quantity="0.030")
    stop = {"side": "SELL", "type": "STOP_MARKET", "closePosition": "true", "timeInForce": None, "quantity": None,
            "price": None, "workingType": "MARK_PRICE", "newClientOrderId": "stop"}  # fmt: skip
    at_once = await caller.order(**{**stop, "stopPrice": near(caller, "1.01")})
    await caller.order(**{**stop, "stopPrice": near(caller, "0.99")})
    waiting = (await caller.v3("GET", "openOrder", symbol="BTCUSDT", origClientOrderId="stop")).json()

    caller.site.aster.venue.market.push(-0.02)
    run(caller.site, caller.clock, 2)

    fired = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="stop")).json()
    assert at_once["code"] == -2021
    assert (waiting["type"], waiting["status"], waiting["closePosition"]) == ("STOP_MARKET", "NEW", True)
    assert (fired["type"], fired["origType"], fired["status"]) == ("MARKET", "STOP_MARKET", "FILLED")
    assert caller.site.aster.account(caller.trader.user).held() == []


async def test_a_trailing_stop_follows_the_best_price(caller):
    await caller.market(quantity="0.030")
    trailing = {"side": "SELL", "type": "TRAILING_STOP_MARKET", "timeInForce": None, "price": None,
                "quantity": "0.030", "callbackRate": "1", "newClientOrderId": "trail"}  # fmt: skip
    assert (await caller.order(**{**trailing, "callbackRate": "6"}))["code"] == -4020
    await caller.order(**trailing)

    caller.site.aster.venue.market.push(0.05)
    run(caller.site, caller.clock, 8)
    kept = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="trail")).json()["status"]
    caller.site.aster.venue.market.push(-0.02)
    run(caller.site, caller.clock, 8)

    fired = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="trail")).json()
    assert (kept, fired["status"]) == ("NEW", "FILLED")
    assert float(fired["avgPrice"]) > float(near(caller, "1")) * 0.99


@pytest.mark.parametrize("kind", ["STOP", "TAKE_PROFIT"])
async def test_a_stop_with_a_limit_rests_at_it_once_it_fired(caller, kind):
    away = "1.005" if kind == "STOP" else "0.995"
    await caller.order(type=kind, stopPrice=near(caller, away), price=near(caller, "0.99"), quantity="0.010",
                       newClientOrderId="limited")  # fmt: skip

    caller.site.aster.venue.market.push(0.01 if kind == "STOP" else -0.008)
    run(caller.site, caller.clock, 8)

    order = (await caller.v3("GET", "openOrder", symbol="BTCUSDT", origClientOrderId="limited")).json()
    assert (order["type"], order["origType"], order["status"]) == ("LIMIT", kind, "NEW")


async def test_no_more_than_ten_stops_wait_in_a_symbol(caller):
    stop = {"type": "STOP_MARKET", "timeInForce": None, "price": None, "stopPrice": near(caller, "1.02")}
    found = [await caller.order(**stop) for _ in range(11)]

    assert ["code" in answer for answer in found] == [False] * 10 + [True]
    assert found[-1]["code"] == -4045


async def test_hedge_mode_keeps_both_sides_and_refuses_what_belongs_to_one_way_mode(caller):
    await caller.v3("POST", "positionSide/dual", dualSidePosition="true")

    assert (await caller.order())["code"] == -4061
    assert (await caller.order(positionSide="LONG", reduceOnly="true"))["code"] == -4062
    assert (await caller.order(side="SELL", positionSide="LONG"))["code"] == -2022
    await caller.market(positionSide="LONG", quantity="0.020")
    await caller.market(side="SELL", positionSide="SHORT", quantity="0.010")
    risk = (await caller.v3("GET", "positionRisk", symbol="BTCUSDT")).json()
    assert [(row["positionSide"], row["positionAmt"]) for row in risk] == [("LONG", "0.020"), ("SHORT", "-0.010")]
    busy = (await caller.v3("POST", "positionSide/dual", dualSidePosition="false")).json()
    assert busy["code"] == -4068


async def test_a_change_keeps_the_old_order_where_it_is_bad_and_loses_its_place_where_it_is_good(caller):
    placed = await caller.order(price=near(caller, "0.99"))
    change = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}

    bad = (await caller.v3("PUT", "order", **change, quantity="0.010", price="0.15")).json()
    kept = (await caller.v3("GET", "order", **change)).json()
    good = (await caller.v3("PUT", "order", **change, quantity="0.020", price=near(caller, "0.985"))).json()

    assert bad["code"] == -1111
    assert kept["price"] == placed["price"]
    assert (good["origQty"], good["price"]) == ("0.020", near(caller, "0.985"))


async def test_a_batch_answers_in_order_and_holds_five_at_most(caller):
    row = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010",
           "price": near(caller, "0.99")}  # fmt: skip
    rows = [row, {**row, "quantity": "0"}, {**row, "newClientOrderId": "third"}]

    answers = (await caller.v3("POST", "batchOrders", batchOrders=json.dumps(rows))).json()
    many = (await caller.v3("POST", "batchOrders", batchOrders=json.dumps([row] * 6))).json()

    assert [answer.get("code", answer.get("clientOrderId", "")) for answer in answers][1:] == [-4003, "third"]
    assert many["code"] == -4082
    assert (await caller.v3("POST", "batchOrders", batchOrders="[1]")).json()[0]["code"] == -1130
    gone = (await caller.v3("DELETE", "batchOrders", symbol="BTCUSDT", orderIdList='["x"]')).json()
    assert gone[0]["code"] == -1130


async def test_cancelling_all_takes_one_symbols_orders(caller):
    await caller.order(price=near(caller, "0.99"))
    await caller.order(symbol="ETHUSDT", price=near(caller, "0.99", "ETHUSDT"), quantity="0.100")

    answer = (await caller.v3("DELETE", "allOpenOrders", symbol="BTCUSDT")).json()

    left = (await caller.v3("GET", "openOrders")).json()
    assert answer["code"] == "200"
    assert [order["symbol"] for order in left] == ["ETHUSDT"]
    assert (await caller.v3("DELETE", "allOpenOrders")).json()["code"] == -1102


async def test_the_countdown_cancels_stops_too_unless_it_is_renewed_or_switched_off(caller):
    await caller.order(type="STOP_MARKET", timeInForce=None, price=None, stopPrice=near(caller, "1.02"))
    await caller.v3("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime="2000")
    run(caller.site, caller.clock, 6)
    await caller.v3("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime="2000")
    run(caller.site, caller.clock, 6)
    renewed = len((await caller.v3("GET", "openOrders")).json())

    run(caller.site, caller.clock, 3)
    ended = (await caller.v3("GET", "openOrders")).json()

    await caller.order(price=near(caller, "0.99"))
    await caller.v3("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime="1000")
    await caller.v3("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime="0")
    run(caller.site, caller.clock, 8)
    assert (renewed, ended) == (1, [])
    assert len((await caller.v3("GET", "openOrders")).json()) == 1


async def test_a_test_order_is_checked_and_leaves_nothing(caller):
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}

    assert (await caller.v3("POST", "order/test", **asked, quantity="0.010")).json() == {}
    assert (await caller.v3("POST", "order/test", **asked, quantity="0")).json()["code"] == -4003
    assert caller.site.aster.account(caller.trader.user).orders == {}


async def test_orders_and_fills_are_listed_by_number_and_time(caller):
    placed = [await caller.market(quantity="0.001") for _ in range(3)]
    numbers = [order["orderId"] for order in placed]

    later = (await caller.v3("GET", "allOrders", symbol="BTCUSDT", orderId=numbers[1])).json()
    last = (await caller.v3("GET", "allOrders", symbol="BTCUSDT", limit="1")).json()
    fills = (await caller.v3("GET", "userTrades", symbol="BTCUSDT")).json()
    some = (await caller.v3("GET", "userTrades", symbol="BTCUSDT", fromId=fills[1]["id"])).json()
    mixed = (await caller.v3("GET", "userTrades", symbol="BTCUSDT", fromId="1", startTime="1")).json()
    long = (await caller.v3("GET", "allOrders", symbol="BTCUSDT", startTime="1", endTime="700000000")).json()

    assert [order["orderId"] for order in later] == numbers[1:]
    assert [order["orderId"] for order in last] == numbers[2:]
    assert some == fills[1:]
    assert (mixed["code"], long["code"]) == (-1128, -4165)
