"""Keeps the difference between our clock and the exchange's: measured by questions, told when it grows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from brokers.adapters.aster.clock import SAMPLES, ClockOffset, TimeSample, offset_of
from brokers.domain.errors import VenueError
from brokers.ports import Clock

log = structlog.get_logger(__name__)

MEASURED_EVERY_NS = 300 * 1_000_000_000


class Timekeeper:
    """One session's knowledge of the exchange's clock; `ask` puts one question to it."""

    def __init__(self, *, clock: Clock, ask: Callable[[], Awaitable[TimeSample]]) -> None:
        self._clock = clock
        self._ask = ask
        self._measured_ns: int | None = None
        self.offset: ClockOffset | None = None

    @property
    def is_due(self) -> bool:
        """Tell whether the difference was never measured, or not for some minutes."""
        return self._measured_ns is None or self._clock.boot_ns() - self._measured_ns >= MEASURED_EVERY_NS

    async def offset_known(self) -> ClockOffset:
        """Return the difference, measuring it where it never was: an order waits for no new one."""
        return self.offset or await self.measure()

    async def measure(self) -> ClockOffset:
        """Ask five times and keep the median; raise what the last question raised when none was answered."""
        samples: list[TimeSample] = []
        failure: VenueError | None = None
        for _ in range(SAMPLES):
            try:
                samples.append(await self._ask())
            except VenueError as error:
                failure = error
                break
        if failure is not None and not samples:
            raise failure
        before, self.offset = self.offset, offset_of(samples)
        self._measured_ns = self._clock.boot_ns()
        if self.offset.is_alarming and (before is None or not before.is_alarming):
            log.warning("clock_differs_from_the_exchange", offset_ms=round(self.offset.milliseconds, 1))
        return self.offset

    def now_ms(self) -> float:
        """Return our wall clock in milliseconds since 1970."""
        return self._clock.now().timestamp() * 1000
