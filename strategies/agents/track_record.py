r"""What an agent's past votes are worth: Brier score, the slope of its claims, alpha, and the weight they earn.

The event of every vote is declared before: the return over its horizon, net of a round trip's cost, is above zero.
A vote of score s claims the probability b + s / 4 for it, where b is the event's base rate as known at the vote.

Votes overlap, and votes at one time on several instruments are one market's: outcomes are gathered in blocks of one
horizon, and n is the number of blocks. With claims d = p - b and outcomes y, in blocks k of decayed weight w:

.. math:: \hat\beta = \frac{\sum_k w_k A_k}{\sum_k w_k B_k}, \quad A_k = \sum d (y - b), \quad B_k = \sum d^2

This slope is the scale at which the agent's claims would have had the best Brier score: 1 is honest, 0 without skill,
below 0 wrong. Its standard error is that of a ratio of block sums; the slope is shrunk to the prior that everybody
shares, by how much is known, and the weight is the shrunk slope over the prior. With too few blocks it is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Any

from strategies.agents.consensus import LEAST_WEIGHT, MOST_WEIGHT
from strategies.agents.snapshot import rounded
from strategies.agents.vote import CLAIM_AT_FULL

# below so many blocks the record says nothing
ENOUGH_BLOCKS = 60
# what is believed of an agent before it has a record, and how surely
PRIOR_SLOPE, PRIOR_DEVIATION = 0.5, 0.35
HALF_LIFE_S = 30 * 86_400.0
# of the base rate: as if so many outcomes at one half had been seen
BASE_PRIOR = 40
NORMAL_95 = 1.96
BINS = (0.0, 0.15, 0.3, 0.45, 0.6, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A settled vote: when it was given (epoch seconds), its score, the base rate of then, and what came."""

    at_s: float
    horizon_s: int
    score: float
    base: float
    gross_return: float
    cost: float

    @property
    def event(self) -> bool:
        """Tell whether the declared event came: the return net of cost is above zero."""
        return self.gross_return - self.cost > 0.0

    @property
    def claim(self) -> float:
        return CLAIM_AT_FULL * self.score

    @property
    def net_return(self) -> float | None:
        """Return what the vote would have made per unit after costs; None for flat."""
        if self.score == 0.0:
            return None
        return (1.0 if self.score > 0.0 else -1.0) * self.gross_return - self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with the half-width of its 95 % interval, from as many blocks as `n`; None where n is too small."""

    value: float
    margin: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """An agent's record as it stands at one moment."""

    votes: int
    blocks: int
    brier: float | None
    base_brier: float | None
    skill: Estimate | None
    slope: Estimate | None
    hit_rate: Estimate | None
    alpha: Estimate | None
    weight: float

    @property
    def is_enough(self) -> bool:
        return self.blocks >= ENOUGH_BLOCKS

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "votes": self.votes,
            "blocks": self.blocks,
            "needed": ENOUGH_BLOCKS,
            "is_enough": self.is_enough,
            "brier": self.brier,
            "base_brier": self.base_brier,
            "skill": _plain(self.skill),
            "slope": _plain(self.slope),
            "hit_rate": _plain(self.hit_rate),
            "alpha": _plain(self.alpha),
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Votes of about the same confidence: what they claimed, how often they were right, with an interval."""

    claimed: float
    right: float
    margin: float | None
    n: int


def base_rate(events: int, seen: int) -> float:
    """Return an event's base rate, drawn to one half while little was seen."""
    return rounded((events + 0.5 * BASE_PRIOR) / (seen + BASE_PRIOR))


def track_record(outcomes: Sequence[Outcome], *, now_s: float) -> TrackRecord:
    """Judge an agent's settled votes."""
    blocks = _blocks(outcomes, now_s)
    slope = _ratio(blocks)
    sided = [one for one in outcomes if one.net_return is not None]
    return TrackRecord(
        votes=len(outcomes),
        blocks=len(blocks),
        brier=_mean((one.base + one.claim - one.event) ** 2 for one in outcomes),
        base_brier=_mean((one.base - one.event) ** 2 for one in outcomes),
        skill=_mean_of_blocks(outcomes, _gain),
        slope=slope,
        hit_rate=_mean_of_blocks(sided, lambda one: float((one.net_return or 0.0) > 0.0)),
        alpha=_mean_of_blocks(sided, lambda one: one.net_return or 0.0),
        weight=_weight(slope, blocks),
    )


def reliability(outcomes: Iterable[Outcome]) -> list[Bin]:
    """Return how often votes were right by how sure they were; empty bins are left out."""
    sided = [one for one in outcomes if one.net_return is not None]
    found = []
    for low, high in pairwise(BINS):
        inside = [one for one in sided if low < abs(one.score) <= high]
        if not inside:
            continue
        right = [float(one.event is (one.score > 0.0)) for one in inside]
        blocks = len({_block_of(one) for one in inside})
        share = sum(right) / len(right)
        margin = NORMAL_95 * sqrt(max(share * (1.0 - share), 0.25 / blocks) / blocks) if blocks > 1 else None
        claimed = sum(_claimed_right(one) for one in inside) / len(inside)
        found.append(Bin(claimed=rounded(claimed), right=rounded(share), margin=_rounded(margin), n=len(inside)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    weight: float
    above: float
    below: float


def _blocks(outcomes: Sequence[Outcome], now_s: float) -> list[_Block]:
    gathered: dict[tuple[int, int], list[Outcome]] = {}
    for one in outcomes:
        if one.score != 0.0:
            gathered.setdefault(_block_of(one), []).append(one)
    return [
        _Block(
            weight=0.5 ** (max(now_s - (place + 1) * length, 0.0) / HALF_LIFE_S),
            above=sum(one.claim * (one.event - one.base) for one in members),
            below=sum(one.claim**2 for one in members),
        )
        for (length, place), members in sorted(gathered.items())
    ]


def _block_of(one: Outcome) -> tuple[int, int]:
    return one.horizon_s, int(one.at_s // one.horizon_s)


def _ratio(blocks: Sequence[_Block]) -> Estimate | None:
    """Return the slope with its margin; None before anything was claimed."""
    below = sum(block.weight * block.below for block in blocks)
    if below <= 0.0:
        return None
    slope = sum(block.weight * block.above for block in blocks) / below
    return Estimate(value=rounded(slope), margin=_rounded(_times(_error(blocks, slope, below))), n=len(blocks))


def _error(blocks: Sequence[_Block], slope: float, below: float) -> float | None:
    n = len(blocks)
    if n < 2:
        return None
    squares = sum((block.weight * (block.above - slope * block.below)) ** 2 for block in blocks)
    return sqrt(squares * n / (n - 1)) / below


def _weight(slope: Estimate | None, blocks: Sequence[_Block]) -> float:
    """Shrink the slope to everybody's prior by what is known, and say how it compares with the prior."""
    if slope is None or slope.margin is None or len(blocks) < ENOUGH_BLOCKS:
        return 1.0
    error = slope.margin / NORMAL_95
    trust = PRIOR_DEVIATION**2 / (PRIOR_DEVIATION**2 + error**2)
    shrunk = PRIOR_SLOPE + trust * (slope.value - PRIOR_SLOPE)
    return rounded(min(max(shrunk / PRIOR_SLOPE, LEAST_WEIGHT), MOST_WEIGHT))


def _gain(one: Outcome) -> float:
    return float((one.base - one.event) ** 2 - (one.base + one.claim - one.event) ** 2)


def _mean_of_blocks(outcomes: Sequence[Outcome], figure: Callable[[Outcome], float]) -> Estimate | None:
    """Return the mean of the blocks' means with its margin."""
    gathered: dict[tuple[int, int], list[float]] = {}
    for one in outcomes:
        gathered.setdefault(_block_of(one), []).append(figure(one))
    means = [sum(values) / len(values) for _, values in sorted(gathered.items())]
    n = len(means)
    if not n:
        return None
    mean = sum(means) / n
    error = sqrt(sum((value - mean) ** 2 for value in means) / (n - 1) / n) if n > 1 else None
    return Estimate(value=rounded(mean), margin=_rounded(_times(error)), n=n)


def _claimed_right(one: Outcome) -> float:
    probability = one.base + one.claim
    return probability if one.score > 0.0 else 1.0 - probability


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return rounded(sum(listed) / len(listed)) if listed else None


def _times(error: float | None) -> float | None:
    return None if error is None else NORMAL_95 * error


def _rounded(value: float | None) -> float | None:
    return None if value is None else rounded(value)


def _plain(estimate: Estimate | None) -> dict[str, Any] | None:
    if estimate is None:
        return None
    return {"value": estimate.value, "margin": estimate.margin, "n": estimate.n}
