import hashlib
import math
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from options.domain import special
from risk.domain import portfolio_kernels
from risk.domain.portfolio import (
    DAY_YEARS,
    STANDARD_AXES,
    Axes,
    Line,
    expiry_gamma,
    greeks_of,
    portfolio_of,
    scenario_grid,
)
from risk.domain.value_at_risk import History, historical, parametric, stress_of

NORMAL = NormalDist()


def an_option(
    quantity=75.0, *, strike=24_000.0, is_call=True, days=10.0, volatility=0.12, price=24_000.0, name="NIFTY"
):
    return Line(
        instrument=f"NFO:{name}{strike:.0f}{'CE' if is_call else 'PE'}",
        underlying=name,
        quantity=quantity,
        price=price,
        strike=strike,
        is_call=is_call,
        years=days / 365.0,
        volatility=volatility,
        rate=0.065,
    )


def a_share(quantity=10.0, *, price=100.0, name="SBIN"):
    return Line(instrument=f"NSE:{name}", underlying=name, quantity=quantity, price=price)


def black(line, *, factor=1.0, shift=0.0, passed=0.0):
    """The slow twin: Black 1976 with the library's normal distribution."""
    years = line.years - passed
    forward, sign = line.price * factor, 1.0 if line.is_call else -1.0
    if years <= 0.0:
        return max(sign * (forward - line.strike), 0.0)
    s = (line.volatility + shift) * math.sqrt(years)
    d1 = math.log(forward / line.strike) / s + 0.5 * s
    undiscounted = sign * (forward * NORMAL.cdf(sign * d1) - line.strike * NORMAL.cdf(sign * (d1 - s)))
    return math.exp(-line.rate * years) * undiscounted


LINES = [
    an_option(),
    an_option(-150.0, strike=24_500.0, is_call=False, days=3.0, volatility=0.15),
    an_option(65.0, strike=51_000.0, days=0.5, price=52_000.0, name="BANKNIFTY"),
    a_share(-20.0),
]


def test_every_cell_is_what_black_s_formula_gives():
    grid = scenario_grid(portfolio_of(LINES))

    axes = STANDARD_AXES
    for s, v, d in np.ndindex(grid.total.shape):
        cell = {"factor": axes.factor[s], "shift": axes.shift[v], "passed": axes.passed_years[d]}
        options = sum(line.quantity * (black(line, **cell) - black(line)) for line in LINES[:3])
        expected = options - 20.0 * 100.0 * (axes.factor[s] - 1.0)
        assert grid.total[s, v, d] == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert grid.by_underlying.shape == (3, 21, 9, 3)


def test_nothing_changes_where_nothing_moves():
    here = Axes(factor=np.ones(1), shift=np.zeros(1), passed_years=np.zeros(1))

    assert scenario_grid(portfolio_of(LINES), here).total.item() == pytest.approx(0.0, abs=1e-9)


def test_the_worst_loss_lets_no_gain_pay_for_a_loss_elsewhere():
    lines = [a_share(10.0), a_share(-10.0, name="ITC")]

    grid = scenario_grid(portfolio_of(lines))

    assert np.allclose(grid.total, 0.0)
    assert grid.worst_loss == pytest.approx(2 * 1000.0 * 0.15)


def test_an_empty_portfolio_loses_nothing():
    empty = portfolio_of([])

    assert scenario_grid(empty).worst_loss == 0.0
    assert greeks_of(empty).delta.size == 0
    assert expiry_gamma(empty, np.ones(3)).shape == (0, 3)


@given(st.floats(0.8, 1.2), st.floats(0.5, 40.0), st.booleans())
def test_a_bought_option_never_loses_more_than_it_is_worth(factor, days, is_call):
    line = an_option(1.0, is_call=is_call, days=days)

    axes = Axes(factor=np.array([factor]), shift=np.array([-0.1, 0.3]), passed_years=np.array([0.0, days / 365.0]))
    assert scenario_grid(portfolio_of([line]), axes).by_underlying.min() >= -black(line) - 1e-6


def test_what_cannot_be_valued_is_named_and_left_out():
    lines = [
        an_option(volatility=math.nan),
        an_option(strike=25_000.0, days=0.0, volatility=math.nan),
        a_share(price=math.nan),
        a_share(0.0, price=math.nan, name="ITC"),
    ]

    found = portfolio_of(lines)

    assert found.unpriced == ("NFO:NIFTY24000CE", "NSE:SBIN")
    assert found.options.quantity.size == 1


@pytest.mark.parametrize("changes", [{"factor": np.array([0.0])}, {"passed_years": np.array([-1.0])}])
def test_a_scenario_without_a_price_or_back_in_time_is_refused(changes):
    axes = {"factor": np.ones(1), "shift": np.zeros(1), "passed_years": np.zeros(1)}

    with pytest.raises(Invalid):
        Axes(**axes | changes)


def test_greeks_are_the_slopes_of_the_values():
    line = an_option(-75.0, is_call=False)
    greeks, step = greeks_of(portfolio_of([line, a_share(30.0, price=24_000.0, name="NIFTY")])), 1e-4

    def worth(**moved):
        return -75.0 * black(line, **moved)

    slope = (worth(factor=1 + step) - worth(factor=1 - step)) / (2 * step * 24_000.0)
    curve = (worth(factor=1 + step) - 2 * worth() + worth(factor=1 - step)) / (step * step) * 1e-4
    assert greeks.delta[0] == pytest.approx(slope + 30.0, rel=1e-6)
    assert greeks.delta_notional[0] == pytest.approx((slope + 30.0) * 24_000.0, rel=1e-6)
    assert greeks.gamma_1pct[0] == pytest.approx(curve, rel=1e-4)
    assert greeks.vega[0] == pytest.approx((worth(shift=0.0001) - worth(shift=-0.0001)) / 0.02, rel=1e-6)
    assert greeks.theta[0] == pytest.approx((worth(passed=1e-6) - worth(passed=-1e-6)) / 2e-6 / 365.0, rel=1e-4)


def test_gamma_gathers_at_the_strike_of_what_expires():
    soon, later = an_option(-75.0, strike=24_240.0, days=0.5), an_option(days=10.0)
    factor = np.array([1.0, 1.01, 1.02])

    gamma = expiry_gamma(portfolio_of([soon, later]), factor)

    assert gamma.shape == (1, 3)
    assert gamma[0].argmin() == 1
    assert expiry_gamma(portfolio_of([later]), factor).sum() == 0.0
    whole = greeks_of(portfolio_of([soon])).gamma_1pct[0]
    assert gamma[0, 0] == pytest.approx(whole, rel=1e-9)


def a_history(returns, changes=None, names=("SBIN",)):
    array = np.array(returns, dtype=np.float64)
    return History(
        underlyings=names,
        returns=array,
        volatility_changes=np.zeros_like(array) if changes is None else np.array(changes),
    )


def test_historical_var_is_the_loss_of_a_day_that_was():
    returns = [[-(n + 1) / 1000.0 for n in range(200)]]

    found = historical(portfolio_of([a_share(10.0)]), a_history(returns))

    assert (found.loss, found.days) == (pytest.approx(199.0), 200)
    assert found.shortfall == pytest.approx(199.5)


def test_a_day_of_the_history_revalues_options_in_full():
    line, day = an_option(-75.0), {"factor": 0.97, "shift": 0.05, "passed": DAY_YEARS}
    history = a_history([[-0.03, 0.0]], [[0.05, 0.0]], names=("NIFTY",))

    found = historical(portfolio_of([line]), history, confidence=0.5)

    losses = sorted([75.0 * (black(line, **day) - black(line)), 75.0 * (black(line, passed=DAY_YEARS) - black(line))])
    assert found.loss == pytest.approx(max(losses[-1], 0.0), rel=1e-9)


def test_a_portfolio_that_never_lost_has_no_value_at_risk():
    assert historical(portfolio_of([a_share()]), a_history([[0.01] * 100])).loss == 0.0


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (a_history([[0.01] * 99]), "history.short"),
        (a_history([[0.01] * 100], names=("ITC",)), "history.missing"),
    ],
)
def test_a_history_that_does_not_suffice_is_refused(history, code):
    with pytest.raises(Invalid) as caught:
        historical(portfolio_of([a_share()]), history)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("returns", "changes"), [([[0.1], [0.1]], None), ([[math.nan]], None), ([[-1.0]], None), ([[0.1]], [[0.0, 0.0]])]
)
def test_a_malformed_history_is_refused(returns, changes):
    with pytest.raises(Invalid):
        a_history(returns, changes)


def test_parametric_var_nets_what_moves_together():
    greeks = greeks_of(portfolio_of([a_share(10.0), a_share(-10.0, name="ITC")]))
    together = np.full((2, 2), 0.0001)

    assert parametric(greeks, together) == pytest.approx(0.0)
    assert parametric(greeks, np.diag([0.0001, 0.0])) == pytest.approx(1000.0 * 0.01 * NORMAL.inv_cdf(0.99))
    with pytest.raises(Invalid):
        parametric(greeks, np.eye(3))


def test_the_gate_is_told_what_was_and_what_would_be():
    history = a_history([[-0.01] * 100])

    stress = stress_of([a_share(10.0)], [a_share(-4.0)], history)

    assert (stress.worst_before_quote, stress.worst_after_quote) == (Decimal(150), Decimal(90))
    assert (stress.var_before_quote, stress.var_after_quote) == (Decimal(10), Decimal(6))
    assert (stress.delta_notional_before_quote, stress.delta_notional_after_quote) == (1000, 600)


@pytest.mark.parametrize(("lines", "candidate"), [([a_share(price=math.nan)], []), ([], [an_option(volatility=0.0)])])
def test_what_cannot_be_valued_cannot_be_judged(lines, candidate):
    assert stress_of(lines, candidate, a_history([[-0.01] * 100])) is None


def test_a_change_of_what_is_compiled_into_the_kernels_reaches_their_cache():
    digest = hashlib.sha256(Path(special.__file__).read_bytes()).hexdigest()

    assert digest[:16] == portfolio_kernels.PARTS_DIGEST


def test_the_kernels_say_the_same_uncompiled(monkeypatch):
    book = portfolio_of(LINES).options
    factor, shift, passed = np.array([0.9, 1.0, 1.1]), np.array([-0.2, 0.1]), np.array([0.0, 2.0 / 365.0])
    days, moves = np.full((3, 4), 0.98), np.full((3, 4), 0.01)
    compiled, plain = (np.zeros((3, 2, 2, 3)), np.zeros(4)), (np.zeros((3, 2, 2, 3)), np.zeros(4))

    portfolio_kernels.add_grid(book, factor, shift, passed, compiled[0])
    portfolio_kernels.add_paths(book, days, moves, DAY_YEARS, compiled[1])
    monkeypatch.setattr(portfolio_kernels, "add_row", portfolio_kernels.add_row.py_func)
    portfolio_kernels.add_grid.py_func(book, factor, shift, passed, plain[0])
    portfolio_kernels.add_paths.py_func(book, days, moves, DAY_YEARS, plain[1])

    assert np.allclose(compiled[0], plain[0], rtol=1e-12)
    assert np.allclose(compiled[1], plain[1], rtol=1e-12)
