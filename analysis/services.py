"""Asking for a scan, and carrying it out in the worker."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Desk, User
from accounts.outbox import outbox_add
from analysis.domain.adjustments import share_factor
from analysis.domain.documents import row_document, summary_document
from analysis.domain.scanner import Scan, Scanner, ScanRow
from analysis.models import ListMember
from analysis.own_models import Watchlist
from analysis.scan_models import ACTIVE, ScanRun, ScanState
from analysis.subjects import EVERYTHING, Subject, data_of, require_known, subject_of
from brokers.domain.errors import WindhoverError

SCAN_TASK = "analysis.scan_run"
SCAN_QUEUE = "research"
NIFTY_50 = "NIFTY 50"
# a scan of the whole exchange takes seconds; one that says nothing for this long has no worker any more
SILENT_AFTER = timedelta(minutes=2)
_PARTS = 20


def scan_ask(*, desk: Desk, universe: str | None, by: User | None, at: datetime) -> ScanRun:
    """Ask for a scan and return its run: a new one, the one that is under way, or a finished one of the same data.

    Raises
    ------
    NotFound
        For a list that does not exist.
    """
    own = Watchlist.objects.filter(desk=desk)
    name = require_known(universe or _usual(), own)
    _give_up_silent(desk=desk, at=at)
    same: ScanRun | None = (
        ScanRun.objects.filter(desk=desk, universe=name, state=ScanState.DONE).order_by("-requested_at").first()
    )
    if same is not None and same.fingerprint == data_of(name, own):
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
    own = Watchlist.objects.filter(desk=run.desk_id)
    run.fingerprint = data_of(run.universe, own)
    subject = subject_of(run.universe, own)
    run.on = subject.last_day
    scanner = Scanner(subject.universe, subject.series, subject.renames)
    scan = scanner.scan(run.on, progress=lambda done, total: _show(run, done, total))
    run.results = [_document(row, subject, run.on) for row in scan.rows]
    run.summary = summary_document(scan.rows, subject.sectors)
    run.remarks, run.caveat, run.source = _remarks(scan), scan.caveat, subject.source
    run.state, run.done, run.total = ScanState.DONE, len(scan.rows), len(scan.rows)


def _document(row: ScanRow, subject: Subject, on: date) -> dict[str, Any]:
    factor = share_factor(subject.actions.get(row.symbol, ()), on)
    return row_document(row, sector=subject.sectors.get(row.symbol, ""), share_factor=factor)


def _usual() -> str:
    return NIFTY_50 if ListMember.objects.filter(universe=NIFTY_50).exists() else EVERYTHING


def _give_up_silent(*, desk: Desk, at: datetime) -> None:
    ScanRun.objects.filter(desk=desk, state__in=ACTIVE, touched_at__lt=at - SILENT_AFTER).update(
        state=ScanState.FAILED, finished_at=at, problem="No worker took or finished this scan."
    )


def _show(run: ScanRun, done: int, total: int) -> None:
    if done == total or done % max(total // _PARTS, 1) == 0:
        ScanRun.objects.filter(id=run.id).update(done=done, total=total, touched_at=timezone.now())


def _remarks(scan: Scan) -> list[dict[str, Any]]:
    return [asdict(remark) for remark in scan.remarks]
