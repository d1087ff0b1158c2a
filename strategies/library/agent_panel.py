"""The agents' consensus as a strategy: what five specialists say of the bars, held until they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from brokers.domain.figures import in_words
from brokers.domain.market import Bars, Float64Array1D
from strategies.agents.columns import WARMUP_BARS
from strategies.agents.consensus import Rules
from strategies.agents.panel import PanelColumns, panel_of
from strategies.agents.roster import NAMES
from strategies.domain import SignalStrategy, StrategyParams, param, wrong


class AgentPanel(SignalStrategy):
    """Long or short with the agents' consensus past its threshold, flat once their score comes back within the exit."""

    slug = "agent-panel"
    title = "Agent panel"
    joins_late = False
    on_days: ClassVar[Mapping[str, Any]] = {}
    studied = ("threshold", "exit_score")

    class Params(StrategyParams):
        bar_minutes: int = param(5, ge=1, le=60, help="minutes in one bar")
        threshold: float = param(0.25, ge=0.05, le=0.9, step=0.05, help="score from which the consensus acts")
        exit_score: float = param(0.05, ge=0, le=0.8, step=0.05, help="score within which the position is given up")
        participation: float = param(0.6, ge=0.2, le=1, step=0.05, help="share of the weight that must vote")
        agreement: float = param(0.7, ge=0.5, le=1, step=0.05, help="share of the sided weight on one side")

        def check(self) -> None:
            """Raise Invalid unless the exit lies within the threshold."""
            super().check()
            if self.exit_score >= self.threshold:
                raise wrong(
                    "exit_score", f"exit_score ({self.exit_score:g}) must be below threshold ({self.threshold:g})"
                )

    params: Params

    def warmup_bars(self) -> int:
        return WARMUP_BARS

    def history_bars(self) -> int:
        # what is held at the start was entered at some bar before
        return 2 * WARMUP_BARS

    def exposure(self, bars: Bars) -> Float64Array1D:
        """Return 1, -1 or 0; NaN while too few agents can vote. The size of a position is the deployment's alone."""
        return _held(self._panel(bars), self.params.exit_score)

    def reason(self, bars: Bars) -> str:
        panel = self._panel(bars)
        score, wanted = float(panel.score[-1]), float(_held(panel, self.params.exit_score)[-1])
        said = self._said(panel, wanted)
        if wanted:
            return (
                f"the agents' score is {in_words(score)} (threshold {in_words(self.params.threshold)}), "
                f"{in_words(100 * float(panel.agreement[-1]))} % on one side: {said}"
            )
        return f"the agents' score came back to {in_words(score)}: {said}"

    def silence(self, bars: Bars) -> str | None:
        if np.nansum(bars.volume) > 0:
            return None
        return "no volume is reported, so that too few agents can vote; trade its near future instead"

    def _panel(self, bars: Bars) -> PanelColumns:
        rules = self.params
        return panel_of(
            bars,
            Rules(participation=rules.participation, threshold=rules.threshold, agreement=rules.agreement),
        )

    def _said(self, panel: PanelColumns, wanted: float) -> str:
        """Name those with a side, the surest first; with a position those on its side alone."""
        last = {key: float(column[-1]) for key, column in panel.scores.items()}
        sided = [(key, score) for key, score in last.items() if score * (wanted or score) > 0.0]
        ordered = sorted(sided, key=lambda one: -abs(one[1]))
        return (
            ", ".join(f"{NAMES[key]} {score:+.2f}".replace("-", "−") for key, score in ordered) or "nobody has a side"
        )


def _held(panel: PanelColumns, exit_score: float) -> Float64Array1D:
    """Enter with the consensus, keep while the score stays on that side beyond the exit."""
    held, found = 0.0, []
    for side, score in zip(panel.side.tolist(), panel.score.tolist(), strict=True):
        if side != side:  # noqa: PLR0124 - NaN: too few could vote
            found.append(float("nan"))
            continue
        if side:
            held = side
        elif score * held <= exit_score:
            held = 0.0
        found.append(held)
    return np.array(found, dtype=np.float64)
