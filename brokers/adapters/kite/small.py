"""Frames of a few packets, decoded with `struct`: numpy's fixed costs would dominate there."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from brokers.adapters.kite.words import DIVISOR_OF_SEGMENT, LENGTH_FULL, USUAL_DIVISOR, Span
from brokers.domain.market import NANOSECONDS, QuoteColumns

_NAN = float("nan")
_NO_DEPTH = [_NAN] * 30
_HEAD = {length: struct.Struct(f">{min(length, 64) // 4}I") for length in (8, 28, 32, 44, LENGTH_FULL)}
_DEPTH = struct.Struct(">" + "IIHxx" * 10)
_DEPTH_AT = 64


def small_columns(data: bytes, spans: Sequence[Span], received_ns: int, *, with_depth: bool) -> QuoteColumns:
    """Decode the packets at `spans`, all of known length, into columns of their order."""
    tokens: list[int] = []
    times: list[int] = []
    rows: list[tuple[float, ...]] = []
    depths: list[list[float]] = []
    for start, length in spans:
        words = _HEAD[length].unpack_from(data, start)
        divisor = DIVISOR_OF_SEGMENT.get(words[0] & 0xFF, USUAL_DIVISOR)
        levels = _levels(data, start, divisor) if length == LENGTH_FULL else _NO_DEPTH
        tokens.append(words[0])
        times.append(_exchange_second(words, length) * NANOSECONDS)
        rows.append((*_row(words, length, divisor), levels[1] or _NAN, levels[16] or _NAN))
        depths.append(levels)
    has_depth = any(levels is not _NO_DEPTH for levels in depths)
    table = np.array(rows).T
    return QuoteColumns(
        token=np.array(tokens, dtype=np.int64),
        last_price=table[0],
        volume=table[1],
        open_interest=table[2],
        day_open=table[3],
        day_high=table[4],
        day_low=table[5],
        previous_close=table[6],
        bid=table[7],
        ask=table[8],
        exchange_ns=np.array(times, dtype=np.int64),
        received_ns=received_ns,
        depth=np.array(depths, dtype=np.float64).reshape(-1, 10, 3) if with_depth and has_depth else None,
    )


def _row(words: tuple[int, ...], length: int, divisor: float) -> tuple[float, ...]:
    """Return last, volume, open interest, open, high, low, previous close."""
    last = words[1] / divisor
    if length == 8:
        return (last, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN)
    if length < 44:
        high, low, open_, close = (word / divisor for word in words[2:6])
        return (last, _NAN, _NAN, open_, high, low, close)
    open_, high, low, close = (word / divisor for word in words[7:11])
    interest = float(words[12]) if length == LENGTH_FULL else _NAN
    return (last, float(words[4]), interest, open_, high, low, close)


def _exchange_second(words: tuple[int, ...], length: int) -> int:
    if length == LENGTH_FULL:
        return words[15]
    return words[7] if length == 32 else 0


def _levels(data: bytes, start: int, divisor: float) -> list[float]:
    levels = list(_DEPTH.unpack_from(data, start + _DEPTH_AT))
    levels[1::3] = [price / divisor for price in levels[1::3]]
    return levels
