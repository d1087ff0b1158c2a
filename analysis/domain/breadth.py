"""Breadth: how many of a universe take part in a move, as a whole and sector by sector."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from analysis.domain.movers import Span, change_at
from analysis.domain.scanner import ScanRow

UNKNOWN_SECTOR = "not stated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """Counts of one day; each share is of those for whom it is known, None where that is nobody."""

    members: int
    advances: int
    declines: int
    unchanged: int
    above_50: float | None
    above_200: float | None
    new_highs: int
    new_lows: int
    advancing_stage: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sector:
    """One sector's day; moves are medians, so that one stock does not carry its sector."""

    name: str
    members: int
    moves: Mapping[Span, float | None]
    above_50: float | None
    rating: float | None
    super_performers: int


def breadth(rows: Sequence[ScanRow]) -> Breadth:
    """Return the breadth of a scan's rows."""
    moved = [row.change for row in rows if row.change is not None]
    return Breadth(
        members=len(rows),
        advances=sum(change > 0.0 for change in moved),
        declines=sum(change < 0.0 for change in moved),
        unchanged=sum(change == 0.0 for change in moved),
        above_50=_share(rows, lambda row: _sign(row, 50)),
        above_200=_share(rows, lambda row: _sign(row, 200)),
        new_highs=sum(bool(row.measures.series.high[row.place] >= row.measures.year_high[row.place]) for row in rows),
        new_lows=sum(bool(row.measures.series.low[row.place] <= row.measures.year_low[row.place]) for row in rows),
        advancing_stage=_share(rows, _advancing),
    )


def sectors(rows: Sequence[ScanRow], sector_of: Mapping[str, str]) -> tuple[Sector, ...]:
    """Return the sectors of a scan's rows by name; who has none stands under one name of its own."""
    groups: dict[str, list[ScanRow]] = {}
    for row in rows:
        groups.setdefault(sector_of.get(row.symbol, UNKNOWN_SECTOR), []).append(row)
    return tuple(_sector(name, groups[name]) for name in sorted(groups))


def _sector(name: str, rows: Sequence[ScanRow]) -> Sector:
    spans = (Span.DAY_1, Span.DAYS_5, Span.DAYS_20, Span.DAYS_60)
    return Sector(
        name=name,
        members=len(rows),
        moves={span: _median([change_at(row.measures.series, row.place, span) for row in rows]) for span in spans},
        above_50=_share(rows, lambda row: _sign(row, 50)),
        rating=_median([row.rating for row in rows]),
        super_performers=sum(row.is_super_performer for row in rows),
    )


def _sign(row: ScanRow, period: int) -> float:
    return float(row.measures.compared(1, period)[row.place])


def _advancing(row: ScanRow) -> float:
    stage = float(row.measures.stage[row.place])
    return stage if np.isnan(stage) else float(stage == 2.0)


def _share(rows: Sequence[ScanRow], figure: Callable[[ScanRow], float]) -> float | None:
    known = [value for value in map(figure, rows) if not np.isnan(value)]
    return sum(value > 0.0 for value in known) / len(known) if known else None


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
