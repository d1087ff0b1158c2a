"""The streaming engine: every indicator of all subscribed instruments, brought forward as bars close.

Its values equal those of the batch functions over the same bars from the first that exists; only the
order of additions differs, some units in the last place. Instruments are rows, taken once and kept.
"""

from __future__ import annotations

import numpy as np

from analysis.domain.readings import Reading
from analysis.domain.streaming_core import CORE_READINGS, Float64Array2D, core_state, core_windows, update_core
from analysis.domain.streaming_periods import CorePeriods, WidePeriods, checked_core, checked_wide
from analysis.domain.streaming_wide import WIDE_READINGS, WideState, update_wide, wide_state
from analysis.domain.talib_calls import check_lengths
from brokers.domain.errors import Invalid
from brokers.domain.market import Bars, Float64Array1D, Int64Array1D

__all__ = ["CoreStream", "Reading", "StreamingEngine", "warm_kernels"]


class CoreStream:
    """The seven most used, alone: SMA, EMA, RSI, MACD, ADX, ATR and Bollinger."""

    __slots__ = ("_out", "_state", "_windows", "periods")

    def __init__(self, instruments: int, periods: CorePeriods | None = None) -> None:
        self.periods = checked_core(periods or CorePeriods())
        self._windows = core_windows(self.periods)
        self._state = core_state(instruments, self.periods)
        self._out = np.empty((instruments, CORE_READINGS))

    def update(
        self, rows: Int64Array1D, high: Float64Array1D, low: Float64Array1D, close: Float64Array1D
    ) -> Float64Array2D:
        """Take one closed bar per row and return readings of shape (rows, 13), valid until the next call."""
        out, count = self._out, rows.size
        if count != len(out):
            if count > len(out):
                self._out = np.empty((count, CORE_READINGS))
            out = self._out[:count]
        update_core(rows, high, low, close, self._state, self._windows, out)
        return out

    def grow(self, instruments: int) -> None:
        """Take so many more instruments; those that are there keep their rows and all they have seen."""
        self._state = np.concatenate([self._state, core_state(instruments, self.periods)])

    def forget(self, row: int) -> None:
        """Let a row begin anew, as one that has seen no bar."""
        self._state[row] = 0.0


class StreamingEngine:
    """All indicators of many instruments; instrument i is row i.

    Only closed bars are taken: what a forming bar would do to an average is not undone.
    """

    __slots__ = ("_core", "_instruments", "_wide", "_wide_periods")

    def __init__(self, instruments: int, core: CorePeriods | None = None, wide: WidePeriods | None = None) -> None:
        self._instruments = instruments
        self._core = CoreStream(instruments, core)
        self._wide_periods = checked_wide(wide or WidePeriods())
        self._wide = wide_state(instruments, self._wide_periods)

    @property
    def warm_after(self) -> int:
        """How many bars an instrument needs before all its readings exist."""
        return max(self._core.periods.warm_after, self._wide_periods.warm_after)

    def update(
        self,
        rows: Int64Array1D,
        high: Float64Array1D,
        low: Float64Array1D,
        close: Float64Array1D,
        *,
        volume: Float64Array1D,
        session: Int64Array1D,
    ) -> Float64Array2D:
        """Take closed bars, in order where a row comes twice; return readings of shape (bars, len(Reading)).

        `volume` is 0 for what has none, `session` a number that changes with each session.

        Raises
        ------
        Invalid
            For a row that is no instrument's, or columns of unequal length.
        """
        check_lengths(high, low, close, volume)
        if rows.shape != close.shape or session.shape != close.shape:
            raise Invalid("columns of an indicator must have one length", code="indicator.shape")
        if rows.size and not (rows.min() >= 0 and rows.max() < self._instruments):
            raise Invalid(f"rows must lie within 0 and {self._instruments - 1}", code="indicator.row", field="rows")
        result = np.empty((rows.size, CORE_READINGS + WIDE_READINGS))
        result[:, :CORE_READINGS] = self._core.update(rows, high, low, close)
        wide = np.empty((rows.size, WIDE_READINGS))
        update_wide(rows, high, low, close, volume, session, self._wide, self._wide_periods, wide)
        result[:, CORE_READINGS:] = wide
        return result

    def grow(self, instruments: int) -> None:
        """Take so many more instruments; those that are there keep their rows and all they have seen."""
        self._instruments += instruments
        self._core.grow(instruments)
        more = wide_state(instruments, self._wide_periods)
        self._wide = WideState(
            numbers=np.concatenate([self._wide.numbers, more.numbers]),
            rings=np.concatenate([self._wide.rings, more.rings]),
        )

    def forget(self, row: int) -> None:
        """Let a row begin anew, as one that has seen no bar."""
        self._core.forget(row)
        new = wide_state(1, self._wide_periods)
        self._wide.numbers[row], self._wide.rings[row] = new.numbers[0], new.rings[0]

    def backfill(self, row: int, bars: Bars, session: Int64Array1D) -> Float64Array2D:
        """Take an instrument's history at once and return the readings after each of its bars."""
        rows = np.full(len(bars), row, dtype=np.int64)
        columns = (np.ascontiguousarray(column) for column in (bars.high, bars.low, bars.close))
        return self.update(rows, *columns, volume=np.nan_to_num(bars.volume, nan=0.0), session=session)


def warm_kernels() -> None:
    """Compile what this module runs, or load it from disk: for a worker's start, never for a request."""
    one = np.ones(1)
    none = np.zeros(1, dtype=np.int64)
    StreamingEngine(1).update(none, one, one, one, volume=one, session=none)
