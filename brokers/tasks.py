"""What the worker does for this room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from brokers.models import TradingAccount
from brokers.services import instruments_sync


@shared_task(name="brokers.instruments_sync", ignore_result=True)
def instruments_sync_run(*, account_id: str, **_: object) -> None:
    """Bring the list of instruments up to date through one account's session."""
    instruments_sync(account=TradingAccount.objects.get(id=account_id), at=timezone.now())
