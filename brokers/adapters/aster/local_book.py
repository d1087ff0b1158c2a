"""A symbol's order book kept from differences, by the exchange's own rules.

A snapshot says up to which update it is true. Differences older than it are dropped, the first one used must span it
or begin where it ends, and each later one must begin where the previous ended; anything else is a gap, after which
nothing is believed until the next snapshot. During a change-over two connections bring each difference twice, and the
second is dropped. Quantities are absolute and 0 removes a level. Differences are taken in as they come and put in
order when somebody looks. Prices and quantities are floats: this is market data to look at, not an order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any

Levels = Sequence[tuple[float, float]]
# what is kept while a snapshot is on its way: some minutes of the fastest stream
MOST_BUFFERED = 2_000
# a connection that only repeats what another one brought has fallen behind, or the exchange counts anew
MOST_REPEATED = 200


# how the exchange writes that a level is gone; other spellings are noticed when the level is looked at
GONE = "0"
ZEROS = frozenset({GONE, *("0." + "0" * digits for digits in range(1, 20))})
SPARE_LEVELS = 8_000
INFINITE = float("inf")


class BookStep(StrEnum):
    """What became of one difference."""

    APPLIED = "applied"
    BUFFERED = "buffered"  # no snapshot yet
    OLD = "old"  # the book holds it already
    GAP = "gap"  # something between is missing: take a new snapshot


class _Side:
    """Levels of one side, kept as the exchange writes them: a busy book changes a thousand of them a second.

    Only a price that is new becomes a number, and only a level that is looked at gives its quantity. A level that is
    gone keeps its place until it is the best or until there are many such: most of them come back. The heap holds each
    price of `levels` once or more.
    """

    __slots__ = ("heap", "known", "levels", "most", "sign", "spelling")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[Any, Any] = {}
        self.spelling: dict[float, Any] = {}
        self.heap: list[float] = []
        self.most = SPARE_LEVELS
        # how many of the levels the heap knows; nothing is removed between two looks
        self.known = 0

    def seed(self, levels: Iterable[Sequence[Any]]) -> None:
        self.levels = {str(price): str(quantity) for price, quantity, *_ in levels}
        self._gather()

    def settle(self) -> None:
        """Learn the prices that came since the last look; a dict keeps its new keys at its end."""
        levels, spelling = self.levels, self.spelling
        for text in list(islice(reversed(levels), len(levels) - self.known)):
            price = float(text)
            if not 0 <= price < INFINITE:
                raise ValueError(text)
            other = spelling.setdefault(price, text)
            if other != text:
                # a snapshot may write the same price with more or fewer digits than the differences
                levels.pop(other, None)
                spelling[price] = text
            heappush(self.heap, self.sign * price)
        if len(self.heap) > self.most:
            self._gather()
        self.known = len(levels)

    def best_price(self) -> float | None:
        heap, levels, spelling, sign = self.heap, self.levels, self.spelling, self.sign
        while heap:
            price = sign * heap[0]
            text = spelling.get(price)
            if levels.get(text, GONE) not in ZEROS:
                return price
            levels.pop(text, None)
            heappop(heap)
            self.known = len(levels)
        return None

    def best(self) -> tuple[float, float] | None:
        found = self.top(1)
        return found[0] if found else None

    def top(self, count: int) -> list[tuple[float, float]]:
        # the heap gives up its first prices and takes them back: a book of a thousand levels is not sorted for five
        heap, levels, spelling, sign = self.heap, self.levels, self.spelling, self.sign
        found: list[tuple[float, float]] = []
        kept: list[float] = []
        while heap and len(found) < count:
            key = heappop(heap)
            price = sign * key
            text = spelling.get(price)
            quantity = levels.get(text, GONE)
            value = 0.0 if quantity in ZEROS else _quantity(quantity)
            if value <= 0:
                levels.pop(text, None)
            elif not found or found[-1][0] != price:
                found.append((price, value))
                kept.append(key)
        for key in kept:
            heappush(heap, key)
        self.known = len(levels)
        return found

    def _gather(self) -> None:
        self.levels = {text: quantity for text, quantity in self.levels.items() if _quantity(quantity) > 0}
        self.spelling = {float(text): text for text in self.levels}
        self.heap = [self.sign * price for price in self.spelling]
        heapify(self.heap)
        self.most = 2 * len(self.heap) + SPARE_LEVELS
        self.known = len(self.levels)


def _quantity(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0.0


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
        waiting = list(self._buffer)
        self._buffer.clear()
        try:
            is_whole = all(self.apply(event) is not BookStep.GAP for event in waiting)
        except (KeyError, TypeError, ValueError):
            self._lose()
            is_whole = False
        return BookStep.APPLIED if is_whole else BookStep.GAP

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
        elif event["U"] > last and event["pu"] != last:
            return self._broken(event)
        self._bids.levels.update(event["b"])
        self._asks.levels.update(event["a"])
        self.last_update_id, self._is_chained, self._repeated = final, True, 0
        return BookStep.APPLIED

    def settle(self) -> bool:
        """Work in what came since the last look; answer False for a book that is not to be believed.

        A difference that cannot be read is a gap: nobody knows what it said.
        """
        if self.last_update_id is None:
            return False
        try:
            self._bids.settle()
            self._asks.settle()
        except (TypeError, ValueError):
            self._lose()
            return False
        return True

    @property
    def is_buffering(self) -> bool:
        """Tell whether differences wait for a snapshot: one taken before the first of them would not join."""
        return self.last_update_id is None and bool(self._buffer)

    @property
    def best_bid(self) -> tuple[float, float] | None:
        """Return price and quantity of the highest bid."""
        self.settle()
        return self._bids.best()

    @property
    def best_ask(self) -> tuple[float, float] | None:
        """Return price and quantity of the lowest offer."""
        self.settle()
        return self._asks.best()

    @property
    def is_crossed(self) -> bool:
        """Tell whether the best bid reaches the best ask, which no true book does."""
        self.settle()
        bid, ask = self._bids.best_price(), self._asks.best_price()
        return bid is not None and ask is not None and bid >= ask

    def bids(self, count: int) -> list[tuple[float, float]]:
        """Return the highest bids, best first."""
        self.settle()
        return self._bids.top(count)

    def asks(self, count: int) -> list[tuple[float, float]]:
        """Return the lowest offers, best first."""
        self.settle()
        return self._asks.top(count)

    def _repeat(self, event: Mapping[str, Any]) -> BookStep:
        self._repeated += 1
        return BookStep.OLD if self._repeated <= MOST_REPEATED else self._broken(event)

    def _broken(self, event: Mapping[str, Any]) -> BookStep:
        self._lose()
        self._buffer.append(event)
        return BookStep.GAP

    def _lose(self) -> None:
        self.gaps += 1
        self.last_update_id, self._is_chained, self._repeated = None, False, 0
        self._buffer.clear()
