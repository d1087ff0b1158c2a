"""An account's own stream: its key, its connection, its silence, and the venue's books that it is held against.

The stream is quiet by nature and may die without a word, so what it told is compared with the books every 30 to 60
seconds; a difference that stands twice ends the connection. After every opening the desk is told to read its books,
and events wait until ours are read, to be told in the order in which the exchange sent them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from brokers.adapters.aster.events import AccountUpdate
from brokers.adapters.aster.stream_account import AccountReader, is_funding
from brokers.adapters.aster.stream_calls import DEAD_KEY, StreamCalls
from brokers.adapters.aster.stream_check import AccountView, differences, view_of
from brokers.adapters.aster.stream_funding import FundingNews
from brokers.adapters.aster.stream_leg import Leg
from brokers.adapters.aster.stream_life import (
    LOOK_EVERY_S,
    NANOSECONDS,
    Link,
    StreamOver,
    ended,
    life_ns,
    pause,
    unless_over,
)
from brokers.adapters.aster.stream_names import account_url
from brokers.adapters.backoff import Backoff
from brokers.domain.errors import DataError, NeedsLogin, Rejected, Retryable, VenueError
from brokers.domain.orders import VenueOrder
from brokers.ports import Clock, FeedDoubt, FeedEvent, FeedOrder, Stream

EXTEND_EVERY_S = 30 * 60.0
EXTEND_AGAIN_S = 30.0
CHECK_EVERY_S = 30.0
CHECK_SPREAD_S = 30.0
# a difference may be an event that is still on its way
SECOND_LOOK_S = 3.0
TAKE_OVER_AGAIN_S = 5.0
# how long events may wait for the books; during a ban there are none to wait for
HOLD_S = 10.0
OPENED = "The account's stream is open: what happened before stands in the books alone."
EXPIRED = "The key of the account's stream has expired."
_FAILURES = (VenueError, DataError)


class UserStream:
    """Keeps one account's stream open and true; `put` takes what the desk is told."""

    def __init__(
        self,
        *,
        connect: Callable[[str], Awaitable[Stream]],
        calls: StreamCalls,
        clock: Clock,
        jitter: Callable[[], float],
        base_url: str,
        reader: AccountReader,
        put: Callable[[FeedEvent], object],
        changed: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._calls = calls
        self._clock = clock
        self._jitter = jitter
        self._base_url = base_url
        self._reader = reader
        self._put = put
        self._changed = changed
        self._backoff = Backoff(jitter=jitter)
        self._funding = FundingNews(calls.funding)
        self._legs: dict[Leg, asyncio.Task[str]] = {}
        self._view: AccountView | None = None
        self._held: list[Mapping[str, Any]] | None = None
        self._is_expired = False
        self._events = 0
        self._due: dict[str, int] = {}
        self.state, self.reason = Link.OPENING, ""
        self.openings = 0
        self.changeovers = 0
        self.checks = 0
        self.differences = 0

    async def run(self) -> None:
        """Keep the stream open until cancelled; raise NeedsLogin when the venue refuses the account's key."""
        self.state = Link.OPENING
        try:
            while True:
                try:
                    key = await self._calls.stream_key()
                    leg = await self._open(key)
                except NeedsLogin:
                    raise
                except _FAILURES as failure:
                    self._tell(Link.DISCONNECTED, failure.message)
                else:
                    self._tell(*await self._live(leg, key))
                await self._drop()
                await self._clock.sleep(self._backoff.next_s())
        finally:
            await self._drop()

    async def _open(self, key: str) -> Leg:
        try:
            stream = await self._connect(account_url(self._base_url, key))
        except NeedsLogin as refusal:
            # whether the account is refused is said by the call for a key; this is the front door
            raise Retryable(refusal.message, details=refusal.details) from None
        leg = Leg(stream, clock=self._clock, take=self._take, flush=lambda _: None)
        self._legs[leg] = asyncio.get_running_loop().create_task(leg.read())
        self.openings += 1
        return leg

    async def _live(self, leg: Leg, key: str) -> tuple[Link, str]:
        self._view, self._held, self._is_expired = None, [], False
        self._reader.begin_anew()
        self._put(FeedDoubt(reason=OPENED))
        self._tell(Link.CONNECTED, "The account's stream is open.")
        self._due = {"books": 0}
        self._wait_for("extend", EXTEND_EVERY_S)
        self._due["renew"] = self._clock.boot_ns() + life_ns(self._jitter)
        holding = asyncio.ensure_future(self._release_later())
        try:
            while True:
                trouble = await self._round(leg, key)
                if trouble is not None:
                    return trouble
                leg = next(iter(self._legs))
        except StreamOver:
            return self._over(leg)
        finally:
            await ended([holding])
            self._release()

    async def _release_later(self) -> None:
        await self._clock.sleep(HOLD_S)
        self._release()

    async def _round(self, leg: Leg, key: str) -> tuple[Link, str] | None:
        """Do what is due; return why the connection must end, if it must."""
        reading = self._legs[leg]
        if reading.done() or self._is_expired:
            return self._over(leg)
        if self._is_due("books"):
            if (found := await unless_over(reading, self._compared())) is not None:
                self._put(FeedDoubt(reason=found))
                return Link.SILENT, found
        elif self._is_due("extend"):
            if not await unless_over(reading, self._extended(key)):
                return Link.DISCONNECTED, "The key of the account's stream has died."
        elif self._funding.is_due(self._clock.now()):
            for event in await unless_over(reading, self._funding.ask(self._clock.now())):
                self._put(event)
        elif self._is_due("renew"):
            await self._change_over(leg, key)
        else:
            await pause(self._clock, LOOK_EVERY_S, [reading])
        return None

    def _over(self, leg: Leg) -> tuple[Link, str]:
        if self._is_expired:
            self._put(FeedDoubt(reason=EXPIRED))
            return Link.DISCONNECTED, EXPIRED
        reading = self._legs[leg]
        return Link.DISCONNECTED, reading.result() if reading.done() else "The account's stream ended."

    def _take(self, frame: bytes | str, _heard: set[str]) -> None:
        try:
            body = orjson.loads(frame)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._reader.unreadable += 1
            return
        if "e" not in body:
            body = body.get("data")
        if not isinstance(body, dict):
            return
        self._events += 1
        if body.get("e") == "listenKeyExpired":
            self._is_expired = True
        elif self._held is not None:
            self._held.append(body)
        else:
            self._believe(body)

    def _believe(self, body: Mapping[str, Any]) -> None:
        stamped, told = self._reader.read(body)
        self._tell_desk(told)
        if self._view is not None:
            for event in told:
                if isinstance(event, FeedOrder):
                    self._view.order(event.order)
            if stamped is not None and isinstance(stamped.event, AccountUpdate):
                self._view.balances(stamped.event, stamped.sent_at or self._clock.now())
        if stamped is not None and is_funding(stamped.event):
            now = self._clock.now()
            self._funding.announce(stamped.sent_at or now, now)

    def _release(self) -> None:
        """Tell what waited, in the order in which the exchange sent it."""
        held, self._held = self._held, None
        for body in sorted(held or [], key=_sent_ms):
            self._believe(body)

    def _tell_desk(self, events: list[FeedEvent]) -> None:
        for event in events:
            self._put(event)

    async def _compared(self) -> str | None:
        """Read the books; take them over after an opening, else return the first difference that stands twice."""
        first = await self._found()
        if not first:
            return None
        await self._clock.sleep(SECOND_LOOK_S)
        second = await self._found()
        standing = sorted(set(first) & set(second))
        if not standing:
            return None
        self.differences += len(standing)
        return f"The books of the venue differ from its stream: {standing[0]}."

    async def _found(self) -> list[str]:
        """Return the differences; none when the books could not be read, or something happened meanwhile."""
        self._wait_for("books", CHECK_EVERY_S + CHECK_SPREAD_S * self._jitter())
        events = self._events
        try:
            if self._view is None:
                self._calls.doubt()
            orders, positions = await self._calls.orders(), await self._calls.positions()
        except NeedsLogin:
            raise
        except _FAILURES:
            return []
        self.checks += 1
        self._reader.know(order for order in orders if isinstance(order, VenueOrder))
        books, was_quiet = view_of(orders, positions), events == self._events
        if self._view is not None:
            self._backoff.reset()
            return differences(self._view, books) if was_quiet else []
        if was_quiet:
            self._view = books
        else:
            self._wait_for("books", TAKE_OVER_AGAIN_S)
        self._release()
        return []

    async def _extended(self, key: str) -> bool:
        """Give the key another hour; answer False when it has died."""
        try:
            await self._calls.extend_stream_key(key)
        except NeedsLogin:
            raise
        except Rejected as refusal:
            if refusal.code == DEAD_KEY:
                return False
            self._wait_for("extend", EXTEND_AGAIN_S)
        except _FAILURES:
            self._wait_for("extend", EXTEND_AGAIN_S)
        else:
            self._wait_for("extend", EXTEND_EVERY_S)
        return True

    async def _change_over(self, first: Leg, key: str) -> None:
        """Open the second socket first, then hang up; what both bring is told once."""
        self._wait_for("renew", EXTEND_AGAIN_S * 2)
        try:
            second = await self._open(key)
        except Retryable:
            return
        await pause(self._clock, LOOK_EVERY_S, [self._legs[second]])
        if self._legs[second].done():
            await self._leave(second)
            return
        self._due["renew"] = self._clock.boot_ns() + life_ns(self._jitter)
        self.changeovers += 1
        await self._leave(first)

    async def _leave(self, leg: Leg) -> None:
        await ended([self._legs.pop(leg)])
        await leg.close()

    async def _drop(self) -> None:
        for leg in list(self._legs):
            await self._leave(leg)

    def _is_due(self, what: str) -> bool:
        return what in self._due and self._clock.boot_ns() >= self._due[what]

    def _wait_for(self, what: str, seconds: float) -> None:
        self._due[what] = self._clock.boot_ns() + round(seconds * NANOSECONDS)

    def _tell(self, state: Link, reason: str) -> None:
        self.state, self.reason = state, reason
        self._changed()


def _sent_ms(body: Mapping[str, Any]) -> float:
    sent = body.get("E")
    return sent if isinstance(sent, int | float) else 0.0
