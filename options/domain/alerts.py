"""When open interest or volatility is worth a word: rules over two moments of one expiry, each said once.

A rule speaks when it becomes true, not while it stays so: it compares the moment now with the one before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from brokers.domain.errors import Invalid
from options.domain.open_interest import BuildUp, Interest, build_ups, change, put_call_ratio
from options.domain.quotes import CALL, PUT

LEAST_MINUTES = 0.25


class Measure(StrEnum):
    """What a rule watches."""

    VELOCITY = "oi_velocity"
    BUILD_UP = "build_up"
    RATIO = "pcr"
    VOLATILITY = "atm_iv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One wish to be told.

    `level` is units of open interest a minute for VELOCITY (a cell's, either way), least units of change for BUILD_UP,
    a ratio for RATIO and a fraction a year for VOLATILITY; the last two speak when the level is crossed, either way.
    `classes` are those that BUILD_UP tells of.
    """

    measure: Measure
    level: float
    classes: frozenset[BuildUp] = frozenset(BuildUp) - {BuildUp.NONE}

    def __post_init__(self) -> None:
        if not (math.isfinite(self.level) and self.level > 0.0):
            raise Invalid(f"an alert at {self.level}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One expiry at one time; `atm_volatility` is NaN where there is none."""

    interest: Interest
    atm_volatility: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing that became true: the measure, the cell where it is of one, and a sentence."""

    measure: Measure
    at: datetime
    text: str
    strike: float | None = None
    is_call: bool | None = None


def alerts(rules: Sequence[Rule], moments: Sequence[Moment]) -> list[Alert]:
    """Say what became true at the newest of the moments, oldest first; at least two are needed, and three for cells.

    A cell's movement is new when the movement before it did not fulfil the rule.
    """
    if len(moments) < 2:
        return []
    return [alert for rule in rules for alert in _of_rule(rule, moments)]


def _of_rule(rule: Rule, moments: Sequence[Moment]) -> Iterator[Alert]:
    before, now = moments[-2], moments[-1]
    if rule.measure is Measure.RATIO:
        figures = (put_call_ratio(before.interest.open_interest), put_call_ratio(now.interest.open_interest))
        yield from _crossed(rule, now, figures, "The put-call ratio of open interest", "{:.2f}")
    elif rule.measure is Measure.VOLATILITY:
        figures = (before.atm_volatility, now.atm_volatility)
        yield from _crossed(rule, now, figures, "Volatility at the money", "{:.1%}")
    else:
        told = _moves(rule, before.interest, now.interest)
        earlier = _moves(rule, moments[-3].interest, before.interest) if told and len(moments) > 2 else {}
        for cell, words in told.items():
            if earlier.get(cell) != words:
                yield _cell_alert(rule, now, cell, words)


_Cell = tuple[int, float]


def _moves(rule: Rule, before: Interest, now: Interest) -> dict[_Cell, str]:
    """Return the cells that fulfil a rule between two moments, with the word that makes one movement unlike another."""
    minutes = (now.at - before.at).total_seconds() / 60.0
    if minutes < LEAST_MINUTES:
        return {}
    moved = change(now, before)
    pace = moved / minutes if rule.measure is Measure.VELOCITY else moved
    fulfilled = np.argwhere(np.abs(pace) >= rule.level)  # what is not told compares as no
    classes = build_ups(now, before) if rule.measure is Measure.BUILD_UP else []
    found: dict[_Cell, str] = {}
    for row, place in fulfilled.tolist():
        cell = (row, float(now.strike[place]))
        if rule.measure is Measure.VELOCITY:
            found[cell] = "added" if moved[row, place] > 0 else "closed"
        elif classes[row][place] in rule.classes:
            found[cell] = classes[row][place].value
    return found


def _cell_alert(rule: Rule, now: Moment, cell: _Cell, words: str) -> Alert:
    row, strike = cell
    name = f"{strike:g} {'call' if row == CALL else 'put'}"
    text = f"{name}: {words}."
    if rule.measure is Measure.VELOCITY:
        text = f"{name}: open interest is being {words} at {rule.level:,.0f} units a minute or more."
    return Alert(measure=rule.measure, at=now.interest.at, text=text, strike=strike, is_call=row != PUT)


def _crossed(
    rule: Rule, now: Moment, figures: tuple[float | None, float | None], name: str, form: str
) -> Iterator[Alert]:
    before, after = (math.nan if figure is None else figure for figure in figures)
    if not (math.isfinite(before) and math.isfinite(after)):
        return
    is_above = after >= rule.level
    if is_above != (before >= rule.level):
        verb = "rose to" if is_above else "fell to"
        text = f"{name} {verb} {form.format(after)}, across {form.format(rule.level)}."
        yield Alert(measure=rule.measure, at=now.interest.at, text=text)
