"""Calls of one app, paced evenly over every process: by Redis's clock, and by this host's while Redis is away.

A call counts from its leave until a second after its answer, so that whatever second of the venue's it arrives in, every
other call of that second is still counted. Nobody reserves a moment: whoever may not go asks again, after a wait with
jitter. So no process holds a right to call from before a restart of Redis. A Redis that has forgotten, and a host that
begins alone, both start with an empty second: what went by the other's leave cannot fall into it.

A call may weigh more than one, and some may go ahead of the pace by a tolerance: over any span, calls of one tolerance
take no more than the rate times span and tolerance together. Whoever has the larger one goes while the others wait.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import structlog
from redis.exceptions import RedisError

from brokers.domain.errors import Invalid
from brokers.ports import Clock

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

MICROSECONDS = 1_000_000
AWAY = (OSError, TimeoutError, RedisError)
# a second and a call on its way, so that no second of the venue's holds calls from before and from after a start
EMPTY_START_S = 2.0
# of the pace, for each of at most four hosts that see no Redis
ALONE_FRACTION = 0.25
# a leave that took so long to arrive is not used: the call would come too near the next one
STALE_LEAVE_S = 0.1
_LONGEST_WAIT_S = 120.0
_LONGEST_SLEEP_S = 1.0
_LOCKED_S = 0.005

# how long a call without an answer may still be on its way to the venue
_ON_THE_WAY_S = 2.0
_SECOND_S = 1.0
# an answer may free a place sooner than the clock would
_LOOK_AGAIN_US = 50_000

# KEYS: of one kind of call of one app, the next free moment, and the calls that count with the moment each ends to.
# ARGV: microseconds that the call takes of the pace, at the start, of a pause, of the longest wait there is; how many
# calls may count at once; this call's name; how long it counts without an answer; how soon to look again for one; how
# far ahead of the pace it may go.
# Answers the microseconds to wait; 0 is leave to go now. A moment too far ahead is a clock that stepped back.
SCRIPT = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]))
if not free or free - now > tonumber(ARGV[4]) then free = now + tonumber(ARGV[2]) end
if now + tonumber(ARGV[3]) > free then free = now + tonumber(ARGV[3]) end
local wait = free - now - tonumber(ARGV[9])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if wait <= 0 and redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[5]) then
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
  wait = math.max(1, math.min(tonumber(first[2]) - now, tonumber(ARGV[8])))
elseif wait <= 0 then
  wait = 0
  free = math.max(free, now) + tonumber(ARGV[1])
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[7]), ARGV[6])
  redis.call('PEXPIRE', KEYS[2], 86400000)
end
redis.call('SET', KEYS[1], string.format('%.0f', free), 'PX', 86400000)
return wait
"""

# The answer to a call has come: it counts for a second more.
ANSWERED = """
local time = redis.call('TIME')
return redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000000 + time[2] + tonumber(ARGV[2]), ARGV[1])
"""


class Leave(Protocol):
    """Answers the microseconds until a call may go; 0 is leave to go now. `most` is how many may count at once."""

    async def ask(
        self, kind: str, call: str, *, interval_us: int, empty_us: int, pause_us: int, most: int, ahead_us: int = 0
    ) -> int: ...

    async def answered(self, kind: str, call: str) -> None:
        """Note that a call's answer has come, or never will."""
        ...


class RedisLeave:
    """Leave by Redis's own clock, the same for every process; raises what says that Redis is away."""

    def __init__(self, redis: Redis, *, app: str) -> None:
        # the key of an app is half of a credential and has no place in a key of Redis
        self._prefix = f"windhover:pace:{hashlib.sha256(app.encode()).hexdigest()[:16]}:"
        self._script: Callable[..., Awaitable[int]] = redis.register_script(SCRIPT)
        self._answered: Callable[..., Awaitable[int]] = redis.register_script(ANSWERED)

    async def ask(
        self, kind: str, call: str, *, interval_us: int, empty_us: int, pause_us: int, most: int, ahead_us: int = 0
    ) -> int:
        longest_us = int(_LONGEST_WAIT_S * MICROSECONDS)
        counts_us = int((_ON_THE_WAY_S + _SECOND_S) * MICROSECONDS)
        arguments = [interval_us, empty_us, pause_us, longest_us, most, call, counts_us, _LOOK_AGAIN_US, ahead_us]
        keys = [self._prefix + kind, f"{self._prefix}{kind}:calls"]
        return int(await self._script(keys=keys, args=arguments))

    async def answered(self, kind: str, call: str) -> None:
        await self._answered(keys=[f"{self._prefix}{kind}:calls"], args=[call, int(_SECOND_S * MICROSECONDS)])


class HostLeave:
    """Leave by a file that every process of this host reads and writes under a lock."""

    def __init__(self, folder: Path, *, app: str, clock: Clock) -> None:
        self._folder = folder
        self._name = hashlib.sha256(app.encode()).hexdigest()[:16]
        self._clock = clock

    async def ask(
        self, kind: str, call: str, *, interval_us: int, empty_us: int, pause_us: int, most: int, ahead_us: int = 0
    ) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._folder / f"{self._name}-{kind}", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._answer(file, interval_us, empty_us, pause_us, ahead_us)
        except BlockingIOError:
            return int(_LOCKED_S * MICROSECONDS)  # another process asks this very moment
        finally:
            os.close(file)

    async def answered(self, kind: str, call: str) -> None:
        return  # at a quarter of the pace no call comes near another

    def _answer(self, file: int, interval_us: int, empty_us: int, pause_us: int, ahead_us: int) -> int:
        now_us = self._clock.boot_ns() // 1_000
        free_us = max(self._known(file, now_us, empty_us + interval_us) or now_us + empty_us, now_us + pause_us)
        wait_us = max(free_us - now_us - ahead_us, 0)
        if not wait_us:
            free_us = max(free_us, now_us) + interval_us
        os.lseek(file, 0, os.SEEK_SET)
        os.truncate(file, 0)
        os.write(file, f"{now_us} {free_us}".encode())
        return wait_us

    def _known(self, file: int, now_us: int, lasting_us: int) -> int | None:
        """Return when the next call may go; None where nobody asked lately, or the file holds anything else."""
        asked, _, free = os.read(file, 64).partition(b" ")
        if not (asked.isdigit() and free.isdigit()):
            return None
        is_late = not 0 <= now_us - int(asked) <= lasting_us
        return None if is_late or int(free) - now_us > _LONGEST_WAIT_S * MICROSECONDS else int(free)


class OwnLeave:
    """Leave by one process's own clock: for a desk that shares its address with nobody."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_us: dict[str, int] = {}

    async def ask(
        self, kind: str, call: str, *, interval_us: int, empty_us: int, pause_us: int, most: int, ahead_us: int = 0
    ) -> int:
        now_us = self._clock.boot_ns() // 1_000
        free_us = max(self._free_us.get(kind, now_us + empty_us), now_us + pause_us)
        wait_us = max(free_us - now_us - ahead_us, 0)
        self._free_us[kind] = free_us if wait_us else max(free_us, now_us) + interval_us
        return wait_us

    async def answered(self, kind: str, call: str) -> None:
        return


class SharedPace:
    """Lets calls go at an even pace over every process that shares an app; one object for each process and app."""

    def __init__(
        self,
        *,
        shared: Leave,
        alone: Leave,
        rates: Mapping[str, float],
        most: Mapping[str, int],
        clock: Clock,
        jitter: Callable[[], float],
        empty_s: float = EMPTY_START_S,
    ) -> None:
        self._empty_us = int(empty_s * MICROSECONDS)
        self._most = dict(most)
        self._name = secrets.token_hex(8)  # of this process among those that ask
        self._number = count()
        self._answers: set[asyncio.Task[None]] = set()
        self._shared = shared
        self._alone = alone
        self._rates = dict(rates)
        self._clock = clock
        self._jitter = jitter
        self._paused_until_ns: dict[str, int] = {}
        self._is_alone = False

    @property
    def is_alone(self) -> bool:
        """Tell whether Redis was away when it was last asked."""
        return self._is_alone

    def learn(self, kind: str, per_second: float) -> None:
        """Take another rate for a kind: the venue has told its own."""
        self._rates[kind] = per_second

    async def acquire(self, kind: str, *, weight: int = 1, ahead_s: float = 0.0) -> str:
        """Wait for leave to make one call of a kind and return its name; raise Invalid for a kind without a pace.

        `weight` is what the call takes of the rate, `ahead_s` how far ahead of the pace it may go.
        """
        rate = self._rates.get(kind)
        if rate is None:
            raise Invalid(f"{kind!r} is no kind of call", code="budget.kind", field="kind")
        while True:
            call = f"{self._name}:{next(self._number)}"
            wait_us = await self._ask(kind, call, rate / weight, int(ahead_s * MICROSECONDS))
            if wait_us == 0:
                return call
            wait_s = wait_us / MICROSECONDS + self._jitter() * 0.1 / rate
            await self._clock.sleep(min(wait_s, _LONGEST_SLEEP_S))

    def settle(self, kind: str, call: str) -> None:
        """Note that a call's answer has come, or never will; where Redis does not hear it, time tells it."""
        task = asyncio.get_running_loop().create_task(self._tell(kind, call))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _tell(self, kind: str, call: str) -> None:
        try:
            await self._shared.answered(kind, call)
        except AWAY as error:
            self._note(is_alone=True, error=error)

    def pause(self, kind: str, seconds: float) -> None:
        """Let no process call this kind for a while; the others learn of it when this one asks next."""
        until_ns = self._clock.boot_ns() + int(seconds * 1_000 * MICROSECONDS)
        self._paused_until_ns[kind] = max(until_ns, self._paused_until_ns.get(kind, 0))

    async def _ask(self, kind: str, call: str, rate: float, ahead_us: int) -> int:
        most = self._most[kind]
        interval_us = int(MICROSECONDS / rate)
        empty_us = self._empty_us
        asked_ns = self._clock.boot_ns()
        pause_us = max(self._paused_until_ns.get(kind, 0) - asked_ns, 0) // 1_000
        try:
            wait_us = await self._shared.ask(
                kind,
                call,
                interval_us=interval_us,
                empty_us=empty_us,
                pause_us=pause_us,
                most=most,
                ahead_us=ahead_us,
            )
        except AWAY as error:
            self._note(is_alone=True, error=error)
            alone_us = int(interval_us / ALONE_FRACTION)
            return await self._alone.ask(
                kind,
                call,
                interval_us=alone_us,
                empty_us=alone_us + empty_us,
                pause_us=pause_us,
                most=most,
                ahead_us=ahead_us,
            )
        self._note(is_alone=False)
        is_even = ahead_us == 0  # whoever may go ahead of the pace comes near no other by being late
        if wait_us == 0 and is_even and self._clock.boot_ns() - asked_ns > STALE_LEAVE_S * 1_000 * MICROSECONDS:
            self.settle(kind, call)
            return interval_us
        return wait_us

    def _note(self, *, is_alone: bool, error: BaseException | None = None) -> None:
        if is_alone != self._is_alone:
            self._is_alone = is_alone
            log.warning("pace_is_this_hosts_alone" if is_alone else "pace_is_shared_again", error=repr(error))
