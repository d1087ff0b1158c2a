"""The page of a person's own security: second factor, sessions, sign-ins and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from accounts import second_factor
from accounts.sign_ins import history_listed, sessions_end, sessions_listed

if TYPE_CHECKING:
    from accounts.models import User


@require_safe
@login_required
def security(request: HttpRequest) -> HttpResponse:
    """Show what guards a person's access, and who used it."""
    user, now = cast("User", request.user), timezone.now()
    shown = {
        "second_factor": {"is_on": second_factor.is_on(user), "codes_left": _codes_left(user)},
        "sessions": sessions_listed(user, current=request.session.session_key or "", at=now),
        "history": history_listed(user),
        "has_password": user.has_usable_password(),
    }
    response = render(request, "accounts/security.html", shown)
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_POST
@login_required
def session_end(request: HttpRequest, sign_in_id: UUID) -> HttpResponse:
    """End one of one's own sessions."""
    if not sessions_end(user=cast("User", request.user), at=timezone.now(), only=sign_in_id):
        raise Http404
    messages.success(request, "That session is over.")
    return redirect("security")


@require_POST
@login_required
def sessions_end_others(request: HttpRequest) -> HttpResponse:
    """End every session but this one."""
    current = request.session.session_key or ""
    ended = sessions_end(user=cast("User", request.user), at=timezone.now(), but=current)
    messages.success(request, f"{ended} other session{'' if ended == 1 else 's'} ended.")
    return redirect("security")


def _codes_left(user: User) -> int:
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0
