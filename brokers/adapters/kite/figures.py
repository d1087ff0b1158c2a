"""The quickest reading of a frame: seven scaled figures of every packet in one matrix, for those who watch thousands.

What a packet does not carry is 0, as the venue itself says it; `decode_frame` is for those who must tell the two apart.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import cast

import numpy as np
import numpy.typing as npt

from brokers.adapters.kite.decode import HEARTBEAT_BYTES, FrameCounters, decode_words
from brokers.adapters.kite.words import (
    DIVISOR_OF_SEGMENT,
    FULL_WORDS,
    LENGTH_FULL,
    USUAL_DIVISOR,
    all_bear,
    divisors,
)

Figures = npt.NDArray[np.float64]


class Figure(IntEnum):
    """The columns of the matrix; a token is exact as a float."""

    TOKEN = 0
    LAST_PRICE = 1
    BID = 2
    ASK = 3
    VOLUME = 4
    OPEN_INTEREST = 5
    EXCHANGE_SECOND = 6


_WORD_OF = np.array([0, 1, 17, 32, 4, 12, 15])
_PRICES = slice(Figure.LAST_PRICE, Figure.ASK + 1)
_SCALE = np.array([1.0, USUAL_DIVISOR, USUAL_DIVISOR, USUAL_DIVISOR, 1.0, 1.0, 1.0])
_STRIDE = LENGTH_FULL + 2
_ONE_FULL = 2 + _STRIDE
# count, length, then words 0, 1, 4, 12, 15, 17 and 32 of the 46
_ONE = struct.Struct(">HH 2I 8xI 28xI 8xI 4xI 56xI 52x")


def decode_figures(data: bytes, *, counters: FrameCounters | None = None) -> Figures | None:
    """Decode to a matrix of shape (packets, 7), the columns of `Figure`; None as for `decode_frame`."""
    counts = counters or FrameCounters()
    counts.frames += 1
    if len(data) == _ONE_FULL:
        count, length, token, last, volume, interest, second, bid, ask = _ONE.unpack(data)
        if count == 1 and length == LENGTH_FULL:
            counts.packets += 1
            divisor = DIVISOR_OF_SEGMENT.get(token & 0xFF, USUAL_DIVISOR)
            return np.array(((token, last / divisor, bid / divisor, ask / divisor, volume, interest, second),))
    if len(data) == HEARTBEAT_BYTES:
        counts.heartbeats += 1
        return None
    figures = _all_full(data, counts)
    return _others(data, counts) if figures is None else figures


def _all_full(data: bytes, counts: FrameCounters) -> Figures | None:
    """Read a frame of full packets in two steps: pick the seven words, divide."""
    count, rest = divmod(len(data) - 2, _STRIDE)
    if rest or count < 1 or (data[0] << 8) | data[1] != count or not all_bear(data, LENGTH_FULL, count):
        return None
    counts.packets += count
    words = np.ndarray((count, FULL_WORDS), ">u4", data, 4, (_STRIDE, 4))
    return _scaled(words[:, _WORD_OF], data[7::_STRIDE])


def _others(data: bytes, counts: FrameCounters) -> Figures | None:
    words = decode_words(data, counters=counts)
    return None if words is None else _scaled(words.values[:, _WORD_OF], words.segments)


def _scaled(picked: npt.NDArray[np.uint32], segments: bytes) -> Figures:
    divisor = divisors(segments)
    if isinstance(divisor, float):
        return cast("Figures", picked / _SCALE)
    figures = picked.astype(np.float64)
    figures[:, _PRICES] /= divisor[:, None]
    return figures
