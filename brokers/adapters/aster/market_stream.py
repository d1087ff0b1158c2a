"""One connection's worth of market streams: it opens, listens, watches for silence, changes over, and opens again.

A change-over opens the second socket first and hangs up the first only when every symbol has been heard on the second;
what both bring is counted once (see `decode`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from brokers.adapters.aster.stream_leg import Leg
from brokers.adapters.aster.stream_life import LOOK_EVERY_S, NANOSECONDS, Link, ended, life_ns, pause
from brokers.adapters.aster.stream_names import market_url, subscribe_texts, unsubscribe_texts
from brokers.adapters.aster.stream_shards import Change, Names
from brokers.adapters.aster.stream_watch import Watch
from brokers.adapters.backoff import Backoff
from brokers.domain.errors import NeedsLogin, Retryable
from brokers.ports import Clock, Stream

# how long a second socket may take to bring every symbol before the first is left anyway
OVERLAP_LOOKS = 10
# a symbol that stays silent among others is worth one new connection, not one every few seconds
RENEW_AT_MOST_EVERY_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What a market stream is given: the way out, and who takes what it hears."""

    connect: Callable[[str], Awaitable[Stream]]
    clock: Clock
    jitter: Callable[[], float]
    base_url: str
    take: Callable[[bytes | str, set[str]], None]
    flush: Callable[[int], None]
    begin_anew: Callable[[Iterable[str]], None]
    changed: Callable[[], None]
    warn: Callable[[str], None]
    silence_s: float


class MarketStream:
    """Keeps the streams of some symbols open; `symbols` is read at every opening and may change in between."""

    def __init__(self, hearing: Hearing, symbols: Mapping[str, Names]) -> None:
        self._hearing = hearing
        self._symbols = symbols
        self._backoff = Backoff(jitter=hearing.jitter)
        self._watch = Watch(looks=max(round(hearing.silence_s / LOOK_EVERY_S), 1))
        self._numbers = count(1)
        self._legs: dict[Leg, asyncio.Task[str]] = {}
        self._renew_ns = 0
        self._not_before_ns = 0
        self._must_renew = False
        self._surrender = ""
        self.state, self.reason = Link.OPENING, ""
        self.openings = 0
        self.changeovers = 0

    async def run(self) -> None:
        """Keep the streams open until cancelled."""
        self.state = Link.OPENING
        try:
            while True:
                try:
                    leg = await self._open()
                except Retryable as failure:
                    self._tell(Link.DISCONNECTED, failure.message)
                else:
                    self._hearing.begin_anew(self._symbols)
                    self._watch.begin_anew()
                    self._tell(Link.CONNECTED, "The stream is open.")
                    self._tell(*await self._live(leg))
                await self._drop()
                await self._hearing.clock.sleep(self._backoff.next_s())
        finally:
            await self._drop()

    async def change(self, change: Change) -> None:
        """Take symbols up or let them go on the open connection, on both during a change-over."""
        self._watch.expect(change.symbols)
        self._watch.forget(change.gone)
        texts = unsubscribe_texts(change.unsubscribe, self._numbers)
        texts += subscribe_texts(change.subscribe, self._numbers)
        for leg in list(self._legs):
            # a stream that ends here is noticed by its reader, and the next one is told everything
            with suppress(Retryable):
                await leg.say(texts)

    def give_up(self, reason: str) -> None:
        """Let the connection go: what it brings cannot be taken in."""
        self._surrender = reason

    async def _open(self) -> Leg:
        """Open a socket that carries all streams from its first moment, and begin to read it."""
        told = self._wanted()
        hearing = self._hearing
        try:
            stream = await hearing.connect(market_url(hearing.base_url, told))
        except NeedsLogin as refusal:
            # nobody signs in to a market stream: the venue's front door turns this address away for a while
            raise Retryable(refusal.message, details=refusal.details) from None
        leg = Leg(stream, clock=hearing.clock, take=hearing.take, flush=hearing.flush)
        self._legs[leg] = asyncio.get_running_loop().create_task(leg.read())
        self.openings += 1
        self._watch.expect(self._symbols)
        wanted = self._wanted()
        # what changed while the socket opened
        await leg.say(unsubscribe_texts([name for name in told if name not in wanted], self._numbers))
        await leg.say(subscribe_texts([name for name in wanted if name not in told], self._numbers))
        return leg

    def _wanted(self) -> list[str]:
        return [name for streams in self._symbols.values() for name in streams]

    async def _live(self, leg: Leg) -> tuple[Link, str]:
        """Listen until the connection is lost or says nothing; return which, and a sentence."""
        self._begin_life()
        while True:
            reading = self._legs[leg]
            await pause(self._hearing.clock, LOOK_EVERY_S, [reading])
            if reading.done():
                return Link.DISCONNECTED, reading.result()
            if self._surrender:
                reason, self._surrender = self._surrender, ""
                return Link.DISCONNECTED, reason
            silent = self._watch.look(leg.look())
            if silent and silent == self._watch.expected:
                return Link.SILENT, f"The stream said nothing for {self._hearing.silence_s:g} s."
            if leg.heard_ever:
                self._backoff.reset()
            self._set_aside(silent)
            if self._is_due():
                leg = await self._changed_over(leg)

    def _begin_life(self) -> None:
        self._renew_ns = self._hearing.clock.boot_ns() + life_ns(self._hearing.jitter)

    def _set_aside(self, silent: set[str]) -> None:
        """Note who is silent while others speak: a new connection may help, waiting for them does not."""
        for symbol in sorted(silent):
            self._watch.set_aside.add(symbol)
            self._must_renew = True
            self._hearing.warn(
                f"{symbol} has sent no mark price for {self._hearing.silence_s:g} s while others did: "
                "its quotes grow old and nothing trades on them"
            )

    def _is_due(self) -> bool:
        now = self._hearing.clock.boot_ns()
        if now < self._not_before_ns:
            return False
        return self._must_renew or now >= self._renew_ns

    async def _changed_over(self, first: Leg) -> Leg:
        """Open the second socket, hear every symbol on it, then leave the first; keep the first if that fails."""
        self._must_renew = False
        self._not_before_ns = self._hearing.clock.boot_ns() + round(RENEW_AT_MOST_EVERY_S * NANOSECONDS)
        try:
            second = await self._open()
            await self._overlap(second)
        except Retryable:
            for leg in [leg for leg in self._legs if leg is not first]:
                await self._leave(leg)
            return first
        await self._leave(first)
        self._begin_life()
        self.changeovers += 1
        return second

    async def _overlap(self, second: Leg) -> None:
        """Wait until every symbol has been heard on the second socket; raise Retryable when it ends before."""
        for _ in range(OVERLAP_LOOKS):
            reading = self._legs[second]
            await pause(self._hearing.clock, LOOK_EVERY_S, [reading])
            if reading.done():
                raise Retryable(reading.result())
            second.look()
            if self._watch.expected <= second.heard_ever:
                return

    async def _leave(self, leg: Leg) -> None:
        await ended([self._legs.pop(leg)])
        await leg.close()

    async def _drop(self) -> None:
        for leg in list(self._legs):
            await self._leave(leg)

    def _tell(self, state: Link, reason: str) -> None:
        self.state, self.reason = state, reason
        self._hearing.changed()
