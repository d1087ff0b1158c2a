"""The exchange's clock as we know it, and moments that a signature may carry.

A V1 time more than a second ahead of the exchange fails whatever the window; a V3 nonce lives ten seconds either way,
is never used twice and may not step back. So the difference of the clocks is measured and added, and nonces come from
one sequence per user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from brokers.domain.errors import Invalid

ALARM_MS = 500.0
ENTRIES_STOP_MS = 5_000.0
SAMPLES = 5
_US_PER_MS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSample:
    """One question for the exchange's time: milliseconds of our clock before and after, and its answer."""

    asked_ms: float
    answered_ms: float
    server_ms: float

    @property
    def offset_ms(self) -> float:
        """Return how far the exchange is ahead of us, taking its answer as made halfway."""
        return self.server_ms - (self.asked_ms + self.answered_ms) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockOffset:
    """What is added to our clock to have the exchange's; positive where the exchange is ahead."""

    milliseconds: float

    @property
    def is_alarming(self) -> bool:
        return abs(self.milliseconds) > ALARM_MS

    @property
    def stops_entries(self) -> bool:
        """Tell whether new orders wait: beyond this a signature may be refused at any moment."""
        return abs(self.milliseconds) > ENTRIES_STOP_MS

    def milliseconds_at(self, now_ms: float) -> int:
        """Return the exchange's time for a V1 signature, rounded down: ahead is worse than behind."""
        return int(now_ms + self.milliseconds)

    def microseconds_at(self, now_ms: float) -> int:
        """Return the exchange's time for a V3 nonce."""
        return int((now_ms + self.milliseconds) * _US_PER_MS)


def offset_of(samples: Sequence[TimeSample]) -> ClockOffset:
    """Return the median offset of some samples; one slow answer does not move it."""
    if not samples:
        raise Invalid("a clock is measured by one sample or more", code="aster.clock", field="samples")
    return ClockOffset(milliseconds=median(sample.offset_ms for sample in samples))


class NonceSequence:
    """Strictly growing nonces of one user; `last` comes from wherever all processes of the user keep it."""

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def next(self, now_us: int) -> int:
        """Return a nonce near now that no request has had."""
        self.last = max(now_us, self.last + 1)
        return self.last
