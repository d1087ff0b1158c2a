"""A year of candles as bytes, and two sets of candles as one.

Six little-endian float64 columns one after another: day, open, high, low, close, volume. All of them are
exact: a day number is small, and a price is what the file said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from analysis.domain.candle_files import Candle
from analysis.domain.daily import DailySeries, daily_series, date_of, day_number
from brokers.domain.errors import DataError

COLUMNS = 6
Table: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Candles after an import, and what it did: new days, days whose figures changed, days that were there alike."""

    table: Table
    added: int
    changed: int
    alike: int


def table_of(candles: Iterable[Candle]) -> Table:
    """Return candles of one symbol as a table of shape (6, n), by day; of a day that comes twice the last counts."""
    by_day = {day_number(one.day): one for one in candles}
    rows = [(day, one.open, one.high, one.low, one.close, one.volume) for day, one in sorted(by_day.items())]
    return np.array(rows, dtype=np.float64).reshape(len(rows), COLUMNS).T.copy()


def packed(table: Table) -> bytes:
    """Return a table as bytes."""
    return np.ascontiguousarray(table, dtype="<f8").tobytes()


def unpacked(data: bytes) -> Table:
    """Return bytes as a table; raise DataError where they are none."""
    if len(data) % (8 * COLUMNS):
        raise DataError("stored candles are damaged: their length fits no table", code="candles.damaged")
    return np.frombuffer(data, dtype="<f8").reshape(COLUMNS, -1)


def merged(stored: Table, arriving: Table) -> Merge:
    """Put arriving candles among the stored ones; an arriving day replaces a stored one."""
    days = np.union1d(stored[0], arriving[0])
    table = np.full((COLUMNS, days.size), np.nan)
    table[:, np.searchsorted(days, stored[0])] = stored
    table[:, np.searchsorted(days, arriving[0])] = arriving
    _, old, new = np.intersect1d(stored[0], arriving[0], assume_unique=True, return_indices=True)
    changed = int(np.count_nonzero(np.any(stored[:, old] != arriving[:, new], axis=0)))
    return Merge(table=table, added=days.size - stored.shape[1], changed=changed, alike=old.size - changed)


def years_of(table: Table) -> dict[int, Table]:
    """Split a table by the years of its days."""
    years = np.array([date_of(int(day)).year for day in table[0]], dtype=np.int64)
    return {int(year): table[:, years == year] for year in np.unique(years)}


def series_of(symbol: str, parts: Sequence[bytes]) -> DailySeries:
    """Return the series that packed years hold, given in order; raise DataError where they are damaged."""
    table = np.concatenate([unpacked(part) for part in parts], axis=1) if parts else np.empty((COLUMNS, 0))
    return daily_series(
        symbol,
        table[0].astype(np.int64),
        open=table[1],
        high=table[2],
        low=table[3],
        close=table[4],
        volume=table[5],
    )
