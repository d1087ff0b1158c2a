"""Walk-forward: choose on what was known, trade what came next, and join only the latter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Bars, Float64Array1D
from strategies.domain.backtest.engine import Result, run
from strategies.domain.backtest.sweeps import Sweep, figures_of
from strategies.domain.backtest.terms import Float64Array2D, Terms
from strategies.domain.strategy import without_late_joins

_COLUMNS = ("start_ns", "open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One choice: the bars it was made on, the bars it then traded (half-open), and both daily Sharpe ratios."""

    train: tuple[int, int]
    test: tuple[int, int]
    chosen: Mapping[str, Any]
    sharpe_in: float
    sharpe_out: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """The stretches and the one backtest of their choices; `efficiency` is the Sharpe kept out of sample, None unless positive in it."""

    stretches: tuple[Stretch, ...]
    result: Result
    efficiency: float | None


def walk_forward(
    swept: Sweep, bars: Bars, terms: Terms, *, train_bars: int, test_bars: int, is_anchored: bool = False
) -> WalkForward:
    """Choose the combination of the best Sharpe ratio on each training window and trade it over the next bars.

    The window rolls, or grows from the first bar where it is anchored. Exposures come from the whole history,
    which a strategy without lookahead may: each depends on its own past alone. A position is not carried from
    one choice to the next. Raises Invalid for windows that do not fit.
    """
    if train_bars < 2 or test_bars < 2 or train_bars + test_bars > len(bars):
        raise Invalid(
            f"{train_bars} bars to choose on and {test_bars} to trade do not fit into {len(bars)}",
            code="walk_forward.windows",
            field="train_bars",
        )
    if swept.exposures.shape[1] != len(bars):
        raise Invalid("the sweep was made over other bars", code="walk_forward.bars", field="bars")
    exposure = np.full(len(bars), np.nan)
    stretches = []
    for begin in range(train_bars, len(bars) - 1, test_bars):
        train = (0 if is_anchored else begin - train_bars, begin)
        test = (begin, min(begin + test_bars, len(bars)))
        best, sharpe_in = _best(swept.exposures, bars, terms, train)
        traded = _from_flat(swept.exposures[best], test, joins_late=swept.joins_late)
        exposure[slice(*test)] = traded
        figures, _ = figures_of(_part(bars, test), traded[np.newaxis], terms, with_returns=False)
        stretches.append(
            Stretch(
                train=train,
                test=test,
                chosen=swept.combinations[best],
                sharpe_in=sharpe_in,
                sharpe_out=float(figures.sharpe_daily[0]),
            )
        )
    result = run(_part(bars, (train_bars, len(bars))), exposure[train_bars:], terms)
    return WalkForward(stretches=tuple(stretches), result=result, efficiency=_efficiency(stretches))


def _best(exposures: Float64Array2D, bars: Bars, terms: Terms, span: tuple[int, int]) -> tuple[int, float]:
    part = np.ascontiguousarray(exposures[:, slice(*span)])
    figures, _ = figures_of(_part(bars, span), part, terms, with_returns=False)
    best = int(np.argmax(figures.sharpe_daily))
    return best, float(figures.sharpe_daily[best])


def _from_flat(exposure: Float64Array1D, test: tuple[int, int], *, joins_late: bool) -> Float64Array1D:
    begun = exposure[slice(*test)].copy() if joins_late else without_late_joins(exposure[: test[1]], test[0])
    # flat again before the next choice: its last order is the open before it
    begun[-2:] = 0.0
    return begun


def _efficiency(stretches: list[Stretch]) -> float | None:
    inside = float(np.mean([one.sharpe_in for one in stretches]))
    outside = float(np.mean([one.sharpe_out for one in stretches]))
    return outside / inside if inside > 0.0 else None


def _part(bars: Bars, span: tuple[int, int]) -> Bars:
    return replace(bars, **{name: getattr(bars, name)[slice(*span)] for name in _COLUMNS})
