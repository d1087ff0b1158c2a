"""A call as one value: what to ask, and how to read the answer. A read is an `Ask`, a write is an `Act`.

The two never mix: a client repeats an `Ask` that is a GET, and sends an `Act` once, with a permit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from brokers.adapters.kite import errors
from brokers.adapters.kite.protocol import KiteRequest
from brokers.domain.errors import Ambiguous, DataError
from brokers.ports import Reply

TIMEOUT_S = 7.0

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Generic[Answer]):
    """A question that changes nothing at the venue."""

    request: KiteRequest
    parse: Callable[[Reply], Answer]
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(Generic[Answer]):
    """A write; an answer that cannot be read leaves its outcome unknown."""

    request: KiteRequest
    parse: Callable[[Reply], Answer]


def ask(request: KiteRequest, read: Callable[[object], Answer]) -> Ask[Answer]:
    """Pair a question with the reader of its data."""
    return Ask(request=request, parse=lambda reply: read(errors.data_of(reply, is_write=False)))


def act(request: KiteRequest, read: Callable[[object], Answer]) -> Act[Answer]:
    """Pair a write with the reader of its receipt."""

    def parse(reply: Reply) -> Answer:
        data = errors.data_of(reply, is_write=True)
        try:
            return read(data)
        except DataError as error:
            raise Ambiguous(error.message, code=error.code) from None

    return Act(request=request, parse=parse)
