"""How long the longest database transaction lasted, seen from outside the code that opens them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from unittest.mock import patch


class Longest:
    """Times outermost transactions."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0
        self._began = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every transaction of this thread."""
        from django.db.transaction import Atomic

        enter, leave = Atomic.__enter__, Atomic.__exit__

        def entered(atomic: Atomic) -> None:
            enter(atomic)  # the lock is taken when this returns
            if self._depth == 0:
                self._began = perf_counter()
            self._depth += 1

        def left(atomic: Atomic, *error: Any) -> None:
            leave(atomic, *error)
            self._depth -= 1
            if self._depth == 0:
                self.seconds = max(self.seconds, perf_counter() - self._began)

        with patch.object(Atomic, "__enter__", entered), patch.object(Atomic, "__exit__", left):
            yield
