"""Kite's candles: in chunks that the venue accepts, and only closed ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from brokers.adapters import candles as spans
from brokers.adapters.kite import errors, protocol
from brokers.adapters.kite.calls import Ask
from brokers.adapters.kite.protocol import KiteRequest
from brokers.domain.clock import IST
from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, ns_of
from brokers.ports import Reply

DAY_S = 86_400
A_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestBar:
    """A closed bar of a derivative with its open interest."""

    bar: Bar
    open_interest: float | None

    @property
    def end_ns(self) -> int:
        return self.bar.end_ns


Spanned = TypeVar("Spanned", Bar, InterestBar)


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


def chunks(interval_s: int, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Split [start, end) into calls; Kite's candles open on a whole second, wherever `start` lies between two opens."""
    longest = timedelta(days=spans.word_of(interval_s, INTERVALS).days_per_call)
    return spans.calls(start, end, interval_s=interval_s, longest=longest, gap=A_SECOND)


def bars(
    instrument: Instrument, interval_s: int, start: datetime, end: datetime, *, is_continuous: bool = False
) -> list[Ask[list[Bar]]]:
    """Ask for the candles that lie wholly inside [start, end), in as many calls as Kite's limits demand."""

    def read(reply: Reply) -> list[Bar]:
        return closed_bars(errors.floats_of(reply), instrument.key, interval_s, start, end)

    requests = _requests(instrument, interval_s, start, end, is_continuous=is_continuous, with_interest=False)
    return [Ask(request=request, parse=read) for request in requests]


def interest_bars(
    instrument: Instrument, interval_s: int, start: datetime, end: datetime, *, is_continuous: bool = False
) -> list[Ask[list[InterestBar]]]:
    """Ask for candles with open interest; continuous ones join the futures that have expired."""

    def read(reply: Reply) -> list[InterestBar]:
        return closed_interest(errors.floats_of(reply), instrument.key, interval_s, start, end)

    requests = _requests(instrument, interval_s, start, end, is_continuous=is_continuous, with_interest=True)
    return [Ask(request=request, parse=read) for request in requests]


def closed_bars(data: object, instrument: str, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
    """Read the candles that lie wholly inside [start, end), oldest first.

    Kite includes the running candle when asked up to now: with `end` at the present, it is left out here.
    """
    bars = {bar.start_ns: bar for bar in (_bar(row, instrument, interval_s) for row in _candles(data))}
    return _closed(bars, start, end)


def closed_interest(
    data: object, instrument: str, interval_s: int, start: datetime, end: datetime
) -> list[InterestBar]:
    """Read the candles with the open interest at the end of each, None where Kite left it out."""
    bars = {}
    for row in _candles(data):
        bar = _bar(row, instrument, interval_s)
        bars[bar.start_ns] = InterestBar(bar=bar, open_interest=_interest(row))
    return _closed(bars, start, end)


def _requests(
    instrument: Instrument, interval_s: int, start: datetime, end: datetime, *, is_continuous: bool, with_interest: bool
) -> list[KiteRequest]:
    if is_continuous and interval_s != DAY_S:
        raise Invalid("continuous candles are daily ones", code="history.interval", field="interval_s")
    word = spans.word_of(interval_s, INTERVALS).word
    return [
        protocol.candles(instrument.token, word, first, last, is_continuous=is_continuous, with_interest=with_interest)
        for first, last in chunks(interval_s, start, end)
    ]


def _candles(data: object) -> list[object]:
    candles = data.get("candles") if isinstance(data, dict) else None
    if not isinstance(candles, list):
        raise DataError("the venue's answer holds no candles", code="venue.unreadable")
    return candles


def _closed(bars: Mapping[int, Spanned], start: datetime, end: datetime) -> list[Spanned]:
    first_ns, end_ns = ns_of(start), ns_of(end)
    return [bars[at] for at in sorted(bars) if at >= first_ns and bars[at].end_ns <= end_ns]


def _interest(row: object) -> float | None:
    if isinstance(row, list) and len(row) > 6 and isinstance(row[6], int | float) and math.isfinite(row[6]):
        return float(row[6])
    return None


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
