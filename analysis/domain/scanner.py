"""The scan of a day and the study of many: every member of a universe is a row, or is named with the reason why not.

Point in time: members are those of the day, series are adjusted forward and every measure reads its own bar
and those before. A scan of a day is a study of one day, so the two cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from analysis.domain.adjustments import Rename, name_on
from analysis.domain.checks import QUESTIONS, SUPER_PERFORMER_FROM, TEMPLATE_BARS, Check, Unit, grade_of
from analysis.domain.daily import DailySeries, date_of, day_number
from analysis.domain.measures import Measures
from analysis.domain.performance import ratings
from analysis.domain.triggers import Trigger, fired, triggers_at
from analysis.domain.universe import Members, Universe
from brokers.domain.market import Float64Array1D, Int64Array1D


class Cause(StrEnum):
    """Why a member has no checks, or what its reader must know."""

    NO_CANDLES = "no_candles"
    NOT_TRADED = "not_traded"
    TOO_SHORT = "too_short"
    ZERO_VOLUME = "zero_volume"
    RENAMED = "renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A member and what is special about it, in words."""

    symbol: str
    cause: Cause
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """One check of one stock: `passed` is None where its figure is not known. Prices are the day's own."""

    check: Check
    text: str
    unit: Unit
    passed: bool | None
    figure: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """One stock on one day; score and grade are None where the history is too short for the template."""

    symbol: str
    traded_as: str
    close: float
    change: float | None
    checks: tuple[CheckResult, ...]
    score: int | None
    grade: str | None
    rating: float | None
    triggers: tuple[Trigger, ...]
    measures: Measures
    place: int

    @property
    def is_super_performer(self) -> bool:
        return self.score is not None and self.score >= SUPER_PERFORMER_FROM


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The scan of a day: rows by score, remarks about members, the caveat of the universe."""

    universe: str
    on: date
    rows: tuple[ScanRow, ...]
    remarks: tuple[Remark, ...]
    caveat: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """Scores of every day and symbol; arrays of shape (days, symbols), -1 where a symbol had no score."""

    day: Int64Array1D
    symbols: tuple[str, ...]
    score: npt.NDArray[np.int8]
    rating: npt.NDArray[np.float64]
    trigger_count: npt.NDArray[np.int16]
    caveats: tuple[str, ...]


class Scanner:
    """A universe with its series, measured once; scans of any of its days read what was measured.

    Parameters
    ----------
    universe : Universe
    series : mapping of str to DailySeries
        By today's names, raw or adjusted forward.
    renames : sequence of Rename
    """

    def __init__(self, universe: Universe, series: Mapping[str, DailySeries], renames: Sequence[Rename] = ()) -> None:
        self.universe = universe
        self._renames = renames
        self._measures = {symbol: Measures(own) for symbol, own in series.items() if len(own)}

    def scan(self, on: date, progress: Callable[[int, int], None] | None = None) -> Scan:
        """Scan the members of a day, which need not have traded that day: who did not is named.

        `progress` is told after each row how many of how many there are.
        """
        members = self.universe.on(on)
        remarks: list[Remark] = []
        places = dict(self._places(members, day_number(on), remarks))
        self._rate(places)
        rows: list[ScanRow] = []
        for symbol, place in places.items():
            rows.append(self._row(symbol, place, on, remarks))
            if progress is not None:
                progress(len(rows), len(places))
        rows.sort(key=lambda row: (-(row.score if row.score is not None else -1), row.symbol))
        return Scan(universe=self.universe.name, on=on, rows=tuple(rows), remarks=tuple(remarks), caveat=members.caveat)

    def study(self, since: date, until: date) -> Study:
        """Score every day of a span on which anything traded, each with the members of that day."""
        days = self._days(day_number(since), day_number(until))
        memberships = [self.universe.on(date_of(int(day))) for day in days]
        symbols = tuple(
            sorted({symbol for members in memberships for symbol in members.symbols} & self._measures.keys())
        )
        belongs = np.array(
            [[symbol in set(members.symbols) for symbol in symbols] for members in memberships], dtype=bool
        )
        belongs = belongs.reshape(days.size, len(symbols))
        rating = self._rated_grid(days, symbols, belongs)
        score = np.full(belongs.shape, -1, dtype=np.int8)
        count = np.zeros(belongs.shape, dtype=np.int16)
        for column, symbol in enumerate(symbols):
            self._fill(symbol, days, rating[:, column], score[:, column], count[:, column])
        score[~belongs], count[~belongs] = -1, 0
        caveats = tuple(sorted({members.caveat for members in memberships if members.caveat}))
        return Study(day=days, symbols=symbols, score=score, rating=rating, trigger_count=count, caveats=caveats)

    def _places(self, members: Members, day: int, remarks: list[Remark]) -> Iterable[tuple[str, int]]:
        for symbol in members.symbols:
            measures = self._measures.get(symbol)
            known = measures.series.day if measures else np.empty(0, dtype=np.int64)
            place = int(np.searchsorted(known, day, side="right")) - 1
            if measures is None or place < 0:
                remarks.append(_remark(symbol, Cause.NO_CANDLES, "No candles are stored up to this day."))
            elif known[place] != day:
                remarks.append(_remark(symbol, Cause.NOT_TRADED, absence_text(measures.series, place)))
            else:
                yield symbol, place

    def _row(self, symbol: str, place: int, on: date, remarks: list[Remark]) -> ScanRow:
        measures = self._measures[symbol]
        series, name = measures.series, name_on(symbol, on, self._renames)
        scale = float(series.scale[place])
        enough = place + 1 >= TEMPLATE_BARS
        if not enough:
            text = f"{place + 1} of the {TEMPLATE_BARS} days that the checks need."
            remarks.append(_remark(symbol, Cause.TOO_SHORT, text))
        if series.volume[place] == 0.0:
            remarks.append(_remark(symbol, Cause.ZERO_VOLUME, "Nothing was traded this day."))
        if name != symbol:
            remarks.append(_remark(symbol, Cause.RENAMED, f"Traded as {name} this day."))
        checks = _checks(measures, place, scale) if enough else ()
        score = sum(check.passed is True for check in checks) if enough else None
        return ScanRow(
            symbol=symbol,
            traded_as=name,
            close=float(series.close[place]) / scale,
            change=_number(measures.change[place]),
            checks=checks,
            score=score,
            grade=None if score is None else grade_of(score),
            rating=_number(measures.rating[place]),
            triggers=triggers_at(fired(measures), place),
            measures=measures,
            place=place,
        )

    def _rate(self, places: Mapping[str, int]) -> None:
        """Write the rating of each symbol's day; its other days keep none."""
        scores = np.array([[self._measures[symbol].strength[place] for symbol, place in places.items()]])
        for (symbol, place), rating in zip(places.items(), ratings(scores)[0], strict=True):
            measures = self._measures[symbol]
            measures.rating = np.full(len(measures.series), np.nan)
            measures.rating[place] = rating

    def _days(self, since: int, until: int) -> Int64Array1D:
        every = [own.series.day for own in self._measures.values()]
        days: Int64Array1D = np.unique(np.concatenate(every)) if every else np.empty(0, dtype=np.int64)
        return days[(days >= since) & (days <= until)]

    def _rated_grid(
        self, days: Int64Array1D, symbols: Sequence[str], belongs: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.float64]:
        strength = np.full(belongs.shape, np.nan)
        for column, symbol in enumerate(symbols):
            measures = self._measures[symbol]
            rows, places = _shared(days, measures.series.day)
            strength[rows, column] = measures.strength[places]
        strength[~belongs] = np.nan
        return ratings(strength)

    def _fill(
        self,
        symbol: str,
        days: Int64Array1D,
        rating: Float64Array1D,
        score: npt.NDArray[np.int8],
        count: npt.NDArray[np.int16],
    ) -> None:
        measures = self._measures[symbol]
        rows, places = _shared(days, measures.series.day)
        measures.rating = np.full(len(measures.series), np.nan)
        measures.rating[places] = rating[rows]
        passed = np.zeros(len(measures.series), dtype=np.int8)
        for question in QUESTIONS:
            passed += question.answer(measures).passed == 1.0
        passed[: TEMPLATE_BARS - 1] = -1
        fires = np.zeros(len(measures.series), dtype=np.int16)
        for one in fired(measures):
            fires += one.where
        score[rows], count[rows] = passed[places], fires[places]


def _checks(measures: Measures, place: int, scale: float) -> tuple[CheckResult, ...]:
    results = []
    for question in QUESTIONS:
        answer = question.answer(measures)
        passed, divisor = float(answer.passed[place]), scale if question.unit is Unit.PRICE else 1.0
        results.append(
            CheckResult(
                check=question.check,
                text=question.text,
                unit=question.unit,
                passed=None if np.isnan(passed) else passed == 1.0,
                figure=_number(answer.figure[place] / divisor),
                threshold=_number(answer.threshold[place] / divisor),
            )
        )
    return tuple(results)


def _shared(days: Int64Array1D, own: Int64Array1D) -> tuple[Int64Array1D, Int64Array1D]:
    """Give the rows of a calendar that a series has candles for, and the places of those in the series."""
    _, rows, places = np.intersect1d(days, own, assume_unique=True, return_indices=True)
    return rows, places


def absence_text(series: DailySeries, place: int) -> str:
    """Say of a stock without a candle of the day when it last had one; `place` is that of its last candle."""
    last = f"{date_of(int(series.day[place])):%d %b %Y}"
    return f"Last traded on {last}: suspended, merged or delisted, or its candle is missing."


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _remark(symbol: str, cause: Cause, text: str) -> Remark:
    return Remark(symbol=symbol, cause=cause, text=text)
