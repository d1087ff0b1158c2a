"""The kernels of a process that answers requests: compiled or loaded beside them, and said so meanwhile.

From an empty cache compiling takes some ten seconds of a processor: too long for whoever asks first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from options.domain.implied import warm

log = structlog.get_logger(__name__)
PREPARING = "The figures are being prepared for the first time since the start; that takes some seconds."
# long enough to load what is compiled already
PATIENCE_S = 2.0
# until a machine that starts everything at once has come up
BEGINS_AFTER_S = 10.0


class Warming:
    """Slow work that is done once on a thread: some time after the start, or when somebody first asks."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._begun_at = 0.0
        self._is_armed = False

    def arm(self, *, after_s: float = BEGINS_AFTER_S) -> None:
        """Begin after a while, and let nobody wait longer than their patience from now on."""
        self._is_armed = True
        timer = threading.Timer(after_s, self._begin)
        timer.daemon = True
        timer.start()

    def is_done(self, *, patience_s: float = PATIENCE_S) -> bool:
        """Tell whether it is done, waiting for it a little in its first seconds; where nobody armed it, whoever comes first does the work."""
        if not self._is_armed:
            return True
        self._begin()
        # nobody waits for what others have waited for already
        return self._done.wait(max(self._begun_at + patience_s - time.monotonic(), 0.0))

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._begun_at = time.monotonic()
                self._thread = threading.Thread(target=self._run, name="kernels", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except Exception:
            # whoever asks next meets the same, and is told
            log.exception("kernels_not_warmed")
        finally:
            self._done.set()


KERNELS = Warming(warm)
