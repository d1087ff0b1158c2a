"""What every venue's history of candles shares: lengths that it has, and long spans asked for in several calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from brokers.domain.errors import Invalid

Word = TypeVar("Word")


def word_of(interval_s: int, words: Mapping[int, Word]) -> Word:
    """Return the venue's word for a length; raise Invalid for one that it has no candles of."""
    try:
        return words[interval_s]
    except KeyError:
        known = ", ".join(str(length) for length in words)
        raise Invalid(
            f"the venue has no candles of {interval_s} s; it has {known}", code="history.interval", field="interval_s"
        ) from None


def calls(
    start: datetime, end: datetime, *, interval_s: int, longest: timedelta, gap: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Split [start, end) into calls of at most `longest`, for a venue that includes both ends of each.

    A call ends a `gap`, the finest step in which the venue's candles open, before the next begins: none is asked for
    twice and none falls between two calls. Nothing is asked where not even one candle can be closed.
    """
    if end - start < timedelta(seconds=interval_s):
        return
    while start < end:
        following = min(start + longest, end)
        yield start, following - gap
        start = following
