"""The ports: every way in which the desk touches the world.

Shells get these as arguments. Production binds them to the machine (`execution.runtime`), tests
bind them to simulated time, network and disk, so that each call can be made to fail.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, runtime_checkable

from brokers.domain.gtt import Gtt
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, QuoteColumns
from brokers.domain.orders import (
    ApprovedOrder,
    UnreadableRow,
    VenueMargin,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import VenueFunding, VenueWallet


class Clock(Protocol):
    """Wall time and boot time; market time is the feed's and arrives in events."""

    def now(self) -> datetime:
        """Return aware UTC wall time."""
        ...

    def boot_ns(self) -> int:
        """Return CLOCK_BOOTTIME in nanoseconds: it counts suspended time, never steps back."""
        ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Net(Protocol):
    """HTTP and streams to a venue.

    `request` raises `Retryable` when no byte of a request can have left, `Ambiguous` when one may
    have left and no whole answer came back. `before_write` runs immediately before the bytes go
    out; what it raises stops the request with nothing sent.
    """

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        form: Mapping[str, str | Sequence[str]] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        timeout_s: float = 7.0,
        before_write: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request; the query of `url` and the body `content` leave byte for byte as they are given."""
        ...

    async def connect(self, url: str, *, headers: Mapping[str, str] | None = None) -> Stream: ...

    async def close(self) -> None: ...


class Stream(Protocol):
    """One websocket; `recv` raises `Retryable` when it ends."""

    async def send(self, text: str) -> None: ...

    async def recv(self) -> bytes | str: ...

    async def close(self) -> None: ...


class Disk(Protocol):
    """Append-only files of one account: the send log, the session log."""

    def append(self, name: str, record: bytes) -> None:
        """Hand a record to the operating system before returning."""
        ...

    def sync(self, name: str) -> None: ...

    def read(self, name: str) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseGrant:
    """A held lease: the fencing token and the boot time until which sending is permitted."""

    account_id: str
    token: int
    incarnation: str
    permitted_until_boot_ns: int


class Lease(Protocol):
    """One writer per trading account."""

    async def claim(self, account_id: str) -> LeaseGrant | None: ...

    async def renew(self, grant: LeaseGrant) -> LeaseGrant | None:
        """Return the renewed grant, or None once another owner holds a higher token."""
        ...

    async def release(self, grant: LeaseGrant) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetReport:
    """What of an account's order budget is used, for the pages; `paused_s` is how long the venue's ban lasts."""

    used_in_a_minute: int
    per_minute: int
    paused_s: float


class Budget(Protocol):
    """Paced calls towards a venue; a cold budget starts empty."""

    async def acquire(self, kind: str, *, urgent: bool = False, weight: int = 1) -> int | None:
        """Wait for a call of a kind (order, cancel, read, quote or history); return its number, if it has one.

        `weight` is what the call costs of an address' allowance, at a venue that counts so.
        """
        ...

    def settle(self, kind: str, number: int | None = None) -> None:
        """Note that a call of this kind has been answered, or never will be; without a number, the oldest."""
        ...

    def pause(self, kind: str, seconds: float) -> None:
        """Let no call of this kind go for a while: the venue said that there were too many."""
        ...

    def inherit(self, decided_at: Sequence[datetime]) -> None:
        """Count the order calls of an earlier owner, by the journal's times of their decisions."""
        ...

    def report(self) -> BudgetReport: ...


class Bus(Protocol):
    """Best-effort publishing with a 0.5 s bound; a failure is counted and never stops trading."""

    async def publish(self, topic: str, state: Mapping[str, object]) -> None: ...

    async def wait_doorbell(self, timeout_s: float) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The venue took note of a write; its outcome arrives as order updates."""

    venue_order_id: str


class AuthScheme(StrEnum):
    """How a session is proven to a venue."""

    LOGIN = "login"  # a person signs in, the token dies by itself
    KEY_PAIR = "hmac"  # a key and its secret sign each request
    AGENT = "agent"  # an agent wallet signs each request


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Decrypted just before use, on the desk and the guardian only.

    A login has the app's key and the day's token; a key pair the key and its secret; an agent wallet the owner's
    address as `user_id`, the agent's address as `api_key` and the agent's private key as `access_token`.
    """

    user_id: str
    api_key: str
    access_token: str
    scheme: AuthScheme = AuthScheme.LOGIN

    def __repr__(self) -> str:
        return f"Credentials(user_id={self.user_id!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSession:
    """What a login exchange brings back."""

    user_id: str
    access_token: str
    login_at: datetime
    expires_at: datetime

    def __repr__(self) -> str:
        return f"VenueSession(user_id={self.user_id!r}, expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueUrls:
    """Where one venue is reached: its API, its stream, and the page where a person signs in.

    `user_stream` tells of one's own orders where that is another address than the market's, empty where it is not;
    `chain_id` is what an agent wallet's signature names, 0 where none does.
    """

    api: str
    stream: str
    login: str
    user_stream: str = ""
    chain_id: int = 0


class Venue(Protocol):
    """What every venue adapter does; `tests/contracts` is its conformance suite.

    Writes raise `Rejected` (definite no), `Retryable` (no byte left) or `Ambiguous` (unknown),
    and are never repeated by the adapter. Reads raise `Retryable`, `NeedsLogin` or `DataError`;
    a row of a book that cannot be read stands among the others as an `UnreadableRow`.
    """

    name: str

    async def place(
        self, order: ApprovedOrder, instrument: Instrument, before_write: Callable[[], None]
    ) -> Receipt: ...

    async def modify(
        self,
        order: VenueOrder,
        *,
        price: Decimal | None,
        trigger_price: Decimal | None,
        before_write: Callable[[], None],
    ) -> Receipt: ...

    async def cancel(self, venue_order_id: str, before_write: Callable[[], None]) -> Receipt: ...

    async def orders(self) -> Sequence[VenueOrder | UnreadableRow]: ...

    async def trades(self) -> Sequence[VenueTrade | UnreadableRow]: ...

    async def positions(self) -> Sequence[VenuePosition | UnreadableRow]: ...

    async def holdings(self) -> list[Mapping[str, object]]: ...

    async def margins(self) -> list[VenueMargin]: ...

    async def profile(self) -> Mapping[str, object]: ...

    async def instruments(self) -> list[Instrument]: ...

    async def history(self, instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Bar]: ...

    async def close(self) -> None: ...


@runtime_checkable
class HoldsTriggers(Protocol):
    """A venue at which orders wait for a price outside the book; one may fire in vain while nobody looks."""

    async def triggers(self) -> Sequence[Gtt]: ...


class ClockDifference(Protocol):
    @property
    def milliseconds(self) -> float:
        """Return how far the venue's clock is ahead of this machine's."""
        ...


@runtime_checkable
class KeepsBooksBySymbol(Protocol):
    """A venue that gives its books by symbol, and of each what is open or ended lately."""

    def follow(self, keys: Iterable[str], *, since: datetime | None = None) -> None:
        """Read the books of these instruments too, and show what ended after `since`, however long ago that is."""
        ...


class PerpetualMode(Protocol):
    """How an account of perpetual contracts is set up at its venue."""

    @property
    def is_hedge(self) -> bool: ...

    @property
    def is_multi_assets(self) -> bool: ...


@runtime_checkable
class TradesPerpetuals(Protocol):
    """A venue of perpetual contracts: what it has beside the books. A `symbol` is the exchange's own."""

    async def measure_clock(self) -> ClockDifference:
        """Measure the difference of the clocks and sign with it from now on."""
        ...

    async def account_mode(self) -> PerpetualMode: ...

    async def brackets(self, symbol: str) -> tuple[MarginBracket, ...]: ...

    async def commission(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return the account's maker and taker fee as fractions; a negative one is received."""
        ...

    async def wallets(self) -> Sequence[VenueWallet]: ...

    async def funding(self, since: datetime) -> Sequence[VenueFunding]: ...

    async def countdown(self, symbol: str, seconds: int, before_write: Callable[[], None]) -> None:
        """Let every open order of a symbol be cancelled after so long unless this is called again; 0 switches it off."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedQuotes:
    columns: QuoteColumns
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOrder:
    order: VenueOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """`state` is connected, silent, disconnected, needs_login or no_market_data; `reason` is a sentence."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMessage:
    """What the venue says in words on its stream; `kind` is its own word: error or message."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHeartbeat:
    received_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedTrade:
    """One execution, told by itself."""

    trade: VenueTrade


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFunding:
    payment: VenueFunding


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFundingRate:
    """The rate that the next funding of a contract will be paid by, as it stands now, with the mark of now."""

    instrument: str
    rate: Decimal
    mark: Decimal
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedWallet:
    """Balances that changed, and why in the venue's own word."""

    wallets: tuple[VenueWallet, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDoubt:
    """Something may have been missed: the books must be read before the stream is believed again."""

    reason: str


FeedEvent = (
    FeedQuotes
    | FeedOrder
    | FeedTrade
    | FeedFunding
    | FeedFundingRate
    | FeedWallet
    | FeedDoubt
    | FeedState
    | FeedMessage
    | FeedHeartbeat
)


class FeedMode(StrEnum):
    """How much of an instrument a stream tells: its price, its day, or its day with the depth and the exchange's time."""

    LTP = "ltp"
    QUOTE = "quote"
    FULL = "full"


class Feed(Protocol):
    """A venue's stream: reconnects, watches for silence, stops on a dead session."""

    async def subscribe(self, tokens: Sequence[int], mode: FeedMode = FeedMode.FULL) -> None:
        """Listen to these tokens in this mode, also to those heard in another; raise Invalid for too many."""
        ...

    async def unsubscribe(self, tokens: Sequence[int]) -> None: ...

    def events(self) -> AsyncIterator[FeedEvent]:
        """Yield what comes until the stream is paused, closed or refused; may be asked again after a pause."""
        ...

    async def pause(self) -> None:
        """Hang up and let `events` end; what is subscribed stays known."""
        ...

    async def close(self) -> None: ...

    def figures(self) -> Mapping[str, int]:
        """Return what has been counted so far: frames, packets, what of them could not be used."""
        ...


@runtime_checkable
class LearnsInstruments(Protocol):
    """A feed whose venue knows its contracts by name alone: it is told the names of the tokens before it subscribes."""

    def learn(self, instruments: Iterable[Instrument]) -> None: ...
