"""The option pages: each is a frame, its figures come from the API and from `/ws/oi`."""

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
def chain(request: HttpRequest) -> HttpResponse:
    """Show one expiry's chain: calls left, puts right, and any earlier minute of it."""
    return _page(request, "options/chain.html")


@require_safe
@ensure_csrf_cookie
@login_required
def open_interest(request: HttpRequest) -> HttpResponse:
    """Show where open interest lies, how it moved, and what that says."""
    return _page(request, "options/interest.html")


@require_safe
@ensure_csrf_cookie
@login_required
def volatility(request: HttpRequest) -> HttpResponse:
    """Show the smile with its fitted curve, the term structure, skew and expected moves."""
    return _page(request, "options/volatility.html")


@require_safe
@ensure_csrf_cookie
@login_required
def gamma(request: HttpRequest) -> HttpResponse:
    """Show gamma and delta exposure by strike, and the level where gamma changes its sign."""
    return _page(request, "options/gamma.html")


@require_safe
@ensure_csrf_cookie
@login_required
def straddle(request: HttpRequest) -> HttpResponse:
    """Show the premium of the straddle at the money, or of chosen legs, with its VWAP through the day."""
    return _page(request, "options/straddle.html")


@require_safe
@ensure_csrf_cookie
@login_required
def alerts(request: HttpRequest) -> HttpResponse:
    """Show the alerts on chains, with what they told."""
    return _page(request, "options/alerts.html")


def _page(request: HttpRequest, template: str) -> HttpResponse:
    response = render(request, template)
    patch_cache_control(response, private=True, no_store=True)
    return response
