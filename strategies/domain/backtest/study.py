"""One strategy on one instrument's days, looked into from every side that its candles allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Bars, Float64Array1D
from strategies.domain.backtest.bias import Leak, WarmUp, find_lookahead, find_warm_up
from strategies.domain.backtest.checks import check_bars
from strategies.domain.backtest.engine import Result, decided, offset_ns, run
from strategies.domain.backtest.grids import neighbourhood
from strategies.domain.backtest.luck import Overfitting, deflated_sharpe, overfitting
from strategies.domain.backtest.monte_carlo import Spread, resampled_days
from strategies.domain.backtest.statistics import Statistics, daily_of, deviation, statistics_of
from strategies.domain.backtest.sweeps import Surface, Sweep, surface_of, sweep
from strategies.domain.backtest.terms import Sizing, Terms
from strategies.domain.backtest.verdict import Evidence, Verdict, verdict_of
from strategies.domain.backtest.walk_forward import WalkForward, walk_forward
from strategies.domain.strategy import SignalStrategy

COST_FACTORS = (0.0, 1.0, 2.0, 3.0)
DELAYS = (0, 1, 2)
CUTS = 12
BLOCKS = 10
# two years of days to choose on and half a year to trade, where there are enough; else half of both
_WINDOWS = ((504, 126), (252, 63))
_SEED = 20_140_731

Told = Callable[[int, int, str], None]


class Stage(StrEnum):
    """What a study is at."""

    TRADING = "Trading the decisions"
    BIAS = "Looking for lookahead"
    SWEEP = "Trying the parameters around"
    FORWARD = "Walking forward"
    CHANCE = "Dealing the days anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is left if one thing were otherwise: the annual growth and the Sharpe ratio."""

    value: float
    cagr: float | None
    sharpe: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A backtest with everything that was looked into; None is what the candles did not allow."""

    result: Result
    statistics: Statistics
    held: Result
    held_statistics: Statistics
    leak: Leak | None
    warm_up: WarmUp | None
    swept: Sweep | None
    surface: Surface | None
    trials: int
    deflated_sharpe: float | None
    overfitting: Overfitting | None
    walk_forward: WalkForward | None
    spread: Spread | None
    by_cost: tuple[Variant, ...]
    by_delay: tuple[Variant, ...]
    verdict: Verdict
    remarks: tuple[str, ...]


def study(
    strategy: SignalStrategy, bars: Bars, terms: Terms, *, trials_before: int = 0, told: Told = lambda *_: None
) -> Study:
    """Backtest a strategy and look into the result; the same bars, parameters and terms give the same study.

    Parameters
    ----------
    trials_before : int
        Combinations that were tried on this instrument before: they count where luck is judged.
    told : callable
        Hears how many of how many steps are done and what comes next; what it raises ends the study.

    Raises DataError or Invalid naming what is wrong with the bars or the exposures.
    """
    return _Researcher(strategy, bars, terms, trials_before, told).studied()


class _Researcher:
    def __init__(self, strategy: SignalStrategy, bars: Bars, terms: Terms, trials_before: int, told: Told) -> None:
        self._strategy, self._bars, self._terms = strategy, bars, terms
        self._before, self._told = trials_before, told
        self._grid = neighbourhood(type(strategy), strategy.params)
        self._combinations = int(np.prod([len(values) for values in self._grid.values()])) if self._grid else 0
        self._remarks: list[str] = []
        self._random = np.random.default_rng(_SEED)

    def studied(self) -> Study:
        self._tell(0, Stage.TRADING)
        self._remarks += check_bars(self._bars, gaps=self._terms.gaps, offset_ns=offset_ns(self._terms.zone))
        exposure = decided(self._strategy, self._bars)
        result = run(self._bars, exposure, self._terms)
        held = run(self._bars, np.ones(len(self._bars)), _all_in(self._terms))
        self._tell(1, Stage.BIAS)
        leak = find_lookahead(self._strategy, self._bars, self._random, cuts=CUTS, fill_at=self._terms.fill_at)
        warm_up = self._warm_up()
        self._tell(2, Stage.SWEEP)
        swept = self._swept()
        self._tell(2 + self._combinations, Stage.FORWARD)
        walked = self._walked(swept)
        self._tell(3 + self._combinations, Stage.CHANCE)
        return self._weighed(result, held=held, leak=leak, warm_up=warm_up, swept=swept, walked=walked)

    def _weighed(
        self,
        result: Result,
        *,
        held: Result,
        leak: Leak | None,
        warm_up: WarmUp | None,
        swept: Sweep | None,
        walked: WalkForward | None,
    ) -> Study:
        returns = daily_of(result).returns
        trials = self._before + (len(swept.combinations) if swept else 1)
        evidence = Evidence(
            statistics=statistics_of(result),
            leak=leak,
            warm_up=warm_up,
            deflated_sharpe=_deflated(returns, swept, trials),
            trials=trials,
            overfitting=_overfitted(swept),
            walk_forward=walked,
            spread=resampled_days(returns, self._terms.capital_quote, self._random),
        )
        return Study(
            result=result,
            statistics=evidence.statistics,
            held=held,
            held_statistics=statistics_of(held),
            leak=leak,
            warm_up=warm_up,
            swept=swept,
            surface=self._surface(swept),
            trials=trials,
            deflated_sharpe=evidence.deflated_sharpe,
            overfitting=evidence.overfitting,
            walk_forward=walked,
            spread=evidence.spread,
            by_cost=tuple(self._at_cost(result.exposure, factor) for factor in COST_FACTORS),
            by_delay=tuple(self._late(result.exposure, bars) for bars in DELAYS),
            verdict=verdict_of(evidence),
            remarks=tuple(self._remarks),
        )

    def _warm_up(self) -> WarmUp | None:
        try:
            return find_warm_up(self._strategy, self._bars)
        except Invalid as reason:
            self._remarks.append(f"The warm-up was not looked into: {reason.message}.")
            return None

    def _swept(self) -> Sweep | None:
        if not self._grid:
            return None
        chosen = self._strategy.params.model_dump(exclude=set(self._grid))
        return sweep(
            type(self._strategy), self._grid, self._bars, self._terms,
            sessions=self._strategy.sessions, fixed=chosen,
            progress=lambda done: self._tell(2 + done, Stage.SWEEP),
        )  # fmt: skip

    def _surface(self, swept: Sweep | None) -> Surface | None:
        if swept is None:
            return None
        row, column = self._grid
        return surface_of(swept, row, column, swept.figures.sharpe_daily)

    def _walked(self, swept: Sweep | None) -> WalkForward | None:
        fitting = [one for one in _WINDOWS if len(self._bars) >= one[0] + 2 * one[1]]
        if swept is None or not fitting:
            self._remarks.append(f"{len(self._bars)} days are too few to walk forward over.")
            return None
        train, test = fitting[0]
        return walk_forward(swept, self._bars, self._terms, train_bars=train, test_bars=test)

    def _at_cost(self, exposure: Float64Array1D, factor: float) -> Variant:
        return _variant(factor, run(self._bars, exposure, replace(self._terms, cost_factor=factor)))

    def _late(self, exposure: Float64Array1D, days: int) -> Variant:
        delayed = np.concatenate((np.full(days, np.nan), exposure[: exposure.size - days]))
        return _variant(days, run(self._bars, delayed, self._terms))

    def _tell(self, done: int, stage: Stage) -> None:
        self._told(done, 4 + self._combinations, stage)


def _all_in(terms: Terms) -> Terms:
    """Return the terms of somebody who buys once with everything and holds."""
    return replace(
        terms, sizing=Sizing.EQUITY, size=1.0, stop_fraction=0.0, target_fraction=0.0, trail_fraction=0.0
    )  # fmt: skip


def _deflated(returns: Float64Array1D, swept: Sweep | None, trials: int) -> float | None:
    spread = deviation(swept.figures.sharpe_daily) if swept else None
    return deflated_sharpe(returns, trials=trials, deviation_of_trials=spread or 0.0)


def _overfitted(swept: Sweep | None) -> Overfitting | None:
    if swept is None or swept.returns.shape[1] < 2 or len(swept.returns) < 2 * BLOCKS:
        return None
    return overfitting(swept.returns, blocks=BLOCKS)


def _variant(value: float, result: Result) -> Variant:
    figures = statistics_of(result)
    return Variant(value=value, cagr=figures.cagr, sharpe=figures.sharpe)
