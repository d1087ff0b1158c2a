"""The builder's page: a frame with the accounts that it may send to; its figures come from the API."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.models import User
from brokers.models import Venue
from brokers.selectors import accounts_visible


@require_safe
@ensure_csrf_cookie
@login_required
def builder(request: HttpRequest) -> HttpResponse:
    """Show a combination's legs, what they come to, and what becomes of them elsewhere."""
    assert isinstance(request.user, User)
    response = render(request, "options/builder.html", {"user": request.user, "builder_data": _data(request.user)})
    patch_cache_control(response, private=True, no_store=True)
    return response


def _data(user: User) -> dict[str, Any]:
    rows = accounts_visible(user).filter(venue=Venue.KITE, is_enabled=True)
    return {"accounts": [{"id": str(row.id), "label": row.label} for row in rows]}
