"""How tasks are ended for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

CANCEL_AGAIN_S = 1.0


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they have ended: a library that turns a cancellation into an error of its own loses it.

    A group of tasks cancels its members once, and would wait for one that lost it for ever.
    """
    everything = left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
    await asyncio.gather(*everything, return_exceptions=True)  # whatever they ended with has been heard
