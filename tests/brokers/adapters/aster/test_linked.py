import json

import pytest

from brokers.adapters.aster import linked, orders, settings, statements
from brokers.adapters.aster.linked import Leg, Link, LinkAction, LinkEvent, LinkKind
from brokers.domain.errors import Ambiguous, Invalid, Rejected
from brokers.domain.orders import OrderType, Purpose, Side
from tests.brokers.adapters.aster.exchange import RULES, V1, a_perpetual_order, a_venue, refusal, reply
from tests.brokers.adapters.doubles import permit

ENTRY = a_perpetual_order(order_type=OrderType.LIMIT, price="60000", client_id="W1E")
OUT = {"side": Side.SELL, "purpose": Purpose.STOP, "reduce_only": True}
STOP = a_perpetual_order(order_type=OrderType.STOP_MARKET, trigger="59000", client_id="W1S", **OUT)
TARGET = a_perpetual_order(order_type=OrderType.TAKE_PROFIT_MARKET, trigger="61000", client_id="W1T", **OUT)
WHEN_FILLED = Link(leg=1, on=LinkEvent.FILLED, action=LinkAction.PLACE)
BRACKET = (
    Leg(order=ENTRY),
    Leg(order=STOP, links=(WHEN_FILLED, Link(leg=3, on=LinkEvent.FILLED, action=LinkAction.CANCEL))),
    Leg(order=TARGET, links=(WHEN_FILLED, Link(leg=2, on=LinkEvent.FILLED, action=LinkAction.CANCEL))),
)
DONE = {
    "strategyId": 12, "clientStrategyId": "W1B", "strategyType": "OTOCO", "strategyStatus": "WORKING",
    "updateTime": 1795147200000, "failureCode": 0, "failureReason": "",
}  # fmt: skip


def a_bracket():
    return linked.place(LinkKind.TRIGGERS_THEN_CANCELS, BRACKET, {"BTCUSDT": RULES}, client_id="W1B", is_hedge=False)


async def test_linked_orders_leave_as_one_list_in_which_each_leg_says_what_moves_it():
    venue, exchange = a_venue()
    exchange.script("POST", "placeStrategyOrder", reply(DONE))

    row = await venue.act(a_bracket(), permit, kind="order")

    [call] = exchange.writes()
    entry, stop, target = json.loads(call.params["subOrderList"])
    assert (row.strategy_id, call.params["strategyType"]) == ("12", "OTOCO")
    assert entry.items() >= {"strategySubId": "1", "clientOrderId": "W1E", "price": "60000"}.items()
    assert "firstDrivenId" not in entry
    says = {"firstDrivenId": "1", "firstDrivenOn": "FILLED", "firstTrigger": "PLACE_ORDER", "reduceOnly": "true"}
    assert stop.items() >= (says | {"secondDrivenId": "3", "secondTrigger": "CANCEL_ORDER"}).items()
    assert target["stopPrice"] == "61000"


async def test_a_refusal_that_looks_like_a_success_is_a_refusal():
    venue, exchange = a_venue()
    exchange.script(
        "POST", "placeStrategyOrder", reply(DONE | {"failureCode": -4142, "failureReason": "would trigger"}),
        refusal(-1007, "timeout", 503), reply(["?"]),
    )  # fmt: skip

    with pytest.raises(Rejected, match="would trigger") as refused:
        await venue.act(a_bracket(), permit, kind="order")
    for _ in range(2):
        with pytest.raises(Ambiguous):
            await venue.act(a_bracket(), permit, kind="order")

    assert refused.value.details["class"] == "trigger"
    assert len(exchange.writes()) == 3


async def test_linked_orders_are_looked_for_by_our_own_id_and_given_other_prices():
    venue, exchange = a_venue()
    leg = {
        "strategySubId": 1, "orderId": 9, "clientOrderId": "W1E", "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT",
        "status": "NEW", "quantity": "0.001", "price": "50000", "stopPrice": "0",
    }  # fmt: skip
    exchange.script("GET", "strategyOpenOrder", reply(DONE | {"subOrders": [leg]}))
    exchange.script("GET", "strategyHistoryOrder", reply(DONE | {"subOrders": [leg]}))
    exchange.script("POST", "updateStrategyOrder", reply([DONE | {"updateStatus": "SUCCESS"}]), reply([]))

    found = await venue.ask(linked.opened(LinkKind.TRIGGERS, "W1B"))
    await venue.ask(linked.ended(LinkKind.TRIGGERS, "W1B"))
    change = linked.reprice(LinkKind.TRIGGERS, "12", 2, Leg(order=STOP), RULES, is_hedge=False)
    await venue.act(change, permit, kind="order")

    assert found.legs[0].order_id == "9"
    assert json.loads(exchange.writes()[0].params["subOrderList"])[0]["strategySubId"] == "2"
    with pytest.raises(Ambiguous):
        await venue.act(change, permit, kind="order")


@pytest.mark.parametrize(
    "build",
    [
        lambda: linked.place(LinkKind.CANCELS, BRACKET, {"BTCUSDT": RULES}, client_id="W1", is_hedge=False),
        lambda: linked.place(LinkKind.CANCELS, BRACKET[1:], {"BTCUSDT": RULES}, client_id="x" * 29, is_hedge=False),
        lambda: Leg(order=STOP, links=(WHEN_FILLED,) * 3),
        lambda: orders.chase(a_perpetual_order(client_id="x" * 29), RULES, is_hedge=False),
    ],
)
def test_what_the_exchange_would_not_take_is_refused_here(build):
    with pytest.raises(Invalid):
        build()


async def test_a_key_of_v1_links_nothing():
    venue, exchange = a_venue(credentials=V1)

    with pytest.raises(Invalid, match="agent wallet"):
        await venue.act(a_bracket(), permit, kind="order")

    assert exchange.writes() == []


async def test_a_chasing_order_says_its_unit_and_our_id():
    venue, exchange = a_venue()
    row = {"strategyId": 1, "clientStrategyId": "W1", "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01"}
    exchange.script("POST", "chase", reply(row | {"strategyStatus": "NEW"}))

    await venue.act(orders.chase(ENTRY, RULES, is_hedge=False), permit, kind="order")

    assert exchange.writes()[0].params.items() >= {"quantityUnit": "BASE", "clientStrategyId": "W1E"}.items()


async def test_a_maker_s_protection_is_set_read_reset_and_ended():
    venue, exchange = a_venue()
    exchange.script(
        "GET", "mmp",
        reply([{"symbol": "BTCUSDT", "windowTimeInMilliseconds": 5000, "frozenTimeInMilliseconds": 10000, "qtyLimit": 10}]),
    )  # fmt: skip
    for name in (("POST", "mmp"), ("DELETE", "mmp"), ("POST", "mmpReset")):
        exchange.script(*name, reply(True))

    await venue.configure(settings.maker_protection("BTCUSDT", window_ms=5000, frozen_ms=10_000, quantity=10), permit)
    [row] = await venue.ask(statements.maker_protections())
    await venue.configure(settings.reset_maker_protection("BTCUSDT"), permit)
    await venue.configure(settings.end_maker_protection("BTCUSDT"), permit)

    assert (row.quantity, row.value) == (10, None)
    assert [(call.method, call.name) for call in exchange.writes()] == [
        ("POST", "mmp"),
        ("POST", "mmpReset"),
        ("DELETE", "mmp"),
    ]
