"""Several instruments in one account: alone as ever, together within one cash."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Product
from strategies.domain.backtest import FillAt, FlatFee, IndianCharges, Sizing, Terms, run, run_together, statistics_of
from tests.strategies.backtest_twins import a_walk, made_bars
from tests.strategies.interpreted import interpreted  # noqa: F401 - a fixture

TERMS = Terms(sizing=Sizing.UNITS, size=10.0, lot=1.0, costs=FlatFee(fraction=0.001), slippage_fraction=0.001)
NAN = float("nan")
wishes = st.lists(st.sampled_from([NAN, 0.0, 1.0, -1.0, 0.5]), min_size=30, max_size=30)


def a_market(seed, **changes):
    return a_walk(30, seed=seed, spread=0.02, instrument=f"NSE:MADE{seed}", **changes)


@given(wishes, st.sampled_from(list(FillAt)), st.sampled_from(list(Sizing)), st.sampled_from([0.0, 0.02]))
@settings(max_examples=60, deadline=None)
def test_one_instrument_alone_is_a_plain_backtest(wanted, fill_at, sizing, guard):
    terms = replace(TERMS, fill_at=fill_at, sizing=sizing, stop_fraction=guard, trail_fraction=guard / 2)
    bars, exposure = a_market(1), np.array(wanted)

    together, alone = run_together([bars], [exposure], terms), run(bars, exposure, terms)

    np.testing.assert_allclose(together.equity_quote, alone.equity_quote, rtol=1e-12)
    np.testing.assert_allclose(together.parts[0].equity_quote, alone.equity_quote, rtol=1e-12)
    np.testing.assert_array_equal(together.fills.units, alone.fills.units)
    np.testing.assert_array_equal(together.trades().exit_bar, alone.trades().exit_bar)


@given(st.lists(wishes, min_size=2, max_size=4), st.sampled_from(list(FillAt)), st.sampled_from([1.0, 0.2]))
@settings(max_examples=40, deadline=None)
def test_the_whole_is_the_sum_of_its_parts(wanted, fill_at, share):
    terms = replace(
        TERMS, capital_quote=3_000.0, fill_at=fill_at, target_fraction=0.03, sizing=Sizing.EQUITY, size=share
    )
    markets = [a_market(seed) for seed in range(len(wanted))]

    result = run_together(markets, [np.array(one) for one in wanted], terms)

    profit = sum(part.equity_quote - 3_000.0 for part in result.parts)
    np.testing.assert_allclose(result.equity_quote, 3_000.0 + profit, rtol=1e-9)
    assert result.trades().profit_quote.sum() == pytest.approx(result.final_quote - 3_000.0, abs=1e-6)


def test_what_one_instrument_binds_the_next_cannot_have():
    markets = [made_bars([100.0] * 4, instrument=f"NSE:{name}") for name in "AB"]
    terms = Terms(capital_quote=1_500.0, sizing=Sizing.UNITS, size=10.0)

    result = run_together(markets, [np.ones(4)] * 2, terms)

    assert [part.fills.units.tolist() for part in result.parts] == [[10.0], [5.0]]


def test_what_is_sold_frees_cash_for_what_is_bought_at_the_same_time():
    markets = [made_bars([100.0] * 5, instrument=f"NSE:{name}") for name in "AB"]
    terms = Terms(capital_quote=1_000.0, sizing=Sizing.UNITS, size=10.0)

    result = run_together(markets, [np.array([0.0, 0, 1, 1, 1]), np.array([1.0, 1, 0, 0, 0])], terms)

    assert [part.fills.units.tolist() for part in result.parts] == [[10.0], [10.0, -10.0]]


def test_who_is_fully_invested_or_ruined_buys_nothing_more():
    full = [made_bars([100.0] * 4, instrument=f"NSE:{name}") for name in "AB"]
    ruin = [made_bars([100, 100, 300, 300, 300], instrument="NSE:A"), made_bars([100.0] * 5, instrument="NSE:B")]
    terms = Terms(capital_quote=1_000.0, sizing=Sizing.UNITS, size=10.0)

    invested = run_together(full, [np.ones(4)] * 2, terms)
    ruined = run_together(ruin, [np.full(5, -1.0), np.array([0.0, 0, 1, 1, 1])], terms)

    assert [len(part.fills) for part in invested.parts] == [1, 0]
    assert [len(part.fills) for part in ruined.parts] == [1, 0]


def test_it_is_measured_like_any_backtest():
    markets = [a_market(seed) for seed in range(3)]
    wanted = [np.where(np.arange(30) // n % 2, 1.0, 0.0) for n in (2, 3, 5)]

    figures = statistics_of(run_together(markets, wanted, TERMS))

    assert figures.days == 30
    assert figures.trades == sum(statistics_of(run(m, w, TERMS)).trades for m, w in zip(markets, wanted, strict=True))
    assert 0.5 < figures.exposure_fraction <= 1.0


def test_the_kernel_says_compiled_what_it_says_as_plain_python(interpreted):  # noqa: F811
    markets = [a_market(seed) for seed in range(3)]
    chance = np.random.default_rng(2)
    wanted = [chance.choice([NAN, 0.0, 1.0, -1.0], 30) for _ in markets]
    costs = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.INTRADAY)
    asked = [
        replace(TERMS, capital_quote=2_500.0, fill_at=fill_at, stop_fraction=0.02, target_fraction=0.02, costs=costs)
        for fill_at in FillAt
    ]
    compiled = [run_together(markets, wanted, terms).equity_quote for terms in asked]

    interpreted()

    for terms, equity in zip(asked, compiled, strict=True):
        np.testing.assert_allclose(run_together(markets, wanted, terms).equity_quote, equity, rtol=1e-12)


def test_instruments_must_share_their_times():
    bars, other = a_market(1), a_market(2)

    shifted = other.start_ns.copy()
    shifted[4] += 1
    with pytest.raises(DataError, match="bar 4 of NSE:MADE2 is of another time"):
        run_together([bars, replace(other, start_ns=shifted)], [np.zeros(30)] * 2, TERMS)
    with pytest.raises(DataError, match="NSE:MADE2 has 30 bars of 43200 s"):
        run_together([bars, a_market(2, interval_s=43_200)], [np.zeros(30)] * 2, TERMS)
    with pytest.raises(Invalid, match="named twice"):
        run_together([bars, bars], [np.zeros(30)] * 2, TERMS)
    with pytest.raises(Invalid, match="1 exposures for 2 instruments"):
        run_together([bars, other], [np.zeros(30)], TERMS)
