"""Frames to native words: strided numpy views where all packets are alike, one walk of lengths where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LENGTH_FULL = 184
FULL_WORDS = 46

# Pairs (place in the body, place in the full layout). Index packets say high, low, open, close; tradables say open,
# high, low, close. The index packet's word 6 (a price change) has no place there: it can be computed.
_INDEX = ((slice(0, 2), slice(0, 2)), (slice(2, 4), slice(8, 10)), (4, 7), (5, 10))
KINDS: dict[int, tuple[tuple[slice | int, slice | int], ...]] = {
    8: ((slice(0, 2), slice(0, 2)),),
    28: _INDEX,
    32: (*_INDEX, (7, 15)),
    44: ((slice(0, 11), slice(0, 11)),),
    LENGTH_FULL: ((slice(None), slice(None)),),
}

# currencies count in 1e-7, BSE currencies and NSE commodities in 1e-4, everything else in 1e-2
DIVISOR_OF_SEGMENT = {3: 10_000_000.0, 6: 10_000.0, 12: 10_000.0}
USUAL_DIVISOR = 100.0
_DIVISORS: npt.NDArray[np.float64] = np.array(
    [DIVISOR_OF_SEGMENT.get(segment, USUAL_DIVISOR) for segment in range(256)]
)
_ODD_SEGMENTS = bytes(DIVISOR_OF_SEGMENT)

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Packets as rows of 46 unsigned words; `lengths` is None where every packet has `length` bytes.

    `segments` holds the low byte of each packet's token.
    """

    values: npt.NDArray[np.uint32]
    segments: bytes
    length: int
    lengths: npt.NDArray[np.int64] | None = None


def packet_spans(data: bytes) -> list[Span] | None:
    """Return each packet's (offset, length); None when the frame claims more bytes than it has."""
    size = len(data)
    if size < 2:
        return None
    spans: list[Span] = []
    position = 2
    for _ in range((data[0] << 8) | data[1]):
        start = position + 2
        if start > size:
            return None
        length = (data[position] << 8) | data[position + 1]
        position = start + length
        if position > size:
            return None
        spans.append((start, length))
    return spans


def uniform_words(data: bytes) -> Words | None:
    """Decode a frame whose packets all have one known length; None for every other frame."""
    if len(data) < 4:
        return None
    count, length = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    if count == 0 or length not in KINDS or len(data) != 2 + count * (length + 2):
        return None
    stride = length + 2
    if not all_bear(data, length, count):
        return None
    # copying whole records first makes the byte swap run over contiguous memory
    bodies = np.ndarray((count,), f"V{length}", data, 4, (stride,)).copy()
    view = bodies.view(">u4").reshape(count, length // 4)
    return Words(values=_in_full_layout(view, length), segments=data[7::stride], length=length)


def all_bear(data: bytes, length: int, count: int) -> bool:
    """Tell whether `count` packets, were they all of this length, each say so."""
    stride = length + 2
    return data[2::stride] == bytes([length >> 8]) * count and data[3::stride] == bytes([length & 0xFF]) * count


def mixed_words(data: bytes, spans: Sequence[Span]) -> Words:
    """Gather packets of several kinds, kind by kind, into one matrix in packet order."""
    starts, lengths = (np.array(column, dtype=np.int64) for column in (zip(*spans, strict=True) if spans else ((), ())))
    values = np.zeros((len(spans), FULL_WORDS), dtype=np.uint32)
    for length in KINDS:
        places = np.flatnonzero(lengths == length)
        if places.size:
            # one record per byte position, overlapping: taking from it copies whole bodies at any offset
            records = np.ndarray((len(data) - length + 1,), f"V{length}", data, 0, (1,))
            bodies = records[starts[places]].view(">u4").reshape(places.size, length // 4)
            values[places] = _in_full_layout(bodies, length)
    return Words(values=values, segments=values[:, 0].astype(np.uint8).tobytes(), length=0, lengths=lengths)


def divisors(segments: bytes) -> float | npt.NDArray[np.float64]:
    """Return the usual divisor where all packets share it, else one divisor per packet."""
    if len(segments.translate(None, _ODD_SEGMENTS)) == len(segments):
        return USUAL_DIVISOR
    chosen: npt.NDArray[np.float64] = _DIVISORS[np.frombuffer(segments, np.uint8)]
    return chosen


def _in_full_layout(view: npt.NDArray[np.uint32], length: int) -> npt.NDArray[np.uint32]:
    if length == LENGTH_FULL:
        return view.astype(np.uint32)
    values = np.zeros((len(view), FULL_WORDS), dtype=np.uint32)
    for source, target in KINDS[length]:
        values[:, target] = view[:, source]
    return values
