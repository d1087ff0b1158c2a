"""Kite's candles: in chunks that the venue accepts, and only closed ones."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from brokers.domain.clock import IST
from brokers.domain.errors import DataError, Invalid
from brokers.domain.market import Bar, ns_of

DAY_S = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Kite's word for a candle's length, and the most days that one call may ask for."""

    word: str
    days_per_call: int


INTERVALS = {
    60: Interval(word="minute", days_per_call=60),
    180: Interval(word="3minute", days_per_call=100),
    300: Interval(word="5minute", days_per_call=100),
    600: Interval(word="10minute", days_per_call=100),
    900: Interval(word="15minute", days_per_call=200),
    1800: Interval(word="30minute", days_per_call=200),
    3600: Interval(word="60minute", days_per_call=400),
    DAY_S: Interval(word="day", days_per_call=2000),
}


def interval_of(interval_s: int) -> Interval:
    """Return Kite's interval; raise Invalid for a length that Kite has no candles of."""
    try:
        return INTERVALS[interval_s]
    except KeyError:
        known = ", ".join(str(length) for length in INTERVALS)
        raise Invalid(
            f"the venue has no candles of {interval_s} s; it has {known}", code="history.interval", field="interval_s"
        ) from None


def chunks(interval_s: int, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Split [start, end) into calls; both ends of each are candle opens and included, as Kite reads them."""
    step = timedelta(seconds=interval_s)
    longest = timedelta(days=interval_of(interval_s).days_per_call) - step
    last = end - step
    while start <= last:
        stop = min(start + longest, last)
        yield start, stop
        start = stop + step


def closed_bars(data: object, instrument: str, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
    """Read the candles that lie wholly inside [start, end), oldest first.

    Kite includes the running candle when asked up to now: with `end` at the present, it is left out here.
    """
    candles = data.get("candles") if isinstance(data, dict) else None
    if not isinstance(candles, list):
        raise DataError("the venue's answer holds no candles", code="venue.unreadable")
    first_ns, end_ns = ns_of(start), ns_of(end)
    bars = {bar.start_ns: bar for bar in (_bar(row, instrument, interval_s) for row in candles)}
    return [bars[at] for at in sorted(bars) if at >= first_ns and bars[at].end_ns <= end_ns]


def _bar(row: object, instrument: str, interval_s: int) -> Bar:
    at, (open_, high, low, close, volume) = _figures(row)
    if at.tzinfo is None:
        at = at.replace(tzinfo=IST)
    if interval_s == DAY_S:
        # day candles come stamped at midnight or at the open
        at = at.astimezone(IST).replace(hour=0, minute=0, second=0, microsecond=0)
    return Bar(
        instrument=instrument,
        interval_s=interval_s,
        start_ns=ns_of(at),
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
    )


def _figures(row: object) -> tuple[datetime, list[float]]:
    """Return a candle's time with its open, high, low, close and volume."""
    if isinstance(row, list) and len(row) >= 6 and isinstance(row[0], str):
        with suppress(TypeError, ValueError, OverflowError):
            at, figures = datetime.fromisoformat(row[0]), [float(value) for value in row[1:6]]
            if all(map(math.isfinite, figures)):
                return at, figures
    raise DataError("the venue sent an unreadable candle", code="venue.unreadable")
