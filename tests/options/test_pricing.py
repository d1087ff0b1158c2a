"""Prices and Greeks beside textbooks, sixty digits, and what must hold for every option."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.exact import exact_price
from brokers.domain.errors import Invalid
from options.domain.pricing import Refusal, on_forward, on_spot, value

FIGURES = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm")
moneyness = st.floats(-3.0, 3.0)
years = st.floats(1 / 8760, 3.0)
volatilities = st.floats(0.02, 2.0)
rates = st.floats(-0.05, 0.15)


def of_spot(spot, strike, term, rate, volatility, *, dividend=0.0, is_call=True):
    terms = on_spot(spot=spot, strike=[strike], years=term, rate=rate, dividend=dividend, is_call=is_call)
    return value(terms, volatility)


def of_future(forward, strike, term, rate, volatility, *, is_call=True):
    discount = np.exp(-rate * term)
    terms = on_forward(forward=forward, strike=[strike], years=term, discount=discount, is_call=is_call)
    return value(terms, volatility)


@pytest.mark.parametrize(
    ("valued", "printed"),
    [
        # Hull, Options, Futures, and Other Derivatives, example 15.6
        (of_spot(42, 40, 0.5, 0.1, 0.2), "4.76"),
        (of_spot(42, 40, 0.5, 0.1, 0.2, is_call=False), "0.81"),
        # Haug, The Complete Guide to Option Pricing Formulas, chapter 1: Black-Scholes, Merton, Black-76, currencies
        (of_spot(60, 65, 0.25, 0.08, 0.3), "2.1334"),
        (of_spot(100, 95, 0.5, 0.1, 0.2, dividend=0.05, is_call=False), "2.4648"),
        (of_future(19, 19, 0.75, 0.1, 0.28), "1.7011"),
        (of_future(19, 19, 0.75, 0.1, 0.28, is_call=False), "1.7011"),
        (of_spot(1.56, 1.6, 0.5, 0.06, 0.12, dividend=0.08), "0.0291"),
    ],
)
def test_prices_are_the_textbooks(valued, printed):
    digits = len(printed.partition(".")[2])

    assert f"{valued.price[0]:.{digits}f}" == printed


@pytest.mark.parametrize(
    ("valued", "figure", "scale", "printed"),
    [
        # Hull, examples 19.1 to 19.8: S 49, K 50, r 5 %, 20 %, 20 weeks
        (of_spot(49, 50, 0.3846, 0.05, 0.2), "delta", 1, "0.522"),
        (of_spot(49, 50, 0.3846, 0.05, 0.2), "gamma", 1, "0.066"),
        (of_spot(49, 50, 0.3846, 0.05, 0.2), "vega", 100, "12.1"),
        (of_spot(49, 50, 0.3846, 0.05, 0.2), "theta", 365, "-4.31"),
        (of_spot(49, 50, 0.3846, 0.05, 0.2), "theta", 1, "-0.0118"),
        (of_spot(49, 50, 0.3846, 0.05, 0.2), "rho", 100, "8.91"),
        # Haug, chapter 2
        (of_future(105, 100, 0.5, 0.1, 0.36), "delta", 1, "0.5946"),
        (of_future(105, 100, 0.5, 0.1, 0.36, is_call=False), "delta", 1, "-0.3566"),
        (of_spot(55, 60, 0.75, 0.1, 0.3), "gamma", 1, "0.0278"),
        (of_spot(430, 405, 1 / 12, 0.07, 0.2, dividend=0.05, is_call=False), "theta", 365, "-31.1924"),
        (of_spot(72, 75, 1.0, 0.09, 0.19), "rho", 100, "38.7325"),
        (of_future(90, 130, 0.75, 0.05, 0.28), "volga", 10_000, "92.3444"),
        (of_future(105, 90, 0.25, 0.14, 0.24, is_call=False), "charm", 365, "0.3700"),
    ],
)
def test_greeks_are_the_textbooks(valued, figure, scale, printed):
    digits = len(printed.partition(".")[2])

    assert f"{getattr(valued, figure)[0] * scale:.{digits}f}" == printed


def differences(*, spot, strike, term, volatility, rate, carry, is_call, rate_moves_carry):
    """Every figure from exact prices a hair apart, in the units that `Valuation` states."""
    hair = Decimal("1e-14")

    def price(*, s=0, t=0, v=0, r=0):
        moved = Decimal(r) if rate_moves_carry else Decimal(0)
        given = (spot + s, strike, term + t, volatility + v, rate + r, carry + moved)
        return exact_price(*given, is_call)

    def first(**by):
        (name, step), *rest = by.items()
        held = dict(rest)
        return (price(**{name: step}, **held) - price(**{name: -step}, **held)) / (2 * step)

    def cross(one, other):
        up = first(**{one: hair}, **{other: hair})
        return (up - first(**{one: hair}, **{other: -hair})) / (2 * hair)

    middle = price()
    return {
        "price": middle,
        "delta": first(s=hair),
        "gamma": (price(s=hair) - 2 * middle + price(s=-hair)) / (hair * hair),
        "vega": first(v=hair) / 100,
        "theta": -first(t=hair) / 365,
        "rho": first(r=hair) / 100,
        "vanna": cross("s", "v") / 100,
        "volga": (price(v=hair) - 2 * middle + price(v=-hair)) / (hair * hair) / 10_000,
        "charm": -cross("s", "t") / 365,
    }


@pytest.mark.parametrize("is_call", [True, False])
@pytest.mark.parametrize("rate_moves_carry", [True, False])
@pytest.mark.parametrize(
    "case", [(98, 100, 0.3, 0.2), (140, 100, 0.02, 0.5), (60, 100, 1.7, 0.35), (100, 100, 0.1, 0.1)]
)
def test_every_greek_is_the_derivative_of_the_exact_price(case, rate_moves_carry, is_call):
    with localcontext() as context:
        context.prec = 60
        rate, dividend = Decimal("0.065"), Decimal("0.02")
        spot, strike, term, volatility = (Decimal(str(figure)) for figure in case)
        carry = rate - dividend if rate_moves_carry else Decimal(0)
        exact = differences(
            spot=spot,
            strike=strike,
            term=term,
            volatility=volatility,
            rate=rate,
            carry=carry,
            is_call=is_call,
            rate_moves_carry=rate_moves_carry,
        )

    if rate_moves_carry:
        ours = of_spot(case[0], case[1], case[2], 0.065, case[3], dividend=0.02, is_call=is_call)
    else:
        ours = of_future(case[0], case[1], case[2], 0.065, case[3], is_call=is_call)

    for figure in FIGURES:
        assert getattr(ours, figure)[0] == pytest.approx(float(exact[figure]), rel=1e-11, abs=1e-15), figure


@given(moneyness, years, volatilities, rates)
def test_call_less_put_is_the_discounted_forward_less_the_strike(deviations, term, volatility, rate):
    strike = 100.0 * np.exp(deviations * volatility * np.sqrt(term))
    discount = np.exp(-rate * term)

    call = of_future(100.0, strike, term, rate, volatility).price[0]
    put = of_future(100.0, strike, term, rate, volatility, is_call=False).price[0]

    assert call - put == pytest.approx(discount * (100.0 - strike), rel=1e-13, abs=1e-12)


@given(moneyness, years, volatilities, st.booleans())
def test_prices_keep_within_their_bounds_and_rise_with_volatility(deviations, term, volatility, is_call):
    strike = 100.0 * np.exp(deviations * volatility * np.sqrt(term))
    terms = on_forward(forward=100.0, strike=[strike] * 2, years=term, discount=1.0, is_call=is_call)

    lower, higher = value(terms, [volatility, volatility * 1.01]).price

    floor = max((100.0 - strike) * (1 if is_call else -1), 0.0)
    assert floor <= lower < higher < (100.0 if is_call else strike)


@given(moneyness, years, volatilities)
def test_a_long_option_has_gamma_and_vega_and_calls_lean_up_and_puts_down(deviations, term, volatility):
    strike = 100.0 * np.exp(deviations * volatility * np.sqrt(term))
    terms = on_forward(forward=100.0, strike=[strike] * 2, years=term, discount=1.0, is_call=[True, False])

    greeks = value(terms, volatility)

    assert np.all(greeks.figures[[FIGURES.index("gamma"), FIGURES.index("vega")]] > 0)
    assert np.all(greeks.theta < 0)
    assert 0 < greeks.delta[0] < 1
    assert -1 < greeks.delta[1] < 0
    assert greeks.delta[0] - greeks.delta[1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"years": 0.0}, Refusal.EXPIRED),
        ({"years": -0.1}, Refusal.EXPIRED),
        ({"forward": 0.0}, Refusal.MISSING),
        ({"forward": np.nan}, Refusal.MISSING),
        ({"strike": [-5.0]}, Refusal.MISSING),
        ({"discount": 0.0}, Refusal.MISSING),
        ({"discount": np.inf}, Refusal.MISSING),
        ({"years": np.inf}, Refusal.MISSING),
    ],
)
def test_what_cannot_be_priced_is_refused_with_a_reason(change, reason):
    terms = on_forward(
        **{"forward": 100.0, "strike": [100.0], "years": 0.1, "discount": 0.99, "is_call": True, **change}
    )

    valued = value(terms, 0.2)

    assert valued.refusal.tolist() == [reason]
    assert np.all(np.isnan(valued.figures))
    assert Refusal(int(valued.refusal[0])).sentence.endswith(".")


@pytest.mark.parametrize("volatility", [0.0, -0.2, np.nan, np.inf])
def test_a_volatility_that_is_none_is_refused(volatility):
    terms = on_forward(forward=100.0, strike=[90.0, 110.0], years=0.1, discount=0.99, is_call=True)

    assert value(terms, [0.2, volatility]).refusal.tolist() == [Refusal.NONE, Refusal.MISSING]


def test_a_refused_option_leaves_its_neighbours_alone():
    strikes = np.linspace(50, 150, 200)
    plain = on_forward(forward=100.0, strike=strikes, years=0.1, discount=0.99, is_call=True)
    broken = strikes.copy()
    broken[77] = np.nan

    with_one = value(on_forward(forward=100.0, strike=broken, years=0.1, discount=0.99, is_call=True), 0.2)

    others = np.arange(200) != 77
    assert np.array_equal(with_one.figures[:, others], value(plain, 0.2).figures[:, others])
    assert np.flatnonzero(with_one.refusal).tolist() == [77]


def test_the_first_order_alone_is_the_same_figures():
    terms = on_forward(forward=100.0, strike=[90.0, 110.0], years=0.1, discount=0.99, is_call=True)

    assert np.array_equal(value(terms, 0.2, with_second_order=False).figures, value(terms, 0.2).figures[:6])


def test_no_options_give_no_figures():
    terms = on_forward(forward=100.0, strike=[], years=0.1, discount=1.0, is_call=[])

    assert value(terms, []).price.size == len(terms) == 0


def test_columns_of_other_lengths_are_refused():
    with pytest.raises(Invalid, match="beside 2 strikes"):
        on_forward(forward=[1.0, 2.0, 3.0], strike=[1.0, 2.0], years=1.0, discount=1.0, is_call=True)
    with pytest.raises(Invalid, match="one column"):
        on_spot(spot=1.0, strike=[[1.0]], years=1.0, rate=0.0, is_call=True)
