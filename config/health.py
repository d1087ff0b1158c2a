"""`GET /health`: whether this desk can do its work, with no secret and no name in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from brokers.hub import snapshots, topic_of
from brokers.models import TradingAccount
from execution.models import Lease

logger = logging.getLogger(__name__)

# Renewed every second; later than this the desk of an account is gone and nobody has taken over.
LEASE_LATE_S = 15.0

Check = dict[str, Any]


@require_safe
@never_cache
def health(request: HttpRequest) -> JsonResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 while every check holds, else 503 with the checks that do not."""
    now = timezone.now()
    checks = {"database": _guarded(_database), "redis": _guarded(_redis)}
    if checks["database"]["ok"]:
        checks["desk"] = _guarded(lambda: _desk(now))
        checks["feeds"] = _guarded(_feeds)
    is_well = all(check["ok"] for check in checks.values())
    return JsonResponse({"status": "ok" if is_well else "broken", "checks": checks}, status=200 if is_well else 503)


def _guarded(check: Callable[[], Check]) -> Check:
    """Turn a failure into a broken check; the log has the reason, the answer must not."""
    from redis.exceptions import RedisError

    try:
        return check()
    except (DatabaseError, RedisError, OSError) as error:
        logger.warning("health_check_failed", extra={"error": type(error).__name__})
        return {"ok": False, "error": type(error).__name__}


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"ok": True, "engine": connection.vendor}


def _redis() -> Check:
    from brokers.hub import sync_redis

    sync_redis().ping()
    return {"ok": True}


def _desk(now: datetime) -> Check:
    """Judge the oldest renewal among the accounts that should run; a desk with no account is well."""
    renewals = Lease.objects.filter(wants_to_run=True, account__is_enabled=True).values_list("renewed_at", flat=True)
    ages = [(now - renewed).total_seconds() if renewed else None for renewed in renewals]
    known = [age for age in ages if age is not None]
    return {
        "ok": len(known) == len(ages) and all(age <= LEASE_LATE_S for age in known),
        "accounts": len(ages),
        "oldest_lease_age_s": round(max(known), 3) if known else None,
    }


def _feeds() -> Check:
    """Tell how old the feeds are; a market that is closed is silent, so their age alone breaks nothing."""
    ids = TradingAccount.objects.filter(is_enabled=True).values_list("id", flat=True)
    feeds = [frame["data"] for frame in snapshots([topic_of(str(account), "feeds") for account in ids]).values()]
    ages = [float(feed["age_s"]) for feed in feeds if feed.get("age_s") is not None]
    return {
        "ok": True,
        "feeds": len(feeds),
        "stale": sum(bool(feed.get("stale")) for feed in feeds),
        "oldest_age_s": max(ages, default=None),
        "silence_s": settings.WINDHOVER_FEED_SILENCE_S,
    }
