"""A person's way to the venue's own sign-in page and back."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.outbox import outbox_add
from accounts.selectors import may_write
from brokers.domain.errors import WindhoverError
from brokers.models import TradingAccount
from brokers.services import login_exchange, login_url

if TYPE_CHECKING:
    from accounts.models import User

PENDING = "venue_login"


@require_safe
@login_required
def begin(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Send the browser to the venue, remembering in the session for which account."""
    account = _own_account(request, account_id)
    state = secrets.token_urlsafe(24)
    try:
        address = login_url(account=account, state=state)
    except WindhoverError as error:
        messages.error(request, error.message)
        return redirect("desk")
    request.session[PENDING] = {"account": str(account.id), "state": state}
    return HttpResponseRedirect(address)


@require_safe
@never_cache
@login_required
def finish(request: HttpRequest) -> HttpResponse:
    """Take the venue's answer, once and only if this session asked for it, and return to the desk."""
    pending = request.session.pop(PENDING, None)
    if pending is None or not constant_time_compare(pending["state"], request.GET.get("state", "")):
        messages.error(request, "This sign-in at the broker was not begun here, or was used before. Begin it again.")
        return redirect("desk")
    account = _own_account(request, UUID(pending["account"]))
    try:
        login_exchange(
            account=account,
            request_token=request.GET.get("request_token", ""),
            by=cast("User", request.user),
            at=timezone.now(),
        )
        # A session lives for a day, and so does the venue's list.
        outbox_add(task="brokers.instruments_sync", arguments={"account_id": str(account.id)}, at=timezone.now())
    except WindhoverError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{account.label} is logged in.")
    return redirect("desk")


def _own_account(request: HttpRequest, account_id: UUID) -> TradingAccount:
    account: TradingAccount | None = TradingAccount.objects.visible_to(request.user).filter(pk=account_id).first()
    if account is None or not may_write(request.user, account.desk_id):
        raise Http404
    return account
