"""Movers: who rose and fell most over a number of days, or since the last week's or month's close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis.domain.daily import DailySeries
from analysis.domain.performance import bar_return, period_return
from analysis.domain.scanner import ScanRow
from brokers.domain.market import Float64Array1D, Int64Array1D


class Span(StrEnum):
    """What a move is counted from: trading days back, or the last close of the week or month before."""

    DAY_1 = "1d"
    DAYS_5 = "5d"
    DAYS_20 = "20d"
    DAYS_60 = "60d"
    DAYS_250 = "250d"
    WEEK = "week"
    MONTH = "month"


_BARS = {Span.DAY_1: 1, Span.DAYS_5: 5, Span.DAYS_20: 20, Span.DAYS_60: 60, Span.DAYS_250: 250}
# 1970-01-01 was a Thursday
_MONDAY_BEFORE_EPOCH = -3


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One stock's move; `change` is 0.02 for two per cent."""

    symbol: str
    close: float
    change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Movers:
    """Gainers and losers of one span, the furthest first, and who is too young to have moved over it."""

    span: Span
    gainers: tuple[Move, ...]
    losers: tuple[Move, ...]
    too_short: tuple[str, ...]


def movers(rows: Sequence[ScanRow], span: Span, *, count: int = 10) -> Movers:
    """Return the furthest movers among the rows of a scan; who did not move is neither."""
    moves: list[Move] = []
    too_short: list[str] = []
    for row in rows:
        change = change_at(row.measures.series, row.place, span)
        if change is None:
            too_short.append(row.symbol)
        else:
            moves.append(Move(symbol=row.symbol, close=row.close, change=change))
    moves.sort(key=lambda move: (-move.change, move.symbol))
    gainers = [move for move in moves if move.change > 0.0]
    losers = [move for move in reversed(moves) if move.change < 0.0]
    return Movers(
        span=span, gainers=tuple(gainers[:count]), losers=tuple(losers[:count]), too_short=tuple(sorted(too_short))
    )


def change_at(series: DailySeries, place: int, span: Span) -> float | None:
    """Return the move that ends with one candle; None where the history does not reach back."""
    if span in _BARS:
        base = place - _BARS[span]
    else:
        day = series.day[place : place + 1]
        first = week_of(day) * 7 + _MONDAY_BEFORE_EPOCH if span is Span.WEEK else _first_of_month(day)
        base = int(np.searchsorted(series.day, first[0])) - 1
    return float(series.close[place] / series.close[base]) - 1.0 if base >= 0 else None


def changes(series: DailySeries, span: Span) -> Float64Array1D:
    """Return a series' moves over a span, day by day; NaN where its history does not reach back."""
    if span in _BARS:
        return bar_return(series.close, _BARS[span])
    return period_return(series.close, week_of(series.day) if span is Span.WEEK else month_of(series.day))


def week_of(day: Int64Array1D) -> Int64Array1D:
    """Return the number of each day's week, which begins on Monday."""
    return (day - _MONDAY_BEFORE_EPOCH) // 7


def month_of(day: Int64Array1D) -> Int64Array1D:
    """Return the number of each day's month."""
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _first_of_month(day: Int64Array1D) -> Int64Array1D:
    return day.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
