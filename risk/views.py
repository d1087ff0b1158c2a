"""The risk page. Its figures come from the API; the page says who looks."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


@require_safe
@ensure_csrf_cookie
@login_required
def risk(request: HttpRequest) -> HttpResponse:
    """Show limits with their headroom, exposure, scenarios, refusals, waiting loosenings and switches."""
    response = render(request, "risk/risk.html")
    patch_cache_control(response, private=True, no_store=True)
    return response
