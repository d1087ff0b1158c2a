"""An order at the simulated venue: its request, its states, its refusals; prices in paise."""

from dataclasses import dataclass, field
from enum import StrEnum

from brokers.simulator.listings import Listing


class Status(StrEnum):
    """Kite's words for an order's state."""

    RECEIVED = "PUT ORDER REQ RECEIVED"
    VALIDATION_PENDING = "VALIDATION PENDING"
    OPEN_PENDING = "OPEN PENDING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER PENDING"
    MODIFY_VALIDATION_PENDING = "MODIFY VALIDATION PENDING"
    MODIFY_PENDING = "MODIFY PENDING"
    MODIFIED = "MODIFIED"
    CANCEL_PENDING = "CANCEL PENDING"
    AMO_RECEIVED = "AMO REQ RECEIVED"
    MODIFY_AMO_RECEIVED = "MODIFY AMO REQ RECEIVED"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    UPDATE = "UPDATE"


MINUTE_NS = 60_000_000_000
FINAL = frozenset({Status.COMPLETE, Status.CANCELLED, Status.REJECTED})
RESTING = frozenset({Status.OPEN, Status.TRIGGER_PENDING})


class Refusal(Exception):
    """The venue refuses a request outright: no row in the order book."""

    def __init__(self, message: str, error_type: str = "InputException", http: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.error_type = error_type
        self.http = http


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One instant on both clocks: the market's, which may run fast, and the wall's."""

    market_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Which part of an iceberg an order is."""

    leg: int
    legs: int
    leg_quantity: int
    total_quantity: int
    remaining_quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What a client asks for, in legs or slices too; ``protection`` is None when the field was absent."""

    exchange: str
    symbol: str
    side: str
    quantity: int
    product: str
    order_type: str
    price: int = 0
    trigger_price: int = 0
    validity: str = "DAY"
    disclosed_quantity: int = 0
    protection: float | None = None
    tag: str | None = None
    variety: str = "regular"
    tags: tuple[str, ...] = ()
    validity_ttl: int = 0
    parent_order_id: str | None = None
    auction_number: str | None = None
    autoslice: bool = False
    iceberg_legs: int = 0
    iceberg_quantity: int = 0
    leg: Leg | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Order:
    """One row of the order book; the engine alone changes it."""

    account: str
    order_id: str
    listing: Listing
    row: int
    side: str
    quantity: int
    product: str
    order_type: str
    price: int
    trigger_price: int
    validity: str
    disclosed_quantity: int
    tag: str | None
    tags: tuple[str, ...]
    placed_ns: int
    protection: float | None = None
    exchange_order_id: str | None = None
    status: Status = Status.RECEIVED
    status_message: str | None = None
    status_message_raw: str | None = None
    updated_ns: int = 0
    exchange_ns: int | None = None
    filled: int = 0
    filled_value: int = 0
    cancelled: int = 0
    modified: bool = False
    modifications: int = 0
    variety: str = "regular"
    validity_ttl: int = 0
    parent_order_id: str | None = None
    auction_number: str | None = None
    leg: Leg | None = None
    # Queue position: quantity displayed before this order at its price, and its turn among ours.
    ahead: int = 0
    turn: int = 0
    opening: int = 0
    block_unit: int = 0
    # By a fault: quantity kept from trading, the piece let go after each pause, and when the next one is due.
    held: int = 0
    piece: int = 0
    pause_ns: int = 0
    piece_due_ns: int = 0
    history: list["Order"] = field(default_factory=list, repr=False)

    @property
    def sign(self) -> int:
        """Return +1 for a buy, −1 for a sell."""
        return 1 if self.side == "BUY" else -1

    @property
    def remaining(self) -> int:
        """Return the quantity neither filled nor cancelled."""
        return self.quantity - self.filled - self.cancelled

    def has_expired(self, market_ns: int) -> bool:
        """Return whether the minutes of a TTL order are over."""
        return self.validity == "TTL" and market_ns >= self.placed_ns + self.validity_ttl * MINUTE_NS

    @property
    def tradable(self) -> int:
        """Return the quantity that may trade now."""
        return max(self.remaining - self.held, 0)

    @property
    def rests(self) -> bool:
        """Return whether the order stands in the book and may trade."""
        return self.status is Status.OPEN

    @property
    def blocked(self) -> int:
        """Return the margin this order holds while it waits."""
        return 0 if self.status in FINAL else self.block_unit * min(self.remaining, self.opening)

    @property
    def waits_for_trigger(self) -> bool:
        """Return whether this is a stop that has not been triggered."""
        return self.order_type in {"SL", "SL-M"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution, the ledger's row."""

    seq: int
    account: str
    order_id: str
    exchange_order_id: str
    trade_id: str
    exchange: str
    symbol: str
    token: int
    product: str
    side: str
    quantity: int
    price: int
    market_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """A change of an order as the venue announces it; ``status`` may be UPDATE."""

    account: str
    status: Status
    order: Order


class Ids:
    """Numbers for orders and trades: 19 digits for an order, distinct between runs by the prefix."""

    def __init__(self, run: int) -> None:
        self._run = run % 10**10
        self._order = 0
        self._trade = 0

    def order(self) -> tuple[str, str]:
        """Return the next order id and exchange order id."""
        self._order += 1
        return f"1{self._run:010d}{self._order:08d}", f"13{self._run % 10**6:06d}{self._order:08d}"

    def trade(self) -> str:
        """Return the next trade id."""
        self._trade += 1
        return f"{self._run % 10**4:04d}{self._trade:06d}".lstrip("0")
