"""An order at the simulated Aster: its request, its states, its refusals; prices and quantities in whole units."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum

from brokers.simulator.aster.contracts import Contract
from brokers.simulator.listings import Listing

STOPS = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
MARKET_STOPS = frozenset({"STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})


class Status(StrEnum):
    """Aster's words for an order's state."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


FINAL = frozenset({Status.FILLED, Status.CANCELED, Status.EXPIRED})


class AsterRefusal(Exception):
    """The exchange refuses a request with one of its numbered errors."""

    def __init__(self, code: int, message: str, *, http: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http = http


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualRequest:
    """What a client asks for, read and counted in units; ``rate`` is a trailing stop's fraction."""

    symbol: str
    side: str
    kind: str
    quantity: int = 0
    price: int = 0
    stop_price: int = 0
    activation_price: int = 0
    rate: float = 0.0
    time_in_force: str = "GTC"
    position_side: str = "BOTH"
    reduce_only: bool = False
    close_position: bool = False
    on_mark: bool = False
    price_protect: bool = False
    client_id: str = ""
    answer_in_full: bool = False

    @property
    def is_stop(self) -> bool:
        return self.kind in STOPS

    @property
    def sign(self) -> int:
        return 1 if self.side == "BUY" else -1


@dataclass(slots=True, kw_only=True, eq=False)
class PerpetualOrder:
    """One row of the order book; the engine alone changes it. Times are market milliseconds."""

    account: str
    order_id: int
    client_id: str
    contract: Contract
    listing: Listing
    row: int
    side: str
    position_side: str
    kind: str
    first_kind: str
    quantity: int
    # the wire's price; a market order has none, yet trades no further than `price`
    shown_price: int
    price: int
    stop_price: int
    time_in_force: str
    reduce_only: bool
    close_position: bool
    on_mark: bool
    price_protect: bool
    placed_ms: int
    updated_ms: int
    activation_price: int = 0
    rate: float = 0.0
    status: Status = Status.NEW
    waits: bool = False
    in_book: bool = False
    filled: int = 0
    filled_value: int = 0
    modifications: int = 0
    source: str = "trade"
    # the most that the position leaves it to close; None where it may open
    room: Callable[[], int] | None = field(default=None, repr=False)
    # the best price since a trailing stop became active
    extreme: int = 0
    ahead: int = 0
    turn: int = 0
    tags: tuple[str, ...] = ()
    held: int = 0
    piece: int = 0
    pause_ns: int = 0
    piece_due_ns: int = 0

    @property
    def sign(self) -> int:
        """Return +1 for a buy, −1 for a sell."""
        return 1 if self.side == "BUY" else -1

    @property
    def is_open(self) -> bool:
        return self.status not in FINAL

    @property
    def remaining(self) -> int:
        """Return the quantity neither filled nor given up."""
        return self.quantity - self.filled if self.is_open else 0

    @property
    def tradable(self) -> int:
        """Return the quantity that may trade now."""
        most = max(self.remaining - self.held, 0)
        return most if self.room is None else min(most, self.room())

    @property
    def waits_for_trigger(self) -> bool:
        return self.waits

    @property
    def rests(self) -> bool:
        return self.in_book and self.is_open

    def now(self) -> PerpetualOrder:
        """Return the order as it stands, for an answer or an event."""
        return copy(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualFill:
    """One execution; money is text of USDT, exactly as booked."""

    trade_id: int
    order_id: int
    client_id: str
    account: str
    symbol: str
    side: str
    position_side: str
    quantity: str
    price: str
    quote: str
    fee: str
    realised: str
    is_maker: bool
    source: str
    market_ms: int
    wall_ns: int
