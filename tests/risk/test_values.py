from decimal import Decimal

import pytest

from brokers.domain.errors import Invalid
from risk.domain.limits import loosened
from risk.domain.sizing import atr_risk, equity_fraction, fixed_lots, fixed_notional
from tests.risk.builders import an_instrument, an_option, some_limits


@pytest.mark.parametrize("name", ["max_daily_loss_quote", "max_orders_per_day", "max_quote_age_s"])
def test_a_limit_must_be_above_zero(name):
    with pytest.raises(Invalid) as caught:
        some_limits(**{name: 0})

    assert caught.value.field == name


def test_a_limit_must_be_a_number():
    with pytest.raises(Invalid):
        some_limits(max_daily_loss_quote="NaN")


def test_a_price_band_is_a_fraction():
    with pytest.raises(Invalid, match=r"0\.03 is three per cent"):
        some_limits(price_band_fraction="3")


def test_names_the_limits_that_were_loosened():
    before, after = some_limits(), some_limits(max_daily_loss_quote="6000", max_order_value_quote="1")

    assert loosened(before, after) == ("max_daily_loss_quote",)


def test_lots_become_units():
    assert fixed_lots(2, instrument=an_option(lot=65)) == 130


def test_a_value_buys_whole_lots():
    assert fixed_notional(Decimal(100_000), price=Decimal("31.15"), instrument=an_option(lot=65)) == 3185


def test_a_value_below_one_lot_buys_nothing():
    assert fixed_notional(Decimal(1000), price=Decimal(31), instrument=an_option(lot=65)) == 0


def test_a_fraction_of_equity_buys_its_share():
    quantity = equity_fraction(
        Decimal("0.1"), equity_quote=Decimal(100_000), price=Decimal(300), instrument=an_instrument()
    )

    assert quantity == 33


def test_a_lost_account_sizes_to_nothing():
    quantity = equity_fraction(Decimal("0.1"), equity_quote=Decimal(-5), price=Decimal(300), instrument=an_instrument())

    assert quantity == 0


def test_risk_is_spread_over_the_distance_to_the_stop():
    quantity = atr_risk(Decimal(1000), atr_quote=Decimal("2.5"), atr_multiple=Decimal(2), instrument=an_instrument())

    assert quantity == 200


@pytest.mark.parametrize(
    ("size", "field"),
    [
        (lambda i: fixed_lots(-1, instrument=i), "lots"),
        (lambda i: fixed_notional(Decimal(-1), price=Decimal(1), instrument=i), "value_quote"),
        (lambda i: fixed_notional(Decimal(1), price=Decimal(0), instrument=i), "price"),
        (
            lambda i: equity_fraction(Decimal(2), equity_quote=Decimal(1), price=Decimal(1), instrument=i),
            "fraction",
        ),
        (
            lambda i: atr_risk(Decimal(1), atr_quote=Decimal("NaN"), atr_multiple=Decimal(1), instrument=i),
            "atr_quote",
        ),
    ],
)
def test_impossible_sizes_name_their_field(size, field):
    with pytest.raises(Invalid) as caught:
        size(an_instrument())

    assert caught.value.field == field
