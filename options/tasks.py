"""What the worker does for this room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from options.clearing import chains_clear


@shared_task(name="options.clear", ignore_result=True)
def clear_task(**_: object) -> None:
    """Delete the minutes, the snapshots and the told alerts that are older than they are kept."""
    chains_clear(now=timezone.now())
