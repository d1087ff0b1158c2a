"""Rules: conditions over any indicator and timeframe, joined by all or any, evaluated day by day.

A condition is true, false, or not known where its indicators lack history. "All" is false as soon as one is
false, "any" true as soon as one is true; what hangs on an unknown is unknown and counts as no hit, and the
condition that could not be evaluated is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from analysis.domain.daily import DailySeries, daily_series
from analysis.domain.exact import crossings
from analysis.domain.operands import operand, parameters
from analysis.domain.timeframes import Timeframe, framed
from analysis.domain.typical import TIE
from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D

_NONE = np.empty(0)
_NO_DAYS = daily_series(
    "nothing", np.empty(0, dtype=np.int64), open=_NONE, high=_NONE, low=_NONE, close=_NONE, volume=_NONE
)
_MOST_CONDITIONS = 50
_DEEPEST = 5
_MOST_BARS_AGO = 250


class Comparison(StrEnum):
    """How the left side of a condition stands to the right."""

    ABOVE = "above"
    BELOW = "below"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    CROSSES_ABOVE = "crosses_above"
    CROSSES_BELOW = "crosses_below"


class Join(StrEnum):
    """How many members of a group must hold."""

    ALL = "all"
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """An indicator with its parameters, timeframe and how many of its candles ago, or a plain number."""

    indicator: str | None = None
    given: Mapping[str, float] = field(default_factory=dict)
    timeframe: Timeframe = Timeframe.DAY
    bars_ago: int = 0
    number: float = 0.0

    def __str__(self) -> str:
        if self.indicator is None:
            return f"{self.number:g}"
        inside = ", ".join(f"{value:g}" for value in self.given.values())
        shown = f"{operand(self.indicator).text}({inside})" if inside else operand(self.indicator).text
        frame = "" if self.timeframe is Timeframe.DAY else f", {self.timeframe}"
        ago = f", {self.bars_ago} ago" if self.bars_ago else ""
        return f"{shown}{frame}{ago}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison; `path` says where in the rule it stands, counted from 1."""

    left: Term
    comparison: Comparison
    right: Term
    path: str

    def __str__(self) -> str:
        return f"{self.left} {self.comparison.replace('_', ' ')} {self.right}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Conditions and groups that all, or of which any, must hold."""

    join: Join
    members: tuple[Condition | Group, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A rule over the days of one series: 1, 0 or NaN, and each condition's own answer."""

    values: Float64Array1D
    conditions: tuple[tuple[Condition, Float64Array1D], ...]

    def unknown_at(self, place: int) -> tuple[Condition, ...]:
        """Return the conditions that could not be evaluated on a day."""
        return tuple(condition for condition, values in self.conditions if np.isnan(values[place]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """A rule over many series on one day: who hit, who did not, and who could not be told, with the conditions' words."""

    hits: tuple[str, ...]
    misses: tuple[str, ...]
    unknown: Mapping[str, tuple[str, ...]]
    absent: tuple[str, ...]


def rule_from(document: Mapping[str, Any]) -> Group:
    """Read a rule.

    Parameters
    ----------
    document : mapping
        ``{"all": [...]}`` or ``{"any": [...]}`` with members of the same form or conditions
        ``{"left": term, "is": comparison, "right": term}``; a term is a number or
        ``{"indicator": name, "timeframe": "day", "bars_ago": 0, parameters}``.

    Raises
    ------
    Invalid
        Naming the condition by its place and words; `field` is its path.
    """
    group = _member(document, "", 1)
    if not isinstance(group, Group):
        raise Invalid('a rule begins with "all" or "any"', code="rule.shape", field="rule")
    if sum(1 for _ in conditions_of(group)) > _MOST_CONDITIONS:
        raise Invalid(f"a rule holds at most {_MOST_CONDITIONS} conditions", code="rule.long", field="rule")
    return group


def conditions_of(group: Group) -> Iterator[Condition]:
    """Yield every condition of a rule, in its order."""
    for member in group.members:
        if isinstance(member, Group):
            yield from conditions_of(member)
        else:
            yield member


def evaluate(rule: Group, series: DailySeries) -> Truth:
    """Return a rule's truth on each day of a series; no day reads a later one."""
    answers: list[tuple[Condition, Float64Array1D]] = []
    return Truth(values=_group(rule, series, answers), conditions=tuple(answers))


def hits_on(rule: Group, series: Mapping[str, DailySeries], day: int) -> Hits:
    """Evaluate a rule on one day for many series; who has no candle that day is absent."""
    hits: list[str] = []
    misses: list[str] = []
    absent: list[str] = []
    unknown: dict[str, tuple[str, ...]] = {}
    for symbol in sorted(series):
        place = series[symbol].place_of(day)
        if place is None:
            absent.append(symbol)
            continue
        truth = evaluate(rule, series[symbol].part(slice(0, place + 1)))
        if np.isnan(truth.values[place]):
            unknown[symbol] = tuple(f"{one.path}: {one}" for one in truth.unknown_at(place))
        else:
            (hits if truth.values[place] == 1.0 else misses).append(symbol)
    return Hits(hits=tuple(hits), misses=tuple(misses), unknown=unknown, absent=tuple(absent))


def _group(group: Group, series: DailySeries, answers: list[tuple[Condition, Float64Array1D]]) -> Float64Array1D:
    columns = [
        _group(member, series, answers) if isinstance(member, Group) else _condition(member, series, answers)
        for member in group.members
    ]
    stacked = np.stack(columns)
    decided = 0.0 if group.join is Join.ALL else 1.0
    result = np.where(np.isnan(stacked).any(axis=0), np.nan, 1.0 - decided)
    result[(stacked == decided).any(axis=0)] = decided
    return result


def _condition(
    condition: Condition, series: DailySeries, answers: list[tuple[Condition, Float64Array1D]]
) -> Float64Array1D:
    left, right = _values(condition.left, series), _values(condition.right, series)
    known = ~(np.isnan(left) | np.isnan(right))
    side = _side(left, right)
    if condition.comparison in {Comparison.CROSSES_ABOVE, Comparison.CROSSES_BELOW}:
        turned = crossings(np.where(known, side, np.nan))
        holds = turned > 0.0 if condition.comparison is Comparison.CROSSES_ABOVE else turned < 0.0
        # on its first known day a pair has no side to come from
        known &= np.maximum.accumulate(np.r_[False, known[:-1]]) if known.size else known
    else:
        holds = _COMPARED[condition.comparison](side, 0.0)
    values = np.where(known, holds.astype(np.float64), np.nan)
    answers.append((condition, values))
    return values


_COMPARED = {
    Comparison.ABOVE: np.greater,
    Comparison.BELOW: np.less,
    Comparison.AT_LEAST: np.greater_equal,
    Comparison.AT_MOST: np.less_equal,
}


def _side(left: Float64Array1D, right: Float64Array1D) -> Float64Array1D:
    """Give 1, 0 or -1; what differs by the rounding of a running sum alone is a tie."""
    difference = left - right
    scale = np.maximum(np.abs(left), np.abs(right))
    return np.where(np.abs(difference) <= TIE * scale, 0.0, np.sign(difference))


def _values(term: Term, series: DailySeries) -> Float64Array1D:
    if term.indicator is None:
        return np.full(len(series), term.number)
    frame = framed(series, term.timeframe)
    column = operand(term.indicator).column(frame.series, **term.given)
    if term.bars_ago:
        column = np.r_[np.full(min(term.bars_ago, column.size), np.nan), column[: -term.bars_ago]]
    return frame.by_day(column)


def _member(document: Any, path: str, depth: int) -> Condition | Group:
    shown = path or "rule"
    if not isinstance(document, Mapping):
        raise Invalid(f"{shown} must be a group or a condition", code="rule.shape", field=shown)
    joins = [join for join in Join if join in document]
    if not joins:
        return _read_condition(document, shown)
    members = document[joins[0]]
    if len(document) != 1 or not isinstance(members, Sequence) or isinstance(members, str) or not members:
        raise Invalid(f'{shown} must hold one list, "all" or "any", of at least one', code="rule.shape", field=shown)
    if depth > _DEEPEST:
        raise Invalid(f"{shown}: groups go {_DEEPEST} deep at most", code="rule.deep", field=shown)
    prefix = f"{path}." if path else ""
    return Group(
        join=joins[0],
        members=tuple(_member(one, f"{prefix}{number}", depth + 1) for number, one in enumerate(members, 1)),
    )


def _read_condition(document: Mapping[str, Any], path: str) -> Condition:
    if set(document) != {"left", "is", "right"}:
        raise Invalid(f'condition {path} needs "left", "is" and "right"', code="rule.shape", field=path)
    if document["is"] not in set(Comparison):
        message = f"condition {path}: {document['is']!r} is no comparison; there are {', '.join(Comparison)}"
        raise Invalid(message, code="rule.comparison", field=path)
    try:
        left, right = _term(document["left"]), _term(document["right"])
    except Invalid as problem:
        raise Invalid(f"condition {path}: {problem.message}", code=problem.code, field=path) from problem
    return Condition(left=left, comparison=Comparison(document["is"]), right=right, path=path)


def _term(document: Any) -> Term:
    if isinstance(document, (int, float)) and not isinstance(document, bool) and np.isfinite(document):
        return Term(number=float(document))
    if not isinstance(document, Mapping) or not isinstance(document.get("indicator"), str):
        raise Invalid("a side is a number or names an indicator", code="rule.term")
    given = {key: value for key, value in document.items() if key not in {"indicator", "timeframe", "bars_ago"}}
    timeframe, ago = document.get("timeframe", Timeframe.DAY), document.get("bars_ago", 0)
    if timeframe not in set(Timeframe):
        raise Invalid(f"{timeframe!r} is no timeframe; there are {', '.join(Timeframe)}", code="rule.timeframe")
    if isinstance(ago, bool) or not isinstance(ago, int) or not 0 <= ago <= _MOST_BARS_AGO:
        raise Invalid(f"bars_ago must be a whole number from 0 to {_MOST_BARS_AGO}", code="rule.bars_ago")
    named = operand(document["indicator"])
    chosen = parameters(named, given)
    # an indicator's own bounds speak when it is asked, so it is asked here, about nothing
    named.column(_NO_DAYS, **chosen)
    return Term(indicator=named.name, given=chosen, timeframe=Timeframe(timeframe), bars_ago=ago)
