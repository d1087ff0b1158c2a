"""What the engine's rooms share: configuration, journalled state, market, and the list of asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from brokers.domain.allowance import KITE_ALLOWANCE, OrderShare
from brokers.domain.calendar import TradingCalendar
from brokers.domain.charges import ChargeNote, ChargeSchedule
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, BarSeries
from brokers.domain.market_life import NO_RULES, HeldShares, MarketRules
from brokers.domain.money import Currency
from brokers.domain.orders import Book, Product, UnreadableRow, VenuePosition
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import PositionSide, VenueFunding, VenueWallet
from brokers.domain.portfolio import PortfolioView, PositionKey
from execution.domain.commands import Alert, Command, Level, ReadBooks, Schedule
from execution.domain.day_charges import DayCharges
from execution.domain.events import FundingRateSeen, Link, SessionState
from execution.domain.lifecycle import ClientIds, OrderRecord
from execution.domain.market import Market
from execution.domain.records import DiscrepancyFound, Fact, record_of
from execution.domain.state import DeskState
from risk.domain.exposure import PendingOrder
from risk.domain.history import DayTrades
from risk.domain.limits import Limits
from risk.domain.reach import HeldRows
from strategies.domain.strategy import SignalStrategy

# the venue refuses this desk's address: no entry is sent until it takes an order, or a person settles it
EGRESS, ADDRESS = "egress", "address"
# beyond this a venue that checks an order's time takes none
CLOCK_STOP_MS = 5_000.0
ON_PAPER = "the account is on paper: nothing is opened live until it is released"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """Everything an engine is given once; times in seconds of wall time."""

    account_id: str
    account_code: str  # four letters or digits, part of every client id
    desk_id: str
    venue: str
    instruments: Mapping[str, Instrument]
    calendar: TradingCalendar
    charges: ChargeSchedule
    limits: Limits
    strategy_for: Callable[[str], type[SignalStrategy]]
    # whether the account may open anything live: it is released for that, or can move no real money
    is_released: bool = True
    rules: MarketRules = NO_RULES
    incarnation: str = "A"
    # a caretaker's engine decides nothing: it exits and cancels, the strategies wait for the desk's return
    runs_strategies: bool = True
    # quoted for the pages even while no strategy uses them
    watch: tuple[str, ...] = ()
    # listened to, and neither shown nor worked on until somebody names them
    follow: tuple[str, ...] = ()
    currency: Currency = Currency.INR
    cash_quote: Decimal | None = None
    # what this owner may send of what the venue allows
    order_share: OrderShare = KITE_ALLOWANCE.desk
    send_within_s: float = 2.0
    # an order whose turn to be sent never came is decided anew this soon
    decide_again_s: float = 0.25
    entry_patience_s: float = 10.0
    entry_age_s: float = 60.0
    exit_patience_s: float = 3.0
    # an order that the venue has, and that neither works nor ends, is told after this long
    stuck_after_s: float = 30.0
    # whether the market's days are the wall's: a simulated market has its own
    is_real_market: bool = False
    exit_retry_s: float = 5.0
    # the pauses double: the fourth failure is 35 s after the first, and a person should know by then
    exit_attempts: int = 4
    # a resting exit is re-priced at most this often; Kite allows 25 modifications of one order
    max_modifications: int = 8
    # a venue that refuses this many new prices of one order will hardly take the next
    max_refused_modifications: int = 3
    # how far beyond the far side a marketable limit reaches, as a fraction of the price
    entry_slippage_fraction: Decimal = Decimal("0.001")
    exit_slippage_fraction: Decimal = Decimal("0.002")
    # a basket is refused when its legs have no fresh prices within this, and its legs may slip by this in all
    basket_prices_within_s: float = 15.0
    basket_slippage_fraction: Decimal = Decimal("0.02")
    absence_after_s: float = 120.0
    in_flight_read_s: float = 2.0
    open_read_s: float = 5.0
    idle_read_s: float = 30.0


@dataclass(slots=True, kw_only=True)
class Series:
    """The bars of one deployment's instrument; new ones are held back while history loads."""

    bars: BarSeries
    is_loading: bool = True
    held: list[Bar] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """What holds for one perpetual contract in this account; fees as fractions, paid where positive."""

    brackets: tuple[MarginBracket, ...]
    maker_fee: Decimal
    taker_fee: Decimal


@dataclass(slots=True, kw_only=True)
class VenueTerms:
    """What the venue of perpetuals last said of the account; read anew after every start, and nothing of it journalled.

    `is_hedge` None means that the account's modes have not been read yet.
    """

    is_hedge: bool | None = None
    is_multi_assets: bool = False
    contracts: dict[str, ContractTerms] = field(default_factory=dict)
    wallets: dict[str, VenueWallet] = field(default_factory=dict)
    positions: dict[tuple[str, PositionSide], VenuePosition] = field(default_factory=dict)
    rates: dict[str, FundingRateSeen] = field(default_factory=dict)
    clock_offset_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookValue:
    """One book's day, and what it holds as the gate sees it."""

    portfolio: PortfolioView
    holdings: HeldRows


class Desk:
    """One account's knowledge while an event is handled; `record` is the way to change it."""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.limits = config.limits
        self.is_released = config.is_released
        self.rules = config.rules
        # None until the venue's holdings have been read
        self.holdings: dict[str, HeldShares] | None = None
        self.state = DeskState(account_id=config.account_id)
        self.market = Market(config.instruments, config.calendar)
        self.market.track(config.watch)
        self.market.track(config.follow, is_shown=False)
        self.ids = ClientIds(config.incarnation, config.account_code)
        self.at: datetime
        self.out: list[Command] = []
        self.strategies: dict[str, SignalStrategy] = {}
        self.series: dict[tuple[str, str], Series] = {}
        # live orders wait for one read of the books after every start, login and reconnection
        self.is_reconciled = False
        self.reconcile_after: datetime | None = None
        self.is_owner = False
        # differences seen once, waiting for a second read that says the same
        self.suspicions: dict[tuple[str, str], str] = {}
        # by how much the journal exceeds the positions of the last read: no exit may sell it
        self.excess: dict[tuple[str, Product], Decimal] = {}
        # at which price the last read valued each position: what is adopted costs it where no feed tells one
        self.venue_prices: dict[tuple[str, Product], Decimal] = {}
        # rows of the last read that nobody could read: each may be an order of ours, or a position
        self.unreadable: tuple[UnreadableRow, ...] = ()
        self.terms = VenueTerms()
        # funding of a day that has not begun here yet
        self.early_funding: list[VenueFunding] = []
        self.stale_said: set[str] = set()
        # triggers that fired in vain, each told once
        self.triggers_told: set[str] = set()
        # the venue changes no order of this account: an exit that rests is cancelled and placed anew
        self.cannot_change = False
        # an order of which nothing was sent because its turn did not come: decided anew when it settles
        self.turn_missed = ""
        # whether that was because the venue lets nobody in
        self.is_shut_out = False
        # why a deployment has no view, told to the pages and not to the journal
        self.notes: dict[str, tuple[str, datetime]] = {}
        self.books_error = ""
        self.is_reading = False
        # the baskets whose deadline's timer was set by this process
        self.timed_baskets: set[str] = set()
        self.chargeable: dict[str, bool] = {}
        # the charges of the day's fills by book, and by position with the day and number of fills they are of
        self.charges = {book: DayCharges(book) for book in Book}
        self.charged: dict[PositionKey, tuple[date, int, ChargeNote]] = {}
        # each book's value, with the day, positions and prices it is of
        self.valued: dict[Book, tuple[tuple[date, int, int], BookValue]] = {}
        # what each open order reserves, with the record it was worked out from
        self.reserved: dict[str, tuple[OrderRecord, PendingOrder]] = {}
        # what the day's fills say of each book
        self.trades = {book: DayTrades(book) for book in Book}
        self.next_day_ns = 0
        self.square_off_ns = 0

    def record(self, fact: Fact) -> None:
        """Journal a fact and apply it."""
        record = record_of(fact, self.at)
        self.state.take(fact, self.at)
        self.out.append(record)

    def ask(self, command: Command) -> None:
        self.out.append(command)

    def schedule(self, name: str, seconds: float) -> None:
        self.ask(Schedule(name=name, at=self.at + timedelta(seconds=seconds)))

    def read_books(self, reason: str) -> None:
        """Ask for one read of the live books, once per event; a read itself asks by its timer."""
        if self.is_reading:
            return
        if self.state.session is SessionState.LIVE and not any(isinstance(c, ReadBooks) for c in self.out):
            self.ask(ReadBooks(reason=reason))

    def alert(self, level: Level, subject: str, sentence: str) -> None:
        self.ask(Alert(level=level, subject=subject, sentence=sentence))

    def must_reconcile(self, reason: str) -> None:
        """Hold live orders back until a read of the books that begins after now."""
        self.is_reconciled = False
        self.reconcile_after = self.at
        self.read_books(reason)

    def discrepancy(self, kind: str, subject: str, sentence: str, level: Level = Level.WARNING) -> None:
        """Put a difference into the inbox once, with an alert; one that a person accepted as it is stays accepted."""
        if (kind, subject) in self.state.discrepancies or self.state.accepted.get((kind, subject)) == sentence:
            return
        self.record(DiscrepancyFound(kind=kind, subject=subject, sentence=sentence))
        self.alert(level, subject, sentence)

    def resolve(self, kind: str, subject: str, sentence: str) -> None:
        if (kind, subject) in self.state.discrepancies or (kind, subject) in self.state.accepted:
            self.record(DiscrepancyFound(kind=kind, subject=subject, sentence=sentence, resolved=True))

    @property
    def venue_day(self) -> str:
        """Return the market's day, the wall's before any feed has shown one."""
        return self.state.venue_day or self.day_of(self.at).isoformat()

    def day_of(self, at: datetime) -> date:
        """Return the venue's calendar day at an instant."""
        return self.config.calendar.day_of(at)

    @property
    def market_day(self) -> date:
        """Return the day of the market's time, the wall's before any feed has shown one."""
        return self.day_of(self.market.now(self.at))

    @property
    def market_at(self) -> datetime | None:
        """Return the market's time, None before any feed has shown one."""
        return self.market.now(self.at) if self.market.now_ns else None

    def why_not_entering(self, book: Book) -> str | None:
        """Return why no entry of a book may be sent now, whatever the limits say."""
        if not self.is_owner:
            return "this process does not hold the account's lease"
        if self.market.link is not Link.CONNECTED:
            return f"the feed is {self.market.link}: {self.market.link_reason}"
        if self.is_halted:
            return "the account is halted: orders of ours were found without a journal row"
        if book is Book.LIVE and (EGRESS, ADDRESS) in self.state.discrepancies:
            return "the venue takes no orders from this desk's address"
        if book is Book.LIVE and abs(self.terms.clock_offset_ms) > CLOCK_STOP_MS:
            return f"the venue's clock is {abs(self.terms.clock_offset_ms) / 1000:.1f} s from ours"
        return self.why_not_opening(book) or self.why_not_sending(book)

    def why_not_opening(self, book: Book) -> str | None:
        """Return why a book may open nothing for as long as its account is what it is; exits go on."""
        return ON_PAPER if book is Book.LIVE and not self.is_released else None

    def why_not_sending(self, book: Book) -> str | None:
        """Return why not even an exit may be sent now; it then stays queued, visibly."""
        if book is Book.PAPER:
            return None
        if self.state.session is SessionState.NEEDS_LOGIN:
            return "the venue session needs a login"
        if not self.knows_books_of(book):
            return "the venue's books have not been read yet"
        return None

    def knows_books_of(self, book: Book) -> bool:
        """Tell whether what a book's orders build on has been compared with the venue."""
        return book is Book.PAPER or self.is_reconciled

    @property
    def is_halted(self) -> bool:
        return any(kind == "journal_lost" for kind, _ in self.state.discrepancies)
