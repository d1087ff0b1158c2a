"""What the worker does for this room: the day's instrument lists, and rows that nobody needs any more."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import current_app, shared_task
from django.utils import timezone

from execution.listing_changes import listing_changes_apply
from execution.risk_book import limits_watch
from execution.services import rows_clear, venues_to_sync

FINISHED_COMMANDS_KEPT = timedelta(days=30)
CURVE_KEPT = timedelta(days=400)
SYNC_TASK = "brokers.instruments_sync"


@shared_task(name="execution.instruments_refresh", ignore_result=True)
def instruments_refresh(**_: object) -> int:
    """Ask for the day's instrument list of every venue, through one logged-in account of each."""
    accounts = venues_to_sync()
    for account_id in accounts:
        current_app.send_task(SYNC_TASK, kwargs={"account_id": account_id})
    return len(accounts)


@shared_task(name="execution.listing_changes_apply", ignore_result=True)
def listing_changes_apply_run(*, venue: str, version: str, **_: object) -> int:
    """Stop the deployments whose contract a day's list made into something else."""
    return listing_changes_apply(venue=venue, version=UUID(version), at=timezone.now())


@shared_task(name="execution.rows_clear", ignore_result=True)
def rows_clear_run(**_: object) -> int:
    """Delete finished commands and points of the curve that are older than anybody looks back."""
    now = timezone.now()
    return rows_clear(commands_before=now - FINISHED_COMMANDS_KEPT, curve_before=now - CURVE_KEPT)


@shared_task(name="execution.limits_watch", ignore_result=True)
def limits_watch_run(**_: object) -> int:
    """Note how near each limit came, and once a day try a breach of each in shadow."""
    return limits_watch(at=timezone.now())
