"""Snapshots of the market, asked for one by one; a price of 0 means that nothing was traded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.domain.record import VenueRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPrices:
    """The day's open, high and low, and the previous close."""

    open: Decimal
    high: Decimal
    low: Decimal
    previous_close: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthLevel:
    """One price of the book."""

    price: Decimal
    quantity: Decimal
    orders: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LastQuote(VenueRecord):
    """The last price, None before the first trade."""

    instrument: str
    instrument_token: int
    last_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayQuote(LastQuote):
    """The last price within the day's range."""

    day: DayPrices | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullQuote(DayQuote):
    """Everything; the circuit limits are told here and nowhere else."""

    quoted_at: datetime | None
    traded_at: datetime | None
    last_quantity: Decimal
    buy_quantity: Decimal
    sell_quantity: Decimal
    volume: Decimal
    average_price: Decimal | None
    open_interest: Decimal
    open_interest_high: Decimal
    open_interest_low: Decimal
    net_change: Decimal
    lower_circuit: Decimal | None
    upper_circuit: Decimal | None
    bids: tuple[DepthLevel, ...]
    asks: tuple[DepthLevel, ...]

    @property
    def change(self) -> Decimal | None:
        """Return the change against the previous close, which the venue leaves at 0."""
        if self.last_price is None or self.day is None or self.day.previous_close <= 0:
            return None
        return self.last_price - self.day.previous_close


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerRange(VenueRecord):
    """Between which prices a cover order's stop may lie."""

    instrument: str
    instrument_token: int
    lower: Decimal
    upper: Decimal
    percent: Decimal
