"""What the worker does for this room."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from analysis.services import scan_run


@shared_task(name="analysis.scan_run", ignore_result=True)
def scan_run_task(*, run_id: str, **_: object) -> None:
    """Carry out a scan that somebody asked for."""
    scan_run(run_id=UUID(run_id))
