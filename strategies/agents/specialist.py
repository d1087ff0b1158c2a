"""What a specialist is: the fields it needs, a lean over columns, and the words for one snapshot.

The lean is one vectorised function: a backtest asks it about every bar at once, a decision about the last. Nothing
but the named fields reaches it, and all that leaves it is a score in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from brokers.domain.market import Float64Array1D
from strategies.agents.columns import Columns
from strategies.agents.snapshot import FIELDS, Snapshot, missing
from strategies.agents.vote import Thesis, Vote, abstention, cited, vote_of

# a score is told and kept with as many places
SCORE_PLACES = 4
# how many bars old an input may be
OLDEST_IN_BARS = 3
# beside what a minute's bars allow: a depth or a quote that old says nothing of now
QUOTE_LASTS_S = 60.0


class Character(StrEnum):
    """By what a regime weighs an agent."""

    TREND = "trend"
    RANGE = "range"
    VOLATILITY = "volatility"
    FLOW = "flow"
    JUDGE = "judge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specialist:
    """One agent of the roster with its rule-based mind.

    `lean` returns a signed score per row; `tell` the thesis of a snapshot for the score that `lean` gave it.
    """

    key: str
    name: str
    speciality: str
    character: Character
    horizon_bars: int
    needs: tuple[str, ...]
    lean: Callable[[Columns], Float64Array1D]
    tell: Callable[[Mapping[str, Any], float], Thesis]
    uses: tuple[str, ...] = ()

    def scores(self, columns: Columns) -> Float64Array1D:
        """Return a score per row, NaN where a needed field is missing."""
        known = np.ones(next(iter(columns.values())).shape, dtype=np.bool_)
        for name in self.needs:
            known &= np.isfinite(columns[name])
        read = {name: columns[name] for name in (*self.needs, *self.uses) if name in columns}
        with np.errstate(invalid="ignore", divide="ignore"):
            raw = self.lean(read)
        return np.where(known, np.round(np.clip(np.nan_to_num(raw), -1.0, 1.0), SCORE_PLACES) + 0.0, np.nan)

    def vote(self, snapshot: Snapshot) -> Vote:
        """Return the vote on a snapshot; an abstention where an input is missing or old."""
        horizon_s = self.horizon_bars * snapshot.bar_s
        absent = missing(snapshot, self.needs, longest_s=longest_of(snapshot))
        if absent is not None:
            return abstention(self.key, absent, horizon_s=horizon_s)
        score = float(self.scores(one_row(snapshot))[0])
        told = self.tell(_values(snapshot), score)
        return vote_of(self.key, score, told, horizon_s=horizon_s)


def one_row(snapshot: Snapshot) -> dict[str, Float64Array1D]:
    """Return a snapshot as columns of one row, NaN where a field is missing or too old to be read."""
    return {name: np.array([np.nan if value is None else value]) for name, value in fresh(snapshot).items()}


def fresh(snapshot: Snapshot) -> dict[str, float | None]:
    """Return every field by name, None where it is missing or too old to be read."""
    longest_s = longest_of(snapshot)
    return {
        name: snapshot.value(name) if missing(snapshot, (name,), longest_s=longest_s) is None else None
        for name in FIELDS
    }


def longest_of(snapshot: Snapshot) -> float:
    """Return how old, in seconds, an input of this snapshot may be."""
    return max(float(OLDEST_IN_BARS * snapshot.bar_s), QUOTE_LASTS_S)


def evidence_of(values: Mapping[str, Any], text: str, names: tuple[str, ...], invalidation: str = "") -> Thesis:
    """Return a thesis that cites these fields with the values they have."""
    return Thesis(text=text, evidence=cited(values["snapshot"], names), invalidation=invalidation)


def squashed(values: Float64Array1D, scale: float) -> Float64Array1D:
    """Return values drawn into (-1, 1), steep around 0 and flat beyond a few scales."""
    drawn: Float64Array1D = np.tanh(values / scale)
    return drawn


def in_moves(change: Float64Array1D, atr_frac: Float64Array1D, bars: int) -> Float64Array1D:
    """Return a change in units of what a random walk of this range would make in as many bars."""
    moves: Float64Array1D = change / (atr_frac * np.sqrt(bars))
    return moves


def beyond(last: float, atr_frac: float, score: float, ranges: float) -> str:
    """Return in words where a thesis is void: some average ranges against it."""
    if score == 0.0:
        return ""
    level = last * (1.0 - np.sign(score) * ranges * atr_frac)
    return f"void {'below' if score > 0 else 'above'} {price(float(level))}, {ranges:g} average ranges away"


def price(value: float) -> str:
    """Return a price for a sentence, to what its size deserves."""
    places = 0 if abs(value) >= 10_000 else 2 if abs(value) >= 1 else 6
    return f"{value:,.{places}f}"


def share(value: float) -> str:
    """Return a fraction as signed per cent."""
    return f"{value * 100:+.2f} %".replace("-", "−")


def _values(snapshot: Snapshot) -> dict[str, Any]:
    return {"snapshot": snapshot, **fresh(snapshot)}
