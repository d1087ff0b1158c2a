"""Builders that say only what matters to the test that calls them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market import NANOSECONDS, Bar, QuoteColumns, ns_of
from brokers.domain.orders import (
    Book,
    Fill,
    OrderIntent,
    OrderStatus,
    OrderType,
    Product,
    Purpose,
    Side,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from risk.domain.limits import Limits

# 10:00 in Mumbai, on a Tuesday with plain 2026 hours (before the closing auction's start)
TEN_O_CLOCK = datetime(2026, 7, 14, 4, 30, tzinfo=UTC)
ACCOUNT = "0b9f6d1e-1111-4222-8333-444455556666"
DEPLOYMENT = "11111111-2222-4333-8444-555566667777"
RELIANCE = Instrument(
    exchange="NSE",
    symbol="RELIANCE",
    token=738561,
    kind=InstrumentKind.EQUITY,
    name="RELIANCE INDUSTRIES",
    tick_size=Decimal("0.05"),
    lot_size=1,
    segment="NSE",
)
INFY = Instrument(
    exchange="NSE",
    symbol="INFY",
    token=408065,
    kind=InstrumentKind.EQUITY,
    name="INFOSYS",
    tick_size=Decimal("0.05"),
    lot_size=1,
    segment="NSE",
)
NIFTY = Instrument(
    exchange="NSE",
    symbol="NIFTY 50",
    token=256265,
    kind=InstrumentKind.INDEX,
    name="NIFTY 50",
    tick_size=Decimal("0.05"),
    lot_size=0,
    segment="INDICES",
)


def some_limits(**changes: object) -> Limits:
    values: dict[str, object] = {
        "max_daily_loss_quote": Decimal(50_000),
        "max_order_value_quote": Decimal(500_000),
        "max_gross_exposure_quote": Decimal(2_000_000),
        "max_position_value_quote": Decimal(1_000_000),
        "max_orders_per_second": 10,
        "max_orders_per_day": 1_000,
        "price_band_fraction": Decimal("0.03"),
        "max_quote_age_s": Decimal(5),
    }
    return Limits(**{**values, **changes})  # type: ignore[arg-type]


def an_intent(
    *,
    side: Side = Side.BUY,
    quantity: int | str = 10,
    price: str | None = "100",
    instrument: str = "NSE:RELIANCE",
    purpose: Purpose = Purpose.ENTRY,
    book: Book = Book.LIVE,
    deployment_id: str | None = DEPLOYMENT,
    at: datetime = TEN_O_CLOCK,
) -> OrderIntent:
    return OrderIntent(
        account_id=ACCOUNT,
        book=book,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        order_type=OrderType.LIMIT if price else OrderType.MARKET,
        product=Product.INTRADAY,
        purpose=purpose,
        reason="a test wants it",
        decided_at=at,
        price=Decimal(price) if price else None,
        deployment_id=deployment_id,
        reduce_only=purpose is not Purpose.ENTRY,
    )


def a_fill(
    *,
    side: Side = Side.BUY,
    quantity: int | str = 10,
    price: str = "100",
    trade_id: str = "T1",
    venue_order_id: str = "V1",
    book: Book = Book.LIVE,
    instrument: str = "NSE:RELIANCE",
    at: datetime = TEN_O_CLOCK,
) -> Fill:
    return Fill(
        account_id=ACCOUNT,
        book=book,
        venue_day=str(at.date()),
        instrument=instrument,
        venue_order_id=venue_order_id,
        trade_id=trade_id,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        product=Product.INTRADAY,
        filled_at=at,
        deployment_id=DEPLOYMENT,
    )


def a_venue_order(
    *,
    venue_order_id: str = "V1",
    status: OrderStatus = OrderStatus.OPEN,
    side: Side = Side.BUY,
    quantity: int | str | Decimal = 10,
    filled: int | str | Decimal = 0,
    price: str | Decimal | None = "100",
    instrument: str = "NSE:RELIANCE",
    tags: tuple[str, ...] = (),
    message: str = "",
    placed_at: datetime | None = TEN_O_CLOCK,
    product: Product = Product.INTRADAY,
) -> VenueOrder:
    total, done = Decimal(quantity), Decimal(filled)
    is_over = status in (OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED)
    return VenueOrder(
        venue_order_id=venue_order_id,
        instrument=instrument,
        side=side,
        quantity=total,
        filled_quantity=done,
        pending_quantity=Decimal(0) if is_over else total - done,
        cancelled_quantity=total - done if is_over else Decimal(0),
        order_type=OrderType.LIMIT,
        product=product,
        price=None if price is None else Decimal(price),
        trigger_price=None,
        average_price=None,
        status=status,
        venue_status=status.value,
        message=message,
        tags=tags,
        placed_at=placed_at,
        updated_at=placed_at,
    )


def a_trade(
    *,
    trade_id: str = "T1",
    venue_order_id: str = "V1",
    side: Side = Side.BUY,
    quantity: int | str | Decimal = 10,
    price: str | Decimal = "100",
    instrument: str = "NSE:RELIANCE",
    at: datetime = TEN_O_CLOCK,
) -> VenueTrade:
    return VenueTrade(
        trade_id=trade_id,
        venue_order_id=venue_order_id,
        instrument=instrument,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        product=Product.INTRADAY,
        filled_at=at,
    )


def a_venue_position(quantity: int | Decimal, *, instrument: str = "NSE:RELIANCE") -> VenuePosition:
    return VenuePosition(
        instrument=instrument,
        product=Product.INTRADAY,
        quantity=Decimal(quantity),
        average_price=Decimal(100),
        last_price=Decimal(100),
        realised_quote=Decimal(0),
        unrealised_quote=Decimal(0),
    )


def some_columns(
    *quotes: tuple[Instrument, float],
    at: datetime = TEN_O_CLOCK,
    received_at: datetime | None = None,
    spread: float = 0.1,
    volume: float = 1_000.0,
) -> QuoteColumns:
    """Return a frame in which each instrument trades at a price, `spread` between bid and ask."""
    last = np.array([price for _, price in quotes], dtype=np.float64)
    nothing = np.full(last.size, np.nan)
    return QuoteColumns(
        token=np.array([instrument.token for instrument, _ in quotes], dtype=np.int64),
        last_price=last,
        volume=np.full(last.size, volume),
        open_interest=nothing,
        bid=last - spread / 2,
        ask=last + spread / 2,
        day_open=nothing,
        day_high=nothing,
        day_low=nothing,
        previous_close=nothing,
        exchange_ns=np.full(last.size, ns_of(at), dtype=np.int64),
        received_ns=ns_of(received_at or at),
    )


def some_bars(
    *closes: float,
    instrument: str = "NSE:RELIANCE",
    interval_s: int = 60,
    until: datetime = TEN_O_CLOCK,
    volume: float = 100.0,
) -> tuple[Bar, ...]:
    """Return closed bars, the last of which ends at `until`."""
    first = until - timedelta(seconds=interval_s * len(closes))
    return tuple(
        Bar(
            instrument=instrument,
            interval_s=interval_s,
            start_ns=ns_of(first) + i * interval_s * NANOSECONDS,
            open=close,
            high=close,
            low=close,
            close=close,
            volume=volume,
        )
        for i, close in enumerate(closes)
    )
