"""From Aster's market frames to the newest figures of each symbol, as the columns that the desk trades on.

A frame is told apart by its stream, because partial and difference depth share an event word. Frames write into one
row per symbol; `drain` hands out the rows that changed since the last time, so that a slow reader costs no memory
and sees the newest. Volume counts the base asset traded since the decoder began: the exchange's own is a sliding day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson

from brokers.adapters.aster.local_book import BookStep, LocalBook
from brokers.domain.market import QuoteColumns

NAN = float("nan")
NANOSECONDS_PER_MS = 1_000_000
_TOKEN_BYTES = 6


def token_of(symbol: str) -> int:
    """Return the desk's number for a symbol: the exchange has none, and a hash needs no table."""
    return int.from_bytes(blake2b(symbol.encode(), digest_size=_TOKEN_BYTES).digest(), "big")


class SymbolRow:
    """The newest figures of one symbol; NaN where no frame has said yet."""

    __slots__ = (
        "ask", "ask_quantity", "bid", "bid_quantity", "day_high", "day_low", "day_open", "exchange_ms", "funding_rate",
        "index_price", "last_price", "mark_price", "next_funding_ms", "previous_close", "quote_update_id", "token",
        "volume",
    )  # fmt: skip

    def __init__(self, symbol: str) -> None:
        self.token = token_of(symbol)
        self.last_price = self.bid = self.ask = self.bid_quantity = self.ask_quantity = NAN
        self.day_open = self.day_high = self.day_low = self.previous_close = NAN
        self.mark_price = self.index_price = self.funding_rate = NAN
        self.next_funding_ms = 0
        self.volume = 0.0
        self.exchange_ms = 0
        self.quote_update_id = 0

    def prices(self) -> tuple[float, ...]:
        """Return the figures in the order of `MarketDecoder.drain`; open interest has no stream here."""
        return (
            self.last_price, self.volume, self.bid, self.ask, self.day_open, self.day_high, self.day_low,
            self.previous_close, NAN,
        )  # fmt: skip


@dataclass(slots=True)
class StreamCounters:
    """What one stream brought and what could not be used."""

    frames: int = 0
    unknown: int = 0
    unreadable: int = 0
    gaps: int = 0
    crossed: int = 0


class MarketDecoder:
    """All market streams of one connection; `books_wanted` names the symbols whose book waits for a snapshot."""

    def __init__(self, symbols: Iterable[str], *, with_books: bool = False) -> None:
        self.rows = {symbol: SymbolRow(symbol) for symbol in symbols}
        self.books = {symbol: LocalBook() for symbol in self.rows} if with_books else {}
        self.books_wanted: set[str] = set(self.books)
        self.counters = StreamCounters()
        self._changed: set[str] = set()
        self._readers: Mapping[str, Callable[[SymbolRow, dict[str, Any]], None]] = {
            "bookTicker": _best_prices,
            "aggTrade": _trade,
            "trade": _trade,
            "markPriceUpdate": _mark,
            "24hrTicker": _day,
            "24hrMiniTicker": _day,
        }

    def take(self, text: bytes | str) -> None:
        """Read one frame; what cannot be read is counted and changes nothing."""
        self.counters.frames += 1
        try:
            frame = orjson.loads(text)
            data = frame.get("data", frame) if isinstance(frame, dict) else frame
            if isinstance(data, dict):
                self._take_event(data)
            else:
                for event in data:
                    self._take_event(event)
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
            self.counters.unreadable += 1

    def seed_book(self, symbol: str, update_id: int, bids: Iterable[Any], asks: Iterable[Any]) -> bool:
        """Give a book its snapshot; answer False when what came since does not join on to it."""
        joined = self.books[symbol].seed(update_id, bids, asks) is not BookStep.GAP
        if joined:
            self.books_wanted.discard(symbol)
        return joined

    def drain(self, received_ns: int) -> QuoteColumns | None:
        """Return the rows that changed since the last call, or None."""
        if not self._changed:
            return None
        rows = [self.rows[symbol] for symbol in sorted(self._changed)]
        self._changed.clear()
        prices = np.array([row.prices() for row in rows]).T
        return QuoteColumns(
            token=np.array([row.token for row in rows], dtype=np.int64),
            last_price=prices[0],
            volume=prices[1],
            bid=prices[2],
            ask=prices[3],
            day_open=prices[4],
            day_high=prices[5],
            day_low=prices[6],
            previous_close=prices[7],
            open_interest=prices[8],
            exchange_ns=np.array([row.exchange_ms for row in rows], dtype=np.int64) * NANOSECONDS_PER_MS,
            received_ns=received_ns,
        )

    def _take_event(self, event: dict[str, Any]) -> None:
        symbol: str = event.get("s", "")
        row = self.rows.get(symbol)
        if row is None:
            self.counters.unknown += 1
            return
        word = event["e"]
        reader = self._readers.get(word)
        if reader is not None:
            reader(row, event)
            row.exchange_ms = max(row.exchange_ms, event["E"])
            self._changed.add(symbol)
        elif word == "depthUpdate":
            self._take_depth(symbol, event)
        else:
            self.counters.unknown += 1

    def _take_depth(self, symbol: str, event: dict[str, Any]) -> None:
        book = self.books.get(symbol)
        if book is None:
            self.counters.unknown += 1
            return
        step = book.apply(event)
        if step is BookStep.GAP:
            self.counters.gaps += 1
            self.books_wanted.add(symbol)
        elif step is BookStep.APPLIED and book.is_crossed:
            self.counters.crossed += 1


def _best_prices(row: SymbolRow, event: dict[str, Any]) -> None:
    # best prices overtake each other between the exchange's machines; the update id never steps back
    if event["u"] < row.quote_update_id:
        return
    row.quote_update_id = event["u"]
    row.bid, row.bid_quantity = float(event["b"]) or NAN, float(event["B"])
    row.ask, row.ask_quantity = float(event["a"]) or NAN, float(event["A"])


def _trade(row: SymbolRow, event: dict[str, Any]) -> None:
    row.last_price = float(event["p"])
    row.volume += float(event["q"])


def _mark(row: SymbolRow, event: dict[str, Any]) -> None:
    row.mark_price, row.index_price = float(event["p"]), float(event["i"])
    row.funding_rate, row.next_funding_ms = float(event["r"] or NAN), int(event["T"])


def _day(row: SymbolRow, event: dict[str, Any]) -> None:
    row.day_open, row.day_high, row.day_low = float(event["o"]), float(event["h"]), float(event["l"])
    row.last_price = float(event["c"])
