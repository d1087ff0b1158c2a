"""Market data as columns: what a decoder writes, what the desk reads.

Arrays are parallel: position i of every column speaks of the same packet. Prices are float64 in
the instrument's currency, quantities float64 units, times int64 nanoseconds since the epoch
(UTC), 0 where the venue sent none; NaN where a packet does not carry the field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Float64Array1D: TypeAlias = npt.NDArray[np.float64]
Int64Array1D: TypeAlias = npt.NDArray[np.int64]

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteColumns:
    """One frame of quotes, decoded; `depth` has shape (n, 10, 3), five bids then five asks: quantity, price, orders.

    `cached` marks ticks that the venue kept from before the subscription: they are shown, and nothing trades on them.
    `mark_price` is what a perpetual contract's margin is counted at; None from a venue without one.
    """

    token: Int64Array1D
    last_price: Float64Array1D
    volume: Float64Array1D
    open_interest: Float64Array1D
    bid: Float64Array1D
    ask: Float64Array1D
    day_open: Float64Array1D
    day_high: Float64Array1D
    day_low: Float64Array1D
    previous_close: Float64Array1D
    exchange_ns: Int64Array1D
    received_ns: int
    depth: npt.NDArray[np.float64] | None = None
    cached: npt.NDArray[np.bool_] | None = None
    mark_price: Float64Array1D | None = None

    def __len__(self) -> int:
        return int(self.token.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One closed bar; `start_ns` is its open, the interval is half-open."""

    instrument: str
    interval_s: int
    start_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.interval_s * NANOSECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Closed bars of one instrument, oldest first; parallel float64 columns."""

    instrument: str
    interval_s: int
    start_ns: Int64Array1D
    open: Float64Array1D
    high: Float64Array1D
    low: Float64Array1D
    close: Float64Array1D
    volume: Float64Array1D

    def __len__(self) -> int:
        return int(self.close.size)

    def last(self, count: int) -> Bars:
        """Return the newest `count` bars."""
        start = max(len(self) - count, 0)
        return Bars(
            instrument=self.instrument,
            interval_s=self.interval_s,
            start_ns=self.start_ns[start:],
            open=self.open[start:],
            high=self.high[start:],
            low=self.low[start:],
            close=self.close[start:],
            volume=self.volume[start:],
        )


def bars_of(instrument: str, interval_s: int, rows: Sequence[Bar]) -> Bars:
    """Gather closed bars into columns."""
    return Bars(
        instrument=instrument,
        interval_s=interval_s,
        start_ns=np.array([row.start_ns for row in rows], dtype=np.int64),
        open=np.array([row.open for row in rows], dtype=np.float64),
        high=np.array([row.high for row in rows], dtype=np.float64),
        low=np.array([row.low for row in rows], dtype=np.float64),
        close=np.array([row.close for row in rows], dtype=np.float64),
        volume=np.array([row.volume for row in rows], dtype=np.float64),
    )


class BarSeries:
    """A growing history of closed bars; `view()` costs no copy.

    It grows and never slides: a window that forgot its oldest bars would restart recursive
    averages and let live decisions drift from a backtest's.
    """

    __slots__ = ("_columns", "_length", "_starts", "instrument", "interval_s")

    def __init__(self, instrument: str, interval_s: int) -> None:
        self.instrument = instrument
        self.interval_s = interval_s
        self._length = 0
        self._starts = np.empty(256, dtype=np.int64)
        self._columns = np.empty((5, 256), dtype=np.float64)

    def __len__(self) -> int:
        return self._length

    @property
    def last_start_ns(self) -> int | None:
        return int(self._starts[self._length - 1]) if self._length else None

    def append(self, bar: Bar) -> bool:
        """Add a closed bar; answer False, changing nothing, when it is not newer than the last."""
        last = self.last_start_ns
        if last is not None and bar.start_ns <= last:
            return False
        if self._length == self._starts.size:
            self._grow()
        self._starts[self._length] = bar.start_ns
        self._columns[:, self._length] = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        self._length += 1
        return True

    def view(self) -> Bars:
        n = self._length
        open_, high, low, close, volume = self._columns[:, :n]
        return Bars(
            instrument=self.instrument,
            interval_s=self.interval_s,
            start_ns=self._starts[:n],
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
        )

    def _grow(self) -> None:
        size = self._starts.size
        self._starts = np.concatenate([self._starts, np.empty(size, dtype=np.int64)])
        self._columns = np.concatenate([self._columns, np.empty((5, size), dtype=np.float64)], axis=1)


# an instrument, when, its price, and the day's volume until then, NaN where there is none
Tick = tuple[str, int, float, float]


@dataclass(slots=True, kw_only=True)
class _Forming:
    start_ns: int
    end_ns: int
    open: float
    high: float
    low: float
    close: float
    volume_before: float
    volume_now: float
    volume_last: float


@dataclass(slots=True, kw_only=True)
class BarBuilder:
    """Builds bars of one interval from quotes; cumulative day volume becomes bar volume.

    A bar closes when market time passes its end, whichever instrument's quote says so: a quiet
    instrument's bar must not wait for its own next trade. Minutes without a trade have no bar.
    """

    interval_s: int
    anchor_ns: int = 0
    _forming: dict[str, _Forming] = field(default_factory=dict)
    _volume: dict[str, float] = field(default_factory=dict)

    def add(self, ticks: Iterable[Tick]) -> None:
        """Take quotes in the order in which they came."""
        known = self._forming.get
        for instrument, at_ns, price, volume in ticks:
            forming = known(instrument)
            if forming is None or not forming.start_ns <= at_ns < forming.end_ns:
                self._begin(instrument, at_ns, price, volume)
                continue
            if price > forming.high:
                forming.high = price
            elif price < forming.low:
                forming.low = price
            forming.close = price
            if volume > forming.volume_now:  # noqa: PLR1730 - for every tick: max() costs as much as all the rest
                forming.volume_now = volume
            forming.volume_last = volume

    def _begin(self, instrument: str, at_ns: int, price: float, volume: float) -> None:
        replaced = self._forming.get(instrument)
        if replaced is not None:
            self._volume[instrument] = _counted(replaced.volume_last)
        known = self._volume.get(instrument)
        cumulative = _counted(volume)
        start_ns = self._start_of(at_ns)
        self._forming[instrument] = _Forming(
            start_ns=start_ns,
            end_ns=start_ns + self.interval_s * NANOSECONDS,
            open=price,
            high=price,
            low=price,
            close=price,
            # a day's counter restarts at the open: then all of it belongs to this bar
            volume_before=cumulative if known is None else (known if cumulative >= known else 0.0),
            volume_now=cumulative,
            volume_last=volume,
        )

    def close_until(self, market_ns: int) -> list[Bar]:
        """Return, and forget, every bar whose end is not after `market_ns`."""
        due = [key for key, bar in self._forming.items() if bar.end_ns <= market_ns]
        return [self._closed(key, self._forming.pop(key)) for key in due]

    def _closed(self, instrument: str, bar: _Forming) -> Bar:
        self._volume[instrument] = _counted(bar.volume_last)
        return Bar(
            instrument=instrument,
            interval_s=self.interval_s,
            start_ns=bar.start_ns,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=max(bar.volume_now - bar.volume_before, 0.0),
        )

    def _start_of(self, at_ns: int) -> int:
        length = self.interval_s * NANOSECONDS
        return at_ns - (at_ns - self.anchor_ns) % length


def _counted(volume: float) -> float:
    return 0.0 if math.isnan(volume) else volume


def at_of(ns: int) -> datetime | None:
    """Turn nanoseconds into an aware time; 0 means the venue sent none."""
    if ns == 0:
        return None
    return datetime.fromtimestamp(ns / NANOSECONDS, tz=UTC)


def ns_of(at: datetime) -> int:
    """Turn an aware time into nanoseconds, exact to the microsecond."""
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * NANOSECONDS + at.microsecond * 1_000
