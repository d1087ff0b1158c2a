"""The machine's clocks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from brokers.machine_clock import SystemClock

__all__ = ["SystemClock", "boot_id"]


@cache
def boot_id() -> str:
    """Return the kernel's id of this boot: boot times of another boot mean nothing."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
