"""Kite's binary ticks as columns; nothing here raises, whatever the bytes.

A message is a big-endian uint16 packet count and, per packet, a uint16 length and a body. The length alone tells the
kind: 8 last price, 28 and 32 index, 44 quote, 184 full with ten depth entries. Prices are integers over a divisor that
the token's low byte (the segment) names.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brokers.adapters.kite.small import small_columns
from brokers.adapters.kite.words import (
    KINDS,
    LENGTH_FULL,
    Words,
    divisors,
    mixed_words,
    packet_spans,
    uniform_words,
)
from brokers.domain.market import NANOSECONDS, QuoteColumns

HEARTBEAT_BYTES = 1
# Below this, building Python rows is quicker than numpy's fixed cost per call.
FEW_PACKETS = 8
# quantity, price, and orders, which are the upper half of their word
_DEPTH_SCALE = np.tile(np.array([1.0, 100.0, 65_536.0]), 10)
_LOWER_HALF = 0 if sys.byteorder == "little" else 1


@dataclass(slots=True, kw_only=True)
class FrameCounters:
    """What a stream has carried so far, and what of it could not be used."""

    frames: int = 0
    packets: int = 0
    heartbeats: int = 0
    malformed_frames: int = 0
    dropped_packets: int = 0


def decode_frame(
    data: bytes, received_ns: int, *, with_depth: bool, counters: FrameCounters | None = None
) -> QuoteColumns | None:
    """Decode one binary message; answer None for a heartbeat, an empty or a malformed one.

    A message that claims more bytes than it has is dropped whole; a packet of unknown length is dropped alone. Both
    are counted in `counters`.
    """
    counts = counters or FrameCounters()
    counts.frames += 1
    if len(data) == HEARTBEAT_BYTES:
        counts.heartbeats += 1
        return None
    if len(data) >= 2 and int.from_bytes(data[:2], "big") < FEW_PACKETS:
        return _few(data, received_ns, with_depth, counts)
    words = decode_words(data, counters=counts)
    if words is None:
        return None
    return _columns(words, received_ns, with_depth)


def decode_words(data: bytes, *, counters: FrameCounters | None = None) -> Words | None:
    """Decode to native unsigned words in the full packet's layout, unscaled; None as for `decode_frame`.

    `Words.values` has shape (packets, 46); what a packet does not carry is 0 there.
    """
    counts = counters or FrameCounters()
    words = uniform_words(data)
    if words is None:
        spans = packet_spans(data)
        if spans is None:
            counts.malformed_frames += 1
            return None
        known = [span for span in spans if span[1] in KINDS]
        counts.dropped_packets += len(spans) - len(known)
        words = mixed_words(data, known)
    counts.packets += len(words.values)
    return words if len(words.values) else None


def _few(data: bytes, received_ns: int, with_depth: bool, counts: FrameCounters) -> QuoteColumns | None:
    spans = packet_spans(data)
    if spans is None:
        counts.malformed_frames += 1
        return None
    known = [span for span in spans if span[1] in KINDS]
    counts.dropped_packets += len(spans) - len(known)
    counts.packets += len(known)
    return small_columns(data, known, received_ns, with_depth=with_depth) if known else None


def _columns(words: Words, received_ns: int, with_depth: bool) -> QuoteColumns:
    values, count = words.values, len(words.values)
    divisor = divisors(words.segments)
    table = np.empty((16, count))
    table[...] = values[:, :16].T
    table[1] /= divisor
    table[7:11] /= divisor
    bid, ask = _touch(values, divisor)
    if words.lengths is not None:
        _blank_missing(table, words.lengths)
    elif words.length != LENGTH_FULL:
        _blank_missing(table, np.full(count, words.length))
    return QuoteColumns(
        token=values[:, 0].astype(np.int64),
        last_price=table[1],
        volume=table[4],
        open_interest=table[12],
        bid=bid,
        ask=ask,
        day_open=table[7],
        day_high=table[8],
        day_low=table[9],
        previous_close=table[10],
        exchange_ns=values[:, 15].astype(np.int64) * NANOSECONDS,
        received_ns=received_ns,
        depth=_depth(words, divisor) if with_depth else None,
    )


def _touch(
    values: npt.NDArray[np.uint32], divisor: float | npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    # words 17 and 32: the prices of the first buying and the first selling level
    prices = values[:, 17:33:15] / (divisor if isinstance(divisor, float) else divisor[:, None])
    prices[prices == 0.0] = np.nan  # 0 is the venue's way to say that nobody bids or offers
    return prices[:, 0], prices[:, 1]


def _blank_missing(table: npt.NDArray[np.float64], lengths: npt.NDArray[np.int64]) -> None:
    table[4, lengths < 44] = np.nan
    table[12, lengths < LENGTH_FULL] = np.nan
    table[7:11, lengths < 28] = np.nan


def _depth(words: Words, divisor: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    is_full = None if words.lengths is None else words.lengths == LENGTH_FULL
    if words.length != LENGTH_FULL and (is_full is None or not is_full.any()):
        return None
    # what pads the orders' words must not count
    words.values.view(np.uint16)[:, 36 + _LOWER_HALF :: 6] = 0
    raw = words.values[:, 16:]
    depth: npt.NDArray[np.float64] = raw / _DEPTH_SCALE
    if not isinstance(divisor, float):
        depth[:, 1::3] = raw[:, 1::3] / divisor[:, None]
    if is_full is not None:
        depth[~is_full] = np.nan
    return depth.reshape(len(raw), 10, 3)
