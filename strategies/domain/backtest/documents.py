"""A study as plain data, for whoever shows it; prices are rupees of their day, except on the chart's one scale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import isfinite
from typing import Any

import numpy as np

from brokers.domain.market import Float64Array1D
from strategies.domain.backtest.drawdowns import Drawdown, underwater
from strategies.domain.backtest.engine import Result, date_of, day_numbers
from strategies.domain.backtest.kernels import SIGNAL, STOP, TARGET, TRAIL
from strategies.domain.backtest.monte_carlo import QUANTILES, Spread
from strategies.domain.backtest.statistics import Statistics
from strategies.domain.backtest.study import CUTS, Study, Variant
from strategies.domain.backtest.sweeps import Surface
from strategies.domain.backtest.walk_forward import WalkForward

CAUSES = {SIGNAL: "signal", STOP: "stop", TARGET: "target", TRAIL: "trail"}
MOST_TRADES = 2_000
_DRAWDOWNS = 5
_PLACES = 6
_YEAR_DAYS = 252


def study_document(found: Study, scale: Float64Array1D) -> dict[str, Any]:
    """Return a study as plain data; `scale` is what each day's rupees were multiplied by, shape (n,)."""
    result = found.result
    days = [day.isoformat() for day in _days(result)]
    return {
        "verdict": {
            "standing": found.verdict.standing.value,
            "sentence": found.verdict.sentence,
            "reasons": list(found.verdict.reasons),
        },
        "bias": _bias(found),
        "luck": _luck(found),
        "by_cost": [_variant(one) for one in found.by_cost],
        "by_delay": [_variant(one) for one in found.by_delay],
        "statistics": figures_document(found.statistics),
        "held_statistics": figures_document(found.held_statistics),
        "days": days,
        "equity": _column(result.equity_quote, 2),
        "held": _column(found.held.equity_quote, 2),
        "underwater": _column(underwater(result.equity_quote, result.terms.capital_quote)),
        "close": _column(result.bars.close / scale[-1], 4),
        "monthly": _monthly(found.statistics.monthly),
        "drawdowns": [_drawdown(one) for one in found.statistics.drawdowns[:_DRAWDOWNS]],
        "trades": trades_document(result, scale),
        "surface": None if found.surface is None else _surface(found.surface),
        "walk_forward": None if found.walk_forward is None else _walk(found.walk_forward, days),
        "chance": None if found.spread is None else _chance(found.spread),
        "remarks": list(found.remarks),
    }


def figures_document(figures: Statistics) -> dict[str, Any]:
    """Return the figures of a backtest, fractions as they are and None for what is not defined."""
    names = (
        "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "days", "max_drawdown", "trades", "win_rate",
        "expectancy_quote", "profit_factor", "average_win_quote", "average_loss_quote", "exposure_fraction", "turnover",
        "costs_quote",
    )  # fmt: skip
    return {name: short(getattr(figures, name)) for name in names}


def trades_document(result: Result, scale: Float64Array1D) -> list[dict[str, Any]]:
    """Return the newest trades, oldest first, in shares and rupees of their days."""
    trades, days = result.trades(), [day.isoformat() for day in _days(result)]
    first = max(len(trades) - MOST_TRADES, 0)
    return [_trade(trades, place, days, scale) for place in range(first, len(trades))]


def short(value: float | None, places: int = _PLACES) -> float | int | None:
    """Return a figure rounded for a document; None for what is no number."""
    if value is None or not isfinite(value):
        return None
    return value if isinstance(value, int) else round(float(value), places)


def _trade(trades: Any, place: int, days: list[str], scale: Float64Array1D) -> dict[str, Any]:
    entry, leave = int(trades.entry_bar[place]), int(trades.exit_bar[place])
    is_open, end = leave < 0, leave if leave >= 0 else len(days) - 1
    return {
        "side": "long" if trades.side[place] > 0 else "short",
        "entered_on": days[entry],
        "left_on": None if is_open else days[end],
        "bars": end - entry,
        "quantity": short(float(trades.units[place] * scale[entry]), 4),
        "entry": short(float(trades.entry_price[place] / scale[entry]), 4),
        "exit": short(float(trades.exit_price[place] / scale[end]), 4),
        "best": short(float(trades.best[place])),
        "worst": short(float(trades.worst[place])),
        "costs_quote": short(float(trades.cost_quote[place]), 2),
        "profit_quote": short(float(trades.profit_quote[place]), 2),
        "cause": "open" if is_open else CAUSES[int(trades.cause[place])],
    }


def _bias(found: Study) -> dict[str, Any]:
    return {
        "leak": None if found.leak is None else found.leak.sentence,
        "cuts": CUTS,
        "warm_up": None if found.warm_up is None else found.warm_up.sentence,
        "is_warm_up_enough": None if found.warm_up is None else found.warm_up.is_enough,
        "fill_at": found.result.terms.fill_at.value,
    }


def _luck(found: Study) -> dict[str, Any]:
    judged = found.overfitting
    return {
        "trials": found.trials,
        "deflated_sharpe": short(found.deflated_sharpe),
        "overfitting": None if judged is None else short(judged.probability),
        "splits": 0 if judged is None else judged.splits,
    }


def _variant(one: Variant) -> dict[str, Any]:
    return {"value": one.value, "cagr": short(one.cagr), "sharpe": short(one.sharpe)}


def _monthly(months: Mapping[tuple[int, int], float]) -> list[dict[str, Any]]:
    years = sorted({year for year, _ in months})
    return [
        {
            "year": year,
            "months": [short(months.get((year, month))) for month in range(1, 13)],
            "total": short(float(np.prod([1.0 + months.get((year, month), 0.0) for month in range(1, 13)]) - 1.0)),
        }
        for year in years
    ]


def _drawdown(one: Drawdown) -> dict[str, Any]:
    return {
        "depth": short(one.depth_fraction),
        "peak_on": one.peak_on.isoformat(),
        "trough_on": one.trough_on.isoformat(),
        "recovered_on": None if one.recovered_on is None else one.recovered_on.isoformat(),
    }


def _surface(surface: Surface) -> dict[str, Any]:
    annual = np.sqrt(_YEAR_DAYS)
    return {
        "row_name": surface.row_name,
        "column_name": surface.column_name,
        "rows": list(surface.rows),
        "columns": list(surface.columns),
        "sharpe": [_column(row, 3) for row in surface.values * annual],
        "around": [_column(row, 3) for row in surface.around * annual],
        "best": list(surface.best),
        "steadiest": list(surface.steadiest),
    }


def _walk(walked: WalkForward, days: list[str]) -> dict[str, Any]:
    annual = float(np.sqrt(_YEAR_DAYS))
    return {
        "efficiency": short(walked.efficiency),
        "total_return": short(walked.result.final_quote / walked.result.terms.capital_quote - 1.0),
        "stretches": [
            {
                "chosen_from": days[one.train[0]],
                "traded_from": days[one.test[0]],
                "traded_until": days[one.test[1] - 1],
                "chosen": dict(one.chosen),
                "sharpe_in": short(one.sharpe_in * annual, 3),
                "sharpe_out": short(one.sharpe_out * annual, 3),
            }
            for one in walked.stretches
        ],
    }


def _chance(spread: Spread) -> dict[str, Any]:
    return {
        "quantiles": list(QUANTILES),
        "final_quote": [short(value, 2) for value in spread.final_quote],
        "max_drawdown": [short(value) for value in spread.max_drawdown],
        "lost": short(spread.lost),
        "ruined": short(spread.ruined),
    }


def _column(values: Float64Array1D, places: int = _PLACES) -> list[float | int | None]:
    return [short(value, places) for value in values.tolist()]


def _days(result: Result) -> list[date]:
    return [date_of(int(day)) for day in day_numbers(result.bars.start_ns, result.terms.zone)]
