"""The `Budget` port: calls evenly paced, exits first, and an empty start.

Kite counts per second of its own clock, so a burst of ten may fall into one of its seconds: eight per second, evenly
spaced, cannot. The clock is the machine's boot clock: a suspended host must not save up calls.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from itertools import count

from brokers.domain.errors import Invalid
from brokers.ports import Clock

NANOSECONDS = 1_000_000_000
# per second; Kite allows 10 orders, 10 other calls, 1 quote call and 3 history calls
KITE_RATES: Mapping[str, float] = {"order": 8.0, "read": 10.0, "quote": 1.0, "history": 3.0}
_SHORTEST_WAIT_S = 0.001


class _Lane:
    """One kind of call: the next free moment, and who waits for it."""

    __slots__ = ("interval_ns", "next_ns", "waiting")

    def __init__(self, per_second: float, now_ns: int) -> None:
        self.interval_ns = round(NANOSECONDS / per_second)
        self.next_ns = now_ns + self.interval_ns
        self.waiting: list[tuple[int, int]] = []


class PacedBudget:
    """One trading account's calls towards one venue; a cold budget starts empty."""

    def __init__(self, *, clock: Clock, rates: Mapping[str, float] = KITE_RATES) -> None:
        self._clock = clock
        self._order = count()
        now_ns = clock.boot_ns()
        self._lanes = {kind: _Lane(rate, now_ns) for kind, rate in rates.items()}

    async def acquire(self, kind: str, *, urgent: bool = False) -> None:
        """Wait for the next call of this kind; the urgent go before all who merely wait."""
        lane = self._lane(kind)
        ticket = (0 if urgent else 1, next(self._order))
        heapq.heappush(lane.waiting, ticket)
        try:
            while not self._take(lane, ticket):
                wait_s = (lane.next_ns - self._clock.boot_ns()) / NANOSECONDS
                await self._clock.sleep(max(wait_s, _SHORTEST_WAIT_S))
        finally:
            lane.waiting.remove(ticket)
            heapq.heapify(lane.waiting)

    def pause(self, kind: str, seconds: float) -> None:
        """Let no call of this kind go for a while: the venue said that there were too many."""
        lane = self._lane(kind)
        lane.next_ns = max(lane.next_ns, self._clock.boot_ns() + round(seconds * NANOSECONDS))

    def _take(self, lane: _Lane, ticket: tuple[int, int]) -> bool:
        now_ns = self._clock.boot_ns()
        if lane.waiting[0] != ticket or now_ns < lane.next_ns:
            return False
        lane.next_ns = now_ns + lane.interval_ns
        return True

    def _lane(self, kind: str) -> _Lane:
        try:
            return self._lanes[kind]
        except KeyError:
            raise Invalid(f"{kind!r} is no kind of call", code="budget.kind", field="kind") from None
