"""Making few frames of many without changing what they say.

Of an instrument's ticks in one minute only the first, the highest, the lowest and the last are kept, in the order in
which they came: the latest quotes, every bar of a minute or longer and every volume come out as from all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from brokers.domain.market import NANOSECONDS, QuoteColumns
from brokers.ports import FeedQuotes

MINUTE_NS = 60 * NANOSECONDS
_NOT_ROWS = {"received_ns", "depth", "cached", "mark_price"}
_ROWS = tuple(field.name for field in fields(QuoteColumns) if field.name not in _NOT_ROWS)
_LEVELS = (10, 3)
Indices = npt.NDArray[np.intp]


def merged(frames: Sequence[FeedQuotes]) -> list[FeedQuotes]:
    """Return one frame per minute of exchange time; each tells the age of the oldest that went into it."""
    parts = [frame.columns for frame in frames]
    rows = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ROWS}
    cached = np.concatenate([_cached_of(part) for part in parts])
    minutes = _minutes(rows["exchange_ns"], cached)
    kept = _kept(minutes, rows["token"], rows["last_price"])
    marks = _marks(parts)
    received_ns = min(part.received_ns for part in parts)
    chosen = [kept[minutes[kept] == minute] for minute in np.unique(minutes[kept])]
    raw_bytes = sum(frame.raw_bytes for frame in frames)
    return [
        FeedQuotes(
            columns=QuoteColumns(
                **{name: column[places] for name, column in rows.items()},
                received_ns=received_ns,
                depth=_depth(parts, places),
                cached=cached[places] if cached[places].any() else None,
                mark_price=None if marks is None else marks[places],
            ),
            raw_bytes=raw_bytes // len(chosen),
        )
        for places in chosen
    ]


def _minutes(exchange_ns: npt.NDArray[np.int64], cached: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    minutes: npt.NDArray[np.int64] = exchange_ns // MINUTE_NS
    # no bar is built of what is cached or bears no time: it goes with the oldest of the others
    timeless = cached | (exchange_ns <= 0)
    minutes[timeless] = minutes[~timeless].min(initial=np.iinfo(np.int64).max)
    return minutes


def _kept(minutes: npt.NDArray[np.int64], tokens: npt.NDArray[np.int64], prices: npt.NDArray[np.float64]) -> Indices:
    has_price = prices > 0
    order = np.lexsort((has_price, tokens, minutes))
    # a stable sort leaves the ticks of one group in the order in which they came
    keys = np.stack((minutes[order], tokens[order], has_price[order]))
    is_first = np.ones(order.size, dtype=np.bool_)
    is_first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    group = np.cumsum(is_first) - 1
    starts = np.flatnonzero(is_first)
    sorted_prices = prices[order]
    is_kept = is_first.copy()
    is_kept[np.append(starts[1:], order.size) - 1] = True
    for extreme in (np.maximum, np.minimum):
        reached = np.flatnonzero(sorted_prices == extreme.reduceat(sorted_prices, starts)[group])
        is_kept[reached[np.unique(group[reached], return_index=True)[1]]] = True
    return np.sort(order[is_kept])


def _cached_of(part: QuoteColumns) -> npt.NDArray[np.bool_]:
    return np.zeros(len(part), dtype=np.bool_) if part.cached is None else part.cached


def _marks(parts: Sequence[QuoteColumns]) -> npt.NDArray[np.float64] | None:
    if all(part.mark_price is None for part in parts):
        return None
    return np.concatenate(
        [np.full(len(part), np.nan) if part.mark_price is None else part.mark_price for part in parts]
    )


def _depth(parts: Sequence[QuoteColumns], places: Indices) -> npt.NDArray[np.float64] | None:
    if all(part.depth is None for part in parts):
        return None
    depth = np.full((places.size, *_LEVELS), np.nan)
    begin = 0
    for part in parts:
        end = begin + len(part)
        here = (places >= begin) & (places < end)
        if part.depth is not None:
            depth[here] = part.depth[places[here] - begin]
        begin = end
    return depth
