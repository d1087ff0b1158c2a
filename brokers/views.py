"""A person's way to the venue's own sign-in page and back, and the door for what the venue says unasked."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.outbox import outbox_add
from accounts.selectors import may_write
from brokers.domain.errors import Invalid, WindhoverError
from brokers.logins import audit_login, login_exchange, login_url
from brokers.models import TradingAccount
from brokers.postbacks import MOST_BYTES, account_behind, postback_keep

if TYPE_CHECKING:
    from accounts.models import User

PENDING = "venue_login"
NOT_BEGUN = "This sign-in at the broker was not begun here, or was used before. Begin it again."


@require_safe
@login_required
def begin(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Send the browser to the venue, remembering in the session for which account."""
    account = _own_account(request, account_id)
    state = secrets.token_urlsafe(24)
    try:
        if not account.is_enabled:
            raise Invalid("The account is disabled: enable it first.", code="account.disabled")
        address = login_url(account=account, state=state)
    except WindhoverError as error:
        messages.error(request, error.message)
        return redirect("account_page", account_id=account.id)
    wizard = request.GET.get("from") == "wizard"
    request.session[PENDING] = {"account": str(account.id), "state": state, "wizard": wizard}
    return HttpResponseRedirect(address)


@require_safe
@never_cache
@login_required
def finish(request: HttpRequest) -> HttpResponse:
    """Take the venue's answer, once and only if this session asked for it, and return to the account."""
    pending = request.session.pop(PENDING, None)
    if pending is None or not constant_time_compare(pending["state"], request.GET.get("state", "")):
        _refuse(request, pending)
        return redirect("trading_accounts")
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
    if pending.get("wizard"):
        return redirect("account_step", account_id=account.id, step="login")
    return redirect("account_page", account_id=account.id)


@csrf_exempt
@require_POST
def postback(request: HttpRequest, door: str) -> HttpResponse:
    """Take what a venue says of an order; it is answered at once, and judged by the desk."""
    account_id = account_behind(door)
    if account_id is None:
        raise Http404
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        return HttpResponse(status=400)
    if length > MOST_BYTES:
        return HttpResponse(status=413)
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return HttpResponse(status=413)
    postback_keep(account_id=account_id, body=body)
    return HttpResponse(status=200)


def _refuse(request: HttpRequest, pending: dict[str, Any] | None) -> None:
    """Say and record that an answer of the venue came which this browser did not ask for."""
    messages.error(request, NOT_BEGUN)
    account = TradingAccount.objects.visible_to(request.user).filter(pk=pending["account"]).first() if pending else None
    if account is not None:
        by = cast("User", request.user)
        audit_login(account, "login.refused", by=by, at=timezone.now(), details={"code": "login.not_begun"})


def _own_account(request: HttpRequest, account_id: UUID) -> TradingAccount:
    account: TradingAccount | None = TradingAccount.objects.visible_to(request.user).filter(pk=account_id).first()
    if account is None or not may_write(request.user, account.desk_id):
        raise Http404
    return account
