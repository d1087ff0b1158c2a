"""Virtual time: an event loop whose clock jumps to the next timer, and the processes that live on it.

Everything runs on one thread. A handle belongs to the process in whose context it was made, so that
a process can die in the middle of a call (its handles never run again) or stand still while the
others go on. Which process goes next is drawn from the seed; within one process order is kept.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
from asyncio import tasks
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from itertools import count
from typing import Any

NANOSECONDS = 1_000_000_000
EPOCH_NS = int(datetime(2026, 11, 20, 5, 30, tzinfo=UTC).timestamp()) * NANOSECONDS


class ProcessDied(BaseException):
    """Unwinds the code of a process that exists no more; nothing may catch it."""


class Stuck(Exception):
    """Nothing is left that could ever happen."""


class Process:
    """One simulated operating-system process; `world` is everything that cannot fail."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.thaws_at = 0.0
        self.queue: deque[asyncio.Handle] = deque()
        self.on_death: list[Callable[[], None]] = []
        self.token = 0
        self.session: Any = None
        self.journal: Any = None
        self.stream: Any = None

    def kill(self) -> None:
        """End at once: no handle of it runs again, its files and sockets close."""
        if self.is_dead:
            return
        self.is_dead = True
        self.queue.clear()
        for closing in self.on_death:
            closing()

    def require_alive(self) -> None:
        if self.is_dead:
            raise ProcessDied


WORLD = Process("world")
CURRENT: contextvars.ContextVar[Process] = contextvars.ContextVar("process", default=WORLD)


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without I/O, whose time passes only when nothing can run now."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._at = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._processes: dict[int, Process] = {}
        self.steps = 0
        # a dead process's tasks are collected unfinished, which is the point of it
        self.set_exception_handler(self._unforeseen)
        self.failures: list[BaseException] = []

    def _unforeseen(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, ProcessDied) and "never retrieved" not in context["message"]:
            self.failures.append(error)

    def time(self) -> float:
        return self._at

    def wall_ns(self) -> int:
        """Return the simulated wall clock."""
        return EPOCH_NS + round(self._at * NANOSECONDS)

    def call_soon(self, callback: Any, *args: Any, context: contextvars.Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._enqueue(handle)
        return handle

    call_soon_threadsafe = call_soon

    def call_at(
        self, when: float, callback: Any, *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start work that belongs to a process."""
        context = contextvars.copy_context()
        context.run(CURRENT.set, process)
        return self.create_task(work, context=context)

    def block(self, seconds: float) -> None:
        """Let time pass under the caller's feet, as a blocking call of a thread does."""
        self._nested(self._at + seconds)

    def freeze(self, process: Process, seconds: float) -> None:
        """Stop a process in the middle of its call, while everything else goes on."""
        process.thaws_at = max(process.thaws_at, self._at + seconds)
        if CURRENT.get() is process:
            self._nested(process.thaws_at)
            process.require_alive()

    def _nested(self, until: float) -> None:
        task = tasks.current_task(self)
        if task is not None:
            tasks._leave_task(self, task)
        try:
            while self._at < until and self._advance(until):
                pass
        finally:
            if task is not None:
                tasks._enter_task(self, task)

    def _run_once(self) -> None:
        self._advance(None)

    def _advance(self, limit: float | None) -> bool:
        """Run one handle, or move the clock on; answer False once the limit is reached."""
        self._release_due()
        ready = [p for p in self._processes.values() if p.queue and p.thaws_at <= self._at]
        if not ready:
            return self._jump(limit)
        process = ready[0] if len(ready) == 1 else self._rng.choice(ready)
        handle = process.queue.popleft()
        self.steps += 1
        if not handle.cancelled():
            handle._run()
        return True

    def _release_due(self) -> None:
        while self._timers and self._timers[0][0] <= self._at:
            self._enqueue(heapq.heappop(self._timers)[2])

    def _jump(self, limit: float | None) -> bool:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        moments = [p.thaws_at for p in self._processes.values() if p.queue]
        moments += [self._timers[0][0]] if self._timers else []
        if not moments and limit is None:
            raise Stuck("nothing is left that could happen")
        following = min(moments, default=float("inf"))
        if limit is not None and following > limit:
            self._at = limit
            return False
        self._at = max(self._at, following)
        return True

    def _enqueue(self, handle: asyncio.Handle) -> None:
        if handle.cancelled():
            return
        process = handle._context.get(CURRENT, WORLD)
        if not process.is_dead:
            self._processes.setdefault(id(process), process)
            process.queue.append(handle)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it on the heap: it is skipped when its time comes."""

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """Let a dead process's generators go without running their ends."""


class VirtualClock:
    """The `Clock` port of one host: wall time goes on over a reboot, boot time begins again."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.booted_ns = 0

    def reboot(self) -> None:
        self.booted_ns = self._loop.wall_ns()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._loop.wall_ns() // 1000 / 1e6, tz=UTC)

    def boot_ns(self) -> int:
        return self._loop.wall_ns() - (self.booted_ns or EPOCH_NS) + NANOSECONDS

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
