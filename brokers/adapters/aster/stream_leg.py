"""One open websocket: what it brings is taken at once, and told to the desk once per read of the socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from brokers.adapters.aster.stream_names import MESSAGE_EVERY_S
from brokers.domain.errors import Retryable
from brokers.ports import Clock, Stream

# frames that have arrived already are taken without a pause for a millisecond or two; the lease's renewal needs its turn
FRAMES_WITHOUT_PAUSE = 256


class Leg:
    """Reads until the stream ends; `take` adds to a set the symbols whose mark price came, for whoever looks."""

    def __init__(
        self,
        stream: Stream,
        *,
        clock: Clock,
        take: Callable[[bytes | str, set[str]], None],
        flush: Callable[[int], None],
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._take = take
        self._flush = flush
        self._bytes = 0
        self._reading: asyncio.Task[object] | None = None
        self._failure: Exception | None = None
        self._saying = asyncio.Lock()
        self._heard: set[str] = set()
        self.heard_ever: set[str] = set()

    async def read(self) -> str:
        """Take every frame until the stream ends, and return why it did."""
        loop, recv, take, heard = asyncio.get_running_loop(), self._stream.recv, self._take, self._heard
        self._reading = asyncio.current_task()
        try:
            while True:
                for _ in range(FRAMES_WITHOUT_PAUSE):
                    frame = await recv()
                    if not self._bytes:
                        # runs when the socket has nothing more to give for now
                        loop.call_soon(self._tell_or_fail)
                    self._bytes += len(frame)
                    take(frame, heard)
                await asyncio.sleep(0)
        except Retryable as failure:
            self._tell()
            return failure.message
        except asyncio.CancelledError:
            if self._failure is not None:
                raise self._failure from None
            raise

    async def say(self, texts: Iterable[str]) -> None:
        """Send messages, a few a second; raise Retryable when the stream has ended."""
        async with self._saying:
            for text in texts:
                await self._stream.send(text)
                await self._clock.sleep(MESSAGE_EVERY_S)

    def look(self) -> set[str]:
        """Return who was heard since the last look."""
        heard = set(self._heard)
        self._heard.clear()
        self.heard_ever |= heard
        return heard

    async def close(self) -> None:
        """Hang up."""
        await self._stream.close()

    def _tell_or_fail(self) -> None:
        """Tell the desk; what fails here is the reader's failure, which its owner hears of."""
        try:
            self._tell()
        except Exception as failure:  # noqa: BLE001 - the reader raises it
            self._failure = failure
            if self._reading is not None:
                self._reading.cancel()

    def _tell(self) -> None:
        if self._bytes:
            count, self._bytes = self._bytes, 0
            self._flush(count)
