"""Money at the venue, and what an order would take of it; shown and compared, never recomputed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.record import VenueRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableFunds(VenueRecord):
    adhoc_margin: Decimal
    cash: Decimal
    opening_balance: Decimal
    live_balance: Decimal
    collateral: Decimal
    intraday_payin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedFunds(VenueRecord):
    debits: Decimal
    exposure: Decimal
    m2m_realised: Decimal
    m2m_unrealised: Decimal
    option_premium: Decimal
    payout: Decimal
    span: Decimal
    holding_sales: Decimal
    turnover: Decimal
    liquid_collateral: Decimal
    stock_collateral: Decimal
    delivery: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFunds(VenueRecord):
    """One segment's funds; `net` is the buying power."""

    segment: str
    is_enabled: bool
    net: Decimal
    available: AvailableFunds
    used: UsedFunds


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsTax(VenueRecord):
    integrated: Decimal
    central: Decimal
    state: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCharges(VenueRecord):
    """What the venue would charge for one order, without the depository's fee."""

    transaction_tax: Decimal
    transaction_tax_type: str
    exchange_turnover_charge: Decimal
    sebi_turnover_charge: Decimal
    brokerage: Decimal
    stamp_duty: Decimal
    goods_tax: GoodsTax
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMargin(VenueRecord):
    """What one order, or a whole basket, would block."""

    segment: str
    instrument: str
    span: Decimal
    exposure: Decimal
    option_premium: Decimal
    additional: Decimal
    bracket: Decimal
    cash: Decimal
    value_at_risk: Decimal
    realised: Decimal
    unrealised: Decimal
    leverage: Decimal
    charges: VenueCharges | None
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketMargin(VenueRecord):
    """A basket's margin: `final` has the benefit of its spreads, `initial` has not."""

    initial: OrderMargin
    final: OrderMargin
    orders: tuple[OrderMargin, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNote(VenueRecord):
    """What the venue would charge for one execution at a price."""

    instrument: str
    side: str
    variety: str
    product: str
    order_type: str
    quantity: Decimal
    price: Decimal
    charges: VenueCharges
