"""What stands around a measured desk: a venue behind a socket, a stream that is fed by hand, and nobody else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from bench.market import INSTRUMENTS, history
from bench.stopwatch import Stopwatch
from brokers.adapters.budget import PacedBudget
from brokers.adapters.kite import protocol
from brokers.adapters.paper.venue import PaperVenue
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar
from brokers.domain.orders import ApprovedOrder
from brokers.ports import BudgetReport, FeedEvent, FeedMode, FeedState, Receipt

# how long a reply is on its way: the next order's bytes leave before it comes
REPLY_S = 0.02


class WiredVenue(PaperVenue):
    """Fills from the prices it is shown, after the order's bytes have gone into a socket; answers a little later."""

    name = "kite"

    def __init__(self, watch: Stopwatch, clock: Any) -> None:
        super().__init__(clock=clock, instruments=INSTRUMENTS)
        self._watch = watch
        self._near, self._far = socket.socketpair()

    async def place(self, order: ApprovedOrder, instrument: Instrument, before_write: Callable[[], None]) -> Receipt:
        """Write the order's form and take the order."""
        form = urlencode(protocol.place(order, instrument).form).encode()

        def written() -> None:
            self._watch.note(order.client_id, "asked")
            before_write()
            self._watch.note(order.client_id, "marked")
            self._near.sendall(form)
            self._watch.note(order.client_id, "sent")
            self._far.recv(65_536)

        receipt = await super().place(order, instrument, written)
        await asyncio.sleep(REPLY_S)
        return receipt

    async def history(self, instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
        """Return the made market's bars."""
        return list(history(instrument.key))

    async def close(self) -> None:
        """Close both ends of the socket."""
        self._near.close()
        self._far.close()


class HandFeed:
    """A stream that says what it is told to."""

    def __init__(self) -> None:
        self.tokens: set[int] = set()
        self.opened = asyncio.Event()
        self._said: asyncio.Queue[FeedEvent | None] = asyncio.Queue()

    def say(self, event: FeedEvent) -> None:
        self._said.put_nowait(event)

    async def subscribe(self, tokens: Sequence[int], mode: FeedMode = FeedMode.FULL) -> None:
        """Take note of what is wanted."""
        self.tokens |= set(tokens)

    async def unsubscribe(self, tokens: Sequence[int]) -> None:
        """Take note of what is not wanted any more."""
        self.tokens -= set(tokens)

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what is said until the end."""
        self.opened.set()
        yield FeedState(state="connected", reason="The stream is open.")
        while (event := await self._said.get()) is not None:
            yield event

    async def pause(self) -> None:
        """End the stream for now."""
        self._said.put_nowait(None)

    async def close(self) -> None:
        """End the stream."""
        self._said.put_nowait(None)

    def figures(self) -> Mapping[str, int]:
        """Return nothing: a hand counts no frames."""
        return {}


class OpenBudget:
    """Lets everything go at once, or in the desk's own pace."""

    def __init__(self) -> None:
        self.paced: PacedBudget | None = None

    async def acquire(self, kind: str, *, urgent: bool = False, weight: int = 1) -> int | None:
        return None if self.paced is None else await self.paced.acquire(kind, urgent=urgent)

    def pause(self, kind: str, seconds: float) -> None:
        return

    def settle(self, kind: str, number: int | None = None) -> None:
        if self.paced is not None:
            self.paced.settle(kind, number)

    def inherit(self, decided_at: Sequence[datetime]) -> None:
        return

    def report(self) -> BudgetReport:
        return BudgetReport(used_in_a_minute=0, per_minute=1, paused_s=0.0)


class Nobody:
    """Neither shown to anybody nor rung by anybody."""

    async def publish_all(self, states: object) -> bool:
        return True

    async def wait(self, account_id: str, timeout_s: float) -> bool:
        await asyncio.sleep(min(timeout_s, 0.2))
        return False
