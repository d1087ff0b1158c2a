"""What the worker does for this room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.utils import timezone

from analysis.demo import TASK as DEMO_TASK
from analysis.demo import demo_fill, demo_is_up
from analysis.services import scan_run

# the demo comes up first: the pages matter more than a scan
DEMO_LOOK_AGAIN_S = 3
DEMO_MOST_LOOKS = 60


@shared_task(name="analysis.scan_run", ignore_result=True)
def scan_run_task(*, run_id: str, **_: object) -> None:
    """Carry out a scan that somebody asked for."""
    scan_run(run_id=UUID(run_id))


@shared_task(name=DEMO_TASK, bind=True, ignore_result=True, max_retries=DEMO_MOST_LOOKS)
def demo_fill_task(self: Task[Any, Any], /, **_: object) -> None:
    """Store the demo's candles and scan them, once its prices move."""
    if not demo_is_up() and self.request.retries < DEMO_MOST_LOOKS:
        raise self.retry(countdown=DEMO_LOOK_AGAIN_S)
    demo_fill(at=timezone.now())
