"""The facts that the journal holds: one dataclass per kind of record, and the way both ways.

`Record` is what travels (kind, time, JSON); a fact is the same thing typed. Nothing but facts
changes the journalled state, so the journal alone rebuilds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, cast

from brokers.domain.errors import DataError
from brokers.domain.orders import Book, Fill, OrderIntent, OrderStatus, Product
from brokers.domain.perpetual_terms import MarginMode, PositionSide, VenueFunding
from brokers.domain.portfolio import PositionKey
from execution.domain.baskets import BasketMoved, BasketTaken
from execution.domain.codec import decode, encode
from execution.domain.commands import Json, Record, RecordKind
from execution.domain.events import SendResult, SessionState, Write
from execution.domain.lifecycle import OrderEvent


class DeploymentState(StrEnum):
    """The words of `strategies.models.DeploymentState`, which a pure core may not import."""

    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    HALTED = "halted"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSpec:
    deployment_id: str
    strategy: str
    instruments: tuple[str, ...]
    mode: Book
    params: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The signed quantity that one holder should have, and why; pursued until it stands.

    None means that nothing is wanted: what is held stays. An entry has one attempt, after which
    its goal becomes None. An exit is repeated: `failures` counts the attempts that ended without
    all of it, `misses` those of which the venue's shut door let nothing out, `retry_at` spaces them.
    """

    key: PositionKey
    quantity: Decimal | None
    reason: str
    decided_at: datetime
    decision_price: Decimal | None = None
    failures: int = 0
    retry_at: datetime | None = None
    misses: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """A new owner of the account; a caretaker exits and cancels, and runs no strategy."""

    lease_token: int
    incarnation: str
    is_caretaker: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """An approved order of ours, before any byte of it is sent."""

    client_id: str
    intent: OrderIntent
    venue_day: str
    send_by: datetime
    reserved_quote: Decimal
    kill_epoch: int
    lease_token: int
    # the market's own clock, which in a replay runs apart from the desk's
    market_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    client_id: str
    write: Write
    result: SendResult
    venue_order_id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoved:
    """What the venue showed of an order; `adopted` carries the terms of one without an intent."""

    client_id: str
    event: OrderEvent
    status: OrderStatus
    venue_order_id: str = ""
    venue_filled: Decimal = Decimal(0)
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    message: str = ""
    adopted: OrderIntent | None = None
    venue_day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteAsked:
    """A cancel or modify of a known order; without `write` it is only wanted, and waits."""

    client_id: str
    write: Write | None
    cancel_wanted: bool = False
    price: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillTaken:
    """One execution; `fee_source` says who told the fee: venue, account rate, assumed rate, or nobody yet."""

    client_id: str
    fill: Fill
    fee_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMade:
    """A change of wanted exposure, and the middle of bid and ask at which it was decided."""

    deployment_id: str
    instrument: str
    exposure: float
    reason: str
    bar_end_ns: int
    decided_at: datetime
    decision_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalSet:
    goal: Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    intent: OrderIntent
    rule: str
    reason: str
    market_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentMoved:
    """A deployment's state and last reason; `spec` comes with a start."""

    deployment_id: str
    state: DeploymentState
    reason: str
    cause: str = ""
    spec: DeploymentSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchSet:
    scope: str
    target_id: str
    engaged: bool
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A placement's answer never came; from here only evidence moves the order."""

    client_id: str
    why: str
    last_byte_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    client_id: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyFound:
    """An entry of the exceptions inbox, or the end of one; one that a person accepted is not told again while it stays."""

    kind: str
    subject: str
    sentence: str
    resolved: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMoved:
    state: SessionState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStarted:
    """A new venue day; what is held costs its mark, other things of yesterday go."""

    venue_day: str
    marks: Mapping[str, str] = field(default_factory=dict)
    market_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingShare:
    """What of a payment falls on one holder, received where positive."""

    key: PositionKey
    amount_quote: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingBooked:
    """A funding payment, once; one of an earlier day is kept and counts for no day any more."""

    book: Book
    payment: VenueFunding
    shares: tuple[FundingShare, ...]
    venue_day: str
    source: str
    counts_today: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningPosition:
    """What was held of a contract before the books began; it costs the day its price of then."""

    instrument: str
    product: Product
    quantity: Decimal
    average_price: Decimal
    day_average: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsOpened:
    """The first whole read of a venue whose positions outlive their day: what was there belongs to nobody here."""

    positions: tuple[OpeningPosition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountdownSet:
    """After how many seconds without a word the venue cancels an instrument's orders; 0 is never."""

    instrument: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginSeen:
    """A perpetual position as its venue, or our own formula where the venue is silent, shows its margin.

    `liquidation_source` says whose the liquidation price is; None is a position that no price liquidates.
    """

    book: Book
    instrument: str
    position_side: PositionSide
    quantity: Decimal
    entry_price: Decimal
    leverage: int | None = None
    margin_mode: MarginMode | None = None
    isolated_margin_quote: Decimal | None = None
    mark_price: Decimal | None = None
    liquidation_price: Decimal | None = None
    liquidation_source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded:
    command_id: str
    ok: bool
    outcome: str


Fact = (
    Takeover
    | Intended
    | Outcome
    | OrderMoved
    | WriteAsked
    | FillTaken
    | SignalMade
    | GoalSet
    | Refusal
    | DeploymentMoved
    | SwitchSet
    | Doubt
    | LookUp
    | DiscrepancyFound
    | SessionMoved
    | DayStarted
    | CommandEnded
    | FundingBooked
    | CountdownSet
    | MarginSeen
    | PositionsOpened
    | BasketTaken
    | BasketMoved
)

FACTS: dict[str, type[Fact]] = {
    RecordKind.TAKEOVER: Takeover,
    RecordKind.INTENT: Intended,
    RecordKind.OUTCOME: Outcome,
    RecordKind.ORDER: OrderMoved,
    RecordKind.WRITE: WriteAsked,
    RecordKind.FILL: FillTaken,
    RecordKind.SIGNAL: SignalMade,
    RecordKind.GOAL: GoalSet,
    RecordKind.REFUSAL: Refusal,
    RecordKind.DEPLOYMENT: DeploymentMoved,
    RecordKind.SWITCH: SwitchSet,
    RecordKind.UNKNOWN: Doubt,
    RecordKind.LOOK_UP: LookUp,
    RecordKind.DISCREPANCY: DiscrepancyFound,
    RecordKind.SESSION: SessionMoved,
    RecordKind.DAY: DayStarted,
    RecordKind.COMMAND: CommandEnded,
    RecordKind.FUNDING: FundingBooked,
    RecordKind.COUNTDOWN: CountdownSet,
    RecordKind.MARGIN: MarginSeen,
    RecordKind.OPENING: PositionsOpened,
    RecordKind.BASKET: BasketTaken,
    RecordKind.BASKET_MOVE: BasketMoved,
}
_KIND_OF = {fact: str(kind) for kind, fact in FACTS.items()}


def record_of(fact: Fact, at: datetime) -> Record:
    """Return a fact as the row that the journal keeps."""
    payload = cast("dict[str, Json]", encode(fact))
    return Record(kind=_KIND_OF[type(fact)], at=at, payload=payload)


def fact_of(record: Record) -> Fact:
    """Return the fact a row holds; raise DataError on a kind or shape that is not known."""
    kind = FACTS.get(record.kind)
    if kind is None:
        raise DataError(f"the journal holds a row of unknown kind {record.kind!r}", code="journal.kind")
    return decode(kind, record.payload)
