"""`KiteFeed`: the `Feed` port over Kite's stream.

It is pulled: while the desk is busy the socket is not read, so the venue is slowed down and no quote is dropped, and
the watchdog counts only time spent waiting for the venue, never the desk's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite.decode import FrameCounters, decode_frame
from brokers.adapters.kite.frames import (
    TOKENS_PER_CONNECTION,
    Notice,
    read_text,
    stream_url,
    subscribe_texts,
    unsubscribe_texts,
)
from brokers.adapters.kite.protocol import API_VERSION
from brokers.domain.errors import Invalid, NeedsLogin, Retryable
from brokers.domain.market import ns_of
from brokers.domain.orders import VenueOrder
from brokers.ports import Clock, Credentials, FeedEvent, FeedHeartbeat, FeedOrder, FeedQuotes, FeedState, Net, Stream

DEFAULT_SILENCE_S = 8.0


class KiteFeed:
    """One stream: reconnects with growing waits, watches for silence, stops on a dead session."""

    def __init__(
        self,
        *,
        net: Net,
        credentials: Credentials,
        clock: Clock,
        backoff: Backoff,
        stream_url: str,
        silence_s: float = DEFAULT_SILENCE_S,
        with_depth: bool = True,
    ) -> None:
        self._net = net
        self._credentials = credentials
        self._clock = clock
        self._backoff = backoff
        self._base_url = stream_url
        self._silence_s = silence_s
        self._with_depth = with_depth
        self._tokens: dict[int, None] = {}
        self._stream: Stream | None = None
        self._is_closed = False
        self.counters = FrameCounters()
        self.unread_texts = 0

    async def subscribe(self, tokens: Sequence[int]) -> None:
        """Ask for these tokens from now on, after every reconnect too."""
        fresh = [token for token in dict.fromkeys(tokens) if token not in self._tokens]
        if len(self._tokens) + len(fresh) > TOKENS_PER_CONNECTION:
            raise Invalid(
                f"one stream carries {TOKENS_PER_CONNECTION} instruments", code="feed.too_many", field="instruments"
            )
        self._tokens.update(dict.fromkeys(fresh))
        await self._say(subscribe_texts(fresh))

    async def unsubscribe(self, tokens: Sequence[int]) -> None:
        """Ask no longer for these tokens."""
        known = [token for token in tokens if token in self._tokens]
        for token in known:
            del self._tokens[token]
        await self._say(unsubscribe_texts(known))

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what the stream brings until `close`, or until the venue wants a new login."""
        while not self._is_closed:
            try:
                stream = await self._open()
            except NeedsLogin as refusal:
                yield FeedState(state="needs_login", reason=refusal.message)
                return
            except Retryable as failure:
                yield FeedState(state="disconnected", reason=failure.message)
            else:
                yield FeedState(state="connected", reason="The stream is open.")
                async for event in self._listen(stream):
                    yield event
            if not self._is_closed:
                await self._clock.sleep(self._backoff.next_s())

    async def close(self) -> None:
        """End the stream; a reader of `events` then comes to its end."""
        self._is_closed = True
        await self._drop()

    async def _open(self) -> Stream:
        address = stream_url(self._base_url, self._credentials.api_key, self._credentials.access_token)
        stream = await self._net.connect(address, headers={"X-Kite-Version": API_VERSION})
        # the venue forgets subscriptions with the connection
        try:
            for text in subscribe_texts(list(self._tokens)):
                await stream.send(text)
        except Retryable:
            await stream.close()
            raise
        self._stream = stream
        return stream

    async def _listen(self, stream: Stream) -> AsyncIterator[FeedEvent]:
        while True:
            try:
                async with asyncio.timeout(self._silence_s):
                    frame = await stream.recv()
            except TimeoutError:
                await self._drop()
                yield FeedState(state="silent", reason=f"The stream said nothing for {self._silence_s:g} s.")
                return
            except Retryable as failure:
                await self._drop()
                if not self._is_closed:
                    yield FeedState(state="disconnected", reason=failure.message)
                return
            self._backoff.reset()
            event = self._event(frame)
            if event is not None:
                yield event
            # frames that have arrived already are handed over without a pause; the lease's renewal needs its turn
            await asyncio.sleep(0)

    def _event(self, frame: bytes | str) -> FeedEvent | None:
        received_ns = ns_of(self._clock.now())
        if isinstance(frame, str):
            return self._text_event(frame)
        columns = decode_frame(frame, received_ns, with_depth=self._with_depth, counters=self.counters)
        if columns is None:
            return FeedHeartbeat(received_ns=received_ns)
        return FeedQuotes(columns=columns, raw_bytes=len(frame))

    def _text_event(self, text: str) -> FeedEvent | None:
        said = read_text(text)
        if isinstance(said, VenueOrder):
            return FeedOrder(order=said)
        if isinstance(said, Notice):
            return FeedState(state="connected", reason=f"The venue says ({said.kind}): {said.text}")
        self.unread_texts += 1
        return None

    async def _say(self, texts: Sequence[str]) -> None:
        if self._stream is None:
            return
        # a stream that ends here is noticed by its reader, and the next one is told all tokens
        with suppress(Retryable):
            for text in texts:
                await self._stream.send(text)

    async def _drop(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()
