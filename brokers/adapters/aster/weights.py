"""The `Budget` port at Aster: orders per account, and for everything the weight that the exchange counts per address.

The weight is one pace for all processes of an address, with three tolerances: polling ends at 70 % of what the exchange
allows in a minute, entries at 85 %, exits and cancels at 95 %. So in any minute the urgent still goes when the rest
waits. What the exchange says of itself, in its list and in the headers of its answers, goes before our own count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from brokers.adapters.aster.door import Door
from brokers.adapters.aster.market import RateLimit
from brokers.adapters.budget import ORDER_KINDS, PacedBudget
from brokers.adapters.shared_pace import OwnLeave, SharedPace
from brokers.domain.allowance import ASTER_ALLOWANCE, OrderShare
from brokers.domain.errors import Invalid
from brokers.ports import BudgetReport, Clock

WEIGHT = "weight"
READ_KINDS = ("read", "quote", "history")
WEIGHT_PER_MINUTE = 2400
ORDERS_PER_TEN_SECONDS = 300
ORDERS_PER_MINUTE = 1200
# a pace of half the limit with so much ahead of it: 60 s and the tolerance together are the share of two minutes' pace
POLLING_AHEAD_S = 24.0
ENTRIES_AHEAD_S = 42.0
URGENT_AHEAD_S = 54.0
_MOST_AT_ONCE = 2400
_POLLING_SHARE = 0.7
_NEARLY_ALL = 0.9
_MINUTE_S = 60
_USED_WEIGHT = "x-mbx-used-weight-1m"
_ORDER_COUNTS = {"x-mbx-order-count-10s": ORDERS_PER_TEN_SECONDS, "x-mbx-order-count-1m": ORDERS_PER_MINUTE}


@runtime_checkable
class HeedsUsage(Protocol):
    """A budget that listens to what the exchange says it has counted."""

    def heed(self, headers: Mapping[str, str]) -> None: ...

    def learn(self, limits: Sequence[RateLimit]) -> None: ...


def weight_rates(per_minute: int = WEIGHT_PER_MINUTE) -> dict[str, float]:
    """Return the pace of an address: half of what the exchange allows, by the second."""
    return {WEIGHT: per_minute / 2 / _MINUTE_S}


def most_weight() -> dict[str, int]:
    """Return how many calls may be on their way at once; the weight is what limits them."""
    return {WEIGHT: _MOST_AT_ONCE}


def own_pace(clock: Clock) -> SharedPace:
    """Return the pace of a process that has its address for itself."""
    leave = OwnLeave(clock)
    return SharedPace(
        shared=leave,
        alone=leave,
        rates=weight_rates(),
        most=most_weight(),
        clock=clock,
        jitter=lambda: 0.0,
        empty_s=POLLING_AHEAD_S,
    )


class AsterBudget:
    """One account's orders and its part of an address' weight; a cold budget has nothing saved up."""

    def __init__(
        self,
        *,
        clock: Clock,
        share: OrderShare = ASTER_ALLOWANCE.desk,
        pace: SharedPace | None = None,
        door: Door | None = None,
    ) -> None:
        self._clock = clock
        self._door = door
        self._share = share
        self._orders = PacedBudget(clock=clock, share=share, rates={})
        self._pace = pace or own_pace(clock)
        self._per_minute = WEIGHT_PER_MINUTE

    async def acquire(self, kind: str, *, urgent: bool = False, weight: int = 1) -> int | None:
        """Wait for a call of a kind: cancels go before what is urgent, that before entries, and polling last."""
        self._require_known(kind)
        ahead_s = _ahead_s(kind, urgent=urgent)
        if kind not in ORDER_KINDS:
            await self._pace.acquire(WEIGHT, weight=weight, ahead_s=ahead_s)
            return None
        number = await self._orders.acquire(kind, urgent=urgent)
        try:
            await self._pace.acquire(WEIGHT, weight=weight, ahead_s=ahead_s)
        except BaseException:
            self._orders.settle(kind, number)  # its turn was given up: nothing was sent
            raise
        return number

    def settle(self, kind: str, number: int | None = None) -> None:
        """Note that an order call has been answered, or never will be; the weight of a read is used either way."""
        self._require_known(kind)
        if kind in ORDER_KINDS:
            self._orders.settle(kind, number)

    def pause(self, kind: str, seconds: float) -> None:
        """Let no call of this kind go for a while; a pause of the reads leaves orders and cancels their room."""
        self._require_known(kind)
        if kind in ORDER_KINDS:
            self._orders.pause(kind, seconds)
        else:
            self._pace.pause(WEIGHT, min(seconds + POLLING_AHEAD_S, ENTRIES_AHEAD_S))

    def inherit(self, decided_at: Sequence[datetime]) -> None:
        """Count the order calls of an earlier owner, by the journal's times of their decisions."""
        self._orders.inherit(decided_at)

    def report(self) -> BudgetReport:
        """Return what of the account's order budget is used, and how long it is paused or the address shut out."""
        report = self._orders.report()
        shut_s = self._door.shut_s if self._door is not None else 0.0
        return replace(report, paused_s=max(report.paused_s, shut_s))

    def heed(self, headers: Mapping[str, str]) -> None:
        """Rest where an answer's headers say that more is used than this desk knows of."""
        told = {name.lower(): value for name, value in headers.items()}
        if _number(told.get(_USED_WEIGHT)) >= _POLLING_SHARE * self._per_minute:
            self.pause("read", _MINUTE_S - self._clock.now().second)
        for name, most in _ORDER_COUNTS.items():
            if _number(told.get(name)) >= _NEARLY_ALL * most:
                self.pause("order", 1.0)

    def learn(self, limits: Sequence[RateLimit]) -> None:
        """Take the exchange's own limits in place of those we knew; a larger order limit changes nothing."""
        told = {(limit.kind, limit.interval, limit.interval_count): limit.limit for limit in limits}
        weight = told.get(("REQUEST_WEIGHT", "MINUTE", 1), self._per_minute)
        if weight > 0:
            self._per_minute = weight
            self._pace.learn(WEIGHT, weight_rates(weight)[WEIGHT])
        in_ten_seconds = told.get(("ORDERS", "SECOND", 10), ORDERS_PER_TEN_SECONDS) / ORDERS_PER_TEN_SECONDS
        in_a_minute = told.get(("ORDERS", "MINUTE", 1), ORDERS_PER_MINUTE) / ORDERS_PER_MINUTE
        self._orders.narrow(_scaled(self._share, min(1.0, in_ten_seconds, in_a_minute)))

    def _require_known(self, kind: str) -> None:
        if kind not in ORDER_KINDS and kind not in READ_KINDS:
            raise Invalid(f"{kind!r} is no kind of call", code="budget.kind", field="kind")


def _ahead_s(kind: str, *, urgent: bool) -> float:
    if urgent or kind == "cancel":
        return URGENT_AHEAD_S
    return ENTRIES_AHEAD_S if kind in ORDER_KINDS else POLLING_AHEAD_S


def _scaled(share: OrderShare, scale: float) -> OrderShare:
    return replace(
        share,
        per_second=max(int(share.per_second * scale), 1),
        per_minute=max(int(share.per_minute * scale), 1),
        entries_per_minute=int(share.entries_per_minute * scale),
    )


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdigit() else 0
