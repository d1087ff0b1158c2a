"""`KiteFeed`: the `Feed` port over up to three of Kite's streams.

A reader per socket decodes and lets events wait in a bounded backlog (see `backlog`), so that a busy desk never stops
the sockets from being read. The desk sees one feed: connected while every stream of it is, and refused once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import fields

from brokers.adapters.backlog import Backlog, BacklogCounters
from brokers.adapters.backoff import Backoff
from brokers.adapters.kite.connection import Connection, ConnectionState
from brokers.adapters.kite.decode import FrameCounters
from brokers.adapters.kite.frames import CONNECTIONS, stream_url
from brokers.adapters.kite.protocol import API_VERSION
from brokers.adapters.kite.shards import Shards
from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.ports import Clock, Credentials, FeedEvent, FeedMode, FeedState, Net, Stream

DEFAULT_SILENCE_S = 8.0
NO_MARKET_DATA = "The venue answers calls but refuses the stream: this app's plan has no market data."
Probe = Callable[[], Awaitable[object]]


class KiteFeed:
    """Reconnects with growing waits, watches for silence, stops on a dead session.

    `probe` is any call of the same session. A forbidden stream alone does not tell a dead session from a plan without
    market data; what the probe answers does.
    """

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
        probe: Probe | None = None,
    ) -> None:
        self._net = net
        self._credentials = credentials
        self._clock = clock
        self._backoff = backoff
        self._base_url = stream_url
        self._probe = probe
        self._shards = Shards()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._judging: asyncio.Task[None] | None = None
        self._is_closed = False
        self._state = ""
        self._backlog_counters = BacklogCounters()
        self._backlog = Backlog(counters=self._backlog_counters)
        self._connections = [
            Connection(
                connect=self._open,
                clock=clock,
                backoff=Backoff(jitter=backoff.jitter, first_s=backoff.first_s, cap_s=backoff.cap_s),
                silence_s=silence_s,
                with_depth=with_depth,
                modes=self._shards.modes(number),
                put=self._put,
                changed=lambda _: self._tell_state(),
            )
            for number in range(CONNECTIONS)
        ]

    async def subscribe(self, tokens: Sequence[int], mode: FeedMode = FeedMode.FULL) -> None:
        """Ask for these tokens from now on, after every reconnect too; a known one may change its mode.

        Raise Invalid, changing nothing, when the streams cannot carry all of them.
        """
        added, changed = self._shards.add(tokens, mode)
        for number, modes in added.items():
            if self._tasks and number not in self._tasks:
                self._start(number)
            else:
                await self._connections[number].add(modes)
        for number, modes in changed.items():
            await self._connections[number].change(modes)

    async def unsubscribe(self, tokens: Sequence[int]) -> None:
        """Ask no longer for these tokens."""
        for number, gone in self._shards.remove(tokens).items():
            await self._connections[number].remove(gone)
            if number > 0 and not self._shards.modes(number) and number in self._tasks:
                await _ended([self._tasks.pop(number)])
                self._tell_state()

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what the streams bring until `pause` or `close`, or until the venue refuses the session."""
        if self._is_closed:
            return
        self._backlog = Backlog(counters=self._backlog_counters)
        self._state = ""
        # the first stream brings the account's orders, whether or not an instrument is wanted
        for number in range(CONNECTIONS):
            if number == 0 or self._shards.modes(number):
                self._start(number)
        try:
            while (event := await self._backlog.get()) is not None:
                yield event
                await asyncio.sleep(0)
        finally:
            await self._hang_up()

    async def pause(self) -> None:
        """Hang up; a reader of `events` then comes to its end."""
        await self._hang_up()
        self._backlog.end()

    async def close(self) -> None:
        """End the feed for good."""
        self._is_closed = True
        await self.pause()

    def figures(self) -> Mapping[str, int]:
        """Return what has been counted since this session began."""
        return {
            **{field.name: getattr(self.counters, field.name) for field in fields(FrameCounters)},
            "unread_texts": self.unread_texts,
            "merges": self._backlog_counters.merges,
            "merged_packets": self._backlog_counters.merged_packets,
            "openings": sum(connection.openings for connection in self._connections),
            "streams": len(self._tasks),
            "subscribed": sum(len(self._shards.modes(number)) for number in range(CONNECTIONS)),
        }

    @property
    def counters(self) -> FrameCounters:
        """The frames of all streams."""
        return FrameCounters(
            **{
                field.name: sum(getattr(connection.counters, field.name) for connection in self._connections)
                for field in fields(FrameCounters)
            }
        )

    @property
    def unread_texts(self) -> int:
        return sum(connection.unread_texts for connection in self._connections)

    async def _open(self) -> Stream:
        address = stream_url(self._base_url, self._credentials.api_key, self._credentials.access_token)
        return await self._net.connect(address, headers={"X-Kite-Version": API_VERSION})

    def _put(self, event: FeedEvent) -> bool:
        return self._backlog.put(event)

    def _start(self, number: int) -> None:
        task = asyncio.get_running_loop().create_task(self._connections[number].run())
        self._tasks[number] = task
        task.add_done_callback(self._connection_ended)

    def _connection_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, NeedsLogin):
            if self._judging is None:  # every stream of a session is refused, and the desk is told once
                self._judging = asyncio.get_running_loop().create_task(self._judge(error))
                self._judging.add_done_callback(self._judged)
        elif error is not None:
            self._backlog.fail(error)

    def _judged(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._backlog.fail(error)

    async def _judge(self, refusal: NeedsLogin) -> None:
        """Find out what a forbidden stream means, say so, and end."""
        tasks, self._tasks = list(self._tasks.values()), {}
        await _ended(tasks)
        self._backlog.put(await self._verdict(refusal))
        self._backlog.end()

    async def _verdict(self, refusal: NeedsLogin) -> FeedState:
        if self._probe is None:
            return FeedState(state="needs_login", reason=refusal.message)
        while True:
            try:
                await self._probe()
            except NeedsLogin as dead:
                return FeedState(state="needs_login", reason=dead.message)
            except (VenueError, DataError) as failure:
                self._say(FeedState(state="disconnected", reason=failure.message))
                await self._clock.sleep(self._backoff.next_s())
            else:
                return FeedState(state="no_market_data", reason=NO_MARKET_DATA)

    def _tell_state(self) -> None:
        """Tell the state of all streams together, the worst of them first."""
        running = [self._connections[number] for number in self._tasks]
        for state in (ConnectionState.SILENT, ConnectionState.DISCONNECTED):
            for connection in running:
                if connection.state is state:
                    self._say(FeedState(state=state, reason=connection.reason))
                    return
        if running and all(connection.state is ConnectionState.CONNECTED for connection in running):
            reason = "The stream is open." if len(running) == 1 else f"{len(running)} streams are open."
            self._say(FeedState(state=ConnectionState.CONNECTED, reason=reason))

    def _say(self, event: FeedState) -> None:
        if event.state != self._state:
            self._state = event.state
            self._backlog.put(event)

    async def _hang_up(self) -> None:
        tasks, self._tasks = list(self._tasks.values()), {}
        if self._judging is not None:
            tasks.append(self._judging)
            self._judging = None
        await _ended(tasks)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
