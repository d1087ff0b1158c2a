"""One websocket of a Kite session: it opens, subscribes, listens, watches for silence, and opens again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite.decode import FrameCounters, decode_frame
from brokers.adapters.kite.first_ticks import FirstTicks
from brokers.adapters.kite.frames import mode_texts, read_text, subscribe_texts, unsubscribe_texts
from brokers.domain.errors import Retryable
from brokers.domain.market import ns_of
from brokers.domain.orders import VenueOrder
from brokers.ports import Clock, FeedEvent, FeedHeartbeat, FeedMode, FeedOrder, FeedQuotes, Stream

# how long a frame that has arrived already may take to be handed over after a pause of the whole process
SECOND_LOOK_S = 0.25


class ConnectionState(StrEnum):
    OPENING = "opening"
    CONNECTED = "connected"
    SILENT = "silent"
    DISCONNECTED = "disconnected"


class Connection:
    """Decodes and hands over, and does nothing else with what it hears."""

    def __init__(
        self,
        *,
        connect: Callable[[], Awaitable[Stream]],
        clock: Clock,
        backoff: Backoff,
        silence_s: float,
        with_depth: bool,
        modes: Mapping[int, FeedMode],
        put: Callable[[FeedEvent], bool],
        changed: Callable[[Connection], None],
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._backoff = backoff
        self._silence_s = silence_s
        self._with_depth = with_depth
        self._modes = modes
        self._put = put
        self._changed = changed
        self._stream: Stream | None = None
        self._saying = asyncio.Lock()
        self._first_ticks = FirstTicks()
        self.state = ConnectionState.OPENING
        self.reason = ""
        self.counters = FrameCounters()
        self.unread_texts = 0
        self.openings = 0

    async def run(self) -> None:
        """Keep the stream open until cancelled; raise NeedsLogin when the venue forbids it."""
        self.state = ConnectionState.OPENING
        try:
            while True:
                try:
                    stream = await self._open()
                except Retryable as failure:
                    self._tell(ConnectionState.DISCONNECTED, failure.message)
                else:
                    self._tell(ConnectionState.CONNECTED, "The stream is open.")
                    self._tell(*await self._listen(stream))
                await self._drop()
                await self._clock.sleep(self._backoff.next_s())
        finally:
            await self._drop()

    async def add(self, modes: Mapping[int, FeedMode]) -> None:
        """Ask for more instruments."""
        self._first_ticks.expect(modes)
        await self._say(subscribe_texts(modes))

    async def change(self, modes: Mapping[int, FeedMode]) -> None:
        """Ask for instruments in another mode; what the venue then sends first is what it had cached."""
        self._first_ticks.expect(modes)
        await self._say(mode_texts(modes))

    async def remove(self, tokens: Iterable[int]) -> None:
        """Ask no longer for these instruments."""
        gone = list(tokens)
        self._first_ticks.forget(gone)
        await self._say(unsubscribe_texts(gone))

    async def _open(self) -> Stream:
        self._stream = stream = await self._connect()
        self.openings += 1
        # the venue forgets subscriptions with the connection; a change that comes meanwhile is told after them
        async with self._saying:
            self._first_ticks.expect(self._modes)
            for text in subscribe_texts(self._modes):
                await stream.send(text)
        return stream

    async def _listen(self, stream: Stream) -> tuple[ConnectionState, str]:
        while True:
            try:
                frame = await self._next(stream)
            except TimeoutError:
                return ConnectionState.SILENT, f"The stream said nothing for {self._silence_s:g} s."
            except Retryable as failure:
                return ConnectionState.DISCONNECTED, failure.message
            self._backoff.reset()
            event = self._event(frame)
            if event is not None and not self._put(event):
                return ConnectionState.DISCONNECTED, "The desk could not keep up with the stream."
            # frames that have arrived already are handed over without a pause; the lease's renewal needs its turn
            await asyncio.sleep(0)

    async def _next(self, stream: Stream) -> bytes | str:
        try:
            async with asyncio.timeout(self._silence_s):
                return await stream.recv()
        except TimeoutError:
            # the process itself may have been busy for that long: what has arrived meanwhile is no silence
            async with asyncio.timeout(SECOND_LOOK_S):
                return await stream.recv()

    def _event(self, frame: bytes | str) -> FeedEvent | None:
        if isinstance(frame, str):
            return self._text_event(frame)
        received_ns = ns_of(self._clock.now())
        columns = decode_frame(frame, received_ns, with_depth=self._with_depth, counters=self.counters)
        if columns is None:
            return FeedHeartbeat(received_ns=received_ns)
        return FeedQuotes(columns=self._first_ticks.marked(columns), raw_bytes=len(frame))

    def _text_event(self, text: str) -> FeedEvent | None:
        said = read_text(text)
        if said is None:
            self.unread_texts += 1
        return FeedOrder(order=said) if isinstance(said, VenueOrder) else said

    async def _say(self, texts: Sequence[str]) -> None:
        async with self._saying:
            # a stream that ends here is noticed by its reader, and the next one is told everything
            with suppress(Retryable):
                for text in texts:
                    if self._stream is not None:
                        await self._stream.send(text)

    async def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    def _tell(self, state: ConnectionState, reason: str) -> None:
        self.state, self.reason = state, reason
        self._changed(self)
