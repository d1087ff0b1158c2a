"""The moments of an order's way from the frame that caused it to its bytes in a socket."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

# each stage ends at its moment, and begins at the one before
STAGES: Mapping[str, str] = {
    "engine": "decided",
    "journal queue": "taken",
    "journal commit": "committed",
    "wake": "woken",
    "pacing": "asked",
    "permit": "permitted",
    "gate again": "judged",
    "mark": "marked",
    "send": "sent",
}


class Stopwatch:
    """The moments of each order's way, by client id; the first one is its frame's."""

    def __init__(self) -> None:
        self.frame_ns = 0
        self.moments: dict[str, dict[str, int]] = {}
        self.decoded_us: list[float] = []

    def begin(self, client_id: str) -> None:
        """Begin an order's way; one that no frame caused (an answer's follow-up) is not measured."""
        if self.frame_ns:
            self.moments[client_id] = {"tick": self.frame_ns, "decided": time.perf_counter_ns()}

    def note(self, client_id: str, moment: str) -> None:
        """Keep the moment of an order that came of a frame."""
        found = self.moments.get(client_id)
        if found is not None:
            found[moment] = time.perf_counter_ns()

    def lap(self) -> Stopwatch:
        """Return what was measured since the last lap, and begin anew."""
        lap = Stopwatch()
        lap.moments, self.moments = self.moments, {}
        lap.decoded_us, self.decoded_us = self.decoded_us, []
        return lap

    @property
    def is_waiting(self) -> bool:
        """Tell whether an order that was begun has not been sent yet."""
        return any("sent" not in found for found in self.moments.values())

    def sent(self) -> list[dict[str, int]]:
        """Return the moments of every order that went the whole way."""
        return [found for found in self.moments.values() if all(moment in found for moment in STAGES.values())]

    def stages(self) -> dict[str, list[float]]:
        """Return the microseconds of every stage."""
        marks = ("tick", *STAGES.values())
        return {
            stage: [(found[end] - found[start]) / 1e3 for found in self.sent()]
            for stage, start, end in zip(STAGES, marks, marks[1:], strict=False)
        }

    def tick_to_send(self) -> list[float]:
        """Return the microseconds of the whole way."""
        return [(found["sent"] - found["tick"]) / 1e3 for found in self.sent()]


def p50(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p99(values: list[float]) -> float:
    """Return the 99th percentile."""
    return statistics.quantiles(values, n=100)[98]
