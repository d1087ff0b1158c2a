"""The thirteen checks of a super performer, each with its number and its threshold.

Eight are Mark Minervini's trend template, the other five ask for strength, trend, volume, stage and slope.
Comparisons of prices are made in whole units, so that a tie is a tie; the figures are for the reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from analysis.domain.exact import price_units
from analysis.domain.measures import RISE_BARS, YEAR_BARS, Measures
from analysis.domain.stages import Stage
from brokers.domain.market import Float64Array1D

RATING_ABOVE = 70.0


class Check(StrEnum):
    """What is asked of a stock."""

    ABOVE_LONG_AVERAGES = "above_long_averages"
    AVERAGE_150_ABOVE_200 = "average_150_above_200"
    AVERAGE_50_ABOVE_LONG = "average_50_above_long"
    AVERAGE_200_RISING = "average_200_rising"
    ABOVE_AVERAGE_50 = "above_average_50"
    ABOVE_YEAR_LOW = "above_year_low"
    NEAR_YEAR_HIGH = "near_year_high"
    RSI_STRONG = "rsi_strong"
    ADX_TRENDING = "adx_trending"
    VOLUME_ABOVE_AVERAGE = "volume_above_average"
    STAGE_TWO = "stage_two"
    SLOPE_UP = "slope_up"
    RELATIVE_STRENGTH = "relative_strength"


class Unit(StrEnum):
    """How a check's figures are read."""

    PRICE = "price"
    PER_CENT = "per cent"
    POINTS = "points"
    TIMES = "times"
    STAGE = "stage"


class Answer(NamedTuple):
    """A check over all days: 1, 0 or NaN (not known), the figure, and what it must exceed or reach."""

    passed: Float64Array1D
    figure: Float64Array1D
    threshold: Float64Array1D


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One check: what it asks in words, the unit of its figures, and how it is answered."""

    check: Check
    text: str
    unit: Unit
    answer: Callable[[Measures], Answer]


def _signed(*signs: Float64Array1D) -> Float64Array1D:
    """Give 1 where all comparisons are above, 0 where one is not, NaN where one is not known."""
    lowest = signs[0]
    for sign in signs[1:]:
        lowest = np.minimum(lowest, sign)
    return _known(lowest > 0.0, lowest)


def _above(figure: Float64Array1D, threshold: float) -> Answer:
    return Answer(_known(figure > threshold, figure), figure, np.full(figure.shape, threshold))


def _known(passed: np.typing.NDArray[np.bool_], figure: Float64Array1D) -> Float64Array1D:
    return np.where(np.isnan(figure), np.nan, passed.astype(np.float64))


def _long_averages(of: Measures) -> Float64Array1D:
    return np.maximum(of.average_150, of.average_200)


def _above_long(of: Measures) -> Answer:
    return Answer(_signed(of.compared(1, 150), of.compared(1, 200)), of.series.close, _long_averages(of))


def _middle_above_long(of: Measures) -> Answer:
    return Answer(_signed(of.compared(150, 200)), of.average_150, of.average_200)


def _short_above_long(of: Measures) -> Answer:
    return Answer(_signed(of.compared(50, 150), of.compared(50, 200)), of.average_50, _long_averages(of))


def _long_rising(of: Measures) -> Answer:
    return Answer(_signed(of.rise_200), of.average_200, of.earlier(of.average_200, RISE_BARS))


def _above_short(of: Measures) -> Answer:
    return Answer(_signed(of.compared(1, 50)), of.series.close, of.average_50)


def _above_year_low(of: Measures) -> Answer:
    close, low = _in_units(of.series.close, of.year_low)
    distance = (of.series.close / of.year_low - 1.0) * 100.0
    return Answer(_known(10 * close >= 13 * low, of.year_low), distance, np.full(distance.shape, 30.0))


def _near_year_high(of: Measures) -> Answer:
    close, high = _in_units(of.series.close, of.year_high)
    distance = (of.series.close / of.year_high - 1.0) * 100.0
    return Answer(_known(4 * close >= 3 * high, of.year_high), distance, np.full(distance.shape, -25.0))


def _in_units(
    close: Float64Array1D, extreme: Float64Array1D
) -> tuple[np.typing.NDArray[np.int64], np.typing.NDArray[np.int64]]:
    # one call for both, so that both are counted in one unit
    both = price_units(np.concatenate((close, np.nan_to_num(extreme))))
    return both[: close.size], both[close.size :]


def _stage_two(of: Measures) -> Answer:
    stage = of.stage
    return Answer(_known(stage == Stage.ADVANCING, stage), stage, np.full(stage.shape, float(Stage.ADVANCING)))


QUESTIONS: tuple[Question, ...] = (
    Question(
        check=Check.ABOVE_LONG_AVERAGES,
        text="Close above the 150 and the 200-day average",
        unit=Unit.PRICE,
        answer=_above_long,
    ),
    Question(
        check=Check.AVERAGE_150_ABOVE_200,
        text="150-day average above the 200-day",
        unit=Unit.PRICE,
        answer=_middle_above_long,
    ),
    Question(
        check=Check.AVERAGE_50_ABOVE_LONG,
        text="50-day average above the 150 and the 200-day",
        unit=Unit.PRICE,
        answer=_short_above_long,
    ),
    Question(
        check=Check.AVERAGE_200_RISING,
        text="200-day average above itself 20 days ago",
        unit=Unit.PRICE,
        answer=_long_rising,
    ),
    Question(check=Check.ABOVE_AVERAGE_50, text="Close above the 50-day average", unit=Unit.PRICE, answer=_above_short),
    Question(
        check=Check.ABOVE_YEAR_LOW,
        text="At least 30 % above the 52-week low",
        unit=Unit.PER_CENT,
        answer=_above_year_low,
    ),
    Question(
        check=Check.NEAR_YEAR_HIGH,
        text="Within 25 % of the 52-week high",
        unit=Unit.PER_CENT,
        answer=_near_year_high,
    ),
    Question(
        check=Check.RSI_STRONG,
        text="RSI above 50",
        unit=Unit.POINTS,
        answer=lambda of: _above(of.rsi, 50.0),
    ),
    Question(
        check=Check.ADX_TRENDING,
        text="ADX above 25",
        unit=Unit.POINTS,
        answer=lambda of: _above(of.directional.adx, 25.0),
    ),
    Question(
        check=Check.VOLUME_ABOVE_AVERAGE,
        text="Volume above its average of 50 days",
        unit=Unit.TIMES,
        answer=lambda of: _above(of.volume_50, 1.0),
    ),
    Question(check=Check.STAGE_TWO, text="Stage 2, advancing", unit=Unit.STAGE, answer=_stage_two),
    Question(
        check=Check.SLOPE_UP,
        text="Regression slope over 50 days upward",
        unit=Unit.PER_CENT,
        answer=lambda of: _above(of.slope * 100.0, 0.0),
    ),
    Question(
        check=Check.RELATIVE_STRENGTH,
        text="Relative strength rating above 70",
        unit=Unit.POINTS,
        answer=lambda of: _above(of.rating, RATING_ABOVE),
    ),
)

# the return over 252 bars needs one more close than the 52-week window
TEMPLATE_BARS = YEAR_BARS + 1

GRADES = ("A+", "A", "B", "C", "D")


def grade_of(score: int) -> str:
    """Return the grade of a number of passed checks: A+ from 12, A from 9, B from 6, C from 4, D below."""
    for least, grade in ((12, "A+"), (9, "A"), (6, "B"), (4, "C")):
        if score >= least:
            return grade
    return "D"


SUPER_PERFORMER_FROM = 9
