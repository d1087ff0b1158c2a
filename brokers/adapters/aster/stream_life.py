"""How long a connection lives, and how its shell waits.

The exchange ends every connection after 24 hours. Ours are changed over after about 23, each at its own moment, so
that not all of them are new at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from brokers.ports import Clock

LIFE_S = 23 * 3600.0
LIFE_SPREAD_S = 3600.0
LOOK_EVERY_S = 1.0
NANOSECONDS = 1_000_000_000

Answer = TypeVar("Answer")


class Link(StrEnum):
    OPENING = "opening"
    CONNECTED = "connected"
    SILENT = "silent"
    DISCONNECTED = "disconnected"


class StreamOver(Exception):
    """The stream ended while something else was waited for."""


def life_ns(jitter: Callable[[], float]) -> int:
    """Return how long a connection is kept: 23 hours, half an hour more or less."""
    return round((LIFE_S + (jitter() - 0.5) * LIFE_SPREAD_S) * NANOSECONDS)


async def pause(clock: Clock, seconds: float, reading: Sequence[asyncio.Task[Any]]) -> None:
    """Wait, but no longer than one of the readers reads."""
    sleeping = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({sleeping, *reading}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended([sleeping])


async def unless_over(reading: asyncio.Task[Any], work: Awaitable[Answer]) -> Answer:
    """Return the answer of some work; raise StreamOver when the reader ends first."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, reading}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise StreamOver
        return task.result()
    finally:
        await ended([task])


async def ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Cancel what still runs, and wait for it."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
