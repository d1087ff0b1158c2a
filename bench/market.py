"""A made market for benchmarks: fifty shares that swing, so that averages cross and strategies act."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market import NANOSECONDS, Bar, QuoteColumns, ns_of

SYMBOLS = 50
# ten in the morning in Mumbai, on a trading day
START = datetime(2026, 7, 14, 4, 30, tzinfo=UTC)
SWING_S = 600.0
SWING_FRACTION = 0.004
SPREAD = 0.05

INSTRUMENTS = tuple(
    Instrument(
        exchange="NSE",
        symbol=f"SHARE{number:02}",
        token=(1_000 + number) << 8 | 1,
        kind=InstrumentKind.EQUITY,
        name=f"SHARE {number}",
        tick_size=Decimal("0.05"),
        lot_size=1,
        segment="NSE",
    )
    for number in range(SYMBOLS)
)
_TOKENS = np.array([instrument.token for instrument in INSTRUMENTS], dtype=np.int64)
_BASE = 500.0 + 20.0 * np.arange(SYMBOLS)
_PHASE = np.arange(SYMBOLS) / SYMBOLS


def quotes(second: float, *, received_at: datetime) -> QuoteColumns:
    """Return one frame of every share's quote, some market seconds after `START`."""
    prices = np.round(_BASE * (1 + SWING_FRACTION * np.sin(2 * np.pi * (second / SWING_S + _PHASE))) * 20) / 20
    at_ns = ns_of(START) + int(second * NANOSECONDS)
    nothing = np.zeros(SYMBOLS)
    return QuoteColumns(
        token=_TOKENS,
        last_price=prices,
        volume=np.full(SYMBOLS, 1_000.0 * (second + 7_200)),
        open_interest=nothing,
        bid=prices - SPREAD,
        ask=prices + SPREAD,
        day_open=prices,
        day_high=prices,
        day_low=prices,
        previous_close=prices,
        exchange_ns=np.full(SYMBOLS, at_ns, dtype=np.int64),
        received_ns=ns_of(received_at),
    )


def kite_frame(second: float) -> bytes:
    """Return the same quotes as one of Kite's binary messages: full packets, with ten levels of depth."""
    columns = quotes(second, received_at=START)
    packets = [
        struct.pack(
            ">11I5I",
            token,
            *(_paise(price), 1, _paise(price), int(volume), 1, 1),
            *(_paise(price), _paise(price), _paise(price), _paise(price)),
            *(at_ns // NANOSECONDS, 0, 0, 0, at_ns // NANOSECONDS),
        )
        + _depth(price)
        for token, price, volume, at_ns in zip(
            columns.token.tolist(),
            columns.last_price.tolist(),
            columns.volume.tolist(),
            columns.exchange_ns.tolist(),
            strict=True,
        )
    ]
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(body)) + body for body in packets)


def history(instrument: str, *, minutes: int = 200) -> tuple[Bar, ...]:
    """Return the share's minute bars that end at `START`."""
    number = next(place for place, known in enumerate(INSTRUMENTS) if known.key == instrument)
    return tuple(_bar(instrument, number, minute) for minute in range(-minutes, 0))


def market_time(second: float) -> datetime:
    return START + timedelta(seconds=second)


def _paise(price: float) -> int:
    return round(price * 100)


def _depth(price: float) -> bytes:
    steps = (-1, -2, -3, -4, -5, 1, 2, 3, 4, 5)
    return b"".join(struct.pack(">IIH2x", 100, _paise(price + SPREAD * step), 3) for step in steps)


def _bar(instrument: str, number: int, minute: int) -> Bar:
    swing = math.sin(2 * math.pi * ((minute + 1) * 60 / SWING_S + number / SYMBOLS))
    price = float(_BASE[number]) * (1 + SWING_FRACTION * swing)
    return Bar(
        instrument=instrument,
        interval_s=60,
        start_ns=ns_of(START) + minute * 60 * NANOSECONDS,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=60_000.0,
    )
