"""From conditions to a position: enter once, leave at the target, the stop, the time or the day's end.

What is held depends on what happened before, so this walks bar by bar; every step looks at its own
bar and at those before it alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from brokers.domain.market import Float64Array1D, Int64Array1D
from strategies.library.hours import Flags

FLAT, LONG, SHORT = 0.0, 1.0, -1.0


class Cause(IntEnum):
    """Why the wanted position changed at a bar."""

    NONE = 0
    ENTERED = 1
    TARGET = 2
    STOPPED = 3
    TIMED_OUT = 4
    DAY_ENDED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What is true at each bar, in parallel columns of shape (n,).

    `stop_long` and `stop_short` are flags of the bar; `level_long` and `level_short` are the closes at
    which a position that was entered at that bar is given up, NaN for none. After a stop or a time-out
    a side waits for `rearmed` before it is entered again.
    """

    close: Float64Array1D
    enter_long: Flags
    enter_short: Flags
    target_long: Flags
    target_short: Flags
    stop_long: Flags
    stop_short: Flags
    level_long: Float64Array1D
    level_short: Float64Array1D
    rearmed: Flags
    day_ended: Flags
    max_bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The wanted position after each bar, why it changed there, and the bar in which the last one began (-1: none)."""

    exposure: Float64Array1D
    cause: Int64Array1D
    entered_at: Int64Array1D


def held(conditions: Conditions) -> Held:
    """Walk the bars and return what is held after each; leaving wins over entering, a stop over a target."""
    walk = _Walk(conditions)
    for at in range(conditions.close.size):
        walk.step(at)
    return Held(
        exposure=np.array(walk.exposure, dtype=np.float64),
        cause=np.array(walk.cause, dtype=np.int64),
        entered_at=np.array(walk.entered_at, dtype=np.int64),
    )


class _Walk:
    def __init__(self, conditions: Conditions) -> None:
        # lists: one element of an array at a time costs ten times as much
        self._close = conditions.close.tolist()
        self._enter = {LONG: conditions.enter_long.tolist(), SHORT: conditions.enter_short.tolist()}
        self._target = {LONG: conditions.target_long.tolist(), SHORT: conditions.target_short.tolist()}
        self._stop = {LONG: conditions.stop_long.tolist(), SHORT: conditions.stop_short.tolist()}
        self._level = {LONG: conditions.level_long.tolist(), SHORT: conditions.level_short.tolist()}
        self._rearmed = conditions.rearmed.tolist()
        self._day_ended = conditions.day_ended.tolist()
        self._max_bars = conditions.max_bars
        self._side, self._since, self._barred = FLAT, -1, FLAT
        self.exposure: list[float] = []
        self.cause: list[int] = []
        self.entered_at: list[int] = []

    def step(self, at: int) -> None:
        if self._rearmed[at]:
            self._barred = FLAT
        cause = self._leaving(at) if self._side else self._entering(at)
        self.exposure.append(self._side)
        self.cause.append(cause)
        self.entered_at.append(self._since)

    def _entering(self, at: int) -> Cause:
        if self._day_ended[at]:
            return Cause.NONE
        for side in (LONG, SHORT):
            if self._enter[side][at] and self._barred != side:
                self._side, self._since = side, at
                return Cause.ENTERED
        return Cause.NONE

    def _leaving(self, at: int) -> Cause:
        cause = self._why(at)
        if cause in (Cause.STOPPED, Cause.TIMED_OUT):
            self._barred = self._side
        if cause is not Cause.NONE:
            self._side = FLAT
        return cause

    def _why(self, at: int) -> Cause:
        side, level = self._side, self._level[self._side][self._since]
        if self._day_ended[at]:
            return Cause.DAY_ENDED
        # a level of NaN compares false: there is none
        if self._stop[side][at] or side * self._close[at] <= side * level:
            return Cause.STOPPED
        if self._target[side][at]:
            return Cause.TARGET
        return Cause.TIMED_OUT if at - self._since >= self._max_bars else Cause.NONE
