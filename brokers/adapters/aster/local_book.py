"""A symbol's order book kept from differences, by the exchange's own rules.

A snapshot says up to which update it is true. Differences older than it are dropped, the first one used must span it,
and each later one must begin where the previous ended; anything else is a gap, after which nothing is believed until
the next snapshot. During a change-over two connections bring each difference twice, and the second is dropped.
Quantities are absolute and 0 removes a level. Prices and quantities are floats: this is market data to look at, not
an order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from heapq import heapify, heappop, heappush
from itertools import chain, compress, islice
from operator import not_
from typing import Any

Levels = Sequence[tuple[float, float]]
# what is kept while a snapshot is on its way: some minutes of the fastest stream
MOST_BUFFERED = 2_000
# a connection that only repeats what another one brought has fallen behind, or the exchange counts anew
MOST_REPEATED = 200


class BookStep(StrEnum):
    """What became of one difference."""

    APPLIED = "applied"
    BUFFERED = "buffered"  # no snapshot yet
    OLD = "old"  # the book holds it already
    GAP = "gap"  # something between is missing: take a new snapshot


class _Side:
    """Levels of one side; the heap holds each price once or more, dead ones are shed when they reach the top."""

    __slots__ = ("heap", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[float, float] = {}
        self.heap: list[float] = []

    def seed(self, levels: Iterable[Sequence[Any]]) -> None:
        self.levels = {float(price): float(quantity) for price, quantity, *_ in levels if float(quantity)}
        self.heap = [self.sign * price for price in self.levels]
        heapify(self.heap)

    def update(self, changes: Iterable[Sequence[str]]) -> None:
        # the books of a busy symbol change a thousand levels a second: whole lists at a time, not level by level
        numbers = list(map(float, chain.from_iterable(changes)))
        prices, quantities = numbers[::2], numbers[1::2]
        levels, heap, sign, known = self.levels, self.heap, self.sign, len(self.levels)
        levels.update(zip(prices, quantities, strict=True))
        # a dict keeps its new keys at its end
        for price in islice(reversed(levels), len(levels) - known):
            heappush(heap, sign * price)
        for price in compress(prices, map(not_, quantities)):
            # the same price may stand in one difference more than once
            if levels.get(price) == 0.0:
                del levels[price]
        # a level that comes and goes leaves its price behind each time
        if len(heap) > 2 * len(levels) + 1_000:
            self.heap = [sign * price for price in levels]
            heapify(self.heap)

    def best(self) -> tuple[float, float] | None:
        heap, levels, sign = self.heap, self.levels, self.sign
        while heap:
            price = sign * heap[0]
            quantity = levels.get(price)
            if quantity is not None:
                return price, quantity
            heappop(heap)
        return None

    def top(self, count: int) -> list[tuple[float, float]]:
        # the heap gives up its first prices and takes them back: a book of a thousand levels is not sorted for five
        found: list[tuple[float, float]] = []
        while len(found) < count and (best := self.best()) is not None:
            heappop(self.heap)
            if not found or found[-1][0] != best[0]:
                found.append(best)
        for price, _ in found:
            heappush(self.heap, self.sign * price)
        return found


class LocalBook:
    """One symbol's book; `last_update_id` is None until the first snapshot and after a gap."""

    __slots__ = ("_asks", "_bids", "_buffer", "_is_chained", "_repeated", "gaps", "last_update_id")

    def __init__(self) -> None:
        self._bids = _Side(-1)
        self._asks = _Side(1)
        self._buffer: deque[Mapping[str, Any]] = deque(maxlen=MOST_BUFFERED)
        self._is_chained = False
        self._repeated = 0
        self.last_update_id: int | None = None
        self.gaps = 0

    def seed(self, update_id: int, bids: Iterable[Sequence[Any]], asks: Iterable[Sequence[Any]]) -> BookStep:
        """Begin anew from a snapshot and catch up with what was buffered; GAP when that does not reach it."""
        self._bids.seed(bids)
        self._asks.seed(asks)
        self.last_update_id, self._is_chained = update_id, False
        waiting, step = list(self._buffer), BookStep.APPLIED
        self._buffer.clear()
        for event in waiting:
            step = self.apply(event)
            if step is BookStep.GAP:
                break
        return BookStep.GAP if step is BookStep.GAP else BookStep.APPLIED

    def apply(self, event: Mapping[str, Any]) -> BookStep:
        """Take one difference in the wire's own keys (U, u, pu, b, a)."""
        last = self.last_update_id
        if last is None:
            self._buffer.append(event)
            return BookStep.BUFFERED
        final = event["u"]
        if self._is_chained:
            if event["pu"] != last:
                return self._repeat(event) if final <= last else self._broken(event)
        elif final < last:
            return BookStep.OLD
        elif event["U"] > last:
            return self._broken(event)
        self._bids.update(event["b"])
        self._asks.update(event["a"])
        self.last_update_id, self._is_chained, self._repeated = final, True, 0
        return BookStep.APPLIED

    @property
    def best_bid(self) -> tuple[float, float] | None:
        """Return price and quantity of the highest bid."""
        return self._bids.best()

    @property
    def best_ask(self) -> tuple[float, float] | None:
        """Return price and quantity of the lowest offer."""
        return self._asks.best()

    @property
    def is_crossed(self) -> bool:
        """Tell whether the best bid reaches the best ask, which no true book does."""
        bid, ask = self._bids.best(), self._asks.best()
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def bids(self, count: int) -> list[tuple[float, float]]:
        """Return the highest bids, best first."""
        return self._bids.top(count)

    def asks(self, count: int) -> list[tuple[float, float]]:
        """Return the lowest offers, best first."""
        return self._asks.top(count)

    def _repeat(self, event: Mapping[str, Any]) -> BookStep:
        self._repeated += 1
        return BookStep.OLD if self._repeated <= MOST_REPEATED else self._broken(event)

    def _broken(self, event: Mapping[str, Any]) -> BookStep:
        self.gaps += 1
        self.last_update_id, self._is_chained, self._repeated = None, False, 0
        self._buffer.clear()
        self._buffer.append(event)
        return BookStep.GAP
