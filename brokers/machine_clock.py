"""The machine's clock."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Wall time and boot time of this machine; satisfies `brokers.ports.Clock`."""

    def now(self) -> datetime:
        """Return aware UTC wall time."""
        return datetime.now(tz=UTC)

    def boot_ns(self) -> int:
        """Return CLOCK_BOOTTIME: it counts suspended time and never steps back."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    async def sleep(self, seconds: float) -> None:
        """Wait without holding up the loop."""
        await asyncio.sleep(seconds)
