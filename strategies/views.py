"""The pages of the strategies. Their figures come from the API; a page says who looks and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.selectors import writes_anywhere
from strategies.backtest_models import BacktestRun
from strategies.backtest_rows import evidence_rows

if TYPE_CHECKING:
    from accounts.models import User


@require_safe
@ensure_csrf_cookie
@login_required
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show every strategy: what it does, its parameters with their bounds, and what its backtests came to."""
    return _page(request, "strategies/catalogue.html", {"rows": evidence_rows(cast("User", request.user))})


@require_safe
@ensure_csrf_cookie
@login_required
def backtests(request: HttpRequest) -> HttpResponse:
    """Show the form of a backtest, filled in by the address, and the runs that there are."""
    return _page(request, "strategies/backtests.html", {})


@require_safe
@ensure_csrf_cookie
@login_required
def backtest(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show one backtest, under way or done; another's does not exist."""
    run = BacktestRun.objects.visible_to(request.user).only("id").filter(pk=run_id).first()
    if run is None:
        raise Http404("There is no such backtest.")
    return _page(request, "strategies/backtest.html", {}, id=str(run.pk))


def _page(request: HttpRequest, template: str, context: dict[str, Any], **about: Any) -> HttpResponse:
    data = {"may_act": writes_anywhere(cast("User", request.user)), **about}
    response = render(request, template, {"strategies_data": data, **context})
    patch_cache_control(response, private=True, no_store=True)
    return response
