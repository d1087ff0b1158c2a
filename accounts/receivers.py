"""What the workers report."""

from __future__ import annotations

from typing import Any

from celery.signals import task_success

from accounts.outbox import ARGUMENT, outbox_finish


@task_success.connect(dispatch_uid="accounts.outbox_done")
def note_done(sender: Any = None, **_: object) -> None:
    """Mark the row that asked for a task as done; a task that failed stays waiting and is sent again."""
    arguments = getattr(getattr(sender, "request", None), "kwargs", None) or {}
    if row_id := arguments.get(ARGUMENT):
        outbox_finish(row_id=row_id)
