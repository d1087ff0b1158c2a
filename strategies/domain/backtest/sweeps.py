"""Parameter sweeps: every combination over the same bars, and how steady the good ones are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from analysis.domain import ema
from brokers.domain.errors import Invalid
from brokers.domain.market import Bars, Float64Array1D, Int64Array1D
from strategies.domain.backtest.checks import check_bars, check_exposure
from strategies.domain.backtest.engine import SIZINGS, day_numbers, decided, money_of, offset_ns, rates_of
from strategies.domain.backtest.sweep_kernels import (
    FIGURE_COLUMNS,
    FILLS,
    FINAL,
    MAX_DRAWDOWN,
    SHARPE_DAILY,
    simple_averages,
    walk_crossings,
    walk_each,
)
from strategies.domain.backtest.terms import FillAt, Float64Array2D, Terms
from strategies.domain.session import Sessions
from strategies.domain.strategy import SignalStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What each combination came to, in parallel columns; the Sharpe ratio is daily, 0 where nothing varies."""

    final_quote: Float64Array1D
    sharpe_daily: Float64Array1D
    max_drawdown: Float64Array1D
    fills: Int64Array1D

    def __len__(self) -> int:
        return int(self.final_quote.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Combinations of parameters with their figures and daily returns, shape (days, combinations).

    `refused` are the combinations that contradict themselves, with the sentence that says why.
    """

    combinations: tuple[Mapping[str, Any], ...]
    refused: tuple[tuple[Mapping[str, Any], str], ...]
    exposures: Float64Array2D
    figures: Figures
    returns: Float64Array2D
    joins_late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """A figure over two parameters, shape (rows, columns), NaN where a combination was refused.

    `around` is the mean of a cell and its neighbours: a best cell far above what is around it is a spike, and
    chance. `steadiest` is the place whose surroundings are best.
    """

    row_name: str
    column_name: str
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    values: Float64Array2D
    around: Float64Array2D
    best: tuple[int, int]
    steadiest: tuple[int, int]


def sweep(
    strategy: type[SignalStrategy],
    grid: Mapping[str, Sequence[Any]],
    bars: Bars,
    terms: Terms,
    *,
    sessions: Sessions,
    fixed: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Sweep:
    """Backtest every combination of the grid; `progress` is told how many are decided.

    Raises Invalid where none of them is allowed.
    """
    check_bars(bars, gaps=terms.gaps, offset_ns=offset_ns(terms.zone))
    combinations, refused, rows = [], [], []
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        try:
            params = strategy.Params.parse({**(fixed or {}), **chosen})
        except Invalid as error:
            refused.append((chosen, error.message))
            continue
        combinations.append(chosen)
        rows.append(decided(strategy(params, sessions), bars))
        progress(len(rows) + len(refused))
    if not rows:
        why = refused[0][1] if refused else "the grid is empty"
        raise Invalid(f"no combination can be tried: {why}", code="sweep.none", field="grid")
    exposures = np.array(rows)
    figures, returns = figures_of(bars, exposures, terms)
    return Sweep(
        combinations=tuple(combinations),
        refused=tuple(refused),
        exposures=exposures,
        figures=figures,
        returns=returns,
        joins_late=strategy.joins_late,
    )


def figures_of(
    bars: Bars, exposures: Float64Array2D, terms: Terms, *, with_returns: bool = True
) -> tuple[Figures, Float64Array2D]:
    """Trade each row of exposures, shape (combinations, n); returns figures, and daily returns as (days, combinations)."""
    check_bars(bars, gaps=terms.gaps, offset_ns=offset_ns(terms.zone))
    for row in exposures:
        check_exposure(row, bars)
    ends = day_ends(bars, terms)
    table = np.empty((len(exposures), FIGURE_COLUMNS))
    returns = np.empty((len(exposures) if with_returns else 0, ends.size))
    guards = (float(terms.stop_fraction), float(terms.target_fraction), float(terms.trail_fraction))
    walk_each(
        (bars.open, bars.high, bars.low, bars.close), exposures, *rates_of(bars, terms), money_of(terms),
        SIZINGS[terms.sizing], guards, terms.fill_at is FillAt.SAME_CLOSE, ends, table, returns,
    )  # fmt: skip
    return _figures(table), returns.T


def crossing_sweep(
    bars: Bars,
    pairs: Sequence[tuple[int, int]],
    terms: Terms,
    *,
    is_exponential: bool = True,
    joins_late: bool = True,
    warmup: int = 1,
) -> Figures:
    """Sweep long-only crossings of two moving averages, each average worked out once however many pairs share it.

    Decisions begin `warmup` times the slow period into the history. Guards do not apply. Raises Invalid for a pair
    whose fast average is not the faster one.
    """
    check_bars(bars, gaps=terms.gaps, offset_ns=offset_ns(terms.zone))
    for fast, slow in pairs:
        if not 2 <= fast < slow:
            raise Invalid(f"fast ({fast}) must be below slow ({slow}), from 2", code="sweep.pair", field="pairs")
    wanted = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    periods, places = np.unique(wanted, return_inverse=True)
    averages = np.array([ema(bars.close, int(p)) for p in periods]) if is_exponential else None
    table = np.empty((len(pairs), FIGURE_COLUMNS))
    walk_crossings(
        (bars.open, bars.high, bars.low, bars.close),
        simple_averages(bars.close, periods) if averages is None else averages,
        places.ravel(), np.minimum(warmup * wanted[:, 1] - 1, len(bars)), joins_late, *rates_of(bars, terms),
        money_of(terms), SIZINGS[terms.sizing], terms.fill_at is FillAt.SAME_CLOSE, day_ends(bars, terms), table,
    )  # fmt: skip
    return _figures(table)


def surface_of(result: Sweep, row_name: str, column_name: str, values: Float64Array1D) -> Surface:
    """Lay one figure of a sweep over two of its parameters; raises Invalid for names that it does not tell apart."""
    if row_name == column_name or not {row_name, column_name} <= set(result.combinations[0]):
        raise Invalid(f"the sweep has no two parameters {row_name} and {column_name}", code="sweep.names")
    rows = tuple(sorted({one[row_name] for one in result.combinations}))
    columns = tuple(sorted({one[column_name] for one in result.combinations}))
    table = np.full((len(rows), len(columns)), np.nan)
    for chosen, value in zip(result.combinations, values, strict=True):
        place = rows.index(chosen[row_name]), columns.index(chosen[column_name])
        # of further parameters the best one stands
        table[place] = np.fmax(table[place], value)
    around = _around(table)
    return Surface(
        row_name=row_name,
        column_name=column_name,
        rows=rows,
        columns=columns,
        values=table,
        around=around,
        best=_highest(table),
        steadiest=_highest(np.where(np.isnan(table), np.nan, around)),
    )


def day_ends(bars: Bars, terms: Terms) -> Int64Array1D:
    """Return the last bar of each day, shape (days,)."""
    numbers = day_numbers(bars.start_ns, terms.zone)
    return np.append(np.flatnonzero(np.diff(numbers)), numbers.size - 1).astype(np.int64)


def _figures(table: Float64Array2D) -> Figures:
    return Figures(
        final_quote=table[:, FINAL].copy(),
        sharpe_daily=table[:, SHARPE_DAILY].copy(),
        max_drawdown=table[:, MAX_DRAWDOWN].copy(),
        fills=table[:, FILLS].astype(np.int64),
    )


def _around(table: Float64Array2D) -> Float64Array2D:
    padded = np.pad(table, 1, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(*table.shape, 9)
    known = np.count_nonzero(~np.isnan(windows), axis=-1)
    mean = np.full(table.shape, np.nan)
    np.divide(np.nansum(windows, axis=-1), known, out=mean, where=known > 0)
    return mean


def _highest(table: Float64Array2D) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.nanargmax(table)), table.shape)
    return int(row), int(column)
