"""What the streams brought and the desk has not taken yet: bounded, the latest wins, nothing of an account is lost."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import groupby

from brokers.adapters.merging import merged
from brokers.ports import FeedEvent, FeedHeartbeat, FeedQuotes, FeedState

FRAMES_WAITING = 64
# four ticks of 9,000 instruments in each of two minutes
PACKETS_WAITING = 72_000


@dataclass(slots=True, kw_only=True)
class BacklogCounters:
    """How often the desk was slower than its streams: ticks replaced by newer ones before it saw them."""

    merges: int = 0
    merged_packets: int = 0


class Backlog:
    """Events in order, except that orders and messages pass quotes.

    While few frames wait each is handed over as it came. When many do, quotes are merged (see `merging`), never across
    a change of the feed's state, and heartbeats are left out.
    """

    def __init__(
        self, *, counters: BacklogCounters, frames: int = FRAMES_WAITING, packets: int = PACKETS_WAITING
    ) -> None:
        self._frames = frames
        self._packets = packets
        self._urgent: deque[FeedEvent] = deque()
        self._market: deque[FeedEvent] = deque()
        self._limit = frames
        self._something = asyncio.Event()
        self._failure: BaseException | None = None
        self._is_over = False
        self._counters = counters

    def put(self, event: FeedEvent) -> bool:
        """Let an event wait; answer False when the desk is so far behind that its quotes had to be thrown away."""
        if isinstance(event, FeedQuotes | FeedState | FeedHeartbeat):
            self._market.append(event)
        else:
            self._urgent.append(event)
        self._something.set()
        if len(self._market) <= self._limit:
            return True
        self._merge()
        # what cannot be merged further must not be merged again for every frame
        self._limit = len(self._market) + self._frames
        return self._has_room()

    def end(self) -> None:
        """Let the reader come to an end once it has taken everything."""
        self._is_over = True
        self._something.set()

    def fail(self, error: BaseException) -> None:
        """Let the reader raise."""
        self._failure = error
        self._something.set()

    async def get(self) -> FeedEvent | None:
        """Return the next event, None at the end."""
        while True:
            if self._failure is not None:
                raise self._failure
            if self._urgent:
                return self._urgent.popleft()
            if self._market:
                return self._next()
            if self._is_over:
                return None
            self._something.clear()
            await self._something.wait()

    def _next(self) -> FeedEvent:
        event = self._market.popleft()
        self._limit = max(self._frames, min(self._limit, len(self._market) + self._frames))
        return event

    def _merge(self) -> None:
        before = self._count()
        waiting = [event for event in self._market if not isinstance(event, FeedHeartbeat)]
        self._market.clear()
        for is_quotes, events in groupby(waiting, key=lambda event: isinstance(event, FeedQuotes)):
            run = list(events)
            self._market.extend(merged([e for e in run if isinstance(e, FeedQuotes)]) if is_quotes else run)
        self._counters.merges += 1
        self._counters.merged_packets += before - self._count()

    def _has_room(self) -> bool:
        if self._count() <= self._packets:
            return True
        kept = [event for event in self._market if not isinstance(event, FeedQuotes)]
        self._market = deque(kept)
        self._limit = self._frames
        return False

    def _count(self) -> int:
        return sum(len(event.columns) for event in self._market if isinstance(event, FeedQuotes))
