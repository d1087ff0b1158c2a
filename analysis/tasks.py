"""What the worker does for this room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Task, shared_task
from django.utils import timezone

from analysis.alerts import alerts_tidy
from analysis.demo import TASK as DEMO_TASK
from analysis.demo import demo_fill, demo_is_up
from analysis.fetches import FETCH_TASK, daily_ask, fetch_run
from analysis.services import scan_run

# the demo comes up first: the pages matter more than a scan
DEMO_LOOK_AGAIN_S = 3
DEMO_MOST_LOOKS = 60


@shared_task(name="analysis.scan_run", ignore_result=True)
def scan_run_task(*, run_id: str, **_: object) -> None:
    """Carry out a scan that somebody asked for."""
    scan_run(run_id=UUID(run_id))


@shared_task(name=FETCH_TASK, ignore_result=True)
def candles_fetch_task(*, fetch_id: str, **_: object) -> None:
    """Carry out a fetch of daily candles that somebody asked for."""
    fetch_run(fetch_id=UUID(fetch_id))


@shared_task(name="analysis.daily", ignore_result=True)
def daily_task(**_: object) -> None:
    """After the close: fetch the day's candles, then scan."""
    daily_ask(at=timezone.now())


@shared_task(name="analysis.tidy", ignore_result=True)
def tidy_task(**_: object) -> None:
    """Delete what old alerts left behind."""
    alerts_tidy(now=timezone.now())


@shared_task(name=DEMO_TASK, bind=True, ignore_result=True, max_retries=DEMO_MOST_LOOKS)
def demo_fill_task(self: Task[Any, Any], /, **_: object) -> None:
    """Store the demo's candles and scan them, once its prices move."""
    if not demo_is_up() and self.request.retries < DEMO_MOST_LOOKS:
        raise self.retry(countdown=DEMO_LOOK_AGAIN_S)
    demo_fill(at=timezone.now())
