"""The Desk page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from accounts.authentication import bearer_text
from accounts.selectors import api_key_find
from brokers.models import TradingAccount, Venue
from brokers.rates import rate_of
from execution.currencies import HOME
from execution.domain.codec import rfc3339

if TYPE_CHECKING:
    from accounts.models import User


@require_safe
@ensure_csrf_cookie
def desk(request: HttpRequest) -> HttpResponse:
    """Show the desk to whom a session or an API key names; send anybody else to sign in."""
    user = _user_of(request)
    if user is None:
        return redirect_to_login(request.get_full_path())
    response = render(request, "desk.html", {"user": user, "desk_data": _desk_data(user)})
    patch_cache_control(response, private=True, no_store=True)
    return response


def _user_of(request: HttpRequest) -> User | None:
    if request.user.is_authenticated:
        return request.user
    text = bearer_text(request.headers.get("Authorization", ""))
    key = api_key_find(key=text, at=timezone.now()) if text else None
    return key.user if key else None


def _desk_data(user: User) -> dict[str, Any]:
    rows = TradingAccount.objects.visible_to(user).filter(is_enabled=True).select_related("login")
    accounts = [_account(row) for row in rows.order_by("created_at")]
    return {
        "accounts": accounts,
        "is_simulated": bool(accounts) and all(row["is_simulated"] for row in accounts),
        "has_perpetuals": any(row["venue"] == Venue.ASTER for row in accounts),
        "is_mixed": len({row["currency"] for row in accounts}) > 1,
        "fx": _rates({row["currency"] for row in accounts}),
        "stale_after_s": settings.WINDHOVER_FEED_SILENCE_S,
    }


def _rates(currencies: set[str]) -> list[dict[str, str]]:
    """Return what the page adds several currencies by until it has asked for more; nothing for one alone."""
    if len(currencies) < 2:
        return []
    known = [rate_of(currency, HOME, timezone.now()) for currency in sorted(currencies) if currency != HOME]
    return [
        {
            "base": rate.base,
            "quote": rate.quote,
            "rate": f"{rate.rate.normalize():f}",
            "source": rate.source,
            "as_of": rfc3339(rate.as_of),
        }
        for rate in known
        if rate is not None
    ]


def _account(row: TradingAccount) -> dict[str, Any]:
    login = getattr(row, "login", None)
    return {
        "id": str(row.id),
        "label": row.label,
        "venue": row.venue,
        "currency": row.currency,
        "is_simulated": row.is_simulated,
        "live": row.is_live,
        "state": login.state if login else "needs_login",
        "reason": login.reason if login else "",
    }
