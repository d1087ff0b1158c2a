"""Counts runs and what was judged in them, and tells of a failing one at once, with the line that repeats it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from tests.simulation.judge import Breach
from tests.simulation.names import say

if TYPE_CHECKING:
    from tests.simulation.campaign import Result

SHOWN_FAILURES = 40
COUNTED = ("runs", "struck", "in recovery", "writes", "fills", "deadlines", "verified")
BREACHES = tuple(Breach)


class Tally:
    """What a sweep has shown so far, scenario by scenario."""

    def __init__(self) -> None:
        self._of: dict[str, Counter[str]] = defaultdict(Counter)
        self._faults: Counter[str] = Counter()
        self._failed = self._calls = 0

    def took(self, result: Result) -> Result:
        """Count one run; say at once what was wrong with it."""
        row = self._of[result.run.scenario]
        row["runs"] += 1
        row["struck"] += bool(result.struck)
        row["in recovery"] += len(result.struck) > 1
        row["writes"] += result.writes
        row["fills"] += result.fills
        row["deadlines"] += result.deadlines
        row["verified"] += Breach.JOURNAL not in {breach for breach, _ in result.objections}
        row.update(str(breach) for breach, _ in result.objections)
        self._faults.update(str(fault) for _, fault in result.struck)
        if not result.run.strikes:
            self._calls += len(result.calls)
        if result.objections:
            self._tell(result)
        return result

    def told(self, seconds: float) -> int:
        """Print the whole count; 0 when nothing was objected to."""
        names = (*COUNTED, *BREACHES)
        say(_line("scenario", names))
        for scenario, row in sorted(self._of.items()):
            say(_line(scenario, [str(row[name]) for name in names]))
        whole = sum(self._of.values(), Counter[str]())
        say(_line("together", [str(whole[name]) for name in names]))
        say(
            f"{self._calls} port calls; faults: " + ", ".join(f"{name} {n}" for name, n in sorted(self._faults.items()))
        )
        say(f"{whole['runs']} runs in {seconds:.0f} s, {whole['in recovery']} crashed again while recovering")
        if self._failed:
            say(f"{self._failed} runs failed")
            return 1
        say(
            f"0 lost, 0 doubled, 0 naked past the deadline, 0 EXTERNAL; {whole['verified']} of {whole['runs']} "
            "journals verified and equal to their rows"
        )
        return 0

    def _tell(self, result: Result) -> None:
        self._failed += 1
        if self._failed <= SHOWN_FAILURES:
            struck = [f"{fault} at {call}" for call, fault in result.struck]
            objections = [f"{breach}: {sentence}" for breach, sentence in result.objections]
            say("\n".join([f"./run chaos --seeds 1 {result.run}", *struck, *objections, ""]))


def _line(name: str, figures: object) -> str:
    cells = zip((*COUNTED, *BREACHES), list(figures), strict=True)  # type: ignore[call-overload]
    return f"{name:<14}" + "".join(f"{figure:>{max(len(title), 6) + 2}}" for title, figure in cells)
