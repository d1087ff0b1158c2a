import json
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.filters import (
    Grid,
    order_objection,
    plain,
    quantised_price,
    quantised_quantity,
    rules_of,
)
from brokers.domain.errors import DataError, Invalid
from brokers.domain.orders import Side
from tests.reference import reference_file

positive = st.decimals(min_value="0.000001", max_value="1000000", places=6)


def a_symbol(**changes):
    filters = {
        "PRICE_FILTER": {"minPrice": "0.10", "maxPrice": "100000", "tickSize": "0.10"},
        "LOT_SIZE": {"minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        "MARKET_LOT_SIZE": {"minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
        "MIN_NOTIONAL": {"notional": "5"},
        "PERCENT_PRICE": {"multiplierUp": "1.05", "multiplierDown": "0.95"},
    }
    for name, change in changes.items():
        filters[name] = filters[name] | change
    return rules_of(
        {
            "symbol": "BTCUSDT",
            "status": "TRADING",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "filters": [{"filterType": name, **row} for name, row in filters.items()],
            "orderTypes": ["LIMIT", "MARKET"],
        }
    )


def objection(rules, **changes):
    order = {"side": Side.BUY, "quantity": Decimal("0.01"), "price": Decimal(60000), "mark_price": Decimal(60000)}
    return order_objection(rules, **(order | {"reduce_only": False} | changes))


@pytest.mark.reference
def test_a_hundred_thousand_random_orders_lie_on_the_grid_of_every_captured_symbol():
    rows = json.loads(reference_file("live/exchangeInfo.json", folder="aster").read_text())["symbols"]
    rules = [rules_of(row) for row in rows]
    random = Random(20261121)
    for number in range(100_000):
        symbol = rules[number % len(rules)]
        wanted = Decimal(repr(10 ** random.uniform(-6, 6)))
        price = quantised_price(symbol, random.choice(list(Side)), wanted)
        assert symbol.price.objection(price) is None, (symbol.symbol, wanted, price)
        for is_market, grid in ((False, symbol.quantity), (True, symbol.market_quantity)):
            quantity = quantised_quantity(symbol, wanted, is_market=is_market)
            assert quantity == 0 or grid.objection(quantity) is None, (symbol.symbol, wanted, quantity)
            assert quantity <= wanted
            assert "E" not in str(price) + str(quantity)


@pytest.mark.reference
def test_every_captured_symbol_is_read_with_its_own_words():
    rows = json.loads(reference_file("live/exchangeInfo.json", folder="aster").read_text())["symbols"]
    found = {rules.symbol: rules for rules in map(rules_of, rows)}
    assert found["BTCUSDT"].market_quantity.highest < found["BTCUSDT"].quantity.highest
    assert not found["MATICUSDT"].is_trading
    assert "TRAILING_STOP_MARKET" in found["ASTERUSDT"].order_types


@given(positive, st.sampled_from(list(Side)))
def test_a_price_rounds_to_the_passive_side(price, side):
    snapped = quantised_price(a_symbol(), side, price)
    if Decimal("0.1") <= price <= 100000:
        assert (snapped <= price) if side is Side.BUY else (snapped >= price)
        assert abs(snapped - price) < Decimal("0.1")


@given(positive)
def test_a_zero_rule_is_off(value):
    rules = a_symbol(PRICE_FILTER={"tickSize": "0", "minPrice": "0", "maxPrice": "0"}, LOT_SIZE={"stepSize": "0"})
    assert quantised_price(rules, Side.BUY, value) == value
    assert rules.price.objection(value) is None


def test_a_quantity_below_the_smallest_becomes_zero_not_one_step():
    assert quantised_quantity(a_symbol(), Decimal("0.0009")) == 0
    assert quantised_quantity(a_symbol(), Decimal("0.0019")) == Decimal("0.001")
    assert quantised_quantity(a_symbol(), Decimal(500), is_market=True) == 120


@pytest.mark.parametrize("value", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_what_is_no_amount_is_refused_by_name(value):
    with pytest.raises(Invalid) as refusal:
        quantised_quantity(a_symbol(), value)
    assert refusal.value.field == "quantity"
    with pytest.raises(Invalid) as refusal:
        quantised_price(a_symbol(), Side.BUY, value)
    assert refusal.value.field == "price"


def test_refusals_give_both_numbers():
    assert objection(a_symbol()) is None
    assert objection(a_symbol(), price=Decimal("60000.05")) == "price 60000.05 is no multiple of 0.10"
    assert objection(a_symbol(), quantity=Decimal(1001)) == "quantity 1001 is above the largest allowed, 1000"
    assert objection(a_symbol(), price=Decimal(63001)) == "price 63001 is above 1.05 of the mark price, 63000"
    assert objection(a_symbol(), quantity=Decimal("0.001"), price=Decimal(1000), mark_price=Decimal(1000)) == (
        "notional 1 is below the smallest allowed, 5"
    )


def test_dust_may_be_closed_and_not_opened():
    dust = {"quantity": Decimal("0.001"), "price": None, "mark_price": Decimal(1000)}
    assert objection(a_symbol(), **dust) is not None
    assert objection(a_symbol(), **dust, reduce_only=True) is None


def test_a_settling_symbol_takes_no_new_position():
    rules = rules_of(
        {
            "symbol": "X", "status": "SETTLING", "baseAsset": "X", "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0", "maxPrice": "0", "tickSize": "0"},
                {"filterType": "LOT_SIZE", "minQty": "0", "maxQty": "0", "stepSize": "1"},
            ],
        }
    )  # fmt: skip
    order = {"quantity": Decimal(1), "price": Decimal(1), "mark_price": Decimal(1)}
    assert "SETTLING" in objection(rules, **order)
    assert objection(rules, **order, reduce_only=True) is None


@pytest.mark.parametrize(
    "row",
    [
        {"symbol": "X"},
        {"symbol": "X", "status": "TRADING", "baseAsset": "X", "quoteAsset": "Y", "filters": []},
        {
            "symbol": "X", "status": "TRADING", "baseAsset": "X", "quoteAsset": "Y",
            "filters": [{"filterType": "LOT_SIZE", "minQty": "much", "maxQty": "1", "stepSize": "1"}],
        },
    ],
)  # fmt: skip
def test_a_symbol_that_cannot_be_read_is_named(row):
    with pytest.raises(DataError, match="'X'"):
        rules_of(row)


@given(positive, positive, positive)
def test_floor_and_ceiling_enclose_a_value(lowest, step, value):
    grid = Grid(lowest=lowest, highest=Decimal(0), step=step)
    assert grid.floor(value) <= value <= grid.ceiling(value)
    assert grid.ceiling(value) - grid.floor(value) in (0, step)


@given(st.decimals(min_value="-1e12", max_value="1e12", places=8))
def test_plain_keeps_the_number_and_drops_the_exponent(value):
    assert plain(value) == value
    assert "E+" not in str(plain(value))
