"""Times of the simulated Aster: milliseconds, and the lengths of its candle intervals."""

from __future__ import annotations

from datetime import UTC, datetime

MS_NS = 1_000_000
SECOND_MS, MINUTE_MS = 1_000, 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# months differ in length and are worked out by the calendar
INTERVALS_MS = {
    "1m": MINUTE_MS, "3m": 3 * MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS, "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS, "2h": 2 * HOUR_MS, "4h": 4 * HOUR_MS, "6h": 6 * HOUR_MS, "8h": 8 * HOUR_MS, "12h": 12 * HOUR_MS,
    "1d": DAY_MS, "3d": 3 * DAY_MS, "1w": 7 * DAY_MS, "1M": 0,
}  # fmt: skip
# the epoch was a Thursday, weeks begin on Mondays
_WEEK_OFFSET_MS = 4 * DAY_MS


def bucket_start(at_ms: int, interval: str) -> int:
    """Return when the candle that holds an instant began."""
    if interval == "1M":
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return int(datetime(at.year, at.month, 1, tzinfo=UTC).timestamp()) * SECOND_MS
    length = INTERVALS_MS[interval]
    offset = _WEEK_OFFSET_MS if interval == "1w" else 0
    return (at_ms - offset) // length * length + offset


def bucket_end(start_ms: int, interval: str) -> int:
    """Return the last millisecond of the candle that began at an instant."""
    if interval == "1M":
        at = datetime.fromtimestamp(start_ms / 1000, UTC)
        year, month = at.year + at.month // 12, at.month % 12 + 1
        return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * SECOND_MS - 1
    return start_ms + INTERVALS_MS[interval] - 1


def iso(at_ms: int) -> str:
    """Return an instant in ISO form, UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()
