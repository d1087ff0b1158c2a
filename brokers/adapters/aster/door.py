"""The door of the exchange for one address: whoever is told to stay away tells every process, with the end of it.

429 asks to slow down, 418 bans the address for minutes to days, 403 is the firewall's. While the door is shut nothing
is sent, because every call makes a ban longer; for a little while after it opens only cancels and exits go. Times are
wall-clock milliseconds since 1970, the only clock that hosts share.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import structlog

from brokers.adapters.shared_pace import AWAY
from brokers.domain.errors import Retryable
from brokers.ports import Clock

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

THROTTLED = "venue.throttled"
FIRST_MS = 60_000
LONGEST_GUESS_MS = 3_600_000
LONGEST_TOLD_MS = 3 * 86_400_000
URGENT_ALONE_MS = 5_000
# a refusal so long after the last end is a new trouble, not the old one
_FORGOTTEN_MS = 600_000
_PATIENCE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Until when the door is shut, and how often in a row it has been."""

    until_ms: int = 0
    times: int = 0

    def text(self) -> str:
        return f"{self.until_ms} {self.times}"


class Board(Protocol):
    """Where the processes of an address read and write how its door stands."""

    async def read(self) -> Shut: ...

    async def write(self, shut: Shut, *, kept_ms: int) -> None: ...


class RedisBoard:
    """One key of Redis for each address; raises what says that Redis is away."""

    def __init__(self, redis: Redis, *, address: str) -> None:
        self._redis = redis
        self._key = f"windhover:door:{hashlib.sha256(address.encode()).hexdigest()[:16]}"

    async def read(self) -> Shut:
        return shut_of(await self._redis.get(self._key))

    async def write(self, shut: Shut, *, kept_ms: int) -> None:
        await self._redis.set(self._key, shut.text(), px=max(kept_ms, 1))


class Door:
    """One process's view of the door; what another process wrote counts here at its next call."""

    def __init__(self, *, clock: Clock, board: Board | None = None) -> None:
        self._clock = clock
        self._board = board
        self._shut = Shut()

    @property
    def shut_s(self) -> float:
        """Return for how long nothing may be sent, as far as this process knows."""
        return max(self._shut.until_ms - self._now_ms(), 0) / 1000

    async def require_open(self, *, is_urgent: bool) -> None:
        """Raise Retryable, with the end, while nothing may be sent, or nothing but what is urgent."""
        await self._look()
        now_ms, until_ms = self._now_ms(), self._shut.until_ms
        if now_ms < until_ms:
            raise _stay_away(until_ms, "the exchange has asked this address to stay away until {}; nothing was sent")
        if not is_urgent and now_ms < until_ms + URGENT_ALONE_MS:
            raise _stay_away(
                until_ms + URGENT_ALONE_MS, "only cancels and exits go to the exchange until {}; nothing was sent"
            )

    async def shut(self, *, status: int, headers: Mapping[str, str], banned_until_ms: int | None) -> int:
        """Shut the door as an answer demands and tell the others; return its end."""
        now_ms = self._now_ms()
        await self._look()
        is_new = now_ms > self._shut.until_ms + _FORGOTTEN_MS
        times = 1 if is_new else self._shut.times + 1
        until_ms = _told_end(headers, now_ms) or _sane(banned_until_ms, now_ms)
        until_ms = until_ms or now_ms + min(FIRST_MS * 2 ** min(times - 1, 10), LONGEST_GUESS_MS)
        self._shut = Shut(until_ms=max(until_ms, self._shut.until_ms), times=times)
        log.warning("exchange_shut_its_door", status=status, until_ms=self._shut.until_ms, times=times)
        await self._tell(self._shut, kept_ms=self._shut.until_ms - now_ms + _FORGOTTEN_MS)
        return self._shut.until_ms

    async def _look(self) -> None:
        if self._board is None:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                seen = await self._board.read()
        except AWAY:
            return  # what this process knows is all there is to know
        if seen.until_ms > self._shut.until_ms:
            self._shut = seen

    async def _tell(self, shut: Shut, *, kept_ms: int) -> None:
        if self._board is None:
            return
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._board.write(shut, kept_ms=kept_ms)
        except AWAY as error:
            log.warning("door_was_not_told", error=repr(error))

    def _now_ms(self) -> int:
        return round(self._clock.now().timestamp() * 1000)


def shut_of(text: bytes | str | None) -> Shut:
    """Read what stands on the board; anything else than two numbers is an open door."""
    first, _, second = (text.decode(errors="replace") if isinstance(text, bytes) else text or "").partition(" ")
    if not (first.isdigit() and second.isdigit()):
        return Shut()
    return Shut(until_ms=int(first), times=int(second))


def _told_end(headers: Mapping[str, str], now_ms: int) -> int | None:
    seconds = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return _sane(now_ms + int(seconds) * 1000, now_ms) if seconds.isdigit() else None


def _sane(until_ms: int | None, now_ms: int) -> int | None:
    """Return an end that lies ahead and within the longest ban there is."""
    return until_ms if until_ms is not None and now_ms < until_ms <= now_ms + LONGEST_TOLD_MS else None


def _stay_away(until_ms: int, sentence: str) -> Retryable:
    end = datetime.fromtimestamp(until_ms / 1000, UTC)
    return Retryable(sentence.format(f"{end:%H:%M:%S} UTC"), code=THROTTLED, details={"until_ms": until_ms})
