"""When a strategy that counts by the day may enter, and when it must be flat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from brokers.domain.market import NANOSECONDS, Bars
from strategies.domain import SessionColumns

# the longest continuous session, derivatives since 2026-08-03: 09:15 to 15:40
SESSION_MINUTES = 385

Flags = npt.NDArray[np.bool_]


def may_enter(bars: Bars, columns: SessionColumns, *, quiet_minutes: int) -> Flags:
    """Tell of each bar whether its end is past the quiet minutes, before the cut-off and in the session; shape (n,)."""
    end_ns = _end_ns(bars)
    quiet_until = columns.open_ns + quiet_minutes * 60 * NANOSECONDS
    allowed: Flags = (end_ns >= quiet_until) & (end_ns < columns.entry_cutoff_ns) & in_session(bars, columns)
    return allowed


def must_leave(bars: Bars, columns: SessionColumns) -> Flags:
    """Tell of each bar whether nothing may be held after it: the day ends, or a new one has begun; shape (n,)."""
    # one bar early: the next may end too late to act on
    too_late = _end_ns(bars) + bars.interval_s * NANOSECONDS >= columns.square_off_ns
    first = np.diff(columns.open_ns, prepend=-1) != 0
    leave: Flags = too_late | first | ~in_session(bars, columns)
    return leave


def in_session(bars: Bars, columns: SessionColumns) -> Flags:
    """Tell of each bar whether it begins within its day's session; shape (n,)."""
    inside: Flags = (bars.start_ns >= columns.open_ns) & (bars.start_ns < columns.close_ns)
    return inside


def _end_ns(bars: Bars) -> npt.NDArray[np.int64]:
    return bars.start_ns + bars.interval_s * NANOSECONDS
