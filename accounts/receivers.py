"""What the workers report, and second factors that were turned on."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core.context import request_context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from celery.signals import task_success
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import second_factor
from accounts.outbox import ARGUMENT, outbox_finish


@task_success.connect(dispatch_uid="accounts.outbox_done")
def note_done(sender: Any = None, **_: object) -> None:
    """Mark the row that asked for a task as done; a task that failed stays waiting and is sent again."""
    arguments = getattr(getattr(sender, "request", None), "kwargs", None) or {}
    if row_id := arguments.get(ARGUMENT):
        outbox_finish(row_id=row_id)


@receiver(authenticator_added, dispatch_uid="accounts.second_factor_told")
def tell_of_second_factor(request: HttpRequest, authenticator: Authenticator, **_: object) -> None:
    """Write to a person that a second factor was turned on, and from when on it counts."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    user = authenticator.user
    told = {"user": user, "counts_since": second_factor.counts_since(user)}
    with request_context(request):
        get_adapter().send_mail("account/email/second_factor", user.email, told)
