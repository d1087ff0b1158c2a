"""Mutual funds at the broker; they can be looked at, not traded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.record import VenueRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class FundOrder(VenueRecord):
    order_id: str
    exchange_order_id: str
    symbol: str
    fund: str
    folio: str
    status: str
    status_message: str
    side: str
    purchase_type: str
    variety: str
    amount: Decimal
    quantity: Decimal
    average_price: Decimal
    last_price: Decimal
    last_price_day: date | None
    settlement_id: str
    tag: str
    placed_by: str
    placed_at: datetime | None
    exchange_day: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundPlan(VenueRecord):
    """A systematic investment plan; -1 instalments go on without end."""

    plan_id: str
    symbol: str
    fund: str
    status: str
    side: str
    plan_type: str
    registration: str
    dividend_type: str
    frequency: str
    instalment_amount: Decimal
    instalments: int
    pending_instalments: int
    completed_instalments: int
    instalment_day: int
    next_instalment: date | None
    last_instalment_at: datetime | None
    step_up: Mapping[str, object]
    trigger_price: Decimal
    fund_source: str
    tag: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundHolding(VenueRecord):
    folio: str
    symbol: str
    fund: str
    quantity: Decimal
    pledged_quantity: Decimal
    average_price: Decimal
    last_price: Decimal
    last_price_day: date | None
    pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class FundListing(VenueRecord):
    """One fund of the broker's list."""

    symbol: str
    house: str
    name: str
    can_be_bought: bool
    can_be_redeemed: bool
    minimum_purchase: Decimal
    purchase_multiple: Decimal
    minimum_additional_purchase: Decimal
    minimum_redemption_quantity: Decimal
    redemption_multiple: Decimal
    dividend_type: str
    scheme_type: str
    plan: str
    settlement_type: str
    last_price: Decimal
    last_price_day: date | None
