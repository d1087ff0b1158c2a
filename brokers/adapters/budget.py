"""The `Budget` port: calls evenly paced, cancels before exits before entries, and an empty start.

Kite counts orders per second of its own clock. A pace alone cannot hold that: calls that left evenly may arrive
together. So an order call counts from the moment it is let go until a second after its answer came; whatever second of
the venue's it falls into, every other call of that second is still counted then. The clock is the machine's boot clock:
a suspended host must not save up calls.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count

from brokers.adapters.shared_pace import SharedPace
from brokers.domain.allowance import KITE_ALLOWANCE, OrderShare
from brokers.domain.errors import Invalid
from brokers.ports import BudgetReport, Clock

NANOSECONDS = 1_000_000_000
ORDER_KINDS = ("order", "cancel")
_SHORTEST_WAIT_S = 0.001
# an answer may free a place sooner than the clock would
_LOOK_AGAIN_S = 0.05
_SECOND_NS = NANOSECONDS
_MINUTE_NS = 60 * NANOSECONDS
# how long a call without an answer may still be on its way to the venue: whoever sends one waits so long for it
_ON_THE_WAY_NS = 7 * NANOSECONDS


class _Lane:
    """One kind of call: the next free moment, and who waits for it."""

    __slots__ = ("interval_ns", "next_ns", "waiting")

    def __init__(self, per_second: float, now_ns: int) -> None:
        self.interval_ns = round(NANOSECONDS / per_second)
        self.next_ns = now_ns + self.interval_ns
        self.waiting: list[tuple[int, int]] = []

    @property
    def awaits_answers(self) -> bool:
        return False

    def free_ns(self, _rank: int, _now_ns: int) -> int:
        """Return when a call of this rank may go; a moment past means now."""
        return self.next_ns

    def take(self, _number: int, now_ns: int) -> None:
        """Count a call that goes now, by the number of its ticket."""
        self.next_ns = now_ns + self.interval_ns


class _OrderLane(_Lane):
    """Places, changes and cancels of one account: paced, and counted by second and by minute."""

    __slots__ = ("_answered", "_minute", "_on_the_way", "_share")

    def __init__(self, share: OrderShare, now_ns: int) -> None:
        super().__init__(share.per_second, now_ns)
        self._share = share
        self._on_the_way: dict[int, int] = {}  # by ticket, until when each counts without an answer
        self._answered: deque[int] = deque()
        self._minute: deque[int] = deque()

    @property
    def awaits_answers(self) -> bool:
        return bool(self._on_the_way)

    def free_ns(self, rank: int, now_ns: int) -> int:
        self._forget(now_ns)
        per_minute = self._share.entries_per_minute if rank == _RANKS["entry"] else self._share.per_minute
        moments = [self.next_ns, _room_ns(self._minute, per_minute, now_ns)]
        if len(self._on_the_way) + len(self._answered) >= self._share.per_second:
            moments.append(min((*list(self._on_the_way.values())[:1], *list(self._answered)[:1])))
        return max(moments)

    def take(self, number: int, now_ns: int) -> None:
        super().take(number, now_ns)
        self._on_the_way[number] = now_ns + _ON_THE_WAY_NS + _SECOND_NS
        self._minute.append(now_ns + _ON_THE_WAY_NS + _MINUTE_NS)

    def settle(self, number: int | None, now_ns: int) -> None:
        """Note that the answer to a call has come, or never will; without a number, to the oldest on its way."""
        if number is None:
            number = next(iter(self._on_the_way), None)
        if number is not None:
            self._on_the_way.pop(number, None)
            # also of one that was given up meanwhile: its answer tells that it arrived only now
            self._answered.append(now_ns + _SECOND_NS)

    def inherit(self, ages_ns: Sequence[int], now_ns: int) -> None:
        """Count calls that an earlier owner decided on so long ago; each may have left later than that."""
        for age_ns in ages_ns:
            left_ns = now_ns - max(age_ns - _ON_THE_WAY_NS, 0)
            self._minute.append(left_ns + _MINUTE_NS)
            if left_ns + _SECOND_NS > now_ns:
                self._answered.append(left_ns + _SECOND_NS)
        self._minute = deque(sorted(self._minute))
        self._answered = deque(sorted(self._answered))

    def used_in_a_minute(self, now_ns: int) -> int:
        self._forget(now_ns)
        return len(self._minute)

    def narrow(self, share: OrderShare) -> None:
        self._share = share
        self.interval_ns = round(NANOSECONDS / share.per_second)

    def _forget(self, now_ns: int) -> None:
        for number in [number for number, until_ns in self._on_the_way.items() if until_ns <= now_ns]:
            del self._on_the_way[number]
        for counted in (self._answered, self._minute):
            while counted and counted[0] <= now_ns:
                counted.popleft()


def _room_ns(counted: deque[int], most: int, now_ns: int) -> int:
    """Return when one more call fits; never, as far as anybody waits, where none is allowed at all."""
    if len(counted) < most:
        return now_ns
    return counted[len(counted) - most] if most else now_ns + _MINUTE_NS


_RANKS = {"cancel": 0, "exit": 1, "entry": 2}


class PacedBudget:
    """One trading account's calls towards one venue; a cold budget starts empty.

    The kinds are order, cancel (both are of the order budget), read, quote and history. Reads are shared with every
    other process where a `SharedPace` is given, and paced by this process alone where none is.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        share: OrderShare = KITE_ALLOWANCE.desk,
        rates: Mapping[str, float] | None = None,
        shared: SharedPace | None = None,
    ) -> None:
        self._clock = clock
        self._share = share
        self._shared = shared
        self._ticket = count()
        self._reads: dict[str, deque[str]] = {}  # calls that were let go and not answered yet
        now_ns = clock.boot_ns()
        self._orders = _OrderLane(share, now_ns)
        paced = KITE_ALLOWANCE.reads() if rates is None else rates
        self._lanes: dict[str, _Lane] = {kind: _Lane(rate, now_ns) for kind, rate in paced.items()}
        self._lanes |= dict.fromkeys(ORDER_KINDS, self._orders)

    async def acquire(self, kind: str, *, urgent: bool = False, weight: int = 1) -> int:
        """Wait for the next call of this kind: cancels go before what is urgent, and that before the rest."""
        lane, number = self._lane(kind), next(self._ticket)
        if self._shared is not None and kind not in ORDER_KINDS:
            self._reads.setdefault(kind, deque()).append(await self._shared.acquire(kind))
            return number
        ticket = (_RANKS["cancel" if kind == "cancel" else "exit" if urgent else "entry"], number)
        heapq.heappush(lane.waiting, ticket)
        try:
            while not self._take(lane, ticket):
                now_ns = self._clock.boot_ns()
                wait_s = (lane.free_ns(ticket[0], now_ns) - now_ns) / NANOSECONDS
                if lane.awaits_answers:
                    wait_s = min(wait_s, _LOOK_AGAIN_S)
                await self._clock.sleep(max(wait_s, _SHORTEST_WAIT_S))
        finally:
            lane.waiting.remove(ticket)
            heapq.heapify(lane.waiting)
        return number

    def settle(self, kind: str, number: int | None = None) -> None:
        """Note that a call of this kind has been answered, or never will be; without a number, the oldest."""
        if self._lane(kind) is self._orders:
            self._orders.settle(number, self._clock.boot_ns())
        elif self._shared is not None and self._reads.get(kind):
            self._shared.settle(kind, self._reads[kind].popleft())

    def pause(self, kind: str, seconds: float) -> None:
        """Let no call of this kind go for a while: the venue said that there were too many."""
        lane = self._lane(kind)
        lane.next_ns = max(lane.next_ns, self._clock.boot_ns() + round(seconds * NANOSECONDS))
        if self._shared is not None and lane is not self._orders:
            self._shared.pause(kind, seconds)

    def inherit(self, decided_at: Sequence[datetime]) -> None:
        """Count the order calls of an earlier owner, by the journal's times of their decisions."""
        now, now_ns = self._clock.now(), self._clock.boot_ns()
        ages_ns = [max(round((now - at).total_seconds() * NANOSECONDS), 0) for at in decided_at]
        self._orders.inherit(ages_ns, now_ns)

    def narrow(self, share: OrderShare) -> None:
        """Take another share of the orders from now on: the venue has told its own limits."""
        self._share = share
        self._orders.narrow(share)

    def report(self) -> BudgetReport:
        """Return what of the order budget is used, and how long it is paused."""
        now_ns = self._clock.boot_ns()
        return BudgetReport(
            used_in_a_minute=self._orders.used_in_a_minute(now_ns),
            per_minute=self._share.per_minute,
            paused_s=max(self._orders.next_ns - now_ns - self._orders.interval_ns, 0) / NANOSECONDS,
        )

    def _take(self, lane: _Lane, ticket: tuple[int, int]) -> bool:
        now_ns = self._clock.boot_ns()
        if lane.waiting[0] != ticket or now_ns < lane.free_ns(ticket[0], now_ns):
            return False
        lane.take(ticket[1], now_ns)
        return True

    def _lane(self, kind: str) -> _Lane:
        try:
            return self._lanes[kind]
        except KeyError:
            raise Invalid(f"{kind!r} is no kind of call", code="budget.kind", field="kind") from None
