"""How long a tick takes from the socket to the latest-quote table, over the last one to two minutes."""

from __future__ import annotations

from itertools import accumulate

BIN_NS = 1_000_000
BINS = 1_000
TURN_NS = 60 * 1_000_000_000


class LagMeter:
    """Counts ticks by whole milliseconds of lag; what is older than two minutes is forgotten."""

    __slots__ = ("_before", "_now", "_turned_ns")

    def __init__(self) -> None:
        self._before = [0] * BINS
        self._now = [0] * BINS
        self._turned_ns = 0

    def note(self, lag_ns: int, ticks: int, at_ns: int) -> None:
        """Count a frame's ticks, all as late as one another."""
        if at_ns - self._turned_ns >= TURN_NS:
            self._before, self._now, self._turned_ns = self._now, [0] * BINS, at_ns
        self._now[min(max(lag_ns // BIN_NS, 0), BINS - 1)] += ticks

    def quantile_ms(self, fraction: float) -> int | None:
        """Return the milliseconds that this fraction of the ticks did not exceed, None before the first tick."""
        counts = [old + new for old, new in zip(self._before, self._now, strict=True)]
        total = sum(counts)
        if not total:
            return None
        reached = next(place for place, count in enumerate(accumulate(counts)) if count >= fraction * total)
        return reached + 1
