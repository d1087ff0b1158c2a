"""The account's order and trade books, which Aster gives by symbol: put together, and kept up at little weight.

A market without a day has no day's book. These hold what is open and what ended since some hours before the market's
midnight. A symbol is read once it is followed, traded here, or found by a look over the whole account that comes every
minute: open orders, positions, income, and the marks with the market's time. Between two looks only what can have
changed is read: orders from the oldest living one on, fills from the last one on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from brokers.adapters.aster import quotes, statements
from brokers.adapters.aster.account import OrderRow, PositionRisk, TradeRow
from brokers.adapters.aster.calls import Asks
from brokers.adapters.aster.statements import MOST_ROWS
from brokers.adapters.aster.tokens import split_order_key
from brokers.adapters.aster.words import status_of
from brokers.domain.errors import Rejected
from brokers.domain.orders import FINAL_STATUSES, UnreadableRow
from brokers.ports import Clock

LOOKED_OVER_EVERY_NS = 60 * 1_000_000_000
BEFORE_MIDNIGHT = timedelta(hours=2)
_EARN = frozenset({"REALIZED_PNL", "COMMISSION", "FUNDING_FEE"})

Orders = dict[str, OrderRow | UnreadableRow]
Fills = dict[str, TradeRow | UnreadableRow]


@dataclass(slots=True)
class SymbolBook:
    """What is known of one symbol; a book that may have missed something is read anew."""

    orders: Orders = field(default_factory=dict)
    fills: Fills = field(default_factory=dict)
    orders_are_whole: bool = False
    fills_are_whole: bool = False

    def first_order_to_read(self) -> str | None:
        """Return the id from which an order can have changed; None to read all."""
        if not self.orders_are_whole or not self.orders:
            return None
        living = [order_id for order_id, row in self.orders.items() if is_living(row)]
        return _least(living) if living else _greatest(self.orders)

    def first_fill_to_read(self) -> str | None:
        return _greatest(self.fills) if self.fills_are_whole and self.fills else None


class AccountBooks:
    """One session's view of the books; `read` puts one question to the exchange."""

    def __init__(self, *, read: Asks, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._lock = asyncio.Lock()
        self._symbols: dict[str, SymbolBook] = {}
        self._looked_ns: int | None = None
        self._market_at: datetime | None = None
        self._asked_ns = 0
        self._since: datetime | None = None
        self.marks: Mapping[str, Decimal] = {}

    def follow(self, symbols: Iterable[str], *, since: datetime | None = None) -> None:
        """Read these symbols too from now on; with `since`, show what ended after it, however long ago that is."""
        if since is not None:
            self._since = min(since, self._since or since)
        for symbol in symbols:
            self._symbols.setdefault(symbol, SymbolBook())

    async def orders(self) -> list[OrderRow | UnreadableRow]:
        """Return what is open and what ended lately, by symbol and age."""
        async with self._lock:
            await self._look_over()
            for symbol, book in list(self._symbols.items()):
                await self._read_orders(symbol, book)
            rows = [row for book in self._symbols.values() for row in book.orders.values()]
            return [row for row in rows if is_living(row) or self._is_late_enough(_changed_at(row))]

    async def fills(self) -> list[TradeRow | UnreadableRow]:
        """Return the fills of the same span."""
        async with self._lock:
            await self._look_over()
            for symbol, book in list(self._symbols.items()):
                await self._read_fills(symbol, book)
                book.fills = {key: row for key, row in book.fills.items() if self._is_late_enough(_filled_at(row))}
            return [row for book in self._symbols.values() for row in book.fills.values()]

    async def client_ids(self, fills: Iterable[TradeRow]) -> dict[tuple[str, str], str]:
        """Return the client ids of the fills' orders by symbol and order id, reading those that are not known."""
        found: dict[tuple[str, str], str] = {}
        async with self._lock:
            for fill in fills:
                book = self._symbols.setdefault(fill.symbol, SymbolBook())
                if fill.order_id not in book.orders:
                    book.orders |= await self._orders_from(fill.symbol, fill.order_id)
                row = book.orders.get(fill.order_id)
                found[fill.symbol, fill.order_id] = row.client_id if isinstance(row, OrderRow) else ""
        return found

    def realised_today(self, fills: Iterable[TradeRow | UnreadableRow]) -> dict[tuple[str, str], Decimal]:
        """Return what was realised since the market's midnight, by symbol and side of the position."""
        midnight = self.midnight()
        found: dict[tuple[str, str], Decimal] = {}
        for fill in fills:
            if isinstance(fill, TradeRow) and fill.filled_at is not None and fill.filled_at >= midnight:
                key = (fill.symbol, fill.position_side)
                found[key] = found.get(key, Decimal(0)) + fill.realised
        return found

    def midnight(self) -> datetime:
        """Return the last midnight of the market, which keeps UTC."""
        now = self._clock.now()
        if self._market_at is not None:
            now = self._market_at + timedelta(microseconds=(self._clock.boot_ns() - self._asked_ns) / 1000)
        return now.replace(hour=0, minute=0, second=0, microsecond=0)

    def forget(self) -> None:
        """Read everything anew at the next question: something may have been missed."""
        self._looked_ns = None

    async def _look_over(self) -> None:
        now_ns = self._clock.boot_ns()
        if self._looked_ns is not None and now_ns - self._looked_ns < LOOKED_OVER_EVERY_NS:
            return
        # set before the questions, so that a doubt that arises while they are out asks for another look
        self._looked_ns = now_ns
        try:
            await self._look(now_ns)
        except BaseException:
            self._looked_ns = None
            raise

    async def _look(self, now_ns: int) -> None:
        marks = await self._read(quotes.mark_prices())
        self.marks = quotes.marks_of(marks)
        self._market_at = max((row.measured_at for row in marks if row.measured_at), default=None)
        self._asked_ns = now_ns
        opened = await self._read(statements.open_orders())
        held = await self._read(statements.positions())
        incomes = await self._read(statements.incomes(start=self.midnight() - BEFORE_MIDNIGHT))
        self.follow(_symbol_of(row) for row in opened if _symbol_of(row))
        self.follow(row.symbol for row in held if isinstance(row, PositionRisk) and row.quantity)
        self.follow(row.symbol for row in incomes if row.symbol and row.kind in _EARN)
        for row in opened:
            if isinstance(row, OrderRow):
                self._symbols[row.symbol].orders[row.order_id] = row
        for book in self._symbols.values():
            book.orders_are_whole = book.fills_are_whole = False

    async def _read_orders(self, symbol: str, book: SymbolBook) -> None:
        from_id = book.first_order_to_read()
        if from_id is not None:
            book.orders |= await self._orders_from(symbol, from_id)
            return
        # what was known stands until everything has been read: a question that fails loses nothing
        found = await self._orders_from(symbol, None)
        for order_id, row in book.orders.items():
            # what is older than the newest thousand is not told again: what has ended stays so, the rest is asked for
            if order_id in found or not isinstance(row, OrderRow):
                continue
            if self._is_kept(row):
                found[order_id] = row
            elif is_living(row):
                found |= await self._order(symbol, order_id)
        book.orders = found
        book.orders_are_whole = True

    async def _orders_from(self, symbol: str, from_id: str | None) -> Orders:
        found: Orders = {}
        while True:
            rows = await self._read(statements.orders(symbol, from_id=from_id))
            found |= {_order_id(row): row for row in rows}
            last = _greatest(_order_id(row) for row in rows)
            if from_id is None or len(rows) < MOST_ROWS or last in (None, from_id):
                return found
            from_id = last

    async def _order(self, symbol: str, order_id: str) -> Orders:
        try:
            row: OrderRow = await self._read(statements.order(symbol, order_id=order_id))
        except Rejected:
            return {}  # ended so long ago that the exchange has forgotten it
        return {order_id: row}

    async def _read_fills(self, symbol: str, book: SymbolBook) -> None:
        from_id = book.first_fill_to_read()
        while True:
            rows = await self._read(statements.fills(symbol, from_id=from_id))
            book.fills |= {_fill_id(row): row for row in rows}
            last = _greatest(_fill_id(row) for row in rows)
            if from_id is None or len(rows) < MOST_ROWS or last in (None, from_id):
                break
            from_id = last
        book.fills_are_whole = True

    def _is_kept(self, row: OrderRow) -> bool:
        return not is_living(row) and self._is_late_enough(_changed_at(row))

    def _is_late_enough(self, at: datetime | None) -> bool:
        shown_since = self.midnight() - BEFORE_MIDNIGHT
        if self._since is not None:
            shown_since = min(shown_since, self._since)
        return at is None or at >= shown_since


def is_living(row: OrderRow | UnreadableRow) -> bool:
    """Tell whether an order may still change; one that cannot be read may."""
    if isinstance(row, UnreadableRow):
        return True
    return status_of(row.status, row.order_type, row.time_in_force) not in FINAL_STATUSES


def _order_id(row: OrderRow | UnreadableRow) -> str:
    if isinstance(row, OrderRow):
        return row.order_id
    try:
        return split_order_key(row.row_id)[1]
    except Rejected:
        return row.row_id


def _fill_id(row: TradeRow | UnreadableRow) -> str:
    return row.row_id if isinstance(row, UnreadableRow) else row.trade_id


def _symbol_of(row: OrderRow | UnreadableRow) -> str:
    return row.symbol if isinstance(row, OrderRow) else (row.instrument or "").partition(":")[2]


def _changed_at(row: OrderRow | UnreadableRow) -> datetime | None:
    return None if isinstance(row, UnreadableRow) else row.updated_at or row.placed_at


def _filled_at(row: TradeRow | UnreadableRow) -> datetime | None:
    return None if isinstance(row, UnreadableRow) else row.filled_at


def _least(ids: Iterable[str]) -> str | None:
    """Return the smallest id, None when one is no number: then everything is read."""
    known = list(ids)
    return min(known, key=int) if known and all(one.isdigit() for one in known) else None


def _greatest(ids: Iterable[str]) -> str | None:
    known = list(ids)
    return max(known, key=int) if known and all(one.isdigit() for one in known) else None
