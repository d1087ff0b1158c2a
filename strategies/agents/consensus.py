"""From votes to one word: weights, participation, agreement, threshold. Pure functions; no size comes out of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from brokers.domain.errors import Invalid
from strategies.agents.snapshot import rounded
from strategies.agents.vote import Vote

LEAST_WEIGHT, MOST_WEIGHT = 0.1, 3.0


class Guard(StrEnum):
    """What kept a consensus from acting; NONE where nothing did."""

    NONE = "none"
    PARTICIPATION = "participation"
    THRESHOLD = "threshold"
    AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a consensus acts: the operator's settings, never an agent's."""

    participation: float = 0.6
    threshold: float = 0.2
    agreement: float = 0.7

    def __post_init__(self) -> None:
        for name in ("participation", "threshold", "agreement"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise Invalid(f"{name} lies in [0, 1]", code="agents.rules", field=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """An agent's weight: what its record earns, times what the regime makes of its kind."""

    record: float
    regime: float

    @property
    def value(self) -> float:
        return min(max(self.record * self.regime, LEAST_WEIGHT), MOST_WEIGHT)


EQUAL = Weight(record=1.0, regime=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """The votes' outcome: `side` is 1, -1 or 0, and `guard` says what kept it at 0."""

    score: float
    side: int
    participation: float
    agreement: float
    voted: int
    asked: int
    guard: Guard
    why: str

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "score": self.score,
            "side": self.side,
            "participation": self.participation,
            "agreement": self.agreement,
            "voted": self.voted,
            "asked": self.asked,
            "guard": self.guard.value,
            "why": self.why,
        }


def consensus_of(votes: Sequence[Vote], weights: Mapping[str, Weight], rules: Rules) -> Consensus:
    """Weigh the votes of all who were asked; whoever abstained leaves the score and lowers participation."""
    asked = sum(weights.get(vote.agent, EQUAL).value for vote in votes)
    spoken = [(score, weights.get(vote.agent, EQUAL).value) for vote in votes if (score := vote.score) is not None]
    score, participation, agreement = tally(spoken, asked)
    guard = guard_of(score, participation, agreement, rules)
    side = 0 if guard is not Guard.NONE else 1 if score > 0.0 else -1
    return Consensus(
        score=score,
        side=side,
        participation=participation,
        agreement=agreement,
        voted=len(spoken),
        asked=len(votes),
        guard=guard,
        why=_why(score, participation, agreement, guard, rules, voted=len(spoken), asked=len(votes)),
    )


def tally(spoken: Sequence[tuple[float, float]], asked: float) -> tuple[float, float, float]:
    """Return score, participation and agreement of (score, weight) pairs, of `asked` weight in all.

    Notes
    -----
    The score is the mean weighted by weight; participation the share of the weight that spoke; agreement the share
    of the directional weight, counted by confidence, that stands on the score's side.
    """
    total = sum(weight for _, weight in spoken)
    if total <= 0.0 or asked <= 0.0:
        return 0.0, 0.0, 0.0
    lean = sum(score * weight for score, weight in spoken)
    force = sum(abs(score) * weight for score, weight in spoken)
    with_it = sum(abs(score) * weight for score, weight in spoken if score * lean > 0.0)
    agreement = with_it / force if force > 0.0 else 0.0
    return rounded(lean / total), rounded(min(total / asked, 1.0)), rounded(min(agreement, 1.0))


def guard_of(score: float, participation: float, agreement: float, rules: Rules) -> Guard:
    """Return the first guard that speaks."""
    if participation < rules.participation:
        return Guard.PARTICIPATION
    if score == 0.0 or abs(score) < rules.threshold:
        return Guard.THRESHOLD
    return Guard.AGREEMENT if agreement < rules.agreement else Guard.NONE


def disagreement(votes: Sequence[Vote], weights: Mapping[str, Weight]) -> float:
    """Return the weighted standard deviation of the scores of all who take a side; 0 with fewer than two."""
    sides = [(score, weights.get(vote.agent, EQUAL).value) for vote in votes if (score := vote.score)]
    total = sum(weight for _, weight in sides)
    if len(sides) < 2:
        return 0.0
    mean = sum(score * weight for score, weight in sides) / total
    return rounded(float(sum(weight * (score - mean) ** 2 for score, weight in sides) / total) ** 0.5)


def _why(
    score: float, participation: float, agreement: float, guard: Guard, rules: Rules, *, voted: int, asked: int
) -> str:
    told = f"{voted} of {asked} voted, participation {participation * 100:.0f} % (floor {rules.participation * 100:.0f} %)."
    signed = f"{score:+.2f}".replace("-", "−")
    if guard is Guard.PARTICIPATION:
        return f"{told} Too few for a signal; score {signed}."
    if guard is Guard.THRESHOLD:
        return f"{told} Score {signed} is inside the threshold ±{rules.threshold:.2f}: no signal."
    held = f"{agreement * 100:.0f} % of the weight with a side is {'long' if score > 0 else 'short'}"
    if guard is Guard.AGREEMENT:
        return f"{told} Score {signed}, but only {held} (floor {rules.agreement * 100:.0f} %): no signal."
    return f"{told} Score {signed} is past the threshold ±{rules.threshold:.2f}; {held}."
