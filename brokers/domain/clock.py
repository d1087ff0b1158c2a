"""Two clocks that must not be mixed.

Market time is the feed's: bars, sessions, staleness of a price, a token's life. It runs fast in a
replay. Wall time is the machine's: leases, watchdogs, unknown outcomes, a venue's budgets. Both
reach the engine inside events; nothing in a domain asks a machine for the time.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from brokers.domain.errors import Invalid

IST = ZoneInfo("Asia/Kolkata")
UTC_ZONE = ZoneInfo("UTC")
_ZONES = {"aster": UTC_ZONE}


class MarketClock:
    """The latest exchange time any feed of the account has shown; it never steps back."""

    __slots__ = ("_now_ns",)

    def __init__(self) -> None:
        self._now_ns = 0

    @property
    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, exchange_ns: int) -> int:
        """Move on to `exchange_ns` unless the clock is already past it; return its time."""
        self._now_ns = max(self._now_ns, exchange_ns)
        return self._now_ns


def require_aware(at: datetime, field: str) -> datetime:
    """Return `at`, or raise Invalid when it carries no zone."""
    if at.tzinfo is None:
        raise Invalid(f"{field} must carry a time zone", code="time.naive", field=field)
    return at


def zone_of(venue: str) -> ZoneInfo:
    """Return the zone in which a venue counts its days."""
    return _ZONES.get(venue, IST)


def venue_day_of(at: datetime, zone: ZoneInfo = IST) -> date:
    """Return the venue's calendar day at an instant."""
    return require_aware(at, "at").astimezone(zone).date()
