"""How long chains are kept: minutes, their snapshots and told alerts go once they are old; a day's volatility stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings

from options.models import ChainAlertFired, ChainMinute
from options.snapshots import chain_store

log = structlog.get_logger(__name__)
# a desk that writes a minute must not wait long for the database
MOST_DELETED = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """How much went: rows of minutes, rows of told alerts, days of snapshots."""

    minutes: int
    fired: int
    days: int


def chains_clear(*, now: datetime) -> Cleared:
    """Delete what is older than WINDHOVER_CHAIN_DAYS (minutes and snapshots) and WINDHOVER_CHAIN_ALERT_DAYS (told alerts).

    Ages are by the market's time, whoever's they are. What a day's volatility was stays: ranks look back a year.
    """
    kept_from = now - timedelta(days=settings.WINDHOVER_CHAIN_DAYS)
    told_from = now - timedelta(days=settings.WINDHOVER_CHAIN_ALERT_DAYS)
    store = chain_store()
    cleared = Cleared(
        minutes=_deleted(ChainMinute.objects.filter(day__lt=kept_from.date())),
        fired=_deleted(ChainAlertFired.objects.filter(at__lt=told_from)),
        days=sum(store.clear(user_id, before=kept_from.date()) for user_id in store.users()),
    )
    log.info("chains_cleared", minutes=cleared.minutes, fired=cleared.fired, days=cleared.days)
    return cleared


def _deleted(rows: Any) -> int:
    gone = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_DELETED]):
        gone += rows.model.objects.filter(pk__in=keys).delete()[0]
    return gone
