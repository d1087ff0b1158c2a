"""The venue's books in full: every order, trade and position with all that the venue tells about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.errors import Rejected
from brokers.domain.orders import UnreadableRow, VenueOrder, VenuePosition, VenueTrade
from brokers.domain.record import VenueRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class IcebergProgress(VenueRecord):
    """How far an iceberg order has come; its row's quantity is that of one leg."""

    leg: int
    legs: int
    leg_quantity: Decimal
    total_quantity: Decimal
    remaining_quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport(VenueRecord):
    """One state of an order: what the desk trades on, and the venue's own particulars."""

    order: VenueOrder
    exchange_order_id: str
    exchange_at: datetime | None
    instrument_token: int
    validity: str
    validity_minutes: int
    disclosed_quantity: Decimal
    protection_percent: Decimal
    is_modified: bool
    placed_by: str
    account_id: str
    auction_number: str
    iceberg: IcebergProgress | None
    raw_message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeReport(VenueRecord):
    """One execution; its key is (order id, trade id)."""

    trade: VenueTrade
    exchange_order_id: str
    exchange_at: datetime | None
    instrument_token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Turnover:
    """What was bought, or sold: units, average price and value."""

    quantity: Decimal
    price: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport(VenueRecord):
    """One position; `multiplier` turns a quantity times a price into money where lots are traded."""

    position: VenuePosition
    instrument_token: int
    overnight_quantity: Decimal
    multiplier: Decimal
    close_price: Decimal
    value: Decimal
    pnl: Decimal
    m2m: Decimal
    bought: Turnover
    sold: Turnover
    bought_m2m: Decimal
    sold_m2m: Decimal
    bought_today: Turnover
    sold_today: Turnover


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReports:
    """`net` is what is held now, `day` what was done today."""

    net: tuple[PositionReport | UnreadableRow, ...]
    day: tuple[PositionReport | UnreadableRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One part of an order that the venue sliced: its id, or why that part was refused."""

    venue_order_id: str | None = None
    refusal: Rejected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicedReceipt:
    """The answer to an order above the freeze quantity; parts succeed and fail one by one.

    `parent_order_id` is empty where the venue told the parts alone; they carry the tag `autoslice:<parent>`.
    """

    parent_order_id: str
    slices: tuple[Slice, ...]

    @property
    def placed(self) -> tuple[str, ...]:
        """Return the ids of the parts that the venue took."""
        return tuple(part.venue_order_id for part in self.slices if part.venue_order_id)

    @property
    def refused(self) -> tuple[Rejected, ...]:
        """Return why the other parts were refused."""
        return tuple(part.refusal for part in self.slices if part.refusal is not None)
