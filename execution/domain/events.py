"""What the engine is told. Every event carries the wall time at which the shell took it in.

Market time travels inside `MarketFrame`; the engine asks nobody for either clock. A shell that
stores these events in order can replay a session and get the same commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from brokers.domain.calendar import TradingCalendar
from brokers.domain.market import Bar, QuoteColumns
from brokers.domain.market_life import HeldShares, MarketRules
from brokers.domain.orders import Book, UnreadableRow, VenueOrder, VenuePosition, VenueTrade
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import VenueFunding, VenueWallet
from risk.domain.limits import Limits


class Via(StrEnum):
    STREAM = "stream"
    BOOK = "book"


class Write(StrEnum):
    """The three writes a venue knows; only a placement carries a client id to look up later."""

    PLACE = "place"
    MODIFY = "modify"
    CANCEL = "cancel"


class SendResult(StrEnum):
    """`NOT_SENT` is claimed only with proof: no mark in the send log, or a write that never began."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    AMBIGUOUS = "ambiguous"
    NOT_SENT = "not_sent"


class Link(StrEnum):
    """The state of the market feed."""

    CONNECTED = "connected"
    SILENT = "silent"
    DISCONNECTED = "disconnected"
    NEEDS_LOGIN = "needs_login"
    NO_MARKET_DATA = "no_market_data"  # the session lives, its plan has no stream
    CLOSED = "closed"  # outside the market's hours


class SessionState(StrEnum):
    LIVE = "live"
    NEEDS_LOGIN = "needs_login"


class Act(StrEnum):
    """What an operator can ask for; the payload's keys stand beside each kind.

    A deployment's `spec` is `deployment_id, strategy, instruments, params, mode, label`.
    """

    DEPLOYMENT_START = "deployment_start"  # spec
    DEPLOYMENT_STOP = "deployment_stop"  # deployment_id, reason (optional)
    DEPLOYMENT_REMOVE = "deployment_remove"  # deployment_id
    KILL = "kill"  # scope (desk, account, deployment), target_id, reason, epoch
    UNKILL = "unkill"  # scope, target_id, reason, epoch
    CANCEL_ORDER = "cancel_order"  # client_id
    EXIT_POSITION = "exit_position"  # book, instrument, product, strategy_key
    EXIT_ALL = "exit_all"  # book (optional)
    LIVE_START = "live_start"  # deployments: list of spec
    LIVE_STOP = "live_stop"  # nothing
    RESOLVE = "resolve"  # kind, subject, reason, by (optional): a person accepts a difference
    ADOPT = "adopt"  # instrument, reason, by (optional): a person takes what the venue holds into the books
    BASKET_SEND = "basket_send"  # basket_id, name, policy, mode, asked_at, deadline_s, legs, instruments
    BASKET_UNWIND = "basket_unwind"  # basket_id
    SETTLE_ORDER = "settle_order"  # client_id, verdict ("not_placed"), reason, by (optional): a person's proof


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFrame:
    """One decoded frame of quotes; market time is its newest exchange time."""

    at: datetime
    columns: QuoteColumns
    source: str = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSeen:
    at: datetime
    order: VenueOrder
    via: Via = Via.STREAM
    book: Book = Book.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSeen:
    at: datetime
    trade: VenueTrade
    book: Book = Book.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOutcome:
    """How a write ended. For `NOT_SENT` and `REJECTED` the message says why, in a sentence, and the code in a word."""

    at: datetime
    client_id: str
    result: SendResult
    write: Write = Write.PLACE
    venue_order_id: str = ""
    message: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksRead:
    """One successful read of the live venue's three books, begun at `started_at`.

    With `unreadable` rows it shows what is there, and proves of nothing that it is not.
    """

    at: datetime
    started_at: datetime
    orders: tuple[VenueOrder, ...]
    trades: tuple[VenueTrade, ...]
    positions: tuple[VenuePosition, ...]
    unreadable: tuple[UnreadableRow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksFailed:
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksDoubted:
    """A stream may have missed something: the books must be read before live orders go on."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingSeen:
    """A funding payment as the venue booked it; told however often, it is booked once."""

    at: datetime
    payment: VenueFunding


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingRateSeen:
    """The rate that is paid at `due_at` by whoever holds the contract then, at the mark of that moment."""

    at: datetime
    instrument: str
    rate: Decimal
    mark: Decimal
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSeen:
    """Balances of margin assets as they are now, and why they changed in the venue's own word."""

    at: datetime
    wallets: tuple[VenueWallet, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueClockSeen:
    """By how much the venue's clock is ahead of the machine's, in milliseconds."""

    at: datetime
    offset_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTermsSeen:
    """How the venue counts the account's positions and margin."""

    at: datetime
    is_hedge: bool
    is_multi_assets: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTermsSeen:
    """What holds for one perpetual contract in this account: its notional brackets and fee rates as fractions."""

    at: datetime
    instrument: str
    brackets: tuple[MarginBracket, ...]
    maker_fee: Decimal
    taker_fee: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CountdownChanged:
    """The venue is about to be asked to cancel an instrument's orders unless it hears from us; 0 ends that."""

    at: datetime
    instrument: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    at: datetime
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorAct:
    at: datetime
    command_id: str
    kind: str
    payload: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLoaded:
    """Closed bars, oldest first; they may overlap what is known already."""

    at: datetime
    deployment_id: str
    instrument: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFailed:
    at: datetime
    deployment_id: str
    instrument: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedChanged:
    at: datetime
    state: Link
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChanged:
    at: datetime
    state: SessionState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsChanged:
    at: datetime
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseChanged:
    """The account was released for live trading, or taken back to paper."""

    at: datetime
    is_released: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRulesChanged:
    """The operator's facts as they are now; `concerns` names by kind and subject what is wrong with them."""

    at: datetime
    rules: MarketRules
    calendar: TradingCalendar
    concerns: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingsRead:
    """One read of the demat holdings, by ``EXCHANGE:SYMBOL``."""

    at: datetime
    holdings: Mapping[str, HeldShares]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedTrigger:
    """A good-till-triggered order that fired and left no order."""

    trigger_id: str
    instrument: str
    reason: str
    fired_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggersRead:
    """One read of the orders that wait at the venue for a price: those that fired in vain."""

    at: datetime
    failures: tuple[FailedTrigger, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """A lease was claimed and the journal restored; always the first event of an owner's life.

    `unsent` names the client ids for which the same host's send log proves that no byte left.
    """

    at: datetime
    lease_token: int
    incarnation: str
    unsent: tuple[str, ...] = ()


Event = (
    MarketFrame
    | OrderSeen
    | TradeSeen
    | SendOutcome
    | BooksRead
    | BooksFailed
    | BooksDoubted
    | FundingSeen
    | FundingRateSeen
    | WalletSeen
    | VenueClockSeen
    | AccountTermsSeen
    | ContractTermsSeen
    | CountdownChanged
    | TimerFired
    | OperatorAct
    | HistoryLoaded
    | HistoryFailed
    | FeedChanged
    | SessionChanged
    | LimitsChanged
    | ReleaseChanged
    | MarketRulesChanged
    | HoldingsRead
    | TriggersRead
    | TakenOver
)
