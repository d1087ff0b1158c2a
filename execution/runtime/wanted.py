"""Work that many may ask for at once, done at most once in a while, and once more after the last ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from brokers.domain.market import NANOSECONDS
from brokers.ports import Clock

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Wanted:
    """Does a piece of work however often it is asked for: no more than once in `every_s`, one at a time.

    An ask before the work begins is answered by it; an ask while it is done is answered by one more that begins after
    the ask. So a flood of hints costs one read of the books a second, and the last hint is never lost.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], *, every_s: float, clock: Clock, spawn: Spawn) -> None:
        self._work = work
        self._every_ns = round(every_s * NANOSECONDS)
        self._clock = clock
        self._spawn = spawn
        self._not_before_ns = 0
        self._is_running = False
        self._is_wanted = False

    def want(self) -> None:
        """Ask for the work."""
        self._is_wanted = True
        if not self._is_running:
            self._is_running = True
            self._spawn(self._until_done())

    async def _until_done(self) -> None:
        try:
            while self._is_wanted:
                wait_ns = self._not_before_ns - self._clock.boot_ns()
                if wait_ns > 0:
                    await self._clock.sleep(wait_ns / NANOSECONDS)
                self._is_wanted = False
                self._not_before_ns = self._clock.boot_ns() + self._every_ns
                await self._work()
        finally:
            self._is_running = False
