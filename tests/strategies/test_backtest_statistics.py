"""A result's figures beside their plain twins, on recorded days and on made ones."""

from datetime import date

import duckdb
import numpy as np
import pytest

from brokers.domain.errors import Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market import Bars
from brokers.domain.orders import Product
from strategies.domain.backtest import (
    EVERY_DAY,
    FlatFee,
    Gaps,
    IndianCharges,
    Sizing,
    Terms,
    backtest,
    daily_of,
    deflated_sharpe,
    expected_best,
    overfitting,
    run,
    statistics_of,
)
from strategies.registry import strategy_made
from tests.reference import reference_file
from tests.strategies.backtest_twins import a_walk, made_bars
from tests.strategies.builders import sessions
from tests.strategies.statistics_twins import (
    plain_deflated,
    plain_drawdown,
    plain_returns,
    plain_sharpe,
    plain_sortino,
)
from tests.strategies.test_recorded_markets import a_week_of

CHARGED = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.DELIVERY, first_day=date(2024, 10, 1))


def recorded_days(symbol):
    path = reference_file("nse_daily/nse_eod_adj_kite_nifty50_2020-10_2025-09.parquet")
    rows = duckdb.execute(
        "select epoch_ns(cast(date as timestamp)) as start_ns, open, high, low, close, volume "
        "from read_parquet($path) where symbol = $symbol order by date",
        {"path": str(path), "symbol": symbol},
    ).fetchnumpy()
    columns = {name: np.asarray(rows[name], dtype=np.float64) for name in ("open", "high", "low", "close", "volume")}
    start_ns = np.asarray(rows["start_ns"], dtype=np.int64)
    return Bars(instrument=f"NSE:{symbol}", interval_s=86_400, start_ns=start_ns, **columns)


def assert_plain(result, days_per_year=252):
    figures, returns = statistics_of(result, days_per_year=days_per_year, risk_free=0.06), plain_returns(result)
    depth, peak_on, trough_on, recovered_on = plain_drawdown(result)
    profit = [p for p, e in zip(result.trades().profit_quote, result.trades().exit_bar, strict=True) if e >= 0]

    np.testing.assert_allclose(daily_of(result).returns, returns, rtol=1e-9, atol=1e-15)
    assert figures.sharpe == pytest.approx(plain_sharpe(returns, days_per_year, 0.06), rel=1e-9)
    assert figures.sortino == pytest.approx(plain_sortino(returns, days_per_year, 0.06), rel=1e-9)
    deepest = figures.drawdowns[0]
    assert (deepest.peak_on, deepest.trough_on, deepest.recovered_on) == (peak_on, trough_on, recovered_on)
    assert figures.max_drawdown == pytest.approx(depth, rel=1e-9)
    assert figures.win_rate == pytest.approx(sum(p > 0 for p in profit) / len(profit))
    assert figures.expectancy_quote == pytest.approx(sum(profit) / len(profit))
    assert figures.profit_factor == pytest.approx(sum(p for p in profit if p > 0) / -sum(p for p in profit if p <= 0))
    years = (result.bars.start_ns[-1] - result.bars.start_ns[0]) / 1e9 + result.bars.interval_s
    grown = (result.final_quote / result.terms.capital_quote) ** (365.25 * 86_400 / years) - 1
    assert figures.cagr == pytest.approx(grown, rel=1e-9)
    assert figures.calmar == pytest.approx(grown / depth, rel=1e-9)
    months = np.prod([1 + one for one in figures.monthly.values()])
    assert months == pytest.approx(result.final_quote / result.terms.capital_quote)
    found = deflated_sharpe(np.array(returns), trials=40, deviation_of_trials=0.03)
    assert found == pytest.approx(plain_deflated(returns, 40, 0.03), rel=1e-9)


@pytest.mark.reference
@pytest.mark.parametrize("symbol", ["RELIANCE", "TCS"])
def test_the_figures_of_recorded_days_equal_their_definitions(symbol):
    strategy = strategy_made("ema-crossover", {"product": "CNC"}, sessions=sessions())
    terms = Terms(sizing=Sizing.EQUITY, size=0.9, costs=CHARGED, gaps=Gaps.REPORT)

    result = backtest(strategy, recorded_days(symbol), terms)

    assert len(result.trades()) > 15
    assert_plain(result)


@pytest.mark.reference
def test_an_intraday_strategy_is_measured_by_the_day():
    strategy = strategy_made("ema-crossover", {"bar_minutes": 5}, sessions=sessions())
    costs = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.INTRADAY)

    result = backtest(strategy, a_week_of("AXISBANK"), Terms(costs=costs, gaps=Gaps.REPORT))

    assert statistics_of(result).days == 5
    assert_plain(result)


def a_result(seed=1, **terms):
    bars = a_walk(400, seed=seed)
    return run(bars, np.where(np.arange(400) // 9 % 2, 1.0, 0.0), Terms(costs=FlatFee(fraction=0.001), **terms))


def test_a_market_that_never_rests_has_365_days():
    assert_plain(a_result(), EVERY_DAY)
    ratio = statistics_of(a_result(), days_per_year=EVERY_DAY).sharpe / statistics_of(a_result()).sharpe
    assert ratio == pytest.approx((365 / 252) ** 0.5)


def test_costs_exposure_and_turnover_are_of_the_fills():
    result = a_result()
    figures = statistics_of(result)
    value = np.abs(result.fills.units) * result.fills.price

    assert figures.costs_quote == pytest.approx(0.001 * value.sum())
    assert figures.exposure_fraction == pytest.approx(np.count_nonzero(result.held_units()) / 400)
    assert figures.turnover == pytest.approx(value.sum() / result.equity_quote.mean() / (400 / 365.25))


def test_who_never_traded_has_no_ratios():
    figures = statistics_of(run(made_bars([100.0] * 10), np.zeros(10), Terms()))

    assert (figures.sharpe, figures.sortino, figures.calmar, figures.skew) == (None, None, None, None)
    assert (figures.trades, figures.win_rate, figures.expectancy_quote, figures.profit_factor) == (0, None, None, None)
    assert (figures.total_return, figures.max_drawdown, figures.drawdowns) == (0.0, 0.0, ())


def test_a_single_day_has_no_deviation():
    figures = statistics_of(run(made_bars([100.0, 101.0], interval_s=300), np.ones(2), Terms()))

    assert (figures.days, figures.volatility, figures.sortino) == (1, None, None)


def test_a_drawdown_that_lasts_has_no_end():
    result = run(made_bars([100, 100, 110, 90, 95]), np.ones(5), Terms(sizing=Sizing.UNITS, size=100.0))

    (fall,) = statistics_of(result).drawdowns
    assert (fall.peak_on, fall.trough_on, fall.recovered_on) == (date(2026, 4, 3), date(2026, 4, 4), None)
    assert fall.depth_fraction == pytest.approx(2_000 / 1_001_000)


def test_a_lost_capital_has_no_growth_and_earns_nothing_more():
    bars = made_bars([100, 100, 250, 250, 250])
    result = run(bars, np.array([-1.0] * 5), Terms(capital_quote=1_000.0, sizing=Sizing.UNITS, size=10.0))

    figures = statistics_of(result)

    assert figures.cagr is None
    assert figures.max_drawdown == pytest.approx(1.5)
    assert daily_of(result).returns.tolist() == [0.0, 0.0, -1.5, 0.0, 0.0]


@pytest.mark.parametrize("asked", [{"days_per_year": 250}, {"risk_free": float("nan")}, {"risk_free": 6.0}])
def test_a_year_and_a_rate_out_of_range_are_refused(asked):
    with pytest.raises(Invalid):
        statistics_of(a_result(), **asked)


def test_the_best_of_many_trials_is_expected_to_shine():
    # 1.54 deviations for ten trials, 2.53 for a hundred: Bailey and López de Prado's approximation
    assert expected_best(10, 1.0) == pytest.approx(1.5746, abs=1e-3)
    assert expected_best(100, 1.0) == pytest.approx(2.5306, abs=1e-3)
    assert expected_best(1, 1.0) == 0.0
    with pytest.raises(Invalid, match="at least one trial"):
        expected_best(0, 1.0)


def test_more_trials_leave_less_skill():
    returns = np.random.default_rng(8).normal(0.001, 0.01, 500)

    single, many = deflated_sharpe(returns), deflated_sharpe(returns, trials=500, deviation_of_trials=0.05)

    assert single > 0.9 > many
    assert single == pytest.approx(plain_deflated(returns.tolist(), 1, 0.0), rel=1e-9)
    assert deflated_sharpe(np.zeros(50)) is None


def test_worthless_trials_are_overfitted_and_a_real_one_is_not():
    chance = np.random.default_rng(5)
    noise = chance.normal(0.0, 0.01, (400, 30))
    skilled = noise.copy()
    skilled[:, 7] += 0.004

    assert overfitting(noise).probability > 0.3
    assert overfitting(skilled).probability < 0.05
    assert overfitting(noise, blocks=6).splits == 20


def test_equal_trials_are_neither_luck_nor_skill():
    alike = np.tile(np.random.default_rng(5).normal(0.0, 0.01, (40, 1)), (1, 3))

    assert overfitting(alike, blocks=4).logits.tolist() == pytest.approx([0.0] * 6)


@pytest.mark.parametrize(("trials", "blocks"), [(1, 10), (5, 3), (5, 2), (5, 60)])
def test_overfitting_needs_trials_and_blocks(trials, blocks):
    with pytest.raises(Invalid):
        overfitting(np.zeros((100, trials)), blocks=blocks)
