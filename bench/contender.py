"""One of eight processes that want the same account: `python -m bench.contender ROLE FOLDER URL TOKEN`.

Every process reads the venue as fast as its pace lets it, and sends orders through the real permit, sender, send log
and budget. Desk, standby and guardian claim the lease; whoever holds it journals each order and hammers the venue. The
others try all the same, with the leave they have: none. Each keeps writing down what it saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from bench.budgets import ACCOUNT_ID, API_KEY, GUARDIAN_DEADLINE_S, INSTRUMENT, LEASE_S, RENEW_S, USER_ID
from bench.hammer import Hammer, Means
from brokers.adapters.budget import PacedBudget
from brokers.domain.allowance import KITE_ALLOWANCE, OrderShare
from brokers.domain.errors import DataError, VenueError
from brokers.domain.orders import Purpose
from brokers.ports import Credentials, LeaseGrant, VenueUrls

if TYPE_CHECKING:
    from brokers.adapters.kite.client import KiteVenue
    from brokers.adapters.shared_pace import SharedPace
    from execution.runtime.lease import DatabaseLease
    from execution.runtime.permit import Permit

Answer = TypeVar("Answer")
ENTRIES_AT_ONCE = 24
EXIT_EVERY_S = 0.5
CANCEL_EVERY_S = 0.4
CLAIM_EVERY_S = 0.3
TRY_EVERY_S = 0.5
POLL_S = 0.1
NEVER_GIVEN = 99
TELL_EVERY_S = 0.5


@dataclass(slots=True)
class Seen:
    """What one process did and met."""

    results: Counter[str] = field(default_factory=Counter)
    without_lease: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    waits_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    alone: int = 0
    fences: list[int] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Give what was seen as JSON values."""
        return {
            "results": dict(self.results),
            "without_lease": dict(self.without_lease),
            "reads": dict(self.reads),
            "waits_ms": dict(self.waits_ms),
            "alone": self.alone,
            "fences": self.fences,
        }


class TimedBudget(PacedBudget):
    """The product's budget, which notes how long each order call waited for its turn."""

    seen: Seen

    async def acquire(self, kind: str, *, urgent: bool = False, weight: int = 1) -> int:
        began_ns = self._clock.boot_ns()
        number = await super().acquire(kind, urgent=urgent)
        if kind in ("order", "cancel"):
            name = "cancel" if kind == "cancel" else "exit" if urgent else "entry"
            self.seen.waits_ms[name].append((self._clock.boot_ns() - began_ns) / 1e6)
        return number


@dataclass(slots=True, kw_only=True)
class Contender:
    """One process: its role, the leases it wins, the orders it sends."""

    role: str
    folder: Path
    url: str
    credentials: Credentials
    clock: Any
    hammer: Hammer
    lease: DatabaseLease
    shared: SharedPace
    seen: Seen = field(default_factory=Seen)

    @property
    def share(self) -> OrderShare:
        return KITE_ALLOWANCE.guardian if self.role == "guardian" else KITE_ALLOWANCE.desk

    @property
    def is_over(self) -> bool:
        return (self.folder / "stop").exists()

    def budget(self) -> TimedBudget:
        budget = TimedBudget(clock=self.clock, share=self.share, shared=self.shared)
        budget.seen = self.seen
        return budget

    @contextlib.asynccontextmanager
    async def venue(self, budget: TimedBudget) -> AsyncIterator[Any]:
        from brokers.registry import net_for, venue_for

        net = net_for()
        urls = VenueUrls(api=self.url, stream=self.url, login=self.url)
        jitter = random.Random(self.role).random  # noqa: S311 - spreads retries, keeps no secret
        yield venue_for(
            "kite", net=net, budget=budget, credentials=self.credentials, clock=self.clock, urls=urls, jitter=jitter
        )
        await net.close()

    async def tell(self) -> None:
        """Write down what was seen, again and again: this process may be killed at any moment."""
        while True:
            is_last = self.is_over
            temporary = self.folder / f"seen-{self.role}.new"
            temporary.write_text(json.dumps(self.seen.document()))
            temporary.replace(self.folder / f"seen-{self.role}.json")
            if is_last:
                return
            await self.clock.sleep(TELL_EVERY_S)

    # --- reads

    async def read_all(self) -> None:
        """Ask for quotes, candles and books without a pause of our own."""
        async with self.venue(self.budget()) as venue:
            calls = {
                "quote": lambda: venue.quotes([INSTRUMENT.key], "ltp"),
                "history": lambda: self._candles(venue),
                "orders": venue.orders,
                "positions": venue.positions,
            }
            await asyncio.gather(*(self._read(name, call) for name, call in calls.items()))

    async def _read(self, name: str, call: Callable[[], Awaitable[object]]) -> None:
        while not self.is_over:
            try:
                await call()
                self.seen.reads[name] += 1
            except (VenueError, DataError) as error:
                self.seen.reads[error.code] += 1
                await self.clock.sleep(POLL_S)
            self.seen.alone += self.shared.is_alone

    async def _candles(self, venue: KiteVenue) -> object:
        end = datetime.now(tz=UTC)
        return await venue.history(INSTRUMENT, 60, end - timedelta(days=1), end)

    # --- without a lease

    async def try_without_lease(self) -> None:
        """Send with a leave that never was: nothing may come of it."""
        from execution.runtime.permit import Permit

        never = LeaseGrant(account_id=ACCOUNT_ID, token=NEVER_GIVEN, incarnation="A", permitted_until_boot_ns=0)
        budget = self.budget()
        async with self.venue(budget) as venue:
            means = Means(grant=never, permit=Permit(never, self.clock), venue=venue, budget=budget, is_forged=True)
            while not self.is_over:
                await self.hammer.place(means, Purpose.ENTRY, self.seen.without_lease)
                await self.clock.sleep(TRY_EVERY_S)

    # --- with it

    async def contend(self) -> None:
        """Claim the lease whenever it is free, and hammer the venue until it is lost; the desk comes first."""
        while not self.is_over:
            grant = await self.lease.claim(ACCOUNT_ID) if await self._may_claim() else None
            if grant is not None:
                self.seen.fences.append(grant.token)
                await self._own(grant)
            await self.clock.sleep(CLAIM_EVERY_S)

    async def _may_claim(self) -> bool:
        from execution.models import Lease
        from execution.runtime.lease import expired_since_s

        if self.role == "desk":
            return True
        row = await self._on_thread(lambda: Lease.objects.get(account_id=UUID(ACCOUNT_ID)))
        if self.role == "standby":
            return row.token > 0
        return (expired_since_s(row, self.clock.boot_ns()) or 0.0) >= GUARDIAN_DEADLINE_S

    async def _own(self, grant: LeaseGrant) -> None:
        from execution.runtime import store
        from execution.runtime.permit import Permit

        permit, budget = Permit(grant, self.clock), self.budget()
        since = self.clock.now() - timedelta(seconds=65)
        budget.inherit(await self._on_thread(lambda: store.orders_decided(ACCOUNT_ID, since)))
        async with self.venue(budget) as venue:
            means = Means(grant=grant, permit=permit, venue=venue, budget=budget)
            resting: list[str] = []
            work = [self._exit(means), self._cancel(means, resting)]
            if self.role != "guardian":  # a caretaker enters nothing
                work += [self._enter(means, resting) for _ in range(ENTRIES_AT_ONCE)]
            tasks = [asyncio.create_task(one) for one in work]
            await self._keep(grant, permit)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, grant: LeaseGrant, permit: Permit) -> None:
        while not self.is_over:
            await self.clock.sleep(RENEW_S)
            renewed = await self.lease.renew(grant)
            if renewed is None:
                break
            permit.renew(renewed)
        permit.withdraw()

    async def _enter(self, means: Means, resting: list[str]) -> None:
        while not self.is_over:
            outcome = await self.hammer.place(means, Purpose.ENTRY, self.seen.results)
            if outcome is not None and outcome.venue_order_id:
                resting.append(outcome.venue_order_id)
            else:
                await self.clock.sleep(POLL_S)

    async def _exit(self, means: Means) -> None:
        while not self.is_over:
            await self.hammer.place(means, Purpose.EXIT, self.seen.results)
            await self.clock.sleep(EXIT_EVERY_S)

    async def _cancel(self, means: Means, resting: list[str]) -> None:
        while not self.is_over:
            await self.clock.sleep(CANCEL_EVERY_S)
            if resting:
                await self.hammer.cancel(means, resting.pop(), self.seen.results)

    async def _on_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.wrap_future(self.lease._thread.run(work))


def main(role: str, folder: Path, url: str, token: str, price: str) -> None:
    """Contend until told to stop, and say what was seen."""
    import django

    django.setup()
    logging.getLogger().handlers = [logging.NullHandler()]
    from django.conf import settings

    from brokers import hub
    from brokers.adapters.paces import SharedPaces
    from execution.journal import Journal
    from execution.runtime.clock import SystemClock
    from execution.runtime.lease import DatabaseLease, LeaseTerms
    from execution.threads import DatabaseThread

    clock, thread = SystemClock(), DatabaseThread("lease")
    terms = LeaseTerms(ttl_s=LEASE_S, renew_s=RENEW_S)
    journal = Journal(tips_file=folder / f"tips-{role}.jsonl")
    thread.start()
    journal.start()

    async def run() -> None:
        redis = hub.async_redis(settings.REDIS_URL)
        paces = SharedPaces(redis, folder=folder / "pace", clock=clock, allowance=KITE_ALLOWANCE)
        contender = Contender(
            role=role,
            folder=folder,
            url=url,
            credentials=Credentials(user_id=USER_ID, api_key=API_KEY, access_token=token),
            clock=clock,
            hammer=Hammer(role=role, price=Decimal(price), clock=clock, journal=journal),
            lease=DatabaseLease(owner=role, terms=terms, clock=clock, thread=thread),
            shared=paces(API_KEY),
        )
        (folder / f"ready-{role}").touch()
        while not (folder / "go").exists():  # noqa: ASYNC110 - another process makes the file
            await asyncio.sleep(POLL_S)
        work = [contender.read_all(), contender.try_without_lease(), contender.tell()]
        if role in ("desk", "standby", "guardian"):
            work.append(contender.contend())
        await asyncio.gather(*work)
        await redis.aclose()

    asyncio.run(run())
    thread.stop()
    journal.stop()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:6])
