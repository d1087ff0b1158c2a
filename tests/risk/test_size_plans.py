from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from risk.domain import size_plans as plans
from risk.domain.size_plans import Edge
from tests.risk.builders import an_instrument, an_option

LAKH = Decimal(100_000)
SHARE, OPTION = an_instrument(), an_option(lot=65)
SOME_EDGE = Edge(mean=Decimal("0.002"), deviation=Decimal("0.01"), count=400)


def D(text):  # noqa: N802 - short for the tables below
    return Decimal(text)


def kelly(edge=SOME_EDGE, *, cap="0.25", equity=LAKH):
    return plans.by_kelly(edge, equity_quote=equity, price=D("100"), max_fraction=D(cap), instrument=SHARE)


def volatility(target="0.1", *, cap="2", equity=LAKH):
    return plans.by_volatility(
        D(target),
        volatility_annual=D("0.2"),
        equity_quote=equity,
        price=D("300"),
        max_fraction=D(cap),
        instrument=SHARE,
    )


def atr(**changes):
    values = {"equity_quote": LAKH, "atr_quote": D("2.5"), "atr_multiple": D("2"), "instrument": SHARE}
    return plans.by_atr(D("0.01"), **values | changes)


@pytest.mark.parametrize(
    ("size", "quantity", "reason"),
    [
        (plans.by_quantity(D("130"), instrument=OPTION), 130, "a fixed quantity: 130"),
        (plans.by_quantity(D("100"), instrument=OPTION), 65, "a fixed quantity: 100, down to 65 in steps of 65"),
        (plans.by_value(LAKH, price=D("31.15"), instrument=OPTION), 3185,
         "1,00,000 at 31.15: 3,210.27, down to 3,185 in steps of 65"),
        (plans.by_value(D("1000"), price=D("31"), instrument=OPTION), 0,
         "1,000 at 31.00: nothing, the smallest step of NFO:NIFTY2681824200CE is 65"),
        (plans.by_fraction(D("0.1"), equity_quote=LAKH, price=D("250"), instrument=SHARE), 40,
         "10 % of an equity of 1,00,000 at 250.00: 40"),
        (atr(), 200, "1,000 at risk over a stop 2 true ranges away, 5.00 a unit: 200"),
        (volatility(), 166, ("10 % a year wanted, the instrument moves 20 %: 0.50 times the equity of 1,00,000: "
         "166.67, down to 166 in steps of 1")),
        (volatility("0.6"), 666, ("60 % a year wanted, the instrument moves 20 %: 2 times the equity of 1,00,000, "
         "capped from 3 times: 666.67, down to 666 in steps of 1")),
        (plans.by_scenario(D("0.02"), equity_quote=LAKH, worst_loss_quote=D("10"), instrument=SHARE), 200,
         "2,000 at risk, the worst scenario loses 10.00 a unit: 200"),
    ],
)  # fmt: skip
def test_a_size_says_why_it_is_what_it_is(size, quantity, reason):
    assert (size.quantity, size.reason) == (quantity, reason)


def test_kelly_is_halved_taken_from_the_lower_bound_and_capped():
    # lower mean 0.002 - 1.645 * 0.01 / 20 = 0.0011775; / 0.0001 / 2 = 5.8875
    wide, capped = kelly(cap="1"), kelly()

    assert wide.asked == LAKH / 100
    assert capped.quantity == 250
    assert "half of Kelly is 5.89 times the equity of 1,00,000, capped at 0.25 times" in capped.reason


def test_a_small_edge_is_not_capped():
    edge = Edge(mean=D("0.01"), deviation=D("0.5"), count=1_000_000)

    assert kelly(edge).reason.endswith(
        "half of Kelly is 0.02 times the equity of 1,00,000: 18.36, down to 18 in steps of 1"
    )


def test_an_edge_that_luck_explains_trades_nothing():
    size = kelly(Edge(mean=D("0.001"), deviation=D("0.02"), count=100))

    assert size.quantity == 0
    assert "no edge that luck does not explain" in size.reason


@pytest.mark.parametrize("size", [volatility, kelly, atr])
def test_a_lost_account_trades_nothing(size):
    found = size(equity_quote=D("-5")) if size is atr else size(equity=D("-5"))

    assert found.quantity == 0


@given(st.decimals("0", "1e6", places=3), st.integers(1, 100))
def test_a_size_is_whole_lots_and_never_more_than_asked(asked, lot):
    size = plans.by_quantity(asked, instrument=an_option(lot=lot))

    assert size.quantity % lot == 0
    assert size.quantity <= size.asked < size.quantity + lot


@pytest.mark.parametrize(
    ("size", "field"),
    [
        (lambda: plans.by_quantity(D("-1"), instrument=SHARE), "quantity"),
        (lambda: plans.by_value(LAKH, price=D("0"), instrument=SHARE), "price"),
        (lambda: plans.by_fraction(D("1.1"), equity_quote=LAKH, price=D("1"), instrument=SHARE), "fraction"),
        (lambda: atr(atr_quote=D("NaN")), "atr_quote"),
        (lambda: volatility("0"), "target_annual"),
        (lambda: kelly(cap="2"), "max_fraction"),
        (lambda: Edge(mean=D("1"), deviation=D("0"), count=5), "deviation"),
        (lambda: Edge(mean=D("1"), deviation=D("1"), count=1), "count"),
        (lambda: plans.by_scenario(D("0.1"), equity_quote=LAKH, worst_loss_quote=D("0"), instrument=SHARE), "worst_loss_quote"),
    ],
)  # fmt: skip
def test_an_impossible_size_names_its_field(size, field):
    with pytest.raises(Invalid) as caught:
        size()

    assert caught.value.field == field
