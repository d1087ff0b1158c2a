"""Tasks that must not be lost: a row stands with the change that asks for it, and is sent until it is done."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Outbox, OutboxState

logger = logging.getLogger(__name__)

# The name under which a task learns which row asked for it.
ARGUMENT = "outbox_id"
# A task that has not said anything for this long was lost with its worker.
SILENCE = timedelta(minutes=10)
MOST_ATTEMPTS = 5


def outbox_add(
    *, task: str, arguments: Mapping[str, str], at: datetime, queue: str = "default", at_once: bool = True
) -> Outbox:
    """Ask for a task; it is sent when the transaction commits, and again while nobody has done it.

    A broker that is away keeps a sender waiting for seconds: who has none to lose leaves the row to the schedule.
    """
    row: Outbox = Outbox.objects.create(task=task, arguments=dict(arguments), queue=queue, created_at=at)
    if at_once:
        transaction.on_commit(partial(outbox_send, row_id=row.id, at=at), robust=True)
    return row


def outbox_add_all(*, task: str, arguments: Iterable[Mapping[str, str]], at: datetime, queue: str = "default") -> None:
    """Ask for a task many times in one statement; the schedule sends the rows."""
    Outbox.objects.bulk_create(Outbox(task=task, arguments=dict(one), queue=queue, created_at=at) for one in arguments)


def outbox_send(*, row_id: UUID, at: datetime) -> bool:
    """Send one waiting row; answer False when no broker took it, which leaves it waiting."""
    from celery import current_app
    from kombu.exceptions import OperationalError

    row = Outbox.objects.filter(pk=row_id, state=OutboxState.WAITING).first()
    if row is None:
        return False
    arguments = {**row.arguments, ARGUMENT: str(row.id)}
    try:
        current_app.send_task(row.task, kwargs=arguments, queue=row.queue, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("outbox_waits", extra={"task": row.task, "error": type(error).__name__})
        return False
    Outbox.objects.filter(pk=row.pk).update(sent_at=at, attempts=F("attempts") + 1)
    return True


def outbox_redispatch(*, at: datetime) -> int:
    """Send again what was never sent or is silent for too long; give up what was tried often enough."""
    silent = Q(sent_at=None) | Q(sent_at__lte=at - SILENCE)
    waiting = Outbox.objects.filter(silent, state=OutboxState.WAITING)
    waiting.filter(attempts__gte=MOST_ATTEMPTS).update(state=OutboxState.FAILED, finished_at=at)
    return sum(outbox_send(row_id=pk, at=at) for pk in list(waiting.values_list("pk", flat=True)))


def outbox_finish(*, row_id: str) -> None:
    """Note that the task of a row has been done."""
    Outbox.objects.filter(pk=row_id).update(state=OutboxState.DONE, finished_at=timezone.now())
