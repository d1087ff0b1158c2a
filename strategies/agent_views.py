"""The page of the agents; its figures come from the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.selectors import writes_anywhere

if TYPE_CHECKING:
    from accounts.models import User


@require_safe
@ensure_csrf_cookie
@login_required
def agents(request: HttpRequest) -> HttpResponse:
    """Show the regime, the seven agents with their votes, the consensus and the records."""
    data = {"may_act": writes_anywhere(cast("User", request.user))}
    response = render(request, "agents/agents.html", {"agents_data": data})
    patch_cache_control(response, private=True, no_store=True)
    return response
