"""Changes of orders, settings of the account, and everything else that is asked."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.adapters.aster import orders, settings
from brokers.adapters.aster.settings import SelfTrade, Way
from brokers.domain.errors import Ambiguous, Invalid, Rejected
from brokers.domain.orders import OrderStatus, OrderType
from brokers.domain.perpetual_terms import MarginMode, PositionSide
from tests.brokers.adapters.aster.exchange import (
    INSTRUMENT,
    USER,
    V1,
    V3,
    a_mark,
    a_perpetual_order,
    a_venue,
    an_order_row,
    refusal,
    reply,
)
from tests.brokers.adapters.doubles import OpenBudget, permit

LIMIT = {"order_type": OrderType.LIMIT, "price": "60000"}


async def test_a_limit_order_takes_another_price_with_its_quantity():
    venue, exchange = a_venue()
    exchange.books["openOrders"] = exchange.books["allOrders"] = [an_order_row()]
    [row] = await venue.orders()
    exchange.script("PUT", "order", reply(an_order_row(price="59999.9")))

    await venue.modify(row, price=Decimal("59999.99"), trigger_price=None, before_write=permit)

    [call] = exchange.named("PUT", "order")
    says = {"symbol": "BTCUSDT", "orderId": "7", "side": "BUY", "quantity": "0.01", "price": "59999.9"}
    assert call.params.items() >= says.items()


async def test_a_key_of_v1_and_a_trigger_are_not_changed_and_say_why():
    venue, exchange = a_venue(credentials=V1)
    exchange.books["openOrders"] = exchange.books["allOrders"] = [an_order_row()]
    [row] = await venue.orders()
    with pytest.raises(Rejected, match="agent wallets") as refused:
        await venue.modify(row, price=Decimal(59999), trigger_price=None, before_write=permit)
    assert refused.value.code == "aster.v3_only"

    venue, exchange = a_venue()
    stop = an_order_row(type="STOP_MARKET", origType="STOP_MARKET", stopPrice="59000", price="0")
    exchange.books["openOrders"] = exchange.books["allOrders"] = [stop]
    [row] = await venue.orders()
    assert row.status is OrderStatus.TRIGGER_PENDING
    with pytest.raises(Rejected, match="place another stop"):
        await venue.modify(row, price=None, trigger_price=Decimal(58000), before_write=permit)
    assert exchange.writes() == []


async def test_what_is_so_already_counts_as_done():
    venue, exchange = a_venue()
    exchange.script("POST", "marginType", refusal(-4046, "No need to change margin type."))

    assert await venue.configure(settings.margin_mode("BTCUSDT", MarginMode.ISOLATED), permit) is None
    exchange.script("POST", "marginType", refusal(-4047, "open orders"))
    with pytest.raises(Rejected):
        await venue.configure(settings.margin_mode("BTCUSDT", MarginMode.ISOLATED), permit)


@pytest.mark.parametrize(
    ("write", "name", "says"),
    [
        (settings.add_margin("BTCUSDT", Decimal(3)), "positionMargin", {"amount": "3", "type": "1"}),
        (settings.reduce_margin("BTCUSDT", Decimal(3), PositionSide.LONG), "positionMargin", {"type": "2", "positionSide": "LONG"}),
        (settings.position_mode(is_hedge=True), "positionSide/dual", {"dualSidePosition": "true"}),
        (settings.multi_assets(is_on=False), "multiAssetsMargin", {"multiAssetsMargin": "false"}),
        (settings.self_trade(SelfTrade.BOTH), "stpMode", {"stpMode": "EXPIRE_BOTH"}),
        (settings.transfer(Decimal("1.5"), "USDT", Way.TO_SPOT, "t-1"), "asset/wallet/transfer", {"kindType": "FUTURE_SPOT"}),
        (settings.noop(), "noop", {}),
        (orders.cancel_all("BTCUSDT"), "allOpenOrders", {"symbol": "BTCUSDT"}),
    ],
)  # fmt: skip
async def test_a_setting_is_sent_once_in_its_own_words(write, name, says):
    venue, exchange = a_venue()

    await venue.configure(write, permit)

    [call] = exchange.writes()
    assert call.name == name
    assert call.params.items() >= says.items()


async def test_leverage_tells_the_notional_that_goes_with_it():
    venue, exchange = a_venue()
    exchange.script("POST", "leverage", reply({"symbol": "BTCUSDT", "leverage": 21, "maxNotionalValue": "1000000"}))

    assert (await venue.configure(settings.leverage("BTCUSDT", 21), permit)).most_notional == 1_000_000


async def test_a_batch_answers_order_by_order_and_a_short_answer_is_in_doubt():
    venue, exchange = a_venue()
    rules = {"BTCUSDT": await venue._rules.of("BTCUSDT")}
    batch = [a_perpetual_order(client_id=f"W1B{number}", **LIMIT) for number in range(2)]
    write = orders.place_batch(batch, rules, is_hedge=False)
    exchange.script("POST", "batchOrders", reply([an_order_row(), {"code": -2019, "msg": "Margin"}]), reply([]))

    placed, refused = await venue.act(write, permit, kind="order")

    assert (placed.order_id, refused.code) == ("7", -2019)
    with pytest.raises(Ambiguous):
        await venue.act(write, permit, kind="order")


async def test_an_order_is_looked_over_without_being_placed():
    venue, exchange = a_venue()
    rules = await venue._rules.of("BTCUSDT")

    await venue.act(orders.check(a_perpetual_order(**LIMIT), rules, is_hedge=False), permit, kind="read")

    assert [call.name for call in exchange.writes()] == ["order/test"]


async def test_the_dead_man_s_switch_is_started_anew_and_believed_only_at_its_word():
    venue, exchange = a_venue()
    exchange.script(
        "POST", "countdownCancelAll", reply({"symbol": "BTCUSDT", "countdownTime": "120000"}),
        reply({"symbol": "BTCUSDT", "countdownTime": "0"}),
    )  # fmt: skip

    await venue.countdown("BTCUSDT", 120, permit)

    assert exchange.writes()[0].params["countdownTime"] == "120000"
    with pytest.raises(Ambiguous):
        await venue.countdown("BTCUSDT", 120, permit)


async def test_the_stream_s_key_is_signed_for_by_an_agent_and_named_by_a_key_of_v1():
    for credentials in (V3, V1):
        venue, exchange = a_venue(credentials=credentials)
        key = await venue.stream_key()
        await venue.extend_stream_key(key)
        assert key == "a-stream-key"
        signed = ["signature" in call.params for call in exchange.writes()]
        assert signed == [credentials is V3] * 2
    exchange.script("PUT", "listenKey", refusal(-1125, "This listenKey does not exist."))
    with pytest.raises(Rejected) as dead:
        await venue.extend_stream_key(key)
    assert dead.value.code == "aster.stream_key"


async def test_funding_is_read_page_by_page_and_each_payment_once():
    venue, exchange = a_venue()

    def income(number):
        return {
            "symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.5", "asset": "USDT", "tranId": number,
            "time": 1795147200000 + number,
        }  # fmt: skip

    exchange.script(
        "GET", "income", reply([income(n) for n in range(1000)]), reply([income(n) for n in range(999, 1100)])
    )
    found = await venue.funding(datetime(2026, 11, 20, tzinfo=UTC))

    assert [payment.payment_id for payment in found] == [str(number) for number in range(1100)]
    assert found[0].amount_quote == Decimal("-0.5")


async def test_the_account_tells_its_modes_wallets_brackets_and_fees():
    venue, exchange = a_venue()
    exchange.books["balance"] = [
        {"asset": "USDT", "balance": "100", "crossWalletBalance": "90", "crossUnPnl": "-5", "availableBalance": "60"}
    ]
    exchange.books["leverageBracket"] = {
        "symbol": "BTCUSDT",
        "brackets": [
            {
                "bracket": 1,
                "initialLeverage": 100,
                "notionalCap": "50000",
                "notionalFloor": "0",
                "maintMarginRatio": "0.005",
                "cum": "0",
            }
        ],
    }
    exchange.books["commissionRate"] = {
        "symbol": "BTCUSDT",
        "makerCommissionRate": "-0.0001",
        "takerCommissionRate": "0.0004",
    }
    exchange.books["adlQuantile"] = []

    mode = await venue.account_mode()
    [wallet], [margin] = await venue.wallets(), await venue.margins()
    [bracket] = await venue.brackets("BTCUSDT")

    assert (mode.is_hedge, mode.is_multi_assets) == (False, False)
    assert (wallet.wallet_quote, wallet.available_quote) == (100, 60)
    assert (margin.segment, margin.available, margin.used) == ("USDT", 60, 35)
    assert (bracket.max_leverage, bracket.maintenance_ratio) == (100, Decimal("0.005"))
    assert await venue.commission("BTCUSDT") == (Decimal("-0.0001"), Decimal("0.0004"))
    assert await venue.holdings() == []


async def test_an_account_says_whose_it_is():
    venue, exchange = a_venue()
    exchange.books["accountWithJoinMargin"] = {
        "canTrade": True, "canWithdraw": True, "totalWalletBalance": "1", "totalUnrealizedProfit": "0",
        "totalMarginBalance": "1", "totalMaintMargin": "0", "availableBalance": "1", "assets": [], "positions": [],
    }  # fmt: skip

    assert await venue.profile() == {"user_id": USER, "may_trade": True, "agent": "desk", "expires_at": None}


async def test_history_comes_in_calls_of_1500_and_without_the_running_candle():
    venue, exchange = a_venue()
    start = datetime(2026, 11, 18, tzinfo=UTC)

    def candles(call):
        first = int(call.params["startTime"])
        last = min(int(call.params["endTime"]), round(end.timestamp() * 1000))
        rows = [
            [at, "1", "2", "0.5", "1.5", "10", at + 59_999, "15", 3, "5", "7", "0"]
            for at in range(first, last + 60_000, 60_000)
        ]
        return reply(rows[:1500])

    end = start + timedelta(minutes=2_000, seconds=30)
    exchange.script("GET", "klines", candles, candles)

    bars = await venue.history(INSTRUMENT, 60, start, end)

    assert [call.params["interval"] for call in exchange.named("GET", "klines")] == ["1m", "1m"]
    assert len(bars) == 2_000
    assert bars[-1].end_ns <= end.timestamp() * 1e9
    assert all(one.end_ns == other.start_ns for one, other in itertools.pairwise(bars))
    with pytest.raises(Invalid):
        await venue.history(INSTRUMENT, 61, start, end)


async def test_every_read_takes_its_weight_of_the_budget():
    class Weighed(OpenBudget):
        async def acquire(self, kind, *, urgent=False, weight=1):
            self.acquired.append((kind, weight))

    budget = Weighed()
    venue, exchange = a_venue(budget=budget)
    exchange.books["premiumIndex"] = [a_mark()]
    await venue.measure_clock()
    budget.acquired.clear()

    await venue.orders()
    await venue.place(a_perpetual_order(), INSTRUMENT, permit)

    assert budget.acquired[:5] == [("read", weight) for weight in (1, 1, 40, 5, 30)]
    assert not any(kind == "order" for kind, _ in budget.acquired)
