"""The page of a person's own security: second factor, sessions, sign-ins and keys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from accounts import second_factor
from accounts.forms import KeyForm
from accounts.scopes import Scope
from accounts.selectors import api_key_of, api_keys_listed
from accounts.services import api_key_create, api_key_revoke
from accounts.sign_ins import history_listed, sessions_end, sessions_listed

if TYPE_CHECKING:
    from accounts.models import User

SAID_FOR_DAYS = 180


@require_safe
@login_required
def security(request: HttpRequest) -> HttpResponse:
    """Show what guards a person's access, and who used it."""
    return _page(request, KeyForm())


def _page(request: HttpRequest, form: KeyForm, new_key: str = "", status: int = 200) -> HttpResponse:
    user, now = cast("User", request.user), timezone.now()
    shown = {
        "keys": api_keys_listed(user, at=now),
        "form": form,
        "new_key": new_key,
        "second_factor": {"is_on": second_factor.is_on(user), "codes_left": second_factor.codes_left(user)},
        "sessions": sessions_listed(user, current=request.session.session_key or "", at=now),
        "history": history_listed(user),
        "has_password": user.has_usable_password(),
    }
    response = render(request, "accounts/security.html", shown, status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response


@require_POST
@login_required
def key_add(request: HttpRequest) -> HttpResponse:
    """Make a key and show its text, this once; where a second factor is on it has to be shown first."""
    user, form = cast("User", request.user), KeyForm(request.POST)
    if second_factor.is_on(user) and not second_factor.is_confirmed(request):
        messages.error(request, "A new key needs your second factor: confirm it, then make the key.")
        return redirect(f"{reverse('mfa_reauthenticate')}?next={reverse('security')}")
    if not form.is_valid():
        return _page(request, form, status=400)
    asked = form.cleaned_data
    _, text = api_key_create(
        user=user,
        label=asked["label"],
        at=timezone.now(),
        lifetime=timedelta(days=asked["days"]),
        scopes=[Scope(name) for name in asked["scopes"]],
    )
    return _page(request, KeyForm(), new_key=text)


@require_POST
@login_required
def key_revoke(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Cut one of one's own keys off."""
    user = cast("User", request.user)
    key = api_key_of(user, key_id)
    if key is None:
        raise Http404
    api_key_revoke(key=key, at=timezone.now(), by=user)
    messages.success(request, f"The key {key.label} is revoked.")
    return redirect("security")


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


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Say whom to tell of a weakness, in the form of RFC 9116, which wants an end within a year."""
    expires = (timezone.now() + timedelta(days=SAID_FOR_DAYS)).strftime("%Y-%m-%dT00:00:00Z")
    lines = [
        f"Contact: mailto:{settings.WINDHOVER_OWNER_EMAIL}",
        f"Expires: {expires}",
        f"Canonical: {settings.WINDHOVER_SITE_URL}{reverse('security_txt')}",
        "Preferred-Languages: en",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
