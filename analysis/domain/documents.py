"""Scans as plain JSON values; figures are rounded for reading, decisions were made on exact ones."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from analysis.domain.breadth import breadth, sectors
from analysis.domain.checks import GRADES
from analysis.domain.movers import Span, change_at
from analysis.domain.scanner import ScanRow
from analysis.domain.stages import Stage
from analysis.domain.trend import trend_at
from analysis.domain.trigger_words import TRIGGER_WORDS


def row_document(row: ScanRow, *, sector: str = "", share_factor: float = 1.0) -> dict[str, Any]:
    """Return one row of a scan: everything that its reader sees of the stock.

    `share_factor` turns the adjusted volume into the shares that were traded that day.
    """
    series = row.measures.series
    document = {
        "symbol": row.symbol,
        "traded_as": row.traded_as,
        "sector": sector,
        "close": short(row.close),
        "change": short(row.change),
        "volume": short(float(series.volume[row.place]) * share_factor),
        "score": row.score,
        "grade": row.grade,
        "super_performer": row.is_super_performer,
        "rating": short(row.rating),
        "stage": stage_of(row),
        "moves": {span.value: short(change_at(series, row.place, span)) for span in Span},
        "checks": [
            {**asdict(check), "figure": short(check.figure), "threshold": short(check.threshold)}
            for check in row.checks
        ],
        "triggers": [{**asdict(trigger), "text": TRIGGER_WORDS[trigger.name]} for trigger in row.triggers],
        "trend": asdict(trend_at(row.measures, row.place)),
    }
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain


def summary_document(rows: Sequence[ScanRow], sector_of: Mapping[str, str]) -> dict[str, Any]:
    """Return what a scan's rows come to: breadth, sectors, and how many stand in each stage and have each grade."""
    stages = Counter(str(stage_of(row) or "unknown") for row in rows)
    grades = Counter(row.grade or "none" for row in rows)
    document = {
        "breadth": asdict(breadth(rows)),
        "sectors": [asdict(sector) for sector in sectors(rows, sector_of)],
        "stages": {name: stages[name] for name in (*(str(int(stage)) for stage in Stage), "unknown")},
        "grades": {name: grades[name] for name in (*GRADES, "none")},
    }
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain


def stage_of(row: ScanRow) -> int | None:
    """Return the stage of a row, None where the history is too short for one."""
    stage = float(row.measures.stage[row.place])
    return None if math.isnan(stage) else int(stage)


def short(value: float | None) -> float | None:
    """Return a figure with eight digits, None for one that is not known."""
    return None if value is None or math.isnan(value) else float(f"{value:.8g}")
