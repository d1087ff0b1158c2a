"""Background work of this room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from notifications.services import alert_tell, mornings_tell, session_ended_tell


@shared_task(name="notifications.session_ended", ignore_result=True)
def tell_session_ended(*, account_id: str, epoch: str, **_: object) -> None:
    """Write to an account's owner that its session is over."""
    session_ended_tell(account_id=account_id, epoch=int(epoch), at=timezone.now())


@shared_task(name="notifications.mornings", ignore_result=True)
def tell_mornings(**_: object) -> None:
    """Write to those who are not logged in before the open."""
    mornings_tell(at=timezone.now())


@shared_task(name="notifications.alert_fired", ignore_result=True)
def tell_alert_fired(*, firing_id: str, **_: object) -> None:
    """Write to who made an alert that it fired."""
    alert_tell(firing_id=firing_id, at=timezone.now())
