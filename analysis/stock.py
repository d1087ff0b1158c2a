"""One stock: its candles, its lines, how the last scan judged it, and what was noted about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.candles import actions_listed, names_changed, study_series
from analysis.domain.adjustments import CorporateAction, Rename, share_factor
from analysis.domain.daily import DailySeries, date_of
from analysis.domain.study_lines import column_document, study_lines
from analysis.models import CandleYear, ListMember
from analysis.own_models import StockNote
from analysis.selectors import newest_scan, scan_head
from analysis.subjects import sectors_known, source_of
from brokers.domain.errors import NotFound

if TYPE_CHECKING:
    from accounts.models import User
    from analysis.scan_models import ScanRun

MOST_BARS = 2_000


def stock_document(user: User, *, instrument: str, universe: str | None = None, days: int = 500) -> dict[str, Any]:
    """Return everything that a stock's page shows; raise NotFound for an instrument that nothing is known of."""
    renames = names_changed()
    name = _today(instrument, renames)
    series = study_series([name])[0].get(name)
    if series is None and not _is_listed(name):
        raise NotFound(f"Nothing is known of {instrument}.", code="instrument.unknown", field="instrument")
    actions = actions_listed().get(name, [])
    run = newest_scan(user, universe)
    judged = next((row for row in run.results if row["symbol"] == name), None) if run is not None else None
    former = [{"name": one.old, "until": one.on} for one in renames if one.new == name]
    return {
        **scan_head(run, universe),
        "source": source_of([name, *(str(one["name"]) for one in former)]),
        "instrument": name,
        "traded_as": judged["traded_as"] if judged else name,
        "sector": sectors_known().get(name, ""),
        "reason": _reason(name, run, judged),
        "judged": judged,
        "actions": [{"ex_date": one.ex_date, "factor": one.factor, "kind": one.kind.value} for one in actions],
        "former_names": former,
        "notes": notes_of(user, name),
        **_chart(series, actions, days),
    }


def notes_of(user: User, instrument: str) -> list[dict[str, Any]]:
    """Return what the user's desks noted about an instrument, the newest first."""
    rows = StockNote.objects.visible_to(user).filter(instrument=instrument).select_related("written_by")
    return [
        {
            "id": str(row.id),
            "text": row.text,
            "by": (row.written_by.name or row.written_by.email) if row.written_by else "",
            "at": row.written_at,
        }
        for row in rows.order_by("-written_at")
    ]


def _chart(series: DailySeries | None, actions: list[CorporateAction], days: int) -> Mapping[str, Any]:
    if series is None or not len(series):
        return {"basis": "backward", "bars": [], "indicators": {}, "stage_by_bar": []}
    lines = study_lines(series, share_factor=share_factor(actions, date_of(int(series.day[-1]))))
    shown = lines.series
    rows = slice(max(len(shown) - days, 0), None)
    columns = [column_document(column[rows]) for column in (shown.open, shown.high, shown.low, shown.close)]
    volumes = column_document(shown.volume[rows])
    return {
        "basis": shown.basis.value,
        "bars": [
            [date_of(int(day)).isoformat(), *prices]
            for day, *prices in zip(shown.day[rows], *columns, volumes, strict=True)
        ],
        "indicators": {name: column_document(column[rows]) for name, column in lines.indicators.items()},
        "stage_by_bar": [None if stage is None else int(stage) for stage in column_document(lines.stage[rows])],
    }


def _today(instrument: str, renames: list[Rename]) -> str:
    for one in renames:
        if one.old == instrument:
            instrument = one.new
    return instrument


def _is_listed(instrument: str) -> bool:
    return (
        ListMember.objects.filter(instrument=instrument).exists()
        or CandleYear.objects.filter(instrument=instrument).exists()
    )


def _reason(name: str, run: ScanRun | None, judged: Mapping[str, Any] | None) -> str | None:
    """Say why the last scan gave no score, None where it did."""
    if run is None:
        return "Nothing has been scanned yet."
    if judged is not None and judged["score"] is not None:
        return None
    told = [remark["text"] for remark in run.remarks if remark["symbol"] == name]
    return " ".join(told) or f"It is no member of {run.universe}, the list of the last scan."
