"""Planted leaks are found, the library passes, and the verdict says in words what speaks against a result."""

from dataclasses import replace

import numpy as np
import pytest

from brokers.domain.errors import Invalid
from strategies.domain import SignalStrategy, StrategyParams
from strategies.domain.backtest import (
    Evidence,
    FillAt,
    FlatFee,
    Sizing,
    Standing,
    Terms,
    crossing_sweep,
    figures_of,
    find_lookahead,
    find_warm_up,
    resampled_days,
    resampled_trades,
    run,
    statistics_of,
    surface_of,
    sweep,
    verdict_of,
    walk_forward,
)
from strategies.domain.backtest.luck import Overfitting
from strategies.domain.backtest.sweep_kernels import crossing
from strategies.library.ema_crossover import EmaCrossover
from strategies.library.rsi_reversal import RsiReversal
from strategies.registry import strategies_all, strategy_made
from tests.strategies.backtest_twins import a_walk, made_bars
from tests.strategies.builders import sessions, some_bars
from tests.strategies.interpreted import interpreted  # noqa: F401 - a fixture

TERMS = Terms(sizing=Sizing.UNITS, size=100.0, costs=FlatFee(fraction=0.0005))


class Made(SignalStrategy):
    """A strategy of one line."""

    slug = "made"
    title = "Made"

    def __init__(self, decide, warmup=5, **params):
        super().__init__(self.Params.parse({"product": "NRML"} | params), sessions())
        self._decide, self._warmup = decide, warmup

    class Params(StrategyParams):
        pass

    def warmup_bars(self):
        return self._warmup

    def exposure(self, bars):
        return self._decide(bars.close)

    def reason(self, bars):
        return "made"


def flags(condition):
    return np.where(condition, 1.0, 0.0)


def later_close(close):
    return flags(np.append(close[1:], close[-1]) > close)


def centred(close):
    return flags(close > np.convolve(np.pad(close, 5, mode="edge"), np.full(11, 1 / 11), mode="valid"))


def normalised(close):
    return flags(close < close.mean() - 0.5 * close.std())


def found(strategy, bars, **asked):
    return find_lookahead(strategy, bars, np.random.default_rng(1), **asked)


@pytest.mark.parametrize("leak", [later_close, centred, normalised])
def test_a_planted_leak_is_found_and_told(leak):
    told = found(Made(leak), a_walk(300, seed=2))

    assert told is not None
    assert told.bar < told.known_until
    assert told.sentence.startswith(f"the exposure after bar {told.bar} (20")
    assert told.sentence.endswith("it sees the future")


def test_a_close_that_is_traded_at_is_not_known_in_time():
    strategy = Made(lambda close: flags(close > np.append(close[0], close[:-1])))

    assert found(strategy, a_walk(300, seed=2)) is None
    assert found(strategy, a_walk(300, seed=2), fill_at=FillAt.SAME_CLOSE) is not None


def test_yesterdays_close_is_known_in_time_for_todays():
    strategy = Made(lambda close: flags(np.append(close[0], close[:-1]) > 100))

    assert found(strategy, a_walk(300, seed=2), fill_at=FillAt.SAME_CLOSE) is None


def a_day(seed):
    chance = np.random.default_rng(seed)
    close = 100 + np.cumsum(chance.normal(0, 0.05, 330))
    return some_bars(close, spread=0.03, volumes=chance.integers(50, 900, 330))


@pytest.mark.parametrize("cls", strategies_all(), ids=lambda cls: cls.slug)
def test_the_library_sees_no_future(cls):
    strategy = strategy_made(cls.slug, {"direction": "both"}, sessions=sessions())

    assert found(strategy, a_day(4), cuts=6) is None


# of the breakout the usual volume of a minute goes on changing until ten sessions are known
@pytest.mark.parametrize("slug", ["ema-crossover", "mean-reversion", "rsi"])
def test_the_library_asks_for_enough_history(slug):
    days = [replace(a_day(seed), start_ns=a_day(1).start_ns + seed * 86_400_000_000_000) for seed in range(5)]
    names = ("start_ns", "open", "high", "low", "close", "volume")
    bars = replace(days[0], **{name: np.concatenate([getattr(day, name) for day in days]) for name in names})
    shorter = {"adx_bars": 8, "z_bars": 30, "bar_minutes": 5} if slug == "mean-reversion" else {}

    told = find_warm_up(strategy_made(slug, shorter, sessions=sessions()), bars, beginnings=4)

    assert told.is_enough, told.sentence
    assert "is enough: decisions agree after" in told.sentence


def test_a_history_that_is_too_short_is_found():
    def slow(close):
        level, out = close[0], []
        for one in close.tolist():
            level += 0.02 * (one - level)
            out.append(level)
        return flags(np.sin(40 * np.array(out)) > 0)

    told = find_warm_up(Made(slow, warmup=1), a_walk(500, seed=3))

    assert told.needed > 50
    assert not told.is_enough
    assert told.sentence.startswith("a warm-up of 1 bars is too short")


def test_searches_need_bars():
    with pytest.raises(Invalid, match="at least one cut"):
        found(Made(centred), a_walk(3, seed=1))
    with pytest.raises(Invalid, match="too few for a warm-up"):
        find_warm_up(Made(centred, warmup=50), a_walk(60, seed=1))


def test_who_never_holds_has_no_longest_position():
    assert find_warm_up(Made(lambda close: np.zeros(close.size)), a_walk(60, seed=1)).held == 0


GRID = {"fast": [3, 5, 8, 30], "slow": [13, 21, 34]}


def swept(bars, grid=None, **fixed):
    return sweep(EmaCrossover, grid or GRID, bars, TERMS, sessions=sessions(), fixed={"product": "CNC"} | fixed)


def test_a_sweep_equals_its_backtests_one_by_one():
    bars = a_walk(600, seed=6)
    result = swept(bars)

    assert len(result.combinations) == len(result.figures) == 10
    assert [chosen for chosen, _ in result.refused] == [{"fast": 30, "slow": 13}, {"fast": 30, "slow": 21}]
    assert result.refused[0][1] == "fast (30) must be below slow (13)"
    for place, exposure in enumerate(result.exposures):
        alone = run(bars, exposure, TERMS)
        figures = statistics_of(alone)
        assert result.figures.final_quote[place] == alone.final_quote
        assert result.figures.fills[place] == len(alone.fills)
        assert result.figures.max_drawdown[place] == pytest.approx(figures.max_drawdown, rel=1e-9)
        assert result.figures.sharpe_daily[place] == pytest.approx(figures.sharpe_daily, rel=1e-9)
    assert result.returns.shape == (600, 10)


def test_crossings_share_their_averages_and_change_nothing():
    bars = a_walk(600, seed=6)
    pairs = [(3, 13), (5, 21), (8, 34)]

    shared = crossing_sweep(bars, pairs, TERMS, warmup=5)
    each = swept(bars, {"pair": [0]} and {"fast": [3, 5, 8], "slow": [13, 21, 34]})

    for place, (fast, slow) in enumerate(pairs):
        same = each.combinations.index({"fast": fast, "slow": slow})
        assert shared.final_quote[place] == each.figures.final_quote[same]


def test_crossings_need_a_faster_average():
    with pytest.raises(Invalid, match=r"fast \(9\) must be below slow \(9\)"):
        crossing_sweep(a_walk(50, seed=1), [(9, 9)], TERMS)


def test_a_crossing_not_joined_late_waits_for_its_event():
    exposure = np.empty(6)

    crossing(np.array([2.0, 2, 0, 2, 2, 1]), np.ones(6), 0, False, exposure)

    np.testing.assert_array_equal(exposure, [np.nan, np.nan, 0, 1, 1, np.nan])


def test_the_sweeps_say_compiled_what_they_say_as_plain_python(interpreted):  # noqa: F811
    bars = a_walk(120, seed=6)
    exposures = np.array([np.where(np.arange(120) // n % 2, 1.0, 0.0) for n in (3, 7, 200)])
    poor = replace(TERMS, capital_quote=2_000.0, size=1_000.0, leverage=40.0)
    whole, returns = figures_of(bars, exposures, poor)
    crossings = [
        crossing_sweep(bars, [(3, 8), (2, 200)], TERMS, is_exponential=kind, joins_late=kind) for kind in (0, 1)
    ]

    interpreted()

    again, daily = figures_of(bars, exposures, poor)
    np.testing.assert_allclose(again.final_quote, whole.final_quote, rtol=1e-12)
    np.testing.assert_allclose(again.sharpe_daily, whole.sharpe_daily, rtol=1e-9)
    np.testing.assert_allclose(daily, returns, rtol=1e-9, atol=1e-15)
    for kind in (0, 1):
        plain = crossing_sweep(bars, [(3, 8), (2, 200)], TERMS, is_exponential=kind, joins_late=kind)
        np.testing.assert_allclose(plain.final_quote, crossings[kind].final_quote, rtol=1e-12)


def test_a_sweep_without_a_possible_combination_is_refused():
    with pytest.raises(Invalid, match="no combination can be tried: fast"):
        swept(a_walk(100, seed=1), {"fast": [30], "slow": [13]})
    with pytest.raises(Invalid, match="the grid is empty"):
        swept(a_walk(100, seed=1), {"fast": []})


def test_a_surface_shows_spikes_against_what_is_around_them():
    result = swept(a_walk(300, seed=6), {"fast": [2, 3, 4], "slow": [10, 11, 12], "order_value_quote": [1000, 2000]})
    values = np.zeros(len(result.combinations))
    for place, chosen in enumerate(result.combinations):
        values[place] = 9.0 if (chosen["fast"], chosen["slow"]) == (2, 10) else float(chosen["slow"] - 9)

    surface = surface_of(result, "fast", "slow", values)

    assert (surface.rows, surface.columns) == ((2, 3, 4), (10, 11, 12))
    assert surface.best == (0, 0)
    assert surface.around[2, 2] == pytest.approx(2.5)
    assert surface.around[0, 0] == pytest.approx((9 + 2 + 1 + 2) / 4)
    assert surface.steadiest == (0, 0) or surface.steadiest[1] == 2
    with pytest.raises(Invalid, match="no two parameters"):
        surface_of(result, "fast", "fast", values)


def test_a_surface_leaves_refused_cells_empty():
    surface = surface_of(swept(a_walk(300, seed=6)), "fast", "slow", np.arange(10.0))

    assert np.isnan(surface.values[3, 0])
    assert not np.isnan(surface.around[3, 0])


@pytest.mark.parametrize("is_anchored", [False, True])
def test_walking_forward_chooses_on_the_past_alone(is_anchored):
    bars = a_walk(900, seed=9)
    result = swept(bars)

    forward = walk_forward(result, bars, TERMS, train_bars=300, test_bars=200, is_anchored=is_anchored)

    assert [stretch.test for stretch in forward.stretches] == [(300, 500), (500, 700), (700, 900)]
    assert [stretch.train[0] for stretch in forward.stretches] == ([0, 0, 0] if is_anchored else [0, 200, 400])
    for stretch in forward.stretches:
        assert stretch.train[1] == stretch.test[0]
        assert stretch.chosen in result.combinations
    held = forward.result.held_units()
    assert (held[199], held[399], held[-1]) == (0.0, 0.0, 0.0)
    assert len(forward.result.bars) == 600


def test_what_a_walk_forward_trades_is_its_choice_and_nothing_later():
    bars = a_walk(700, seed=9)
    changed = replace(
        bars,
        **{n: np.append(getattr(bars, n)[:500], 2 * getattr(bars, n)[500:]) for n in ("open", "high", "low", "close")},
    )

    whole, other = (walk_forward(swept(b), b, TERMS, train_bars=300, test_bars=200) for b in (bars, changed))

    assert whole.stretches[0].chosen == other.stretches[0].chosen
    np.testing.assert_array_equal(whole.result.equity_quote[:200], other.result.equity_quote[:200])


def test_an_event_is_not_joined_by_a_later_choice():
    bars = a_walk(400, seed=9)
    result = sweep(RsiReversal, {"rsi_bars": [3, 5]}, bars, TERMS, sessions=sessions(), fixed={"product": "CNC"})
    standing = replace(result, exposures=np.ones_like(result.exposures))

    joined = walk_forward(replace(standing, joins_late=True), bars, TERMS, train_bars=100, test_bars=100)
    waited = walk_forward(standing, bars, TERMS, train_bars=100, test_bars=100)

    assert (len(joined.result.fills), len(waited.result.fills)) == (6, 0)


def test_bars_without_a_view_make_no_event_of_a_standing_wish():
    bars = a_walk(400, seed=9)
    result = sweep(RsiReversal, {"rsi_bars": [3, 5]}, bars, TERMS, sessions=sessions(), fixed={"product": "CNC"})
    exposures = np.ones_like(result.exposures)
    exposures[:, [100, 150, 199, 200, 320]] = np.nan
    exposures[:, 350:] = -1.0

    waited = walk_forward(replace(result, exposures=exposures), bars, TERMS, train_bars=100, test_bars=100)

    assert waited.result.fills.bar.tolist() == [251, 299]


def test_windows_and_bars_must_fit():
    bars = a_walk(300, seed=9)

    with pytest.raises(Invalid, match="do not fit into 300"):
        walk_forward(swept(bars), bars, TERMS, train_bars=200, test_bars=200)
    with pytest.raises(Invalid, match="over other bars"):
        walk_forward(swept(bars), a_walk(301, seed=9), TERMS, train_bars=100, test_bars=100)


def test_resampled_histories_spread_around_what_happened():
    chance = np.random.default_rng(3)
    profits, returns = chance.normal(50, 300, 80), chance.normal(0.001, 0.01, 250)

    trades = resampled_trades(profits, 10_000.0, chance, histories=400)
    days = resampled_days(returns, 10_000.0, chance, block=20, histories=400)

    assert trades.final_quote[0] < 10_000 + profits.sum() < trades.final_quote[4]
    assert days.final_quote[0] < 10_000 * np.prod(1 + returns) < days.final_quote[4]
    assert list(days.max_drawdown) == sorted(days.max_drawdown)
    assert 0.0 <= trades.lost <= 1.0
    assert days.ruined == 0.0


def test_blocks_as_long_as_the_history_only_turn_it_round():
    returns = np.random.default_rng(3).normal(0.001, 0.01, 60)

    turned = resampled_days(returns, 1.0, np.random.default_rng(1), block=60, histories=20)

    assert turned.final_quote[0] == pytest.approx(turned.final_quote[4])


@pytest.mark.parametrize(
    "draw",
    [
        lambda chance: resampled_trades(np.ones(1), 1.0, chance),
        lambda chance: resampled_trades(np.ones(5), 1.0, chance, histories=0),
        lambda chance: resampled_days(np.ones(5), 1.0, chance, block=6),
    ],
)
def test_too_little_to_draw_from_is_refused(draw):
    with pytest.raises(Invalid):
        draw(np.random.default_rng(1))


def figures(seed=1, *, drift=0.0, every=5, bars=None):
    market = a_walk(400, seed=seed) if bars is None else bars
    market = replace(
        market,
        **{n: getattr(market, n) * np.exp(drift * np.arange(len(market))) for n in ("open", "high", "low", "close")},
    )
    return statistics_of(run(market, flags(np.arange(len(market)) // every % 2), TERMS))


def test_nothing_against_it_is_no_praise():
    verdict = verdict_of(Evidence(statistics=figures(drift=0.01), leak=None, deflated_sharpe=0.99))

    assert verdict.standing is Standing.NOT_REFUTED
    assert verdict.sentence == "Nothing that was looked into speaks against it; paper days come next."


def test_a_leak_makes_everything_else_worthless():
    leak = found(Made(later_close), a_walk(300, seed=2))

    verdict = verdict_of(Evidence(statistics=figures(drift=-0.01), leak=leak))

    assert verdict.standing is Standing.WORTHLESS
    assert "it sees the future" in verdict.sentence
    assert any("it lost" in reason for reason in verdict.reasons)


def test_no_trade_and_a_lost_capital_say_nothing():
    idle = statistics_of(run(made_bars([100.0] * 5), np.zeros(5), TERMS))
    ruin = run(made_bars([100, 100, 250, 250]), np.full(4, -1.0), replace(TERMS, capital_quote=10_000.0))
    short = find_warm_up(Made(centred), a_walk(300, seed=2))

    assert verdict_of(Evidence(statistics=idle, leak=None)).reasons[0] == "not one trade was closed"
    assert "the capital was lost on the way" in verdict_of(Evidence(statistics=statistics_of(ruin), leak=None)).reasons
    needed = replace(short, needed=10_000)
    assert "is too short" in verdict_of(Evidence(statistics=figures(drift=0.01), leak=None, warm_up=needed)).sentence


def test_doubts_are_told_with_their_numbers():
    bars = a_walk(600, seed=9)
    forward = walk_forward(swept(bars), bars, TERMS, train_bars=200, test_bars=200)
    spread = resampled_trades(np.array([-5.0, -1.0]), 100.0, np.random.default_rng(1), histories=50)
    luck = Overfitting(probability=0.6, logits=np.zeros(1), splits=1)
    evidence = Evidence(
        statistics=figures(drift=0.01, every=30),
        leak=None,
        deflated_sharpe=0.4,
        trials=1,
        overfitting=luck,
        walk_forward=replace(forward, efficiency=0.1),
        spread=spread,
    )

    verdict = verdict_of(evidence)

    assert verdict.standing is Standing.DOUBTFUL
    assert verdict.reasons == (
        f"{evidence.statistics.trades} trades are too few, 30 are the least",
        "its Sharpe ratio is skill with 40% after one trial, 95% are asked for",
        "the best parameters of one half are below the median of the other in 60% of the splits",
        "walking forward keeps 10% of the Sharpe ratio it was chosen for, 50% are asked for",
        "in 100% of the resampled histories it lost money",
    )
    none = verdict_of(replace(evidence, trials=9, walk_forward=replace(forward, efficiency=None)))
    assert "walking forward keeps nothing of" in none.reasons[3]
    assert "after 9 trials" in none.reasons[1]


def test_what_held_up_is_no_doubt():
    bars = a_walk(600, seed=9)
    forward = replace(walk_forward(swept(bars), bars, TERMS, train_bars=200, test_bars=200), efficiency=0.9)
    spread = resampled_trades(np.array([5.0, 1.0]), 100.0, np.random.default_rng(1), histories=50)
    luck = Overfitting(probability=0.1, logits=np.zeros(1), splits=1)
    warm_up = find_warm_up(Made(normalised, warmup=60), a_walk(300, seed=2))

    verdict = verdict_of(
        Evidence(
            statistics=figures(drift=0.01),
            leak=None,
            warm_up=replace(warm_up, needed=0),
            overfitting=luck,
            walk_forward=forward,
            spread=spread,
        )
    )

    assert verdict.standing is Standing.NOT_REFUTED
