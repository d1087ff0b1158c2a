"""What the engine asks of its shell.

Rule of the batch: all `Record`s of the list that one `handle()` returned are committed in one
transaction before any `PlaceOrder`, `ModifyOrder` or `CancelOrder` of that list is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from brokers.domain.orders import ApprovedOrder, Book

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


class RecordKind(StrEnum):
    """The journal's vocabulary; `execution.domain.state` says what each does to the state."""

    TAKEOVER = "takeover"
    INTENT = "intent"
    OUTCOME = "outcome"
    ORDER = "order"
    WRITE = "write"
    FILL = "fill"
    SIGNAL = "signal"
    GOAL = "goal"
    REFUSAL = "refusal"
    DEPLOYMENT = "deployment"
    SWITCH = "switch"
    UNKNOWN = "unknown"
    LOOK_UP = "look_up"
    DISCREPANCY = "discrepancy"
    SESSION = "session"
    DAY = "day"
    COMMAND = "command"
    FUNDING = "funding"
    COUNTDOWN = "countdown"
    MARGIN = "margin"
    OPENING = "opening"
    BASKET = "basket"
    BASKET_MOVE = "basket_move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One journal row; Decimals and times in the payload are strings."""

    kind: str
    at: datetime
    payload: dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder:
    """Send once, in the book of `order.intent.book`; never after `send_by`."""

    order: ApprovedOrder
    send_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelOrder:
    """Send once; never after `send_by`."""

    client_id: str
    venue_order_id: str
    book: Book
    send_by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyOrder:
    """Send once; never after `send_by`, its price is as old as that."""

    client_id: str
    venue_order_id: str
    book: Book
    send_by: datetime
    price: Decimal | None
    trigger_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    level: Level
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadHistory:
    """Fetch at least `bars` closed bars up to now; answer HistoryLoaded or HistoryFailed."""

    deployment_id: str
    instrument: str
    interval_s: int
    bars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """The whole set of instruments now in use; the shell works out the difference."""

    instruments: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBooks:
    """Read orders, trades and positions of the live venue; answer BooksRead or BooksFailed.

    While one read is under way, further asks may be merged into one read that starts after it.
    """

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Fire `TimerFired(name)` at a wall time; a later ask of the same name replaces the earlier."""

    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandDone:
    command_id: str
    ok: bool
    outcome: str


Command = (
    Record
    | PlaceOrder
    | CancelOrder
    | ModifyOrder
    | Alert
    | LoadHistory
    | Subscribe
    | ReadBooks
    | Schedule
    | CommandDone
)
