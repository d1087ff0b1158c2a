"""Background work of this room."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from accounts.outbox import outbox_redispatch
from accounts.services import leftovers_clear


@shared_task(name="accounts.leftovers_clear")
def clear_leftovers(**_: object) -> dict[str, int]:
    """Remove expired sessions and kept answers that nobody will ask for again."""
    return leftovers_clear(at=timezone.now())


@shared_task(name="accounts.outbox_redispatch")
def redispatch_outbox(**_: object) -> int:
    """Send again what a killed worker held."""
    return outbox_redispatch(at=timezone.now())
