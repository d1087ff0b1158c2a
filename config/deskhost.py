"""The bootstep that turns a Celery worker into a desk: one asyncio loop in one thread."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import TYPE_CHECKING

import structlog
from celery import bootsteps
from celery.signals import worker_shutting_down

if TYPE_CHECKING:
    from execution.runtime.desk import Desk

log = structlog.get_logger(__name__)
DRAIN_S = 15.0
BROKEN_EXIT_CODE = 70


class DeskHost(bootsteps.StartStopStep):
    """Starts the desk's loop with the worker and drains it when the worker shuts down."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: object, **options: object) -> None:
        super().__init__(parent, **options)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._desk: Desk | None = None

    def start(self, parent: object) -> None:
        """Start the loop's thread."""
        # Connected here, so that a warm shutdown drains before it waits for tasks.
        worker_shutting_down.connect(self._begin_drain, weak=False)
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self._thread.start()

    def stop(self, parent: object) -> None:
        """Drain the desk and wait for its thread."""
        self._begin_drain()
        if self._thread is not None:
            self._thread.join(DRAIN_S)
            if self._thread.is_alive():
                log.error("desk_did_not_drain", waited_s=DRAIN_S)

    terminate = stop

    def _begin_drain(self, **_: object) -> None:
        if self._loop is not None and self._desk is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._desk.drain)

    def _run(self) -> None:
        from execution.runtime.desk import desk_from_settings

        try:
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                self._desk = desk_from_settings()
                runner.run(self._desk.run())
        except BaseException:
            # A worker without its loop looks healthy and hosts nothing: only the process's end is seen from outside.
            log.exception("desk_loop_ended", exit_code=BROKEN_EXIT_CODE)
            logging.shutdown()
            os._exit(BROKEN_EXIT_CODE)
