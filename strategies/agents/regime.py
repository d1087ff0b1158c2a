"""The conductor: one regime of a market, from its leading instrument's bars and how many take part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from strategies.agents.snapshot import Snapshot, rounded
from strategies.agents.specialist import Character, fresh

# a move over the long window beyond so many usual ones is a direction
DIRECTION = 1.0
ADX_DIRECTION = 22.0
VOLATILE_RANK = 0.75
VOLATILE_RATIO = 1.3
# with the majority of the instruments against it, an index's direction is no trend
BREADTH_AGAINST = 0.35


class Regime(StrEnum):
    """What the agents read; UNKNOWN weighs everybody alike."""

    BULL_TRENDING = "bull_trending"
    BULL_VOLATILE = "bull_volatile"
    BEAR_TRENDING = "bear_trending"
    BEAR_VOLATILE = "bear_volatile"
    RANGE_BOUND = "range_bound"
    UNKNOWN = "unknown"


TRENDING = frozenset({Regime.BULL_TRENDING, Regime.BEAR_TRENDING})
VOLATILE = frozenset({Regime.BULL_VOLATILE, Regime.BEAR_VOLATILE})

# by which an agent's weight is multiplied; 1 where nothing is said
MULTIPLIERS: Mapping[Character, Mapping[str, float]] = {
    Character.TREND: {"trending": 1.3, "range": 0.7},
    Character.RANGE: {"trending": 0.7, "range": 1.3},
    Character.VOLATILITY: {"volatile": 1.3, "range": 1.0},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeReading:
    """The regime with the figures it was read from; None where one is missing."""

    regime: Regime
    leader: str
    trend: float | None = None
    adx: float | None = None
    volatility_rank: float | None = None
    up: int = 0
    counted: int = 0
    why: str = ""

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "regime": self.regime.value,
            "leader": self.leader,
            "trend": self.trend,
            "adx": self.adx,
            "volatility_rank": self.volatility_rank,
            "up": self.up,
            "counted": self.counted,
            "why": self.why,
        }


def regime_from(document: Mapping[str, Any]) -> RegimeReading:
    """Read a reading back."""
    return RegimeReading(**{**document, "regime": Regime(document["regime"])})


def read_regime(leader: Snapshot | None, members: Sequence[Snapshot]) -> RegimeReading:
    """Name the regime of a market by its leader's direction and range and by the members above their averages."""
    if leader is None:
        return RegimeReading(regime=Regime.UNKNOWN, leader="", why="nothing leads this market")
    of = fresh(leader)
    move, usual, adx, rank, ratio = (of[name] for name in ("ret_48", "atr_frac", "adx_14", "atr_rank", "rv_ratio"))
    if move is None or not usual or adx is None or rank is None or ratio is None:
        return RegimeReading(
            regime=Regime.UNKNOWN, leader=leader.instrument, why=f"{leader.instrument} has too few bars or old ones"
        )
    trend = rounded(move / (usual * float(np.sqrt(48.0))))
    up, counted = _breadth(members)
    regime = _named(trend, adx, is_volatile=rank >= VOLATILE_RANK and ratio >= VOLATILE_RATIO, up=up, counted=counted)
    return RegimeReading(
        regime=regime,
        leader=leader.instrument,
        trend=trend,
        adx=adx,
        volatility_rank=rank,
        up=up,
        counted=counted,
        why=_why(regime),
    )


def multiplier(character: Character, regime: Regime) -> float:
    """Return by what a regime multiplies the weight of an agent of this character."""
    word = "trending" if regime in TRENDING else "volatile" if regime in VOLATILE else "range"
    return 1.0 if regime is Regime.UNKNOWN else MULTIPLIERS.get(character, {}).get(word, 1.0)


def _breadth(members: Sequence[Snapshot]) -> tuple[int, int]:
    rows = [fresh(member) for member in members]
    known = [(row["last"], row["sma_50"]) for row in rows]
    compared = [last > average for last, average in known if last is not None and average is not None]
    return sum(compared), len(compared)


def _named(trend: float, adx: float, *, is_volatile: bool, up: int, counted: int) -> Regime:
    with_it = (up if trend > 0.0 else counted - up) / counted if counted else 1.0
    has_direction = abs(trend) >= DIRECTION and with_it > BREADTH_AGAINST
    if is_volatile:
        return Regime.BULL_VOLATILE if trend >= 0.0 else Regime.BEAR_VOLATILE
    if has_direction and adx >= ADX_DIRECTION:
        return Regime.BULL_TRENDING if trend > 0.0 else Regime.BEAR_TRENDING
    return Regime.RANGE_BOUND


def _why(regime: Regime) -> str:
    if regime in TRENDING:
        return "the leader moved further than a random walk, with direction, and most members go along"
    if regime in VOLATILE:
        return "ranges are wide against their past and volatility rises"
    return "the leader made no move beyond a random walk's, or without direction"
