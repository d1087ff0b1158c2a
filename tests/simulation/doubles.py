"""What stands beside a desk in a simulated world: its order budget under watch, its bus, its bell, its Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from brokers.adapters.budget import PacedBudget
from brokers.domain.allowance import OrderShare, VenueAllowance
from tests.simulation.faults import Fault
from tests.simulation.judge import Breach

if TYPE_CHECKING:
    from tests.simulation.world import World

BUS_S = 1.0
EXIT_WAITS_S = 1.5  # an order may wait for 2 s to be sent
# a venue that allows so little that a handful of entries would use it up
SCANT = VenueAllowance(orders_per_minute=45, exits_per_minute_reserved=2)


class WatchedBudget(PacedBudget):
    """The product's budget; the judge sees who waited while another was let through."""

    def __init__(self, world: World, share: OrderShare) -> None:
        super().__init__(clock=world.clock, share=share)
        self._world = world
        self._urgent: list[float] = []

    async def acquire(self, kind: str, *, urgent: bool = False, weight: int = 1) -> int:
        is_order = kind in ("order", "cancel")
        if is_order and self._world.ports.enter("budget", "order") is Fault.ERROR:
            self.pause(kind, 1.0)
        if is_order and (urgent or kind == "cancel"):
            return await self._before_entries(kind, urgent=urgent)
        number = await super().acquire(kind, urgent=urgent)
        if is_order and any(at < self._world.loop.time() - 0.01 for at in self._urgent):
            sentence = "an entry was let through while an exit waited for the budget"
            self._world.judge.object(Breach.WRITE, sentence)
        return number

    async def _before_entries(self, kind: str, *, urgent: bool) -> int:
        asked_at = self._world.loop.time()
        self._urgent.append(asked_at)
        try:
            return await super().acquire(kind, urgent=urgent)
        finally:
            # also where it gave up waiting, because it had grown too old to send
            self._urgent.remove(asked_at)
            waited_s = self._world.loop.time() - asked_at
            if waited_s > EXIT_WAITS_S and not self._world.ports.struck:
                self._world.judge.object(Breach.WRITE, f"an exit waited {waited_s:.1f} s for what entries had used up")


class Bus:
    """Publishing that takes its time; nothing of it may matter."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def publish_all(self, states: Mapping[str, Mapping[str, object]]) -> bool:
        fault = self._world.ports.enter("bus", "publish")
        await asyncio.sleep(BUS_S)
        if fault is Fault.ERROR:
            raise ConnectionError("the bus is away")
        return fault is None


class Bell:
    """The doorbell of every account of this world."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def wait(self, _account_id: str, timeout_s: float) -> bool:
        bell = self._world.loop.create_future()
        self._world.bells.add(bell)
        try:
            async with asyncio.timeout(timeout_s):
                await bell
        except TimeoutError:
            return False
        return True


class NoRedis:
    """A Redis that has nothing, and keeps nothing of the heartbeats it takes."""

    async def set(self, *_arguments: object, **_options: object) -> None:
        return

    def mget(self, names: Sequence[str]) -> list[None]:
        return [None] * len(names)
