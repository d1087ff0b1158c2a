"""`AsterFeed`: the `Feed` port over Aster's market streams and an account's own.

Every market connection decodes into one set of rows, read off once per read of a socket; events wait in a bounded
backlog, so that a busy desk never stops the sockets from being read. The desk sees one feed: connected while every
stream of it is, the account's own included, and refused once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal

from brokers.adapters.aster.decode import MarketDecoder, StreamCounters
from brokers.adapters.aster.market_stream import Hearing, MarketStream
from brokers.adapters.aster.stream_account import AccountReader
from brokers.adapters.aster.stream_books import Books
from brokers.adapters.aster.stream_calls import StreamCalls
from brokers.adapters.aster.stream_life import Link, ended
from brokers.adapters.aster.stream_names import names_of
from brokers.adapters.aster.stream_shards import Change, Shards
from brokers.adapters.aster.user_stream import UserStream
from brokers.adapters.aster.wire import exact, moment
from brokers.adapters.aster.words import key_of
from brokers.adapters.backlog import Backlog, BacklogCounters
from brokers.domain.errors import Invalid, NeedsLogin
from brokers.domain.instruments import Instrument
from brokers.domain.market import ns_of
from brokers.ports import (
    Clock,
    FeedEvent,
    FeedFundingRate,
    FeedHeartbeat,
    FeedMessage,
    FeedMode,
    FeedQuotes,
    FeedState,
    Net,
    Stream,
)

DEFAULT_SILENCE_S = 5.0
TOO_SLOW = "The desk could not keep up with the stream."


class AsterFeed:
    """Reconnects with growing waits, watches each symbol for silence, and ends where the account's key is refused.

    `calls` are the same account's; `user_stream_url` is where its own stream is, the market's address if empty;
    `with_depth` keeps the whole book of what is listened to in full.
    """

    def __init__(
        self,
        *,
        net: Net,
        clock: Clock,
        jitter: Callable[[], float],
        calls: StreamCalls,
        stream_url: str,
        user_stream_url: str = "",
        silence_s: float = DEFAULT_SILENCE_S,
        with_depth: bool = False,
    ) -> None:
        self._net = net
        self._clock = clock
        self._calls = calls
        self._with_depth = with_depth
        self._symbols: dict[int, str] = {}
        self._shards = Shards(most_names=len(names_of("", FeedMode.FULL, with_book=with_depth)))
        self._decoder = MarketDecoder()
        self._words = 0
        self._backlog_counters = BacklogCounters()
        self._backlog = Backlog(counters=self._backlog_counters)
        self._tasks: dict[str | int, asyncio.Task[None]] = {}
        self._is_closed = False
        self._state = ""
        self._hearing = Hearing(
            connect=self._connect,
            clock=clock,
            jitter=jitter,
            base_url=stream_url,
            take=self._decoder.take,
            flush=self._flush,
            begin_anew=self._decoder.begin_anew,
            changed=self._tell_state,
            warn=self._warn,
            silence_s=silence_s,
        )
        self._markets: dict[int, MarketStream] = {}
        self._reader = AccountReader(mark_of=self._mark_of)
        self._account = UserStream(
            connect=self._connect,
            calls=calls,
            clock=clock,
            jitter=jitter,
            base_url=user_stream_url or stream_url,
            reader=self._reader,
            put=self._backlog_put,
            changed=self._tell_state,
        )
        self._books = Books(self._decoder, depth=calls.depth, clock=clock, jitter=jitter)

    def learn(self, instruments: Iterable[Instrument]) -> None:
        """Take note of what the tokens stand for: the exchange knows its contracts by name alone."""
        self._symbols.update((instrument.token, instrument.symbol) for instrument in instruments)

    async def subscribe(self, tokens: Sequence[int], mode: FeedMode = FeedMode.FULL) -> None:
        """Ask for these tokens from now on, after every reconnect too; a known one may change its mode.

        Raise Invalid, changing nothing, for a token that nobody named or when the streams cannot carry all of them.
        """
        symbols = [self._symbol(token) for token in dict.fromkeys(tokens)]
        is_full = mode is FeedMode.FULL and self._with_depth
        changes = self._shards.set({symbol: names_of(symbol, mode, with_book=is_full) for symbol in symbols})
        for symbol in symbols:
            self._decoder.add(symbol, with_book=is_full, with_quotes=mode is FeedMode.FULL)
        await self._apply(changes)

    async def unsubscribe(self, tokens: Sequence[int]) -> None:
        """Ask no longer for these tokens."""
        gone = [self._symbols[token] for token in tokens if token in self._symbols]
        changes = self._shards.remove(gone)
        for symbol in gone:
            self._decoder.remove(symbol)
        await self._apply(changes)

    async def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what the streams bring until `pause` or `close`, or until the venue refuses the account."""
        if self._is_closed:
            return
        self._backlog = Backlog(counters=self._backlog_counters)
        self._state = ""
        # the account's own stream, whether or not a contract is wanted
        self._start("account", self._account.run())
        self._start("books", self._books.run())
        for number in self._shards.used():
            self._start(number, self._market(number).run())
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
        counters, account = self._decoder.counters, self._account
        return {
            **{field.name: getattr(counters, field.name) for field in fields(StreamCounters)},
            "account_repeated": self._reader.repeated,
            "account_unreadable": self._reader.unreadable,
            "account_unknown": self._reader.unknown,
            "account_openings": account.openings,
            "account_checks": account.checks,
            "account_differences": account.differences,
            "snapshots": self._books.snapshots,
            "merges": self._backlog_counters.merges,
            "merged_packets": self._backlog_counters.merged_packets,
            "openings": sum(stream.openings for stream in self._markets.values()),
            "changeovers": sum(stream.changeovers for stream in self._markets.values()) + account.changeovers,
            "streams": len(self._shards.used()) + 1,
            "subscribed": len(self._shards),
        }

    async def _connect(self, url: str) -> Stream:
        return await self._net.connect(url)

    def _symbol(self, token: int) -> str:
        symbol = self._symbols.get(token)
        if symbol is None:
            raise Invalid(f"no contract is known by {token}", code="feed.unknown_token", field="instruments")
        return symbol

    def _market(self, number: int) -> MarketStream:
        if number not in self._markets:
            self._markets[number] = MarketStream(self._hearing, self._shards.names(number))
        return self._markets[number]

    async def _apply(self, changes: Mapping[int, Change]) -> None:
        if "account" not in self._tasks:
            return
        for number, change in changes.items():
            if not self._shards.names(number):
                await ended([self._tasks.pop(number)] if number in self._tasks else [])
                self._tell_state()
            elif number in self._tasks:
                await self._market(number).change(change)
            else:
                self._start(number, self._market(number).run())

    def _tell_words(self) -> None:
        """Tell what the exchange refused, and once what this version does not know."""
        for refusal in self._decoder.refusals:
            self._warn(f"The stream refuses what it was asked: {refusal}")
        self._decoder.refusals.clear()
        for word in self._decoder.unknown_words[self._words :]:
            self._words += 1
            sentence = f"The stream sends what this version does not know: {word}."
            self._backlog.put(FeedMessage(kind="message", text=sentence))

    def _flush(self, raw_bytes: int) -> None:
        received_ns = ns_of(self._clock.now())
        for event in [self._decoder.rates.pop(symbol) for symbol in list(self._decoder.rates)]:
            self._tell_rate(event)
        self._tell_words()
        columns = self._decoder.drain(received_ns)
        if columns is None:
            self._backlog.put(FeedHeartbeat(received_ns=received_ns))
        elif not self._backlog.put(FeedQuotes(columns=columns, raw_bytes=raw_bytes)):
            for stream in self._markets.values():
                stream.give_up(TOO_SLOW)

    def _tell_rate(self, event: Mapping[str, object]) -> None:
        try:
            due_at, rate, mark = moment(event["T"]), exact(event["r"]), exact(event["p"])
        except (ArithmeticError, TypeError, ValueError):
            self._decoder.counters.unreadable += 1
            return
        if due_at is not None:
            key = key_of(str(event["s"]))
            self._backlog.put(FeedFundingRate(instrument=key, rate=rate, mark=mark, due_at=due_at))

    def _mark_of(self, symbol: str) -> Decimal | None:
        row = self._decoder.rows.get(symbol)
        return None if row is None or not row.mark_price > 0 else Decimal(str(row.mark_price))

    def _backlog_put(self, event: FeedEvent) -> None:
        self._backlog.put(event)

    def _warn(self, sentence: str) -> None:
        self._backlog.put(FeedMessage(kind="error", text=sentence))

    def _start(self, name: str | int, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[name] = task
        task.add_done_callback(self._stream_ended)

    def _stream_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, NeedsLogin):
            self._backlog.put(FeedState(state="needs_login", reason=error.message))
            self._backlog.end()
        elif error is not None:
            self._backlog.fail(error)

    def _tell_state(self) -> None:
        """Tell the state of all streams together, the worst of them first."""
        running: list[UserStream | MarketStream] = [self._account]
        running += [self._markets[number] for number in self._markets if number in self._tasks]
        for state in (Link.SILENT, Link.DISCONNECTED):
            for stream in running:
                if stream.state is state:
                    self._say(FeedState(state=state, reason=stream.reason))
                    return
        if all(stream.state is Link.CONNECTED for stream in running):
            self._say(FeedState(state=Link.CONNECTED, reason=f"{len(running)} streams are open."))

    def _say(self, event: FeedState) -> None:
        if event.state != self._state:
            self._state = event.state
            self._backlog.put(event)

    async def _hang_up(self) -> None:
        tasks, self._tasks = list(self._tasks.values()), {}
        await ended(tasks)
