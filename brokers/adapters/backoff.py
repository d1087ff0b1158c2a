"""How long to wait before asking again: one policy, replaceable where it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Backoff:
    """Doubling waits with jitter; `jitter` draws from [0, 1) and is injected, so that tests repeat."""

    jitter: Callable[[], float]
    first_s: float = 1.0
    cap_s: float = 60.0
    attempts: int = 0

    def next_s(self) -> float:
        """Return the next wait: between half and the whole of the doubled one, so that many clients spread out."""
        whole = min(self.first_s * 2.0 ** min(self.attempts, 30), self.cap_s)
        self.attempts += 1
        return whole * (0.5 + 0.5 * self.jitter())

    def reset(self) -> None:
        """Begin again from the first wait, after a success."""
        self.attempts = 0
