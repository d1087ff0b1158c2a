"""Aster's candles: in calls of at most 1,500, and only those that have closed."""

from __future__ import annotations

from datetime import datetime, timedelta

from brokers.adapters import candles as spans
from brokers.adapters.aster.calls import Ask
from brokers.adapters.aster.market import Kline
from brokers.adapters.aster.quotes import MOST_CANDLES, candles
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, ns_of

# the exchange's month has no one length, so it is no interval of bars here
INTERVALS = {
    60: "1m",
    180: "3m",
    300: "5m",
    900: "15m",
    1800: "30m",
    3600: "1h",
    7200: "2h",
    14_400: "4h",
    21_600: "6h",
    28_800: "8h",
    43_200: "12h",
    86_400: "1d",
    259_200: "3d",
    604_800: "1w",
}
_A_MILLISECOND = timedelta(milliseconds=1)


def parts(instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Ask[tuple[Kline, ...]]]:
    """Ask for the candles of [start, end) in as many calls as the limit demands.

    `end` is the market's present or its past: the candle that still runs then is left out.
    """
    word = spans.word_of(interval_s, INTERVALS)
    longest = timedelta(seconds=interval_s * MOST_CANDLES)
    return [
        candles(instrument.symbol, word, start=first, end=last, now=end)
        for first, last in spans.calls(start, end, interval_s=interval_s, longest=longest, gap=_A_MILLISECOND)
    ]


def bars(rows: list[Kline], instrument: str, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
    """Return the candles that lie wholly inside [start, end), oldest first, each once."""
    found = {row.opened_at: row for row in rows}
    length = timedelta(seconds=interval_s)
    return [_bar(found[at], instrument, interval_s) for at in sorted(found) if start <= at and at + length <= end]


def _bar(row: Kline, instrument: str, interval_s: int) -> Bar:
    return Bar(
        instrument=instrument,
        interval_s=interval_s,
        start_ns=ns_of(row.opened_at),
        open=float(row.open),
        high=float(row.high),
        low=float(row.low),
        close=float(row.close),
        volume=float(row.volume),
    )
