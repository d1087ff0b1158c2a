"""Nonces of V3 that never repeat or step back: one sequence per user for every process that signs for them.

Redis keeps the sequence; without it each host keeps one in a file, and each process its own floor, so that an order
never waits for Redis. The exchange takes a nonce within ten seconds of its clock and refuses one that is older than the
hundred it has seen last, so a sequence that ran ahead of that is one of a wrong clock and is begun again.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog

from brokers.adapters.aster.clock import NonceSequence
from brokers.adapters.shared_pace import AWAY

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

TOO_FAR_AHEAD_US = 10_000_000
_PATIENCE_S = 0.1
_KEPT_MS = 86_400_000

# KEYS: a user's last nonce. ARGV: now in microseconds of the exchange's clock, and how far ahead of it is too far.
SCRIPT = """
local now = tonumber(ARGV[1])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local next = now
if last >= now and last - now < tonumber(ARGV[2]) then next = last + 1 end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', ARGV[3])
return string.format('%.0f', next)
"""


class Nonces(Protocol):
    """Gives a user's next nonce: near `now_us` of the exchange's clock, above every one given before."""

    async def next(self, user: str, now_us: int) -> int: ...


class OwnNonces:
    """The sequences of one process."""

    def __init__(self) -> None:
        self._users: dict[str, NonceSequence] = {}

    async def next(self, user: str, now_us: int) -> int:
        return self.above(user, now_us)

    def above(self, user: str, now_us: int) -> int:
        """Return a nonce that this process has not given yet."""
        sequence = self._users.setdefault(user.lower(), NonceSequence())
        if sequence.last - now_us >= TOO_FAR_AHEAD_US:
            sequence.last = 0
        return sequence.next(now_us)


class RedisNonces:
    """The sequences of every process; raises what says that Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._script: Callable[..., Awaitable[bytes]] = redis.register_script(SCRIPT)

    async def next(self, user: str, now_us: int) -> int:
        key = f"windhover:nonce:{_name(user)}"
        return int(await self._script(keys=[key], args=[now_us, TOO_FAR_AHEAD_US, _KEPT_MS]))


class HostNonces:
    """The sequences of this host: a file for each user, read and written under a lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def next(self, user: str, now_us: int) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._folder / f"nonce-{_name(user)}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)  # held for a read and a write of a few bytes
            text = os.read(file, 32)
            last = int(text) if text.isdigit() else 0
            nonce = last + 1 if 0 <= last - now_us < TOO_FAR_AHEAD_US else now_us
            os.lseek(file, 0, os.SEEK_SET)
            os.truncate(file, 0)
            os.write(file, str(nonce).encode())
            return nonce
        finally:
            os.close(file)


class SharedNonces:
    """Redis's sequence while it answers at once, this host's else; never below what this process has given."""

    def __init__(self, *, shared: Nonces, alone: Nonces) -> None:
        self._shared = shared
        self._alone = alone
        self._own = OwnNonces()
        self._is_alone = False

    async def next(self, user: str, now_us: int) -> int:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found = await self._shared.next(user, now_us)
            self._note(is_alone=False)
        except AWAY as error:
            self._note(is_alone=True, error=error)
            found = await self._alone.next(user, now_us)
        return self._own.above(user, found)

    def _note(self, *, is_alone: bool, error: BaseException | None = None) -> None:
        if is_alone != self._is_alone:
            self._is_alone = is_alone
            log.warning("nonces_are_this_hosts_alone" if is_alone else "nonces_are_shared_again", error=repr(error))


def _name(user: str) -> str:
    return hashlib.sha256(user.lower().encode()).hexdigest()[:16]
