"""What the worker does for this room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from brokers.listings_sync import instruments_sync, refusal_mail
from brokers.logins import sessions_end, sessions_expire
from brokers.models import TradingAccount


@shared_task(name="brokers.instruments_sync", ignore_result=True)
def instruments_sync_run(*, account_id: str, **_: object) -> None:
    """Bring the list of instruments up to date through one account's session."""
    instruments_sync(account=TradingAccount.objects.get(id=account_id), at=timezone.now())


@shared_task(name="brokers.instruments_refused", ignore_result=True)
def instruments_refused_tell(*, account_id: str, reason: str, **_: object) -> None:
    """Tell the people of a desk that the day's list of instruments was refused."""
    refusal_mail(account=TradingAccount.objects.get(id=account_id), reason=reason)


@shared_task(name="brokers.sessions_expire", ignore_result=True)
def expire_sessions(**_: object) -> None:
    """End the sessions whose time is up."""
    sessions_expire(at=timezone.now())


@shared_task(name="brokers.sessions_end", ignore_result=True)
def end_sessions(**_: object) -> None:
    """Log every session out at its venue for the night."""
    sessions_end(at=timezone.now())
