"""Implied volatility: the hard grid, the round trip, and what has none."""

import hashlib
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import erfcx

from bench.exact import hard_grid
from options.domain import guesses, implied, kernels, special
from options.domain.implied import implied_greeks, implied_volatility
from options.domain.pricing import Refusal, on_forward, on_spot, value


@pytest.fixture
def interpreted(monkeypatch):
    """Run the kernels as the Python that they are written in: slowly, and seen by a coverage measurement."""
    for module in (special, guesses, kernels):
        for name, member in vars(module).items():
            if isinstance(member, numba.core.registry.CPUDispatcher):
                monkeypatch.setattr(module, name, member.py_func)


def a_chain(count=130):
    strikes = np.linspace(60.0, 160.0, count)
    return {
        "forward": 100.0,
        "strike": strikes,
        "years": np.where(np.arange(count) % 2 == 0, 0.01, 0.4),
        "discount": 0.99,
        "is_call": np.arange(count) % 3 == 0,
    }


def test_the_hard_grid_comes_back_to_a_ten_billionth_without_a_failure():
    price, strike, years, volatility, is_call = (np.array(column) for column in zip(*hard_grid(), strict=True))
    terms = on_forward(forward=100.0, strike=strike, years=years, discount=1.0, is_call=is_call)

    found = implied_volatility(price, terms)

    assert price.size == 1165
    assert not found.refusal.any()
    assert np.max(np.abs(found.volatility - volatility)) <= 1e-10


@given(st.floats(-8, 8), st.floats(1 / 8760, 3.0), st.floats(0.01, 3.0), st.floats(-0.02, 0.1))
def test_a_price_out_of_the_money_gives_its_volatility_back(deviations, years, volatility, rate):
    strike = 100.0 * np.exp(deviations * volatility * np.sqrt(years))
    discount = np.exp(-rate * years)
    terms = on_forward(forward=100.0, strike=[strike], years=years, discount=discount, is_call=strike >= 100.0)

    found = implied_volatility(value(terms, volatility).price, terms)

    # a deviation above five leaves a price of nearly the whole forward, and few digits for the volatility
    assert found.volatility[0] == pytest.approx(volatility, rel=1e-9 if volatility * np.sqrt(years) > 3 else 1e-11)


def test_a_strike_a_hair_from_the_forward_is_solved_at_any_volatility():
    volatility, gap = (
        column.ravel() for column in np.meshgrid(np.geomspace(1e-3, 5.0, 60), np.geomspace(1e-15, 1e-5, 80))
    )
    terms = on_forward(forward=100.0, strike=100.0 * (1.0 + gap), years=1.0, discount=1.0, is_call=True)

    found = implied_volatility(value(terms, volatility).price, terms)

    assert np.allclose(found.volatility, volatility, rtol=1e-11)


@given(st.floats(1e-12, 300.0), st.floats(1e-4, 0.999))
def test_two_steps_are_as_good_as_four(moneyness, share):
    """Across all that Black's formula can give, in normalised terms: further steps move the deviation by rounding."""
    block = np.ones(kernels._ROWS * kernels.LANES)
    forward, strike = np.exp(0.5 * moneyness), np.exp(-0.5 * moneyness)
    low = min(forward, strike)
    # deep prices by their logarithm, high ones by their share
    room = np.linspace(0.001, 0.999, kernels.LANES) * share
    beta = low * np.where(np.arange(kernels.LANES) % 2 == 0, room, np.exp(-300.0 * room))
    terms = kernels.Terms(
        *(np.full(kernels.LANES, figure) for figure in (forward, strike, 1.0, 0.0, 0.0)), np.zeros(64) > 0
    )
    kernels._solve(block, beta, terms, 0)
    after_two = block[kernels._DEVIATION : kernels._DEVIATION + kernels.LANES].copy()
    is_fine = block[kernels._CODE : kernels._CODE + kernels.LANES] == 0

    kernels._improve(block)
    kernels._improve(block)

    after_four = block[kernels._DEVIATION : kernels._DEVIATION + kernels.LANES]
    assert np.allclose(after_two[is_fine], after_four[is_fine], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("price", "strike", "is_call", "reason"),
    [
        (9.0, 90.0, True, Refusal.BELOW_INTRINSIC),
        (9.9, 90.0, True, Refusal.NO_TIME_VALUE),
        (99.0, 90.0, True, Refusal.ABOVE_BOUND),
        (120.0, 90.0, True, Refusal.ABOVE_BOUND),
        (9.0, 110.0, False, Refusal.BELOW_INTRINSIC),
        (9.9, 110.0, False, Refusal.NO_TIME_VALUE),
        (108.9, 110.0, False, Refusal.ABOVE_BOUND),
        (0.0, 110.0, True, Refusal.MISSING),
        (-1.0, 110.0, True, Refusal.MISSING),
        (np.nan, 110.0, True, Refusal.MISSING),
        (np.inf, 110.0, True, Refusal.MISSING),
    ],
)
def test_a_price_that_no_volatility_gives_is_refused_with_its_reason(price, strike, is_call, reason):
    terms = on_forward(forward=100.0, strike=[strike, 100.0], years=0.1, discount=0.99, is_call=is_call)

    found = implied_greeks([price, 3.0], terms)

    assert found.implied.refusal.tolist() == [reason, Refusal.NONE]
    assert np.isfinite(found.implied.volatility).tolist() == [False, True]
    assert np.isfinite(found.greeks.figures).all(axis=0).tolist() == [False, True]
    assert not np.isfinite(found.greeks.figures[:, 0]).any()


def test_an_expired_option_has_no_volatility():
    terms = on_forward(forward=100.0, strike=[100.0], years=0.0, discount=1.0, is_call=True)

    assert implied_volatility(2.0, terms).refusal.tolist() == [Refusal.EXPIRED]


def test_the_greeks_of_the_fused_pass_are_those_at_the_implied_volatility():
    strikes = np.linspace(70, 140, 99)
    terms = on_spot(spot=100.0, strike=strikes, years=0.2, rate=0.06, dividend=0.01, is_call=strikes > 101.0)
    volatility = np.linspace(0.1, 0.6, 99)

    found = implied_greeks(value(terms, volatility).price, terms)

    assert np.allclose(found.implied.volatility, volatility, rtol=1e-9)
    assert np.array_equal(found.greeks.figures, value(terms, found.implied.volatility).figures)
    assert np.array_equal(
        found.implied.volatility, implied_volatility(value(terms, volatility).price, terms).volatility
    )


def test_the_compiled_kernels_say_what_their_python_says(interpreted, monkeypatch):
    chain = a_chain()
    chain["strike"][5] = np.nan
    terms = on_forward(**chain)
    with np.errstate(all="ignore"):
        slow = value(terms, 0.3)
        price = np.where(np.isnan(slow.price), 1.0, slow.price)
        price[8:12] = (0.01, 1e9, 0.0, 39.6)
        slow_implied = implied_greeks(price, terms)
        slow_volatility = implied_volatility(price, terms)
    monkeypatch.undo()

    fast, fast_implied = value(terms, 0.3), implied_greeks(price, terms)

    assert np.allclose(slow.figures, fast.figures, rtol=1e-10, atol=1e-13, equal_nan=True)
    assert np.array_equal(slow_implied.implied.refusal, fast_implied.implied.refusal)
    assert np.allclose(slow_implied.implied.volatility, fast_implied.implied.volatility, rtol=1e-9, equal_nan=True)
    assert np.array_equal(slow_volatility.volatility, slow_implied.implied.volatility, equal_nan=True)
    assert set(fast_implied.implied.refusal.tolist()) >= {Refusal.NONE, Refusal.MISSING, Refusal.ABOVE_BOUND}


@given(st.floats(0.0, 1e5))
def test_the_scaled_error_function_is_the_librarys(figure):
    assert special.scaled_erfc(figure) == pytest.approx(float(erfcx(figure)), rel=2e-15)


@given(st.floats(-690.0, 690.0))
def test_the_exponential_is_the_librarys(figure):
    assert special.exponential(figure) == pytest.approx(float(np.exp(figure)), rel=1e-15)


@given(st.floats(1e-300, 1e300))
def test_the_logarithm_is_the_librarys(figure):
    assert special.logarithm(figure) == pytest.approx(float(np.log(figure)), rel=5e-16, abs=1e-17)


@given(st.floats(1e-14, 1.0))
def test_the_logarithm_of_a_ratio_keeps_its_digits_where_the_two_nearly_agree(difference):
    exact = float(np.log1p((100.0 + difference - 100.0) / 100.0))

    assert special.log_ratio(100.0 + difference, 100.0) == pytest.approx(exact, rel=1e-15)


def test_a_change_of_what_is_compiled_into_the_kernels_reaches_their_cache():
    parts = b"".join(Path(module.__file__).read_bytes() for module in (special, guesses))

    assert hashlib.sha256(parts).hexdigest()[:16] == kernels.PARTS_DIGEST


def test_a_worker_can_warm_the_kernels():
    implied.warm()

    assert kernels.solve_and_value_all.signatures


def test_where_no_cache_can_be_written_the_kernels_are_compiled_all_the_same(monkeypatch):
    compile_any = numba.njit

    def without_a_place(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return compile_any(**options)

    monkeypatch.setattr(kernels.numba, "njit", without_a_place)

    def doubled(figure):
        return 2.0 * figure

    assert kernels._kernel(doubled)(1.5) == 3.0
