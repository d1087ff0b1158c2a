"""Database, journal, lease and disk under virtual time.

The database is SQLite in memory; a journal commit (`synchronous=FULL` in production) is the durable
point, and whatever others wrote since the last one is lost with the power, as a write-ahead log's
unsynced tail is. The product's own threads' code runs on the loop instead of on threads.
"""

from __future__ import annotations

import queue
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from django.core.management import call_command
from django.db import OperationalError, connection, connections

from brokers.domain.errors import DataError
from brokers.ports import LeaseGrant
from execution.chain import Tip
from execution.journal import Journal, StaleToken, _Waiting
from execution.runtime import sendlog
from execution.runtime.lease import DatabaseLease
from execution.threads import DatabaseThread
from tests.simulation.clockwork import CURRENT, Process
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

LOADING = frozenset({"_opened.<locals>.<lambda>", "journal_part"})
LATENCY_S = (0.001, 0.006)


def raw() -> sqlite3.Connection:
    connection.ensure_connection()
    return cast("sqlite3.Connection", connection.connection)


def empty_image() -> bytes:
    """Return the migrated database, to be laid out anew for every run.

    All simulated processes share one connection of one thread, which Django would give to each task anew.
    """
    connections._connections = SimpleNamespace()
    call_command("migrate", verbosity=0)
    return raw().serialize()


def lay_out(image: bytes) -> None:
    raw().deserialize(image)


class OnTheLoop:
    """Lets a database thread's work be done by the loop, a moment after it was asked for."""

    name: str
    _items: queue.SimpleQueue[Any]
    _handle: Callable[[Any], None]
    _idle: Callable[[], None]

    def bind(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._is_due = self._is_busy = False

    @property
    def is_at_work(self) -> bool:
        return self._is_due or self._is_busy or not self._items.empty()

    def start(self) -> None:
        return

    def stop(self, timeout_s: float = 10.0) -> None:
        return

    def _put(self, item: object) -> None:
        CURRENT.get().require_alive()
        self._items.put(item)
        if not (self._is_due or self._is_busy):
            self._is_due = True
            self._world.loop.call_later(self._world.rng.uniform(*LATENCY_S), self._drain)

    def _drain(self) -> None:
        self._is_due, self._is_busy = False, True
        try:
            while True:
                self._handle(self._items.get_nowait())
                self._idle()
        except queue.Empty:
            self._is_busy = False


class SimulatedThread(OnTheLoop, DatabaseThread):
    """A database thread without a thread."""

    def __init__(self, world: World, process: Process, name: str) -> None:
        super().__init__(name)
        self.bind(world, process)


class SimulatedReader(SimulatedThread):
    """The desk's reader: the reads that load or end something are port calls, the polls are not."""

    def _handle(self, item: object) -> None:
        work = getattr(item, "work", None)
        name = getattr(getattr(work, "func", work), "__qualname__", "")
        if name in LOADING:
            job = cast("Any", item)
            work = job.work
            job.work = lambda: self._read(work)
        super()._handle(item)

    def _read(self, work: Callable[[], Any]) -> Any:
        fault = self._world.ports.enter("read", "journal")
        if fault is Fault.ERROR:
            raise OperationalError("the database went away")
        answer = work()
        if fault is Fault.LOST:
            raise OperationalError("the database went away with its answer")
        return answer


class SimulatedJournal(OnTheLoop, Journal):
    """The journal itself; only its thread is the loop, and its commits may fail."""

    def __init__(self, world: World, process: Process, tips_file: Path) -> None:
        super().__init__(tips_file=tips_file)
        self.bind(world, process)

    def _commit(self, group: list[_Waiting]) -> list[Tip | StaleToken]:
        fault = self._world.ports.enter("journal", "commit")
        if fault is Fault.ERROR:
            raise OperationalError("the database went away")
        outcomes = super()._commit(group)
        self._world.committed(group, outcomes)
        if fault is Fault.LOST:
            raise OperationalError("the database went away with its answer")
        return outcomes

    def _idle(self) -> None:
        if self._anchors._dirty and self._world.loop.time() - self._anchors._written_at >= 2.0:
            self._world.ports.enter("journal.anchor", "sync")
        super()._idle()


class SimulatedLease(DatabaseLease):
    """The lease in the database; its answers may fail or get lost."""

    def __init__(self, world: World, process: Process, **parts: Any) -> None:
        super().__init__(**parts)
        self._world = world
        self._process = process

    async def claim(self, account_id: str) -> LeaseGrant | None:
        grant = await self._under_faults("claim", lambda: super(SimulatedLease, self).claim(account_id))
        if grant is not None:
            self._process.token = grant.token
        return cast("LeaseGrant | None", grant)

    async def renew(self, grant: LeaseGrant) -> LeaseGrant | None:
        renewed = await self._under_faults("renew", lambda: super(SimulatedLease, self).renew(grant))
        return cast("LeaseGrant | None", renewed)

    def renew_now(self, grant: LeaseGrant) -> LeaseGrant | None:
        renewed = self._world.answers.renewing(lambda: super(SimulatedLease, self).renew_now(grant))
        return cast("LeaseGrant | None", renewed)

    async def release(self, grant: LeaseGrant) -> None:
        await self._under_faults("release", lambda: super(SimulatedLease, self).release(grant))

    async def _under_faults(self, name: str, act: Callable[[], Any]) -> LeaseGrant | None:
        fault = self._world.ports.enter("lease", name)
        if fault is Fault.ERROR:
            raise OperationalError("the database went away")
        answer = await act()
        if fault is Fault.LOST:
            raise OperationalError("the database went away with its answer")
        return cast("LeaseGrant | None", answer)


class SimulatedSendLog(sendlog.SendLog):
    """The send log on a memory disk; closed by its process's death, its writes may fail."""

    world: World

    def __init__(self, folder: Path, **parts: Any) -> None:
        self.world.ports.enter("disk", "open")
        super().__init__(folder, **parts)
        self._is_closed = False
        CURRENT.get().on_death.append(self.close)

    def mark(self, client_id: str) -> None:
        fault = self.world.ports.enter("disk.mark", "append")
        if fault is Fault.ERROR:
            raise DataError("the disk is full", code="sendlog.short_write")
        super().mark(client_id)
        if fault is Fault.LOST:
            raise DataError("the send log took half a mark", code="sendlog.short_write")

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            super().close()


def evidence(folder: Path, **parts: Any) -> sendlog.Evidence:
    SimulatedSendLog.world.ports.enter("disk", "read")
    return sendlog.evidence(folder, **parts)


def discard_before(folder: Path, **parts: Any) -> None:
    SimulatedSendLog.world.ports.enter("disk", "discard")
    sendlog.discard_before(folder, **parts)


def forget_unsynced(folder: Path) -> None:
    """Lose what only the operating system had: the send log is never flushed."""
    for path in folder.glob("*.log"):
        path.write_bytes(b"")
