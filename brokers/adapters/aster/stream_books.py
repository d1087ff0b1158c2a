"""Snapshots for the books that wait for one: one at a time, seldom, and seldomer for a book that will not hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from brokers.adapters.aster.decode import MarketDecoder
from brokers.adapters.aster.market import DepthSnapshot
from brokers.adapters.backoff import Backoff
from brokers.domain.errors import DataError, VenueError
from brokers.ports import Clock

LOOK_EVERY_S = 0.5
# each snapshot weighs 20 of the address's 2,400 a minute, which all accounts share
SNAPSHOT_EVERY_S = 2.0
# a book that held for so long has earned a quick snapshot again
HELD_S = 60.0
NANOSECONDS = 1_000_000_000


class Books:
    """Gives each waiting book its snapshot once its differences are being buffered."""

    def __init__(
        self,
        decoder: MarketDecoder,
        *,
        depth: Callable[[str], Awaitable[DepthSnapshot]],
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self._decoder = decoder
        self._depth = depth
        self._clock = clock
        self._jitter = jitter
        self._backoffs: dict[str, Backoff] = {}
        self._not_before_ns: dict[str, int] = {}
        self.snapshots = 0
        self.failures = 0

    async def run(self) -> None:
        """Look for waiting books until cancelled."""
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            for symbol in sorted(self._decoder.books_wanted):
                if self._is_due(symbol):
                    await self._seed(symbol)
                    await self._clock.sleep(SNAPSHOT_EVERY_S)

    def _is_due(self, symbol: str) -> bool:
        book = self._decoder.books.get(symbol)
        if book is None or not book.is_buffering:
            return False
        return self._clock.boot_ns() >= self._not_before_ns.get(symbol, 0)

    async def _seed(self, symbol: str) -> None:
        try:
            snapshot = await self._depth(symbol)
        except (VenueError, DataError):
            self.failures += 1
        else:
            self.snapshots += 1
            if symbol in self._decoder.books:
                self._decoder.seed_book(symbol, snapshot.last_update_id, snapshot.bids, snapshot.asks)
        self._put_off(symbol)

    def _put_off(self, symbol: str) -> None:
        """Let the next snapshot of this symbol wait, longer each time that one is needed soon again."""
        now = self._clock.boot_ns()
        backoff = self._backoffs.setdefault(symbol, Backoff(jitter=self._jitter))
        if now - self._not_before_ns.get(symbol, now) > HELD_S * NANOSECONDS:
            backoff.reset()
        self._not_before_ns[symbol] = now + round(backoff.next_s() * NANOSECONDS)
