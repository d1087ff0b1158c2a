"""A bar's place in its trading day, as the calendar has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from brokers.domain.calendar import Segment, TradingCalendar
from brokers.domain.market import NANOSECONDS, Int64Array1D, ns_of

# later than any bar, and a bar's length beyond it is still a number
NEVER_NS = 1 << 62
_DAY_NS = 86_400 * NANOSECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInfo:
    """One trading day's instants, in nanoseconds since the epoch (UTC).

    Where the market never closes, cut-off, square-off and close are later than any bar.
    """

    open_ns: int
    entry_cutoff_ns: int
    square_off_ns: int
    close_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionColumns:
    """The session of every bar, parallel to the bars; all zero on a day without trading."""

    open_ns: Int64Array1D
    entry_cutoff_ns: Int64Array1D
    square_off_ns: Int64Array1D
    close_ns: Int64Array1D


class Sessions:
    """Looks up one segment's sessions, once per day."""

    def __init__(self, calendar: TradingCalendar, segment: Segment) -> None:
        self._calendar = calendar
        self._segment = segment
        self.zone = calendar.zone
        offset = datetime(2026, 1, 1, tzinfo=calendar.zone).utcoffset()
        assert offset is not None
        self._offset_ns = int(offset.total_seconds()) * NANOSECONDS
        self._known: dict[int, SessionInfo] = {}

    def on(self, day: date) -> SessionInfo:
        """Return a day's instants, all zero without trading; raises DataError for an unloaded year."""
        session = self._calendar.session(self._segment, day)
        if session is None:
            return SessionInfo(open_ns=0, entry_cutoff_ns=0, square_off_ns=0, close_ns=0)
        if session.is_always_open:
            return SessionInfo(
                open_ns=ns_of(session.open_at), entry_cutoff_ns=NEVER_NS, square_off_ns=NEVER_NS, close_ns=NEVER_NS
            )
        return SessionInfo(
            open_ns=ns_of(session.open_at),
            entry_cutoff_ns=ns_of(session.entry_cutoff_at),
            square_off_ns=ns_of(session.square_off_at),
            close_ns=ns_of(session.continuous_end_at),
        )

    def at(self, start_ns: int) -> SessionInfo:
        """Return the session of one bar."""
        return self._of_day((start_ns + self._offset_ns) // _DAY_NS)

    def of(self, start_ns: Int64Array1D) -> SessionColumns:
        """Return the session of every bar that begins at `start_ns`, shape (n,)."""
        days, place = np.unique((start_ns + self._offset_ns) // _DAY_NS, return_inverse=True)
        found = [self._of_day(int(day)) for day in days]

        def column(name: str) -> Int64Array1D:
            return np.array([getattr(info, name) for info in found], dtype=np.int64)[place]

        return SessionColumns(
            open_ns=column("open_ns"),
            entry_cutoff_ns=column("entry_cutoff_ns"),
            square_off_ns=column("square_off_ns"),
            close_ns=column("close_ns"),
        )

    def _of_day(self, number: int) -> SessionInfo:
        if number not in self._known:
            day = datetime.fromtimestamp(number * 86_400, tz=UTC).date()
            self._known[number] = self.on(day)
        return self._known[number]
