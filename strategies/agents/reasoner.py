"""The deep reasoner's rule-based mind: it arbitrates a dispute, and doubts a crowd that is late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from strategies.agents.consensus import Weight, disagreement
from strategies.agents.regime import Regime, multiplier
from strategies.agents.snapshot import Snapshot
from strategies.agents.specialist import SCORE_PLACES, Character, Specialist, fresh
from strategies.agents.vote import Thesis, Vote, abstention, cited, vote_of

KEY, NAME, SPECIALITY = "reasoner", "Deep Reasoner", "contrarian, arbitrates"
HORIZON_BARS = 6
# from here the others are in dispute
DISPUTE = 0.4
# so one-sided and so far from the mean, the crowd has come late
CROWD_SHARE, CROWD_STRETCH, LEAST_CROWD = 0.95, 2.0, 3
CONTRARIAN_SHARE = 0.5


def reasoned(
    snapshot: Snapshot,
    votes: Sequence[Vote],
    *,
    roster: Mapping[str, Specialist],
    weights: Mapping[str, Weight],
    regime: Regime,
) -> Vote:
    """Return the reasoner's vote on what the others said; it abstains where they agree, or too few speak."""
    horizon_s = HORIZON_BARS * snapshot.bar_s
    sided = [vote for vote in votes if vote.score]
    if len(sided) < 2:
        return abstention(KEY, f"{len(sided)} of {len(votes)} take a side, nothing to arbitrate", horizon_s=horizon_s)
    spread = disagreement(votes, weights)
    if spread >= DISPUTE:
        return _arbitrated(snapshot, sided, spread, roster=roster, weights=weights, regime=regime)
    return _doubted(snapshot, sided, horizon_s) or abstention(
        KEY, f"the others differ by {spread:.2f}, below {DISPUTE:g}", horizon_s=horizon_s
    )


def _arbitrated(
    snapshot: Snapshot,
    sided: Sequence[Vote],
    spread: float,
    *,
    roster: Mapping[str, Specialist],
    weights: Mapping[str, Weight],
    regime: Regime,
) -> Vote:
    """Side with the camp whose kind the regime favours; the fit counts twice, the records once."""
    pull = {}
    for vote in sided:
        fit = multiplier(roster[vote.agent].character, regime) if vote.agent in roster else 1.0
        weight = weights[vote.agent].record if vote.agent in weights else 1.0
        pull[vote.agent] = (vote.score or 0.0) * weight * fit**2
    total = sum(abs(value) for value in pull.values())
    lean = round(sum(pull.values()) / total, SCORE_PLACES) if total else 0.0
    strongest = max(pull, key=lambda agent: (pull[agent] * np.sign(lean), agent))
    backed = next(vote for vote in sided if vote.agent == strongest)
    name = roster[strongest].name if strongest in roster else strongest
    side = "leaves it undecided" if lean == 0.0 else f"gives {'the long' if lean > 0 else 'the short'} side to {name}"
    text = f"The others differ by {spread:.2f}; the {regime.value.replace('_', ' ')} regime {side}."
    thesis = Thesis(text=text, evidence=backed.thesis.evidence, invalidation=backed.thesis.invalidation)
    return vote_of(KEY, lean + 0.0, thesis, horizon_s=HORIZON_BARS * snapshot.bar_s)


def _doubted(snapshot: Snapshot, sided: Sequence[Vote], horizon_s: int) -> Vote | None:
    """Stand against a crowd that is all on one side of a price far from its mean."""
    of = fresh(snapshot)
    z, rsi = of["z_vwap"], of["rsi_14"]
    force = sum(vote.confidence for vote in sided)
    lean = sum(vote.score or 0.0 for vote in sided)
    if len(sided) < LEAST_CROWD or z is None or rsi is None:
        return None
    if abs(lean) / force < CROWD_SHARE or z * lean <= 0.0 or abs(z) < CROWD_STRETCH:
        return None
    score = -np.sign(lean) * min(CONTRARIAN_SHARE * abs(lean) / len(sided), CONTRARIAN_SHARE)
    text = (
        f"All {len(sided)} with a side stand {'long' if lean > 0 else 'short'} and price is "
        f"{abs(z):.1f} deviations {'above' if z > 0 else 'below'} VWAP already: the crowd is late."
    )
    thesis = Thesis(text=text, evidence=cited(snapshot, ("z_vwap", "rsi_14")), invalidation="void back at VWAP")
    return vote_of(KEY, round(float(score), SCORE_PLACES) + 0.0, thesis, horizon_s=horizon_s)


REASONER_CHARACTER = Character.JUDGE
