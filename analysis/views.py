"""The pages of the analysis. Their figures come from the API; a page says who looks and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.selectors import writes_anywhere

if TYPE_CHECKING:
    from accounts.models import User


@require_safe
@ensure_csrf_cookie
@login_required
def scan(request: HttpRequest) -> HttpResponse:
    """Show the scan of a list: progress, results, and why each stock stands where it stands."""
    return _page(request, "analysis/scan.html")


@require_safe
@ensure_csrf_cookie
@login_required
def movers(request: HttpRequest) -> HttpResponse:
    """Show who rose and fell most, the breadth of the list, and its sectors."""
    return _page(request, "analysis/movers.html")


@require_safe
@ensure_csrf_cookie
@login_required
def triggers(request: HttpRequest) -> HttpResponse:
    """Show what fired on the day of the scan, by kind and by strength."""
    return _page(request, "analysis/triggers.html")


@require_safe
@ensure_csrf_cookie
@login_required
def stock(request: HttpRequest, key: str) -> HttpResponse:
    """Show one stock: its chart, figures, checks, triggers and notes; whether it exists is the API's to say."""
    return _page(request, "analysis/stock.html", instrument=key)


@require_safe
@ensure_csrf_cookie
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    """Show the rule builder with its live count of hits, and the rules that were saved."""
    return _page(request, "analysis/rules.html")


@require_safe
@ensure_csrf_cookie
@login_required
def alerts(request: HttpRequest) -> HttpResponse:
    """Show a person's watchlists, alerts, and the log of what fired."""
    return _page(request, "analysis/alerts.html")


def _page(request: HttpRequest, template: str, **about: Any) -> HttpResponse:
    data = {"may_act": writes_anywhere(cast("User", request.user)), "backtests": _backtests(), **about}
    response = render(request, template, {"analysis_data": data})
    patch_cache_control(response, private=True, no_store=True)
    return response


def _backtests() -> str:
    """Return where strategies are tested on the past; empty while no such page stands."""
    try:
        return reverse("strategies_backtests")
    except NoReverseMatch:
        return ""
