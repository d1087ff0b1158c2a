"""One thread with one database connection, to which an asyncio loop hands its work.

`sync_to_async` would serialise all of a process on one thread and never close a dead connection
there; this thread owns its connection and replaces it when the database went away.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import structlog
from django.db import InterfaceError, InternalError, OperationalError, connection

Answer = TypeVar("Answer")
log = structlog.get_logger(__name__)

# PostgreSQL ends a session that stood still within a transaction with an internal error
LOST = (OperationalError, InterfaceError, InternalError)
RECONNECT_S = (0.05, 0.2, 0.5, 1.0, 2.0)
# far above the pause between two statements of ours, and well below the life of a lease
IDLE_WITHIN_TRANSACTION_MS = 2_000


def session_name(owner: str) -> str:
    """Return how PostgreSQL shows an owner's connections: 63 printable characters at most, of which the last differ."""
    return "".join(one if " " < one < "\x7f" else "?" for one in owner)[-63:]


@dataclass(slots=True)
class Job(Generic[Answer]):
    """A piece of work and the future that will hold its answer."""

    work: Callable[[], Answer]
    future: Future[Answer] = field(default_factory=Future)


class DatabaseThread:
    """Runs work in order on its own connection; a lost connection is replaced and the work repeated.

    The work must therefore be one transaction, harmless when run again. PostgreSQL shows the connection under the name
    of the leases' `owner`, by which a successor knows what to end.
    """

    def __init__(self, name: str, *, owner: str = "") -> None:
        self.name = name
        self.owner = owner
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._is_stopping = False
        self._prepared: object = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish what waits, close the connection and end the thread; a second call does nothing."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._items.put(None)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            log.error("database_thread_stuck", thread=self.name, waited_s=timeout_s)

    def run(self, work: Callable[[], Answer]) -> Future[Answer]:
        """Queue work and return the future of its answer; a stopping thread raises RuntimeError."""
        job = Job(work)
        self._put(job)
        return job.future

    def _put(self, item: object) -> None:
        if self._is_stopping:
            raise RuntimeError(f"{self.name} is stopping")
        self._items.put(item)

    def _loop(self) -> None:
        while True:
            try:
                item = self._items.get(timeout=0.5)
            except queue.Empty:
                self._beside(self._idle)
                continue
            if item is None:
                break
            self._handle(item)
            self._beside(self._idle)
        self._beside(self._end)
        connection.close()

    def _beside(self, work: Callable[[], None]) -> None:
        """Do what is beside the thread's purpose: its failure must not leave every writer waiting."""
        try:
            work()
        except Exception:
            log.exception("database_thread_aside_failed", thread=self.name)

    def _handle(self, item: object) -> None:
        job = cast("Job[Any]", item)
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            answer = self._persist(job.work)
        except Exception as error:  # noqa: BLE001 - a supervisor: the error goes to whoever waits for the future
            job.future.set_exception(error)
        else:
            job.future.set_result(answer)

    def _persist(self, work: Callable[[], Answer]) -> Answer:
        for pause_s in RECONNECT_S:
            try:
                self._connect()
                return work()
            except LOST as error:
                log.warning("database_lost", thread=self.name, error=str(error), retry_in_s=pause_s)
                connection.close()
                time.sleep(pause_s)
        self._connect()
        return work()

    def _connect(self) -> None:
        connection.ensure_connection()
        if connection.connection is not self._prepared:
            self._prepare()
            self._prepared = connection.connection

    def _prepare(self) -> None:
        """Set up a new connection; called once for each."""
        if connection.vendor == "postgresql":
            # a process that is frozen within a transaction must not keep its lease's row from whoever takes over
            with connection.cursor() as cursor:
                cursor.execute(f"SET idle_in_transaction_session_timeout TO {IDLE_WITHIN_TRANSACTION_MS}")
                cursor.execute("SELECT set_config('application_name', %s, false)", [session_name(self.owner)])

    def _idle(self) -> None:
        """Do what may wait; called after every piece of work and twice in each idle second."""

    def _end(self) -> None:
        """Do what must happen before the thread ends."""
