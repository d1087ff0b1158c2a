"""What of the venue's budgets is used, added to the topics that the pages show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from brokers.domain.clock import IST
from brokers.ports import Budget
from execution.domain.codec import rfc3339


def with_minute(
    risk: Mapping[str, object], budget: Budget | None, now: datetime, *, zone: ZoneInfo = IST
) -> Mapping[str, object]:
    """Add the minute's orders to the limits; a ban is told in the words of the limit that fired last."""
    if budget is None:
        return risk
    report = budget.report()
    ends_at = _ban_ends_at(report.paused_s, now)
    row = {
        "name": "orders_per_minute",
        "used": str(report.used_in_a_minute),
        "limit": str(report.per_minute),
        "headroom": str(max(report.per_minute - report.used_in_a_minute, 0)),
        "last_fired_at": rfc3339(now.replace(microsecond=0)) if ends_at else None,
        "last_reason": f"the venue takes no orders until {ends_at.astimezone(zone):%H:%M:%S}" if ends_at else "",
    }
    return {**risk, "orders_per_minute": row}


def with_ban(feeds: Mapping[str, object], budget: Budget | None, now: datetime) -> Mapping[str, object]:
    """Add until when the venue takes no orders; None while it takes them."""
    ends_at = None if budget is None else _ban_ends_at(budget.report().paused_s, now)
    return {**feeds, "orders_banned_until": rfc3339(ends_at) if ends_at else None}


def _ban_ends_at(paused_s: float, now: datetime) -> datetime | None:
    # to the second: a figure that wavers with each look would be published each time
    return (now + timedelta(seconds=paused_s)).replace(microsecond=0) + timedelta(seconds=1) if paused_s > 0 else None
