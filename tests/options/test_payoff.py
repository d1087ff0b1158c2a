"""Payoffs beside arithmetic, and what-if grids beside single prices."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from options.domain.payoff import (
    Leg,
    Scenarios,
    greeks_of,
    outcome,
    payoff_at_expiry,
    probability_of_profit,
    profit_intervals,
    what_if,
)
from options.domain.pricing import on_forward, value
from options.domain.surface import Parameters, Smile

LOT = 65.0
CONDOR = (
    Leg(quantity=LOT, price=10.0, strike=23_400.0, is_call=False),
    Leg(quantity=-LOT, price=30.0, strike=23_600.0, is_call=False),
    Leg(quantity=-LOT, price=28.0, strike=24_400.0),
    Leg(quantity=LOT, price=8.0, strike=24_600.0),
)


def flat_smile(sigma=0.13, years=7 / 365):
    total = sigma * sigma * years
    return Smile(parameters=Parameters(total, 1e-12, 0.0, 0.0, 0.1), forward=24_000.0, years=years, reach=(-0.1, 0.1))


def test_an_iron_condor_keeps_its_credit_between_the_shorts_and_loses_a_width_less_it():
    found = outcome(CONDOR)

    assert found.net_premium == pytest.approx(40 * LOT)
    assert found.max_profit == pytest.approx(40 * LOT)
    assert found.max_loss == pytest.approx((40 - 200) * LOT)
    assert found.breakevens == pytest.approx((23_560.0, 24_440.0))
    assert profit_intervals(CONDOR) == (pytest.approx((23_560.0, 24_440.0)),)


def test_charges_narrow_the_breakevens():
    assert outcome(CONDOR, charges=LOT * 5).breakevens == pytest.approx((23_565.0, 24_435.0))


@pytest.mark.parametrize(
    ("leg", "max_profit", "max_loss", "breakevens"),
    [
        (Leg(quantity=1, price=50, strike=100), None, -50, (150,)),
        (Leg(quantity=-1, price=50, strike=100), 50, None, (150,)),
        (Leg(quantity=1, price=40, strike=100, is_call=False), 60, -40, (60,)),
        (Leg(quantity=-1, price=40, strike=100, is_call=False), 40, -60, (60,)),
        (Leg(quantity=1, price=100), None, -100, (100,)),
        (Leg(quantity=-1, price=100), 100, None, (100,)),
    ],
)
def test_single_legs_have_their_known_bounds(leg, max_profit, max_loss, breakevens):
    found = outcome([leg])

    assert found.max_profit == max_profit
    assert found.max_loss == max_loss
    assert found.breakevens == breakevens


@given(
    st.lists(
        st.tuples(st.sampled_from([-130, -65, 65, 130]), st.integers(0, 300), st.integers(90, 110), st.booleans()),
        min_size=1,
        max_size=5,
    )
)
def test_the_bounds_hold_everywhere_and_money_changes_sign_only_at_breakevens(given_legs):
    legs = [Leg(quantity=q, price=p / 10, strike=float(k), is_call=c) for q, p, k, c in given_legs]
    found = outcome(legs)
    levels = np.linspace(0.0, 250.0, 2001)

    paid = payoff_at_expiry(legs, levels)

    assert found.max_profit is None or paid.max() <= found.max_profit + 1e-6
    assert found.max_loss is None or paid.min() >= found.max_loss - 1e-6
    for at in np.flatnonzero(np.sign(paid[:-1]) * np.sign(paid[1:]) < 0):
        assert any(levels[at] - 1e-6 <= level <= levels[at + 1] + 1e-6 for level in found.breakevens)


def test_the_probability_of_profit_is_the_densitys_over_the_profitable_levels():
    sigma, years = 0.13, 7 / 365
    root = sigma * math.sqrt(years)

    def below(level):
        d2 = math.log(24_000 / level) / root - root / 2
        return 0.5 * math.erfc(d2 / math.sqrt(2))

    assert probability_of_profit(CONDOR, flat_smile()) == pytest.approx(below(24_440) - below(23_560), abs=1e-7)
    assert probability_of_profit([Leg(quantity=1, price=50.0, strike=24_000.0)], flat_smile()) == pytest.approx(
        1 - below(24_050), abs=1e-7
    )


def test_what_cannot_lose_is_sure_and_what_cannot_gain_is_hopeless():
    free = Leg(quantity=1, price=-5.0, strike=24_000.0)

    assert probability_of_profit([free], flat_smile()) == 1.0
    assert probability_of_profit([Leg(quantity=-1, price=-5.0, strike=24_000.0)], flat_smile()) == 0.0


def living(leg, **changes):
    given_terms = {"years": 7 / 365, "volatility": 0.13, "rate": 0.06, **changes}
    return Leg(quantity=leg.quantity, price=leg.price, strike=leg.strike, is_call=leg.is_call, **given_terms)


def test_a_what_if_cell_is_the_position_repriced_there():
    legs = [living(leg) for leg in CONDOR]
    scenarios = Scenarios(
        level=np.array([23_800.0, 24_100.0]),
        years_passed=np.array([0.0, 3 / 365, 7 / 365]),
        volatility_shift=np.array([-0.02, 0.0]),
    )

    grid = what_if(legs, scenarios)

    assert grid.shape == (2, 3, 2)
    years = 4 / 365
    expected = 0.0
    for leg in legs:
        terms = on_forward(
            forward=24_100.0, strike=[leg.strike], years=years, discount=math.exp(-0.06 * years), is_call=leg.is_call
        )
        expected += leg.quantity * (float(value(terms, 0.11).price[0]) - leg.price)
    assert grid[1, 1, 0] == pytest.approx(expected, rel=1e-9)
    assert np.allclose(grid[:, 2, :], payoff_at_expiry(CONDOR, scenarios.level)[:, None])


def test_a_calendar_spreads_far_leg_lives_on_at_its_own_forward():
    near = Leg(quantity=-1, price=100.0, strike=24_000.0, years=7 / 365, volatility=0.13)
    far = Leg(quantity=1, price=200.0, strike=24_000.0, years=35 / 365, volatility=0.14, forward_gap=90.0)
    scenarios = Scenarios(level=np.array([24_000.0]), years_passed=np.array([7 / 365]), volatility_shift=np.zeros(1))

    grid = what_if([near, far], scenarios)

    terms = on_forward(forward=24_090.0, strike=[24_000.0], years=28 / 365, discount=1.0, is_call=True)
    assert grid[0, 0, 0] == pytest.approx(100.0 + float(value(terms, 0.14).price[0]) - 200.0)


def test_a_future_moves_with_the_market_and_nothing_else():
    scenarios = Scenarios(level=np.array([90.0, 110.0]), years_passed=np.zeros(1), volatility_shift=np.array([0.5]))

    assert what_if([Leg(quantity=-2, price=100.0)], scenarios).ravel().tolist() == [20.0, -20.0]
    assert greeks_of([Leg(quantity=-2, price=100.0)], 100.0)["delta"] == -2.0


def test_a_living_leg_without_a_volatility_has_no_scenario():
    blind = Leg(quantity=1, price=10.0, strike=100.0, years=0.1)
    scenarios = Scenarios(level=np.array([100.0]), years_passed=np.array([0.0, 0.2]), volatility_shift=np.zeros(1))

    assert np.isnan(what_if([blind], scenarios)).ravel().tolist() == [True, False]


def test_greeks_are_the_legs_times_their_signed_units():
    legs = [living(leg) for leg in CONDOR]

    found = greeks_of(legs, 24_000.0)

    assert found["gamma"] < 0
    assert found["theta"] > 0
    one = greeks_of(legs[:1], 24_000.0)
    assert one["delta"] == pytest.approx(LOT * greeks_of([living(CONDOR[0])], 24_000.0)["delta"] / LOT)
    assert found["delta"] == pytest.approx(sum(greeks_of([leg], 24_000.0)["delta"] for leg in legs))


@pytest.mark.parametrize(
    "wrong", [{"quantity": 0.0}, {"price": math.nan}, {"quantity": math.inf}, {"strike": -1.0}, {"strike": math.inf}]
)
def test_what_is_no_leg_is_refused(wrong):
    with pytest.raises(Invalid):
        Leg(**{"quantity": 1.0, "price": 1.0, "strike": 100.0, **wrong})
