"""What a fault script does to the simulated Aster, and to it alone where it says so."""

import json

import pytest

from brokers.simulator.fault_rules import RULES, FaultKind
from tests.brokers.simulator.aster_site import Caller, an_aster, frames, listen, price_text, run
from tests.brokers.simulator.site import a_client


@pytest.fixture
def caller():
    site, _, clock = an_aster()
    run(site, clock, 4)
    caller = Caller(site)
    caller.clock = clock
    return caller


async def script(caller, kind, **fields):
    answer = await caller.client.post("/sim/faults", json={"kind": kind, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def orders(caller):
    return (await caller.v3("GET", "allOrders", symbol="BTCUSDT")).json()


@pytest.mark.parametrize(
    ("kind", "fields", "status", "code"),
    [
        ("http_429", {}, 429, -1003),
        ("http_5xx_before", {}, 503, -1001),
        ("status_before", {"status": 500}, 500, -1001),
        ("nonce_expired", {}, 400, -4225),
        ("address_refused", {}, 401, -2015),
    ],
)
async def test_faults_before_leave_no_order(caller, kind, fields, status, code):
    await script(caller, kind, **fields)

    answer = await caller.v3("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await orders(caller) == []


async def test_the_clock_refused_meets_v1_and_the_nonce_v3(caller):
    await script(caller, "code_1021")
    await script(caller, "nonce_expired")

    old, new = await caller.v1("GET", "balance", version="v2"), await caller.v3("GET", "balance")

    assert (old.json()["code"], new.json()["code"]) == (-1021, -4225)


@pytest.mark.parametrize(
    ("kind", "fields", "status"),
    [
        ("unknown_after_accept", {}, 503),
        ("order_timed_out", {}, 408),
        ("http_5xx_after", {}, 502),
        ("status_after", {"status": 504}, 504),
        ("html_body", {}, 200),
    ],
)
async def test_faults_after_leave_the_order_in_the_book(caller, kind, fields, status):
    await script(caller, kind, **fields)

    answer = await caller.v3("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")

    assert answer.status_code == status
    assert [order["status"] for order in await orders(caller)] == ["FILLED"]


async def test_an_order_call_is_hit_and_a_read_before_it_is_not(caller):
    await script(caller, "unknown_after_accept")

    assert (await caller.v3("GET", "openOrders", symbol="BTCUSDT")).status_code == 200
    assert (await caller.order())["code"] == -1006


async def test_a_ban_holds_for_its_time_and_says_until_when(caller):
    await script(caller, "http_418", seconds=30)

    first, second = await caller.open("time"), await caller.open("time")
    caller.clock.move(31)
    third = await caller.open("time")

    assert [answer.status_code for answer in (first, second, third)] == [418, 418, 200]
    assert str(caller.clock.ns // 10**6 - 1_000) in second.json()["msg"]


async def test_a_ban_without_an_end_names_none(caller):
    await script(caller, "http_418", seconds=0)

    banned, after = await caller.open("time"), await caller.open("time")

    assert (banned.status_code, after.status_code) == (418, 200)
    assert "until" not in banned.json()["msg"]


async def test_the_firewall_answers_with_a_page(caller):
    await script(caller, "http_403")

    answer = await caller.open("time")

    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html")
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_a_late_order_has_its_number_at_once_and_its_row_afterwards(caller):
    await script(caller, "delay_visibility", seconds=5)

    placed = await caller.order(newClientOrderId="late")
    missing = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="late")).json()
    run(caller.site, caller.clock, 24)
    found = (await caller.v3("GET", "order", symbol="BTCUSDT", origClientOrderId="late")).json()

    assert missing["code"] == -2013
    assert found["orderId"] == placed["orderId"]


async def test_a_stuck_order_neither_trades_nor_ends_until_its_time(caller):
    await script(caller, "stuck_pending", seconds=3)
    placed = await caller.order()
    run(caller.site, caller.clock, 4)
    stuck = (await caller.v3("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])).json()
    before = (await orders(caller))[0]["status"]

    run(caller.site, caller.clock, 12)

    assert (stuck["code"], before) == (-2011, "NEW")
    assert (await orders(caller))[0]["status"] == "FILLED"


async def test_orders_fill_in_pieces(caller):
    await script(caller, "partial_fills", fraction=0.4, seconds=0)

    placed = await caller.order(quantity="0.010", newOrderRespType="RESULT")
    run(caller.site, caller.clock, 4)

    assert (placed["status"], placed["executedQty"]) == ("PARTIALLY_FILLED", "0.004")
    assert (await orders(caller))[0]["status"] == "FILLED"


async def test_news_of_an_account_may_be_late_or_come_twice(caller):
    key = (await caller.v3("POST", "listenKey")).json()["listenKey"]
    socket = listen(caller.site.aster, key)
    await script(caller, "duplicate_frames")
    await caller.order(price=price_text(caller.site, "BTCUSDT", "0.99"))
    twice = len(frames(socket))
    await script(caller, "late_frames", seconds=2)
    await caller.order(price=price_text(caller.site, "BTCUSDT", "0.99"))
    at_once = len(frames(socket))

    run(caller.site, caller.clock, 9)

    assert (twice, at_once, len(frames(socket))) == (2, 0, 1)


async def test_a_silent_account_stream_loses_its_news_while_the_market_goes_on(caller):
    key = (await caller.v3("POST", "listenKey")).json()["listenKey"]
    socket = listen(caller.site.aster, key, "btcusdt@bookTicker")
    struck = (await script(caller, "silent_user_stream", seconds=2))["struck"]
    await caller.order()
    run(caller.site, caller.clock, 4)

    heard = {json.loads(frame)["e"] for frame in frames(socket)}
    run(caller.site, caller.clock, 8)
    await caller.order()

    assert (struck, heard) == (1, {"bookTicker"})
    assert "ORDER_TRADE_UPDATE" in {json.loads(frame)["e"] for frame in frames(socket)}


async def test_an_expired_key_is_told_and_then_nothing_is(caller):
    key = (await caller.v3("POST", "listenKey")).json()["listenKey"]
    socket = listen(caller.site.aster, key)

    struck = (await script(caller, "listen_key_expired"))["struck"]
    await caller.order()

    assert struck == 1
    assert [json.loads(frame)["e"] for frame in frames(socket)] == ["listenKeyExpired"]


async def test_the_exchange_ends_what_waits_liquidates_and_deleverages_on_demand(caller):
    await caller.market(quantity="0.100")
    await caller.order(price=price_text(caller.site, "BTCUSDT", "0.99"))

    ended = (await script(caller, "exchange_cancel", account=caller.trader.user))["struck"]
    shared = (await script(caller, "deleverage", fraction=0.3))["struck"]
    closed = (await script(caller, "liquidate"))["struck"]

    risk = (await caller.v3("GET", "positionRisk", symbol="BTCUSDT")).json()
    fills = caller.site.aster.venue.engine.ledger.fills
    assert (ended, shared, closed, risk[0]["positionAmt"]) == (1, 1, 1, "0.000")
    assert [(fill.source, fill.quantity) for fill in fills[-2:]] == [("deleverage", "0.030"), ("liquidation", "0.070")]


async def test_a_price_shock_liquidates_whoever_has_too_little(caller):
    await caller.v3("POST", "marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await caller.v3("POST", "leverage", symbol="BTCUSDT", leverage="100")
    await caller.market(quantity="0.100")

    await script(caller, "price_shock", fraction=0.03)
    run(caller.site, caller.clock, 1)

    assert caller.site.aster.venue.engine.ledger.fills[-1].client_id.startswith("autoclose-")


async def test_a_fault_of_one_venue_leaves_the_other_alone(caller):
    kite = a_client(caller.site)
    await script(caller, "http_429", venue="kite")

    assert (await caller.open("time")).status_code == 200
    assert (await kite.get("/user/profile")).status_code == 429
    await script(caller, "http_429", venue="aster")
    assert (await kite.get("/user/profile")).status_code == 200
    assert (await caller.open("time")).status_code == 429


async def test_orders_of_either_venue_are_meant_by_kites_path(caller):
    await script(caller, "order_timed_out", count=1)
    assert (await caller.order())["code"] == -1007

    await script(caller, "lose_reply", path="/orders", method="POST", account="somebody else")
    assert "orderId" in await caller.order()


def test_every_kind_names_the_venues_that_show_it():
    shared = [kind for kind, rule in RULES.items() if rule.venues == ("kite", "aster")]

    assert len(shared) == 18
    assert {kind for kind, rule in RULES.items() if rule.venues == ("aster",)} == {
        FaultKind.CODE_1021, FaultKind.NONCE_EXPIRED, FaultKind.HTTP_418, FaultKind.HTTP_403,
        FaultKind.LISTEN_KEY_EXPIRED, FaultKind.SILENT_USER_STREAM, FaultKind.UNKNOWN_AFTER_ACCEPT,
        FaultKind.PRICE_SHOCK, FaultKind.LIQUIDATE, FaultKind.DELEVERAGE,
    }  # fmt: skip
