"""What is said to the exchange of an order, and what never is."""

from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.adapters.aster import orders
from brokers.domain.errors import Invalid, Rejected
from brokers.domain.orders import OrderType, Purpose, Side, Validity
from tests.brokers.adapters.aster.exchange import (
    INSTRUMENT,
    V1,
    V3,
    a_perpetual_order,
    a_venue,
)
from tests.brokers.adapters.doubles import an_instrument, permit

LIMIT = {"order_type": OrderType.LIMIT, "price": "60000"}
HEDGED = {"positionSide/dual": {"dualSidePosition": True}}


async def sent(exchange, venue, *, rules=None, **words):
    """Place an order and return what the exchange was told of it."""
    await venue.place(a_perpetual_order(**words), INSTRUMENT, permit)
    [call] = exchange.named("POST", "order")
    return call


@pytest.mark.parametrize("credentials", [V1, V3])
async def test_an_order_leaves_once_signed_in_the_body_and_its_receipt_names_it(credentials):
    venue, exchange = a_venue(credentials=credentials)

    receipt = await venue.place(a_perpetual_order(**LIMIT), INSTRUMENT, permit)

    [call] = exchange.writes()
    assert receipt.venue_order_id == "BTCUSDT:7"
    assert not call.in_url
    assert call.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert call.generation == ("v1" if credentials is V1 else "v3")
    expected = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    assert call.params.items() >= (expected | {"price": "60000", "newClientOrderId": "W1TEST00001"}).items()
    assert call.raw.rpartition("&")[2].startswith("signature=")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"order_type": OrderType.MARKET}, {"type": "MARKET", "timeInForce": None, "price": None}),
        (LIMIT | {"validity": Validity.IMMEDIATE}, {"timeInForce": "IOC"}),
        (LIMIT | {"validity": Validity.FILL_OR_KILL}, {"timeInForce": "FOK"}),
        (LIMIT | {"validity": Validity.POST_ONLY}, {"timeInForce": "GTX"}),
        (LIMIT | {"validity": Validity.GOOD_TILL_CANCELLED}, {"timeInForce": "GTC"}),
        (
            {"order_type": OrderType.STOP_LIMIT, "price": "59000", "trigger": "59100", "side": Side.SELL},
            {"type": "STOP", "price": "59000", "stopPrice": "59100", "timeInForce": "GTC"},
        ),
        (
            {"order_type": OrderType.STOP_MARKET, "trigger": "59100.04", "side": Side.SELL},
            {"type": "STOP_MARKET", "stopPrice": "59100.1", "price": None},
        ),
        (
            {"order_type": OrderType.TAKE_PROFIT_LIMIT, "price": "61000", "trigger": "61000", "side": Side.SELL},
            {"type": "TAKE_PROFIT"},
        ),
        (
            {"order_type": OrderType.TAKE_PROFIT_MARKET, "trigger": "61000", "side": Side.SELL},
            {"type": "TAKE_PROFIT_MARKET", "stopPrice": "61000"},
        ),
        ({"purpose": Purpose.EXIT, "reduce_only": True, "side": Side.SELL}, {"reduceOnly": "true"}),
        (LIMIT | {"price": "60000.07", "quantity": "0.0109"}, {"price": "60000", "quantity": "0.01"}),
        (LIMIT | {"price": "60000.07", "side": Side.SELL}, {"price": "60000.1"}),
    ],
)
async def test_each_kind_of_order_is_said_in_the_exchange_s_words(words, says):
    venue, exchange = a_venue()

    call = await sent(exchange, venue, **words)

    assert {name: call.params.get(name) for name in says} == says
    assert "positionSide" not in call.params


@pytest.mark.parametrize(
    ("side", "purpose", "position_side"),
    [
        (Side.BUY, Purpose.ENTRY, "LONG"),
        (Side.SELL, Purpose.ENTRY, "SHORT"),
        (Side.SELL, Purpose.EXIT, "LONG"),
        (Side.BUY, Purpose.STOP, "SHORT"),
    ],
)
async def test_in_hedge_mode_an_order_names_the_side_of_its_position_and_not_reduce_only(side, purpose, position_side):
    venue, exchange = a_venue()
    exchange.books |= HEDGED

    call = await sent(exchange, venue, side=side, purpose=purpose, reduce_only=purpose is not Purpose.ENTRY)

    assert call.params["positionSide"] == position_side
    assert "reduceOnly" not in call.params


async def test_a_closing_stop_names_no_quantity():
    venue, exchange = a_venue()
    order = a_perpetual_order(
        order_type=OrderType.STOP_MARKET, trigger="59000", side=Side.SELL, purpose=Purpose.STOP, reduce_only=True
    )
    terms = orders.AsterTerms(closes_position=True, triggered_by=orders.TriggeredBy.MARK, protects_price=True)
    rules = await venue._rules.of("BTCUSDT")

    await venue.act(orders.place(order, rules, is_hedge=False, terms=terms), permit)

    [call] = exchange.named("POST", "order")
    says = {"closePosition": "true", "stopPrice": "59000", "workingType": "MARK_PRICE", "priceProtect": "TRUE"}
    assert call.params.items() >= says.items()
    assert not {"quantity", "reduceOnly"} & call.params.keys()


async def test_a_trailing_stop_says_its_distance_and_where_it_begins():
    venue, exchange = a_venue()
    order = a_perpetual_order(order_type=OrderType.TRAILING_STOP, trigger="61000", side=Side.SELL)
    rules = await venue._rules.of("BTCUSDT")

    terms = orders.AsterTerms(callback_percent=Decimal("0.5"))
    await venue.act(orders.place(order, rules, is_hedge=False, terms=terms), permit)

    [call] = exchange.named("POST", "order")
    says = {"type": "TRAILING_STOP_MARKET", "activationPrice": "61000", "callbackRate": "0.5"}
    assert call.params.items() >= says.items()
    with pytest.raises(Invalid):
        orders.AsterTerms(callback_percent=Decimal(6))
    with pytest.raises(Invalid):
        orders.fields_of(order, rules, is_hedge=False)


async def test_what_the_rules_refuse_is_never_sent():
    venue, exchange = a_venue()
    wrong = [
        ({"quantity": "0.0004"}, "dust"),
        (LIMIT | {"quantity": "1001"}, "above the largest"),
        ({"quantity": "121"}, "above the largest"),
        (LIMIT | {"price": "0.5"}, "below the smallest"),
        (LIMIT | {"price": "2000000"}, "above the largest"),
        (LIMIT | {"price": "1000", "quantity": "0.004"}, "notional"),
        ({"quantity": "0.001", "decision_price": Decimal(5020)}, "too near"),
    ]
    for words, reason in wrong:
        with pytest.raises(Rejected, match=reason) as refused:
            await venue.place(a_perpetual_order(**words), INSTRUMENT, permit)
        assert refused.value.details["class"] == "filter"

    assert exchange.writes() == []


async def test_dust_is_closed_by_an_order_that_only_reduces():
    venue, exchange = a_venue()

    call = await sent(
        exchange, venue, quantity="0.001", side=Side.SELL, purpose=Purpose.EXIT, reduce_only=True,
        order_type=OrderType.LIMIT, price="1000",
    )  # fmt: skip

    assert call.params["quantity"] == "0.001"


async def test_a_symbol_that_leaves_takes_no_entry_and_still_lets_go():
    venue, exchange = a_venue()
    old = a_perpetual_order(instrument="ASTER:OLDUSDT")
    leaving = next(one for one in (await venue.listing()).instruments if one.symbol == "OLDUSDT")

    with pytest.raises(Rejected, match="SETTLING") as refused:
        await venue.place(old, leaving, permit)
    exit_ = a_perpetual_order(instrument="ASTER:OLDUSDT", side=Side.SELL, purpose=Purpose.EXIT, reduce_only=True)
    await venue.place(exit_, leaving, permit)

    assert refused.value.details["class"] == "symbol_state"
    assert not leaving.takes_orders
    assert len(exchange.writes()) == 1
    assert leaving not in await venue.instruments()


async def test_a_symbol_that_is_not_listed_is_a_definite_no():
    venue, exchange = a_venue()

    with pytest.raises(Rejected, match="not listed"):
        await venue.place(a_perpetual_order(instrument="ASTER:NOUSDT"), replace(INSTRUMENT, symbol="NOUSDT"), permit)
    for order in (a_perpetual_order(), a_perpetual_order(instrument="NSE:RELIANCE")):
        with pytest.raises(Rejected, match="not the contract"):
            await venue.place(order, an_instrument(), permit)

    assert exchange.writes() == []


@pytest.mark.parametrize("client_id", ["", "a b", "x" * 37, "币", "a/b"])
async def test_an_id_that_could_be_read_in_two_ways_is_not_sent(client_id):
    venue, exchange = a_venue()

    with pytest.raises(Invalid):
        await venue.place(a_perpetual_order(client_id=client_id), INSTRUMENT, permit)

    assert exchange.writes() == []


async def test_a_permit_that_is_not_given_sends_nothing():
    venue, exchange = a_venue()

    def refuse():
        raise PermissionError

    with pytest.raises(PermissionError):
        await venue.place(a_perpetual_order(), INSTRUMENT, refuse)
    with pytest.raises(PermissionError):
        await venue.cancel("BTCUSDT:7", refuse)

    assert exchange.writes() == []


@pytest.mark.parametrize(("side", "price"), [(Side.SELL, "50000"), (Side.BUY, "70000")])
async def test_an_exit_is_not_refused_by_a_mark_that_the_market_has_left(side, price):
    venue, exchange = a_venue()
    await venue.orders()
    assert venue._books.marks == {"BTCUSDT": Decimal(60100)}
    beyond = {"order_type": OrderType.LIMIT, "price": price, "side": side}

    with pytest.raises(Rejected, match="of the mark price"):
        await venue.place(a_perpetual_order(**beyond), INSTRUMENT, permit)
    call = await sent(exchange, venue, **beyond, purpose=Purpose.EXIT, reduce_only=True)

    assert (call.params["price"], call.params["reduceOnly"]) == (price, "true")
