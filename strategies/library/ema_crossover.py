"""Moving-average crossover on closed bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from analysis.domain import ema
from brokers.domain.figures import price_in_words
from brokers.domain.market import Bars, Float64Array1D
from strategies.domain import Direction, SignalStrategy, StrategyParams, param, wrong

# Averages of equal prices differ by float noise; a gap this small against the price is a tie.
_TIE_FRACTION = 1e-9


class EmaCrossover(SignalStrategy):
    """Long while the fast average is above the slow one; below it flat, or short where both ways are allowed."""

    slug = "ema-crossover"
    title = "EMA crossover"

    on_days: ClassVar[Mapping[str, Any]] = {}
    studied = ("fast", "slow")

    class Params(StrategyParams):
        fast: int = param(9, ge=2, le=200, help="bars in the fast average")
        slow: int = param(21, ge=3, le=400, help="bars in the slow average")

        def check(self) -> None:
            """Raise Invalid when the fast average is not the faster one."""
            super().check()
            if self.fast >= self.slow:
                raise wrong("fast", f"fast ({self.fast}) must be below slow ({self.slow})")

    params: Params

    def warmup_bars(self) -> int:
        return 5 * self.params.slow

    def exposure(self, bars: Bars) -> Float64Array1D:
        """Return 1 above, 0 or -1 below; NaN on a tie and until the slow average exists."""
        fast, slow = self._averages(bars)
        below = -1.0 if self.params.direction is Direction.BOTH else 0.0
        gap, tie = fast - slow, _TIE_FRACTION * bars.close
        return np.where(gap > tie, 1.0, np.where(gap < -tie, below, np.nan))

    def reason(self, bars: Bars) -> str:
        fast, slow = self._averages(bars)
        is_above = bool(fast[-1] > slow[-1])
        crossed = fast.size > 1 and bool(fast[-2] > slow[-2]) is not is_above
        verb = "crossed" if crossed else "is"
        return (
            f"{self.params.fast}-bar average {price_in_words(float(fast[-1]))} {verb} "
            f"{'above' if is_above else 'below'} the {self.params.slow}-bar {price_in_words(float(slow[-1]))}"
        )

    def _averages(self, bars: Bars) -> tuple[Float64Array1D, Float64Array1D]:
        return ema(bars.close, self.params.fast), ema(bars.close, self.params.slow)
