"""Trend score and verdict: points for and against, each shown, and whether volume comes in or goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from analysis.domain.indicators import sma
from analysis.domain.measures import Measures
from brokers.domain.market import Float64Array1D

# a verdict over less than half of the points would rest on the shortest averages alone
_LEAST_KNOWN = 50


class Verdict(StrEnum):
    """What the points come to."""

    STRONG_UP = "strong uptrend"
    UP = "uptrend"
    SIDEWAYS = "sideways"
    DOWN = "downtrend"
    STRONG_DOWN = "strong downtrend"


class Flow(StrEnum):
    """Whether volume comes in or goes out, by on-balance volume and money flow together."""

    ACCUMULATION = "accumulation"
    DISTRIBUTION = "distribution"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """One thing that counts: `side` is 1 for, -1 against, 0 neither, None where it is not known."""

    name: str
    points: int
    side: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendScore:
    """The score from 0 to 100, None where under half of the points are known; all points are shown."""

    score: int | None
    verdict: Verdict | None
    bull: int
    bear: int
    points: tuple[Points, ...]
    flow: Flow | None


def _directed(of: Measures) -> Float64Array1D:
    trend = of.directional
    return np.where(trend.adx > 25.0, np.sign(trend.plus - trend.minus), np.where(np.isnan(trend.adx), np.nan, 0.0))


COUNTED: tuple[tuple[str, int, Callable[[Measures], Float64Array1D]], ...] = (
    ("close against the 50-day average", 15, lambda of: of.compared(1, 50)),
    ("close against the 200-day average", 15, lambda of: of.compared(1, 200)),
    ("50-day against the 200-day average", 15, lambda of: of.compared(50, 200)),
    ("200-day average against itself 20 days ago", 10, lambda of: of.rise_200),
    ("MACD against its signal", 10, lambda of: np.sign(of.macd.histogram)),
    ("RSI against 50", 10, lambda of: np.sign(of.rsi - 50.0)),
    ("directional movement with ADX above 25", 10, _directed),
    ("supertrend", 10, lambda of: of.supertrend.direction),
    ("regression slope", 5, lambda of: np.sign(of.slope)),
)


def trend_at(of: Measures, place: int) -> TrendScore:
    """Return the trend of one day."""
    points = tuple(
        Points(name=name, points=count, side=_side(float(column(of)[place]))) for name, count, column in COUNTED
    )
    known = sum(point.points for point in points if point.side is not None)
    bull = sum(point.points for point in points if point.side == 1)
    bear = sum(point.points for point in points if point.side == -1)
    enough = known >= _LEAST_KNOWN
    return TrendScore(
        score=round(50 + 50 * (bull - bear) / known) if enough else None,
        verdict=_verdict((bull - bear) / known) if enough else None,
        bull=bull,
        bear=bear,
        points=points,
        flow=_flow(of, place),
    )


def _verdict(balance: float) -> Verdict:
    for least, verdict in ((0.6, Verdict.STRONG_UP), (0.2, Verdict.UP)):
        if balance >= least:
            return verdict
        if balance <= -least:
            return Verdict.STRONG_DOWN if verdict is Verdict.STRONG_UP else Verdict.DOWN
    return Verdict.SIDEWAYS


def _flow(of: Measures, place: int) -> Flow | None:
    line, money = of.obv, of.mfi[place]
    average = sma(line, 20)[place]
    if np.isnan(average) or np.isnan(money):
        return None
    if line[place] > average and money > 50.0:
        return Flow.ACCUMULATION
    if line[place] < average and money < 50.0:
        return Flow.DISTRIBUTION
    return Flow.MIXED


def _side(sign: float) -> int | None:
    return None if np.isnan(sign) else int(sign)
