"""Asking for a scan, and carrying it out in the worker."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Desk, User
from accounts.outbox import outbox_add
from analysis.candles import fingerprint, study_series, universe_named
from analysis.domain.daily import DailySeries, date_of
from analysis.domain.scanner import Scan, Scanner, ScanRow
from analysis.domain.trend import trend_at
from analysis.domain.universe import Universe, own_list
from analysis.models import ListMember
from analysis.scan_models import ACTIVE, ScanRun, ScanState
from analysis.selectors import EVERYTHING, universes
from brokers.domain.errors import Invalid, NotFound, WindhoverError

SCAN_TASK = "analysis.scan_run"
SCAN_QUEUE = "research"
NIFTY_50 = "NIFTY 50"
# a scan of the whole exchange takes seconds; one that says nothing for this long has no worker any more
SILENT_AFTER = timedelta(minutes=2)
_PARTS = 20


def scan_ask(*, desk: Desk, universe: str | None, by: User, at: datetime) -> ScanRun:
    """Ask for a scan and return its run: a new one, the one that is under way, or a finished one of the same data.

    Raises
    ------
    NotFound
        For a list that does not exist.
    """
    known = universes()
    name = universe or (NIFTY_50 if NIFTY_50 in known else EVERYTHING)
    if name not in known:
        message = f"There is no list named {name}; there are {', '.join(known)}."
        raise NotFound(message, code="universe.unknown", field="universe")
    _give_up_silent(desk=desk, at=at)
    same: ScanRun | None = (
        ScanRun.objects.filter(desk=desk, universe=name, state=ScanState.DONE).order_by("-requested_at").first()
    )
    if same is not None and same.fingerprint == _data_of(name):
        return same
    try:
        with transaction.atomic():
            run: ScanRun = ScanRun.objects.create(
                desk=desk, universe=name, requested_by=by, requested_at=at, touched_at=at
            )
            outbox_add(task=SCAN_TASK, queue=SCAN_QUEUE, arguments={"run_id": str(run.id)}, at=at)
    except IntegrityError:
        run = ScanRun.objects.get(desk=desk, universe=name, state__in=ACTIVE)
    return run


def scan_run(*, run_id: UUID) -> None:
    """Carry out a scan that waits; one that does not wait any more is left alone."""
    claimed = ScanRun.objects.filter(id=run_id, state=ScanState.QUEUED)
    if not claimed.update(state=ScanState.RUNNING, touched_at=timezone.now()):
        return
    run = ScanRun.objects.get(id=run_id)
    try:
        _carry_out(run)
    except WindhoverError as problem:
        run.state, run.problem = ScanState.FAILED, problem.message[:300]
    except BaseException:
        # the reason is the worker's log's; the page must not say "running" for ever
        run.state, run.problem = ScanState.FAILED, "The scan failed; the worker's log has the reason."
        run.finished_at = timezone.now()
        run.save()
        raise
    run.finished_at = run.touched_at = timezone.now()
    run.save()


def _carry_out(run: ScanRun) -> None:
    run.fingerprint = _data_of(run.universe)
    universe, series, renames = _subject(run.universe)
    run.on = max((date_of(int(one.day[-1])) for one in series.values() if len(one)), default=None)
    if universe is None or run.on is None:
        raise Invalid("No daily candles are stored yet: import a bhavcopy or a CSV file.", code="candles.none")
    scan = Scanner(universe, series, renames).scan(run.on, progress=lambda done, total: _show(run, done, total))
    run.results = [_row(row) for row in scan.rows]
    run.remarks, run.caveat = _remarks(scan), scan.caveat
    run.state, run.done, run.total = ScanState.DONE, len(scan.rows), len(scan.rows)


def _subject(name: str) -> tuple[Universe | None, dict[str, DailySeries], Any]:
    universe = None if name == EVERYTHING else universe_named(name)
    members = None if universe is None else {stay.symbol for stay in universe.memberships}
    series, renames = study_series(members)
    if name == EVERYTHING and series:
        last = max(date_of(int(one.day[-1])) for one in series.values())
        universe = own_list(EVERYTHING, series, since=last)
    return universe, series, renames


def _data_of(name: str) -> str:
    """Return the fingerprint of candles and membership together."""
    rows = (
        ListMember.objects.filter(universe=name)
        .order_by("instrument", "since")
        .values_list("instrument", "since", "until", "sector")
    )
    members = None if name == EVERYTHING else [row[0] for row in rows]
    return fingerprint(members, also=repr(list(rows)))


def _give_up_silent(*, desk: Desk, at: datetime) -> None:
    ScanRun.objects.filter(desk=desk, state__in=ACTIVE, touched_at__lt=at - SILENT_AFTER).update(
        state=ScanState.FAILED, finished_at=at, problem="No worker took or finished this scan."
    )


def _show(run: ScanRun, done: int, total: int) -> None:
    if done == total or done % max(total // _PARTS, 1) == 0:
        ScanRun.objects.filter(id=run.id).update(done=done, total=total, touched_at=timezone.now())


def _remarks(scan: Scan) -> list[dict[str, Any]]:
    return [asdict(remark) for remark in scan.remarks]


def _row(row: ScanRow) -> dict[str, Any]:
    """Return a row as JSON values; figures are rounded for reading, decisions were made on exact ones."""
    trend = trend_at(row.measures, row.place)
    document = {
        "symbol": row.symbol,
        "traded_as": row.traded_as,
        "close": _short(row.close),
        "change": _short(row.change),
        "score": row.score,
        "grade": row.grade,
        "super_performer": row.is_super_performer,
        "rating": _short(row.rating),
        "checks": [
            {**asdict(check), "figure": _short(check.figure), "threshold": _short(check.threshold)}
            for check in row.checks
        ],
        "triggers": [asdict(trigger) for trigger in row.triggers],
        "trend": asdict(trend),
    }
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.8g}")
