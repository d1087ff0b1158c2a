"""From Aster's market frames to the newest figures of each symbol, as the columns that the desk trades on.

Frames of every connection write into one row per symbol, so that what two connections both bring during a change-over
counts once: trades and best prices bear numbers that only grow. `drain` hands out the rows that changed since the last
time; a symbol that traded more than once has a line per trade, because bars need each of them. Best prices overtake
one another many times between two looks of the desk, so they are turned into numbers only when it looks.

Volume counts the base asset traded since the decoder began: the exchange's own is a sliding day. No day closes here,
so what a change is counted from (`previous_close`) is the price of a day ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from brokers.adapters.aster.local_book import BookStep, LocalBook
from brokers.adapters.aster.tokens import token_of
from brokers.domain.market import QuoteColumns

NAN = float("nan")
INFINITE = float("inf")
NANOSECONDS_PER_MS = 1_000_000
LATEST_MS = 1 << 43  # the year 2248: no clock is that far ahead
# best prices that a trade outside them has left behind for this long are not believed
LEFT_BEHIND_MS = 10_000
# the rate of the next funding moves all the time; it is told when its hour changes and a few times a minute
RATE_EVERY_MS = 15_000
SHOWN_LEVELS = 5
MOST_WORDS = 50
_UNREADABLE = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)

Line = tuple[float, ...]
Event = dict[str, Any]


class SymbolRow:
    """The newest figures of one symbol; NaN where no frame has said yet."""

    __slots__ = (
        "ask", "ask_quantity", "bid", "bid_quantity", "day_high", "day_low", "day_open", "exchange_ms", "funding_rate",
        "index_price", "is_changed", "last_price", "mark_price", "next_funding_ms", "prints", "quote", "quote_ms",
        "quote_update_id", "rate_ms", "symbol", "token", "trade_id", "trade_ms", "volume",
    )  # fmt: skip

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.token = token_of(symbol)
        self.last_price = self.bid = self.ask = self.bid_quantity = self.ask_quantity = NAN
        self.day_open = self.day_high = self.day_low = NAN
        self.mark_price = self.index_price = self.funding_rate = NAN
        self.next_funding_ms = 0
        self.volume = 0.0
        self.exchange_ms = self.quote_ms = self.trade_ms = self.rate_ms = 0
        self.quote_update_id = self.trade_id = 0
        self.is_changed = False
        self.quote: Event | None = None
        self.prints: list[tuple[int, float, float]] = []

    def read_quote(self) -> bool:
        """Turn the newest best prices into numbers; answer whether they could be believed."""
        event, self.quote = self.quote, None
        if event is None:
            return True
        bid, bid_quantity = float(event["b"]), float(event["B"])
        ask, ask_quantity = float(event["a"]), float(event["A"])
        if not (0 <= bid < INFINITE and 0 <= ask < INFINITE):
            raise ValueError(bid, ask)
        self.bid, self.bid_quantity = bid or NAN, bid_quantity
        self.ask, self.ask_quantity = ask or NAN, ask_quantity
        self.quote_ms = event["E"]
        if self.bid >= self.ask:
            self.bid = self.ask = NAN
            return False
        return True

    def lines(self) -> list[tuple[int, Line]]:
        """Return a time and the figures of `MarketDecoder.drain` for each trade, the newest state last."""
        if self.trade_ms - self.quote_ms > LEFT_BEHIND_MS and not self.bid <= self.last_price <= self.ask:
            self.bid = self.ask = NAN
        rest = (self.bid, self.ask, self.day_open, self.day_high, self.day_low, self.day_open, NAN, self.mark_price)
        found: list[tuple[int, Line]] = [(at, (price, volume, *rest)) for at, price, volume in self.prints[:-1]]
        found.append((self.exchange_ms, (self.last_price, self.volume, *rest)))
        return found


@dataclass(slots=True)
class StreamCounters:
    """What the streams brought and what could not be used."""

    frames: int = 0
    unknown: int = 0
    unreadable: int = 0
    repeated: int = 0
    missed_trades: int = 0
    gaps: int = 0
    crossed: int = 0


class MarketDecoder:
    """All market streams of one feed; `books_wanted` names the symbols whose book waits for a snapshot."""

    def __init__(self, symbols: Iterable[str] = (), *, with_books: bool = False) -> None:
        self.rows: dict[str, SymbolRow] = {}
        self.books: dict[str, LocalBook] = {}
        self.books_wanted: set[str] = set()
        self.counters = StreamCounters()
        self.unknown_words: list[str] = []
        # what the exchange said against our messages, until somebody tells it
        self.refusals: list[str] = []
        # marks whose funding rate is to be told, by symbol, as they came
        self.rates: dict[str, Event] = {}
        self._changed: list[SymbolRow] = []
        self._readers: Mapping[str, Callable[[SymbolRow, Event], bool]] = {
            "bookTicker": _best_prices,
            "aggTrade": self._aggregate,
            "trade": self._trade,
            "markPriceUpdate": self._mark,
            "24hrTicker": _day,
            "24hrMiniTicker": _day,
        }
        for symbol in symbols:
            self.add(symbol, with_book=with_books)

    def add(self, symbol: str, *, with_book: bool = False, with_quotes: bool = True) -> None:
        """Keep a symbol's figures from now on; its book and its best prices for as long as they are asked for."""
        row = self.rows.get(symbol)
        if row is None:
            self.rows[symbol] = SymbolRow(symbol)
        elif not with_quotes:
            row.quote, row.bid, row.ask = None, NAN, NAN
        if not with_book:
            self.books.pop(symbol, None)
            self.books_wanted.discard(symbol)
        elif symbol not in self.books:
            self.books[symbol] = LocalBook()
            self.books_wanted.add(symbol)

    def remove(self, symbol: str) -> None:
        """Forget a symbol."""
        row = self.rows.pop(symbol, None)
        self._changed = [changed for changed in self._changed if changed is not row]
        self.books.pop(symbol, None)
        self.books_wanted.discard(symbol)

    def take(self, text: bytes | str, heard: set[str] | None = None) -> None:
        """Read one frame; what cannot be read is counted and changes nothing.

        A symbol whose mark price came is added to `heard`: the exchange sends it every second, whoever trades.
        """
        self.counters.frames += 1
        try:
            frame = orjson.loads(text)
            data = frame["data"] if "data" in frame else frame  # noqa: SIM401 - a list has no get
            for event in data if data.__class__ is list else (data,):
                row = self.rows.get(event.get("s", ""))
                if row is None:
                    self._take_stranger(frame)
                    continue
                word = event["e"]
                reader = self._readers.get(word)
                if reader is None:
                    self._take_other(word, row, event, frame)
                    continue
                at = event["E"]
                if not 0 < at < LATEST_MS:
                    raise ValueError(at)
                if not reader(row, event):
                    self.counters.repeated += 1
                    continue
                if at > row.exchange_ms:  # noqa: PLR1730 - for every frame: max() costs more than all of this
                    row.exchange_ms = at
                if not row.is_changed:
                    row.is_changed = True
                    self._changed.append(row)
                if heard is not None and word == "markPriceUpdate":
                    heard.add(row.symbol)
        except _UNREADABLE:
            self.counters.unreadable += 1

    def seed_book(self, symbol: str, update_id: int, bids: Iterable[Any], asks: Iterable[Any]) -> bool:
        """Give a book its snapshot; answer False when what came since does not join on to it."""
        joined = self.books[symbol].seed(update_id, bids, asks) is not BookStep.GAP
        if joined:
            self.books_wanted.discard(symbol)
        else:
            self.counters.gaps += 1
        return joined

    def begin_anew(self, symbols: Iterable[str]) -> None:
        """Compare nothing with what an earlier connection brought: its numbers and times may not go on."""
        symbols = list(symbols)
        for row in (self.rows[symbol] for symbol in symbols if symbol in self.rows):
            row.trade_id = row.quote_update_id = row.exchange_ms = row.quote_ms = row.trade_ms = 0
            row.rate_ms = row.next_funding_ms = 0
        self.forget_books(symbols)

    def forget_books(self, symbols: Iterable[str]) -> None:
        """Believe these books no longer: their differences were interrupted."""
        for symbol in symbols:
            if symbol in self.books:
                self.books[symbol] = LocalBook()
                self.books_wanted.add(symbol)

    def drain(self, received_ns: int) -> QuoteColumns | None:
        """Return the rows that changed since the last call, or None."""
        if not self._changed:
            return None
        tokens: list[int] = []
        lines: list[tuple[int, Line]] = []
        newest: list[tuple[int, str]] = []
        for row in self._changed:
            row.is_changed = False
            self._settle(row)
            found = row.lines()
            row.prints.clear()
            lines += found
            tokens += [row.token] * len(found)
            newest.append((len(lines) - 1, row.symbol))
        self._changed.clear()
        prices = np.array([line for _, line in lines]).T
        return QuoteColumns(
            token=np.array(tokens, dtype=np.int64),
            last_price=prices[0],
            volume=prices[1],
            bid=prices[2],
            ask=prices[3],
            day_open=prices[4],
            day_high=prices[5],
            day_low=prices[6],
            previous_close=prices[7],
            open_interest=prices[8],
            mark_price=prices[9],
            exchange_ns=np.array([at for at, _ in lines], dtype=np.int64) * NANOSECONDS_PER_MS,
            received_ns=received_ns,
            depth=self._depth(newest, len(lines)) if self.books else None,
        )

    def _settle(self, row: SymbolRow) -> None:
        try:
            if not row.read_quote():
                self.counters.crossed += 1
        except _UNREADABLE:
            self.counters.unreadable += 1

    def _depth(self, newest: list[tuple[int, str]], count: int) -> npt.NDArray[np.float64]:
        """Return the top of each book beside its symbol's newest line; the lines of earlier trades have none."""
        depth = np.full((count, 2 * SHOWN_LEVELS, 3), NAN)
        for place, symbol in newest:
            book = self.books.get(symbol)
            if book is None or book.last_update_id is None:
                continue
            if not book.settle():
                self.counters.unreadable += 1
                self.books_wanted.add(symbol)
                continue
            bids, asks = book.bids(SHOWN_LEVELS), book.asks(SHOWN_LEVELS)
            if bids and asks and bids[0] >= asks[0]:
                self.counters.crossed += 1
                # no true book is crossed: something was lost that no number told
                self.forget_books([symbol])
                continue
            depth[place, : len(bids), 1::-1] = bids or NAN
            depth[place, SHOWN_LEVELS : SHOWN_LEVELS + len(asks), 1::-1] = asks or NAN
        return depth

    def _take_other(self, word: Any, row: SymbolRow, event: Event, frame: Any) -> None:
        book = self.books.get(row.symbol)
        if word == "depthUpdate" and book is not None and _is_difference(frame.get("stream", "")):
            if book.apply(event) is BookStep.GAP:
                self.counters.gaps += 1
                self.books_wanted.add(row.symbol)
            return
        self.counters.unknown += 1
        told = f"{word}"[:40]
        if word != "depthUpdate" and told not in self.unknown_words and len(self.unknown_words) < MOST_WORDS:
            self.unknown_words.append(told)

    def _take_stranger(self, frame: Any) -> None:
        """Count what is of no symbol here: answers, refusals, and what was given back a moment ago."""
        self.counters.unknown += 1
        said = frame.get("error", frame) if isinstance(frame, dict) else {}
        if isinstance(said, dict) and "code" in said and "stream" not in said and len(self.refusals) < MOST_WORDS:
            self.refusals.append(f"{said.get('msg', '')}"[:200])

    def _aggregate(self, row: SymbolRow, event: Event) -> bool:
        return self._print(row, event, event["a"])

    def _trade(self, row: SymbolRow, event: Event) -> bool:
        return self._print(row, event, event["t"])

    def _print(self, row: SymbolRow, event: Event, number: int) -> bool:
        last = row.trade_id
        if number <= last:
            return False
        price, quantity = float(event["p"]), float(event["q"])
        if not (0 < price < INFINITE and 0 <= quantity < INFINITE):
            raise ValueError(price, quantity)
        if last and number > last + 1:
            self.counters.missed_trades += number - last - 1
        row.trade_id = number
        row.trade_ms = at = event["E"]
        row.last_price = price
        row.volume += quantity
        # no line is older than the state that the desk has seen already
        row.prints.append((max(at, row.exchange_ms), price, row.volume))
        return True

    def _mark(self, row: SymbolRow, event: Event) -> bool:
        mark, index, rate, due = _number(event["p"]), _number(event["i"]), float(event["r"] or NAN), int(event["T"])
        if not isnan(rate) and (due != row.next_funding_ms or event["E"] >= row.rate_ms + RATE_EVERY_MS):
            row.rate_ms = event["E"]
            self.rates[row.symbol] = event
        row.next_funding_ms = due
        row.mark_price, row.index_price, row.funding_rate = mark or NAN, index or NAN, rate
        return True


def _best_prices(row: SymbolRow, event: Event) -> bool:
    # best prices overtake each other between the exchange's machines; the update id never steps back
    if event["u"] < row.quote_update_id:
        return False
    row.quote_update_id = event["u"]
    row.quote = event
    return True


def _day(row: SymbolRow, event: Event) -> bool:
    opened, high, low, last = (_number(event[key]) for key in "ohlc")
    row.day_open, row.day_high, row.day_low = opened, high, low
    # a trade is newer than the day's figures unless they bear a later time
    if event["E"] > row.trade_ms:
        row.last_price = last
    return True


@lru_cache(maxsize=2_048)
def _is_difference(stream: str) -> bool:
    """Tell a book's differences from its top, which bears the same word: only the stream's name says."""
    return stream.partition("@")[2].partition("@")[0] in ("", "depth")


def _number(text: Any) -> float:
    value = float(text)
    if not 0 <= value < INFINITE:
        raise ValueError(text)
    return value
