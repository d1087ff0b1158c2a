"""A study: what is looked into, what too few candles do not allow, and what is left where trading costs more."""

from dataclasses import replace

import numpy as np
import pytest

from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Product
from strategies.domain import SignalStrategy
from strategies.domain.backtest import FlatFee, IndianCharges, Sizing, Terms, contract_notes, run
from strategies.domain.backtest.daily_bars import between
from strategies.domain.backtest.documents import short, study_document
from strategies.domain.backtest.grids import neighbourhood
from strategies.domain.backtest.study import study
from strategies.library.ema_crossover import EmaCrossover
from strategies.library.mean_reversion import MeanReversion
from strategies.library.vwap_breakout import VwapBreakout
from tests.analysis.candles import made
from tests.strategies.builders import sessions, some_bars

DAYS = np.round(500 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.015, 120))), 2)
TERMS = Terms(sizing=Sizing.UNITS, size=100, costs=FlatFee(fraction=0.001), slippage_fraction=0.001)


def daily(closes=DAYS):
    bars = some_bars(closes)
    day_ns = 86_400 * 10**9
    return replace(bars, interval_s=86_400, start_ns=bars.start_ns[0] + np.arange(len(bars), dtype=np.int64) * day_ns)


def crossover(**params):
    return EmaCrossover(EmaCrossover.params_on_days({"fast": 2, "slow": 5, **params}), sessions())


class Alternating(SignalStrategy):
    """Long on every other day; nothing about it is studied."""

    slug, title, on_days = "alternating", "Alternating", {}

    def warmup_bars(self):
        return 1

    def exposure(self, bars):
        return (np.arange(len(bars)) % 2).astype(float)

    def reason(self, bars):
        return f"day {len(bars)}"


def test_a_study_tells_every_step_and_ends_with_a_verdict():
    told = []

    found = study(crossover(), daily(), TERMS, told=lambda *step: told.append(step))

    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert {total for _, total, _ in told} == {4 + len(found.swept.combinations) + len(found.swept.refused)}
    assert found.leak is None
    assert found.verdict.sentence
    assert found.walk_forward is None
    assert "too few to walk forward over" in found.remarks[-1]


def test_what_the_listener_raises_ends_the_study():
    def enough(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(crossover(), daily(), TERMS, told=enough)


def test_without_parameters_to_study_there_is_no_surface_and_one_trial():
    strategy = Alternating(Alternating.params_on_days({}), sessions())

    found = study(strategy, daily(DAYS[:30]), TERMS, trials_before=0)
    document = study_document(found, np.ones(30))

    assert found.swept is found.surface is found.overfitting is None
    assert found.trials == 1
    assert document["surface"] is document["luck"]["overfitting"] is document["walk_forward"] is None


def test_a_warm_up_that_cannot_be_looked_into_is_told():
    found = study(crossover(fast=10, slow=40), daily(), TERMS)

    assert found.warm_up is None
    assert any(remark.startswith("The warm-up was not looked into") for remark in found.remarks)
    assert study_document(found, np.ones(120))["bias"]["warm_up"] is None


def test_trading_at_no_cost_leaves_the_prices_and_at_twice_the_cost_twice_the_charges():
    wanted = np.where(np.arange(120) % 10 < 5, 1.0, 0.0)
    fees = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.DELIVERY)
    terms = replace(TERMS, slippage_fraction=0.0, costs=fees)
    bars = some_bars(DAYS)

    none, once, twice = (run(bars, wanted, replace(terms, cost_factor=factor)) for factor in (0.0, 1.0, 2.0))

    assert none.fills.cost_quote.sum() == 0.0
    assert twice.fills.cost_quote.sum() == pytest.approx(2.0 * once.fills.cost_quote.sum())
    with pytest.raises(Invalid, match="as they are"):
        contract_notes(twice)


@pytest.mark.parametrize("factor", [-1.0, float("inf"), float("nan")])
def test_a_cost_factor_is_a_number_from_nothing_on(factor):
    with pytest.raises(Invalid, match="cost_factor"):
        replace(TERMS, cost_factor=factor)


def test_a_neighbourhood_holds_the_chosen_values_and_keeps_to_bounds_and_steps():
    around = neighbourhood(MeanReversion, MeanReversion.params_on_days({"enter_z": 2.1}))

    assert list(around) == ["enter_z", "z_bars"]
    assert 2.1 in around["enter_z"]
    assert all(round(value * 10) == pytest.approx(value * 10) for value in around["enter_z"])
    assert all(isinstance(value, int) and 20 <= value <= 500 for value in around["z_bars"])


def test_days_are_for_those_who_do_not_need_the_minutes():
    assert MeanReversion.params_on_days({}).vwap_bars == 20
    with pytest.raises(Invalid, match="minute of the day"):
        VwapBreakout.params_on_days({})
    with pytest.raises(Invalid, match="has to roll"):
        MeanReversion.params_on_days({"vwap_bars": 1})
    with pytest.raises(Invalid, match="product is CNC"):
        EmaCrossover.params_on_days({"product": "NRML"})


def test_too_few_candles_are_refused_with_both_numbers():
    series = made("NSE:A", DAYS)

    assert len(between(series, None, None)) == 120
    with pytest.raises(DataError, match="has 59 daily candles between these days, 60 are the least"):
        between(series.part(slice(0, 59)), None, None)


def test_what_is_no_number_is_none_in_a_document():
    assert short(None) is short(float("nan")) is short(float("inf")) is None
    assert short(3) == 3
    assert short(1.23456789) == 1.234568
