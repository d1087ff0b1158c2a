"""One decision, from a snapshot to its record; and the replay of a record to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brokers.domain.errors import DataError, WindhoverError
from strategies.agents import reasoner
from strategies.agents.consensus import Consensus, Rules, Weight, consensus_of
from strategies.agents.regime import Regime, RegimeReading, multiplier, regime_from
from strategies.agents.roster import KEYS, ROSTER, SPECIALISTS
from strategies.agents.snapshot import Snapshot, canonical, snapshot_from
from strategies.agents.specialist import Character
from strategies.agents.vote import Vote, abstention, probability_up

# of the minds and the arithmetic here: a record of another version is not replayed by this one
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a decision stands on beside the snapshot: the operator's rules, the records' weights, who is stopped."""

    rules: Rules
    records: Mapping[str, float]
    base_rates: Mapping[str, float]
    stopped: frozenset[str]
    cost_fraction: float

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        rules = self.rules
        return {
            "rules": {
                "participation": rules.participation,
                "threshold": rules.threshold,
                "agreement": rules.agreement,
            },
            "records": dict(self.records),
            "base_rates": dict(self.base_rates),
            "stopped": sorted(self.stopped),
            "cost_fraction": self.cost_fraction,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What came of one cycle on one instrument."""

    snapshot: Snapshot
    regime: RegimeReading
    terms: Terms
    votes: tuple[Vote, ...]
    weights: Mapping[str, Weight]
    consensus: Consensus

    def record(self) -> bytes:
        """Return the self-contained record: inputs and everything that was made of them."""
        return canonical(self.document())

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "version": VERSION,
            "digest": self.snapshot.digest,
            "snapshot": self.snapshot.document(),
            "regime": self.regime.document(),
            "terms": self.terms.document(),
            "votes": [self._vote(vote) for vote in self.votes],
            "consensus": self.consensus.document(),
        }

    def base_of(self, agent: str) -> float:
        return self.terms.base_rates.get(agent, 0.5)

    def _vote(self, vote: Vote) -> dict[str, Any]:
        weight, score = self.weights[vote.agent], vote.score
        base = self.base_of(vote.agent)
        return {
            **vote.document(),
            "weight": {"record": weight.record, "regime": weight.regime, "value": weight.value},
            "base_rate": base,
            "probability": None if score is None else probability_up(score, base),
        }


def decide(snapshot: Snapshot, regime: RegimeReading, terms: Terms) -> Decision:
    """Let every agent vote on a snapshot and gather the votes; the same arguments give the same bytes."""
    weights = weights_of(terms.records, regime.regime)
    votes = [_vote(specialist.key, snapshot, terms) for specialist in SPECIALISTS]
    if reasoner.KEY in terms.stopped:
        votes.append(_stopped(reasoner.KEY, reasoner.HORIZON_BARS * snapshot.bar_s))
    else:
        others = [vote for vote in votes if vote.agent not in terms.stopped]
        votes.append(reasoner.reasoned(snapshot, others, roster=ROSTER, weights=weights, regime=regime.regime))
    asked = [vote for vote in votes if vote.agent not in terms.stopped]
    return Decision(
        snapshot=snapshot,
        regime=regime,
        terms=terms,
        votes=tuple(votes),
        weights=weights,
        consensus=consensus_of(asked, weights, terms.rules),
    )


def weights_of(records: Mapping[str, float], regime: Regime) -> dict[str, Weight]:
    """Return each agent's weight: its record's, times what the regime makes of its kind."""
    return {
        key: Weight(
            record=records.get(key, 1.0),
            regime=multiplier(ROSTER[key].character if key in ROSTER else Character.JUDGE, regime),
        )
        for key in KEYS
    }


def replay(record: bytes) -> bytes:
    """Decide again on a record's inputs alone and return the record of that.

    Raises
    ------
    DataError
        For bytes that are no record, or one of another version of the minds.
    """
    try:
        document = json.loads(record)
        if document["version"] != VERSION:
            raise DataError(
                f"a record of version {document['version']}, the minds are of {VERSION}", code="record.version"
            )
        snapshot, regime = snapshot_from(document["snapshot"]), regime_from(document["regime"])
        terms = terms_from(document["terms"])
    except WindhoverError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError("this is no decision's record", code="record.unreadable") from error
    return decide(snapshot, regime, terms).record()


def terms_from(document: Mapping[str, Any]) -> Terms:
    """Read terms back."""
    return Terms(
        rules=Rules(**document["rules"]),
        records=document["records"],
        base_rates=document["base_rates"],
        stopped=frozenset(document["stopped"]),
        cost_fraction=document["cost_fraction"],
    )


def _vote(key: str, snapshot: Snapshot, terms: Terms) -> Vote:
    specialist = ROSTER[key]
    if key in terms.stopped:
        return _stopped(key, specialist.horizon_bars * snapshot.bar_s)
    return specialist.vote(snapshot)


def _stopped(key: str, horizon_s: int) -> Vote:
    return abstention(key, "stopped by hand", horizon_s=horizon_s)


def cited_wrongly(votes: Sequence[Vote], snapshot: Snapshot) -> list[tuple[str, str]]:
    """Return (agent, field) of every piece of evidence that the snapshot does not bear out."""
    return [(vote.agent, one.field) for vote in votes for one in vote.thesis.evidence if not one.is_in(snapshot)]
