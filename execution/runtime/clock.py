"""The machine's clocks."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path


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


@cache
def boot_id() -> str:
    """Return the kernel's id of this boot: boot times of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
