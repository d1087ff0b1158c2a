"""One step of each running average that the streaming kernels share; scalars only, so that they cost no call."""

from __future__ import annotations

from analysis.domain.kernels import kernel

# what TA-Lib takes for zero
NOTHING = 1e-14


@kernel
def exponential(average: float, value: float, seen: int, start: int, period: int) -> float:
    """Step an exponential average: a sum while it fills from bar `start` on, then the mean, then the recursion."""
    if seen < start:
        return 0.0
    if seen < start + period - 1:
        return average + value
    if seen == start + period - 1:
        return (average + value) / period
    return average + (value - average) * (2.0 / (period + 1.0))


@kernel
def wilder(average: float, value: float, seen: int, period: int) -> float:
    """Step Wilder's average, at first the mean of `period` values from the second bar on."""
    if seen < period:
        return average + value
    if seen == period:
        return (average + value) / period
    return average + (value - average) / period


@kernel
def share(up: float, down: float) -> float:
    """Return how much of both is up, from 0 to 100; 0 of nothing."""
    return 100.0 * up / (up + down) if up + down > NOTHING else 0.0


@kernel
def true_range(high: float, low: float, close_before: float) -> float:
    """Return the range of a bar with the gap before it."""
    return max(high, close_before) - min(low, close_before)
