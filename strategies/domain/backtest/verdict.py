"""A verdict in words: whether a backtest may be believed, and each reason with its number."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from strategies.domain.backtest.bias import Leak, WarmUp
from strategies.domain.backtest.luck import Overfitting
from strategies.domain.backtest.monte_carlo import Spread
from strategies.domain.backtest.statistics import Statistics
from strategies.domain.backtest.walk_forward import WalkForward

ENOUGH_TRADES = 30
BELIEVED = 0.95
OVERFITTED = 0.5
KEPT = 0.5


class Standing(StrEnum):
    """What the evidence allows to say."""

    WORTHLESS = "worthless"
    DOUBTFUL = "doubtful"
    NOT_REFUTED = "not refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was looked into; None is what was not."""

    statistics: Statistics
    leak: Leak | None
    warm_up: WarmUp | None = None
    deflated_sharpe: float | None = None
    trials: int = 1
    overfitting: Overfitting | None = None
    walk_forward: WalkForward | None = None
    spread: Spread | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One sentence, and the reasons for it in the order of their weight."""

    standing: Standing
    sentence: str
    reasons: tuple[str, ...]


def verdict_of(evidence: Evidence) -> Verdict:
    """Weigh the evidence: what makes a result worthless first, then what makes it doubtful."""
    fatal, doubts = _fatal(evidence), _doubts(evidence)
    if fatal:
        return Verdict(
            standing=Standing.WORTHLESS, sentence=f"This result says nothing: {fatal[0]}.", reasons=(*fatal, *doubts)
        )
    if doubts:
        return Verdict(
            standing=Standing.DOUBTFUL, sentence=f"Do not trade on this yet: {doubts[0]}.", reasons=tuple(doubts)
        )
    return Verdict(
        standing=Standing.NOT_REFUTED,
        sentence="Nothing that was looked into speaks against it; paper days come next.",
        reasons=(),
    )


def _fatal(evidence: Evidence) -> list[str]:
    figures, found = evidence.statistics, []
    if evidence.leak is not None:
        found.append(evidence.leak.sentence)
    if evidence.warm_up is not None and not evidence.warm_up.is_enough:
        found.append(evidence.warm_up.sentence)
    if figures.trades == 0:
        found.append("not one trade was closed")
    if figures.max_drawdown >= 1.0:
        found.append("the capital was lost on the way")
    return found


def _doubts(evidence: Evidence) -> list[str]:
    figures, found = evidence.statistics, []
    if 0 < figures.trades < ENOUGH_TRADES:
        counted = "1 trade is" if figures.trades == 1 else f"{figures.trades} trades are"
        found.append(f"{counted} too few, {ENOUGH_TRADES} are the least")
    if figures.total_return <= 0.0:
        found.append(f"it lost {-figures.total_return:.1%} after {figures.costs_quote:,.0f} of charges")
    deflated = evidence.deflated_sharpe
    if deflated is not None and deflated < BELIEVED:
        trials = "one trial" if evidence.trials == 1 else f"{evidence.trials} trials"
        found.append(f"its Sharpe ratio is skill with {deflated:.0%} after {trials}, {BELIEVED:.0%} are asked for")
    return found + _of_research(evidence)


def _of_research(evidence: Evidence) -> list[str]:
    found = []
    if evidence.overfitting is not None and evidence.overfitting.probability >= OVERFITTED:
        chance = evidence.overfitting.probability
        found.append(f"the best parameters of one half are below the median of the other in {chance:.0%} of the splits")
    if evidence.walk_forward is not None:
        kept = evidence.walk_forward.efficiency
        if kept is None or kept < KEPT:
            share = "nothing" if kept is None or kept <= 0.0 else f"{kept:.0%}"
            found.append(
                f"walking forward keeps {share} of the Sharpe ratio it was chosen for, {KEPT:.0%} are asked for"
            )
    if evidence.spread is not None and evidence.spread.lost > 1.0 - BELIEVED:
        found.append(f"in {evidence.spread.lost:.0%} of the resampled histories it lost money")
    return found
