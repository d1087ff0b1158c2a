"""A call as one value: what is said to Aster, and how the answer is read. A read is an `Ask`, a write is an `Act`.

The two never mix: a transport repeats an `Ask`, and sends an `Act` once, with a permit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from brokers.adapters.aster.requests import AsterRequest
from brokers.adapters.aster.wire import WireRow, row_of, rows_of

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


def ask_row(request: AsterRequest, kind: type[Row]) -> Ask[Row]:
    """Ask for one row."""
    return Ask(request=request, read=partial(row_of, kind))


def ask_rows(request: AsterRequest, kind: type[Row]) -> Ask[tuple[Row, ...]]:
    """Ask for rows; an answer of one row is a list of one."""
    return Ask(request=request, read=partial(rows_of, kind))


def act_row(request: AsterRequest, kind: type[Row]) -> Act[Row]:
    """Write, and read the row that it left."""
    return Act(request=request, read=partial(row_of, kind))


def act_done(request: AsterRequest) -> Act[None]:
    """Write where the answer says no more than that it was done."""
    return Act(request=request, read=lambda _: None)
