"""Triggers: what happened, or holds, on a day, whether it speaks for or against, and how strongly.

A strength runs from 0 to 100: nothing beyond the threshold is 0, the distance named beside each trigger is 100.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from analysis.domain.channels import highest, lowest
from analysis.domain.exact import crossings
from analysis.domain.indicators import sma
from analysis.domain.measures import Measures
from analysis.domain.performance import bar_return
from analysis.domain.ratios import ratio
from analysis.domain.stages import Stage
from brokers.domain.market import Float64Array1D

Mask = npt.NDArray[np.bool_]


class Side(StrEnum):
    """What a trigger speaks for."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A trigger over all days of a series: where it fired, and how far beyond its threshold, of how far counts."""

    name: str
    side: Side
    where: Mask
    excess: Float64Array1D
    full: float

    def strength(self, place: int) -> int:
        """Return the strength on a day; what is not known has none."""
        excess = float(self.excess[place])
        return 0 if math.isnan(excess) else int(min(max(excess * (100.0 / self.full), 0.0), 100.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger of one day."""

    name: str
    side: Side
    strength: int


Source = Callable[[Measures], tuple[Fired, ...]]


def fired(measures: Measures) -> list[Fired]:
    """Return every trigger that a series is long enough for."""
    return [one for least, source in SOURCES if len(measures.series) >= least for one in source(measures)]


def triggers_at(found: list[Fired], place: int) -> tuple[Trigger, ...]:
    """Return the triggers of one day, the strongest first."""
    own = [Trigger(name=one.name, side=one.side, strength=one.strength(place)) for one in found if one.where[place]]
    return tuple(sorted(own, key=lambda trigger: (-trigger.strength, trigger.name)))


def _fired(name: str, side: Side, where: Mask, excess: Float64Array1D, full: float) -> Fired:
    return Fired(name=name, side=side, where=where, excess=excess, full=full)


def _pair(names: tuple[str, str], turned: Float64Array1D, excess: Float64Array1D, full: float) -> tuple[Fired, ...]:
    """Give a bullish and a bearish trigger from one column of crossings."""
    return (
        _fired(names[0], Side.BULLISH, turned > 0.0, excess, full),
        _fired(names[1], Side.BEARISH, turned < 0.0, excess, full),
    )


def _extremes(names: tuple[str, str], value: Float64Array1D, low: float, high: float, full: float) -> tuple[Fired, ...]:
    """Give a bullish trigger below `low` and a bearish one above `high`: what went too far may come back."""
    return (
        _fired(names[0], Side.BULLISH, value < low, low - value, full),
        _fired(names[1], Side.BEARISH, value > high, value - high, full),
    )


def _macd(of: Measures) -> tuple[Fired, ...]:
    histogram = of.macd.histogram
    names = ("macd_cross_up", "macd_cross_down")
    # 100 is a quarter of an average true range between line and signal
    return _pair(names, crossings(np.sign(histogram)), ratio(np.abs(histogram), of.atr), 0.25)


def _rsi(of: Measures) -> tuple[Fired, ...]:
    # where nothing moved the index is 0 and says nothing
    moved = np.where(of.rsi == 0.0, np.nan, of.rsi)
    return _extremes(("rsi_oversold", "rsi_overbought"), moved, 30.0, 70.0, 20.0)


def _averages(of: Measures) -> tuple[Fired, ...]:
    moved = np.abs(bar_return(of.average_50, 20))
    # 100 is a 50-day average that moved 10 % in 20 days
    return _pair(("golden_cross", "death_cross"), crossings(of.compared(50, 200)), moved, 0.10)


def _volume(of: Measures) -> tuple[Fired, ...]:
    loud = of.volume_20 > 2.0
    excess = of.volume_20 - 2.0
    # 100 is five times the usual volume
    return (
        _fired("volume_surge_up", Side.BULLISH, loud & (of.change >= 0.02), excess, 3.0),
        _fired("volume_surge_down", Side.BEARISH, loud & (of.change <= -0.02), excess, 3.0),
    )


def _year(of: Measures) -> tuple[Fired, ...]:
    below, above = 1.0 - of.series.close / of.year_high, of.series.close / of.year_low - 1.0
    return (
        _fired("near_year_high", Side.BULLISH, below <= 0.02, 0.02 - below, 0.02),
        _fired("near_year_low", Side.BEARISH, above <= 0.05, 0.05 - above, 0.05),
    )


def _bands(of: Measures) -> tuple[Fired, ...]:
    bands, close, width = of.bands, of.series.close, of.band_width
    half = bands.upper - bands.middle
    narrow = lowest(width, 126)
    usual = sma(width, 126)
    return (
        # 100 is half a half-width beyond the band
        _fired("bollinger_above", Side.BULLISH, close > bands.upper, ratio(close - bands.upper, half), 0.5),
        _fired("bollinger_below", Side.BEARISH, close < bands.lower, ratio(bands.lower - close, half), 0.5),
        _fired("bollinger_squeeze", Side.NEUTRAL, (width > 0.0) & (width <= narrow), 1.0 - ratio(width, usual), 1.0),
    )


def _trend(of: Measures) -> tuple[Fired, ...]:
    trend = of.directional
    strong, excess = trend.adx > 40.0, trend.adx - 40.0
    return (
        _fired("adx_strong_up", Side.BULLISH, strong & (trend.plus > trend.minus), excess, 30.0),
        _fired("adx_strong_down", Side.BEARISH, strong & (trend.minus > trend.plus), excess, 30.0),
    )


def _tight(of: Measures) -> tuple[Fired, ...]:
    spread = (highest(of.series.high, 5) - lowest(of.series.low, 5)) / of.series.close
    return (_fired("tight_range", Side.NEUTRAL, spread < 0.03, 0.03 - spread, 0.03),)


def _stochastic(of: Measures) -> tuple[Fired, ...]:
    k, d = of.stochastic
    turned = crossings(np.sign(k - d))
    return (
        _fired("stochastic_up", Side.BULLISH, (turned > 0.0) & (d < 20.0), 20.0 - d, 20.0),
        _fired("stochastic_down", Side.BEARISH, (turned < 0.0) & (d > 80.0), d - 80.0, 20.0),
    )


def _money_flow(of: Measures) -> tuple[Fired, ...]:
    # as with the RSI: 0 also stands for no flow at all
    flowed = np.where(of.mfi == 0.0, np.nan, of.mfi)
    return _extremes(("mfi_oversold", "mfi_overbought"), flowed, 20.0, 80.0, 20.0)


def _cci(of: Measures) -> tuple[Fired, ...]:
    # strength, unlike the other oscillators': leaving the channel is the start of a move
    return (
        _fired("cci_above_200", Side.BULLISH, of.cci > 200.0, of.cci - 200.0, 200.0),
        _fired("cci_below_200", Side.BEARISH, of.cci < -200.0, -200.0 - of.cci, 200.0),
    )


def _cloud(of: Measures) -> tuple[Fired, ...]:
    top, bottom = np.maximum(of.cloud.span_a, of.cloud.span_b), np.minimum(of.cloud.span_a, of.cloud.span_b)
    close = of.series.close
    side = np.where(close > top, 1.0, np.where(close < bottom, -1.0, np.where(np.isnan(top), np.nan, 0.0)))
    edge = np.where(side > 0.0, close - top, bottom - close)
    # 100 is two average true ranges beyond the cloud
    return _pair(("cloud_break_up", "cloud_break_down"), crossings(side), ratio(edge, of.atr), 2.0)


def _contraction(of: Measures) -> tuple[Fired, ...]:
    """Volatility contraction: three spans of 20 bars, each at most 3/4 as deep as the one before, the last within 10 %."""
    series = of.series
    top = highest(series.high, 20)
    depth = (top - lowest(series.low, 20)) / top
    middle, first = of.earlier(depth, 20), of.earlier(depth, 40)
    dry = sma(series.volume, 10) < sma(series.volume, 50)
    leading = (of.compared(1, 50) > 0.0) & (series.close >= 0.85 * of.year_high)
    narrowing = (depth <= 0.75 * middle) & (middle <= 0.75 * first) & (depth <= 0.10)
    shrunk = 1.0 - ratio(depth, first)
    return (_fired("volatility_contraction", Side.BULLISH, narrowing & dry & leading, shrunk, 1.0),)


def _pocket_pivot(of: Measures) -> tuple[Fired, ...]:
    """An up day above the 50-day average on more volume than any down day of the ten before."""
    volume = of.series.volume
    on_down_days = np.where(of.change < 0.0, volume, 0.0)
    most = of.earlier(highest(on_down_days, 10), 1)
    pivot = (of.change > 0.0) & (volume > most) & (most > 0.0) & (of.compared(1, 50) > 0.0)
    return (_fired("pocket_pivot", Side.BULLISH, pivot, ratio(volume, most) - 1.0, 1.0),)


def _stage(of: Measures) -> tuple[Fired, ...]:
    before = of.earlier(of.stage, 1)
    # 100 is a close 10 % away from the 30-week average
    distance = np.abs(of.series.close / of.average_150 - 1.0)
    entered = [
        (of.stage == stage) & (before != stage) & ~np.isnan(before) for stage in (Stage.ADVANCING, Stage.DECLINING)
    ]
    return (
        _fired("stage_2_begins", Side.BULLISH, entered[0], distance, 0.10),
        _fired("stage_4_begins", Side.BEARISH, entered[1], distance, 0.10),
    )


def _rating(of: Measures) -> tuple[Fired, ...]:
    return (
        _fired("relative_strength_high", Side.BULLISH, of.rating >= 85.0, of.rating - 85.0, 15.0),
        _fired("relative_strength_low", Side.BEARISH, of.rating <= 15.0, 15.0 - of.rating, 15.0),
    )


# with the bars that each needs at the least: what a history is too short for is not computed
SOURCES: tuple[tuple[int, Source], ...] = (
    (34, _macd),
    (15, _rsi),
    (201, _averages),
    (21, _volume),
    (252, _year),
    (20, _bands),
    (28, _trend),
    (5, _tight),
    (18, _stochastic),
    (15, _money_flow),
    (20, _cci),
    (78, _cloud),
    (252, _contraction),
    (50, _pocket_pivot),
    (171, _stage),
    (253, _rating),
)
