"""A call as one value: what is said to Aster, and how the answer is read. A read is an `Ask`, a write is an `Act`.

The two never mix: a transport repeats an `Ask`, and sends an `Act` once, with a permit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from brokers.adapters.aster.requests import AsterRequest
from brokers.adapters.aster.tokens import order_key
from brokers.adapters.aster.wire import WireRow, row_of, rows_of
from brokers.adapters.aster.words import key_of
from brokers.domain.errors import DataError
from brokers.domain.orders import UnreadableRow

Answer = TypeVar("Answer")
Row = TypeVar("Row", bound=WireRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[Answer]):
    """A question that changes nothing at the exchange."""

    request: AsterRequest
    read: Callable[[Any], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Generic[Answer]):
    """A write; an answer that cannot be read leaves its outcome unknown."""

    request: AsterRequest
    read: Callable[[Any], Answer]


class Asks(Protocol):
    """Puts a question to the exchange."""

    async def __call__(self, question: Ask[Answer]) -> Answer: ...


def ask_row(request: AsterRequest, kind: type[Row]) -> Ask[Row]:
    """Ask for one row."""
    return Ask(request=request, read=partial(row_of, kind))


def ask_rows(request: AsterRequest, kind: type[Row]) -> Ask[tuple[Row, ...]]:
    """Ask for rows; an answer of one row is a list of one."""
    return Ask(request=request, read=partial(rows_of, kind))


def ask_book(request: AsterRequest, kind: type[Row], *, book: str, id_key: str) -> Ask[tuple[Row | UnreadableRow, ...]]:
    """Ask for the rows of a book; one that cannot be read stands among the others by its id."""
    return Ask(request=request, read=partial(book_of, kind, book=book, id_key=id_key))


def book_of(kind: type[Row], body: Any, *, book: str, id_key: str) -> tuple[Row | UnreadableRow, ...]:
    """Read a book row by row; what is no list at all raises DataError."""
    if not isinstance(body, list):
        raise DataError(f"a list was expected for the {book}", code="venue.unreadable")
    return tuple(_readable(kind, row, book, id_key) for row in body)


def unreadable(row: object, *, book: str, id_key: str, reason: str) -> UnreadableRow:
    """Return what can be said of a row that cannot be read."""
    fields = row if isinstance(row, Mapping) else {}
    symbol, row_id = str(fields.get("symbol", "")), str(fields.get(id_key, ""))
    return UnreadableRow(
        book=book,
        row_id=order_key(symbol, row_id) if book == "orders" and symbol else row_id,
        instrument=key_of(symbol) if symbol else None,
        reason=reason,
    )


def _readable(kind: type[Row], row: object, book: str, id_key: str) -> Row | UnreadableRow:
    try:
        return row_of(kind, row)
    except DataError as error:
        return unreadable(row, book=book, id_key=id_key, reason=error.message)


def act_row(request: AsterRequest, kind: type[Row]) -> Act[Row]:
    """Write, and read the row that it left."""
    return Act(request=request, read=partial(row_of, kind))


def act_done(request: AsterRequest) -> Act[None]:
    """Write where the answer says no more than that it was done."""
    return Act(request=request, read=lambda _: None)
