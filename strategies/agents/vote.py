"""A vote: which way, how sure, why, for how long, and when the thesis is void. It has no size and knows no order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from brokers.domain.errors import Invalid
from strategies.agents.snapshot import Snapshot

# What a fully confident vote adds to the base rate: it claims to be right three times in four.
CLAIM_AT_FULL = 0.25
LEAST_PROBABILITY = 0.01


class Stance(StrEnum):
    """What an agent says: flat is a judgement, an abstention is the lack of one."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"
    ABSTAIN = "abstain"


_SIGNS: Mapping[Stance, float] = {Stance.LONG: 1.0, Stance.SHORT: -1.0, Stance.FLAT: 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A field of the snapshot and the value that the thesis says it has."""

    field: str
    value: float | None

    def is_in(self, snapshot: Snapshot) -> bool:
        """Tell whether the snapshot has this field with this value."""
        return self.field in snapshot.fields and snapshot.value(self.field) == self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Thesis:
    """Why: one sentence, the fields it stands on, and what would make it void."""

    text: str
    evidence: tuple[Evidence, ...]
    invalidation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One agent's word on one snapshot; `confidence` lies in [0, 1] and is 0 for flat and for an abstention."""

    agent: str
    stance: Stance
    confidence: float
    thesis: Thesis
    horizon_s: int
    mind: str = "rules"

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise Invalid(f"confidence lies in [0, 1], not {self.confidence}", code="vote.confidence")
        is_directional = self.stance in (Stance.LONG, Stance.SHORT)
        if is_directional is not (self.confidence > 0.0):
            raise Invalid("a side needs confidence, and confidence a side", code="vote.confidence")
        if self.horizon_s <= 0:
            raise Invalid("a vote is for a time to come", code="vote.horizon")

    @property
    def is_abstention(self) -> bool:
        return self.stance is Stance.ABSTAIN

    @property
    def score(self) -> float | None:
        """Return the signed confidence in [-1, 1]; None for an abstention."""
        return None if self.is_abstention else _SIGNS[self.stance] * self.confidence

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "agent": self.agent,
            "mind": self.mind,
            "stance": self.stance.value,
            "confidence": self.confidence,
            "score": self.score,
            "horizon_s": self.horizon_s,
            "thesis": self.thesis.text,
            "invalidation": self.thesis.invalidation,
            "evidence": [{"field": one.field, "value": one.value} for one in self.thesis.evidence],
        }


def vote_of(agent: str, score: float, thesis: Thesis, *, horizon_s: int, mind: str = "rules") -> Vote:
    """Return the vote that a signed score in [-1, 1] stands for."""
    stance = Stance.FLAT if score == 0.0 else Stance.LONG if score > 0.0 else Stance.SHORT
    return Vote(agent=agent, stance=stance, confidence=abs(score), thesis=thesis, horizon_s=horizon_s, mind=mind)


def abstention(agent: str, why: str, *, horizon_s: int, evidence: Iterable[Evidence] = (), mind: str = "rules") -> Vote:
    """Return an abstention with its reason."""
    thesis = Thesis(text=f"Abstained: {why}.", evidence=tuple(evidence))
    return Vote(agent=agent, stance=Stance.ABSTAIN, confidence=0.0, thesis=thesis, horizon_s=horizon_s, mind=mind)


def cited(snapshot: Snapshot, names: Iterable[str]) -> tuple[Evidence, ...]:
    """Return fields of a snapshot as evidence."""
    return tuple(Evidence(field=name, value=snapshot.value(name)) for name in names)


def probability_up(score: float, base: float) -> float:
    """Return the probability that a vote of this score claims for the declared event, from its base rate."""
    claimed = base + CLAIM_AT_FULL * score
    return min(max(claimed, LEAST_PROBABILITY), 1.0 - LEAST_PROBABILITY)
