"""Builders of what the gate looks at; each says only what a test cares about."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from brokers.domain.calendar import Phase
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import Book, Fill, OrderIntent, OrderType, Product, Purpose, Side
from risk.domain import Holding, Limits, PendingOrder, QuoteView, RiskView, Switches, SwitchState, review
from risk.domain.history import DayTrades
from risk.domain.levels import KINDS

NOW = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
RELIANCE = "NSE:RELIANCE"
_numbers = count(1)


def an_instrument(key=RELIANCE, *, kind=InstrumentKind.EQUITY, lot=1, name=""):
    exchange, symbol = key.split(":")
    return Instrument(
        exchange=exchange,
        symbol=symbol,
        token=1,
        kind=kind,
        name=name or symbol,
        tick_size=Decimal("0.05"),
        lot_size=lot,
        segment=exchange,
    )


def an_option(key="NFO:NIFTY2681824200CE", *, lot=65):
    return an_instrument(key, kind=InstrumentKind.CALL, lot=lot, name="NIFTY")


def an_intent(quantity="10", *, side=Side.BUY, price="100", purpose=Purpose.ENTRY, instrument=RELIANCE, **changes):
    values = {
        "account_id": "A1",
        "book": Book.PAPER,
        "instrument": instrument,
        "side": side,
        "quantity": Decimal(quantity),
        "order_type": OrderType.LIMIT if price else OrderType.MARKET,
        "price": Decimal(price) if price else None,
        "product": Product.INTRADAY,
        "purpose": purpose,
        "reason": "a test",
        "decided_at": NOW,
        "deployment_id": "D1",
        "reduce_only": purpose is not Purpose.ENTRY,
    }
    return OrderIntent(**values | changes)


def an_exit(quantity="10", *, side=Side.SELL, **changes):
    return an_intent(quantity, side=side, purpose=Purpose.EXIT, **changes)


def a_quote(last="100", *, age="0.5", stale=False, bid=None, ask=None):
    return QuoteView(
        last_price=Decimal(last),
        bid=Decimal(bid) if bid else None,
        ask=Decimal(ask) if ask else None,
        age_s=Decimal(age),
        is_stale=stale,
    )


def a_holding(quantity="10", *, mark="100", instrument=RELIANCE, deployment="D1"):
    return Holding(
        instrument=instrument,
        quantity=Decimal(quantity),
        mark_quote=Decimal(mark),
        product=Product.INTRADAY,
        deployment_id=deployment,
    )


def a_pending(quantity="10", *, side=Side.BUY, price="100", instrument=RELIANCE, deployment="D1", **changes):
    values = {
        "client_id": f"P{next(_numbers)}",
        "instrument": instrument,
        "underlying": instrument.split(":")[1],
        "side": side,
        "quantity": Decimal(quantity),
        "price_quote": Decimal(price),
        "product": Product.INTRADAY,
        "purpose": Purpose.ENTRY,
        "deployment_id": deployment,
    }
    return PendingOrder(**values | changes)


def a_view(**changes):
    values = {
        "instrument": an_instrument(),
        "holdings": (),
        "pending": (),
        "pnl_today_net_quote": Decimal(0),
        "orders_last_second": 0,
        "orders_today": 0,
        "quote": a_quote(),
        "phase": Phase.CONTINUOUS,
        "market_at": NOW,
        "entry_cutoff_at": None,
    }
    return RiskView(**values | changes)


def some_limits(**changes):
    values = {
        "max_daily_loss_quote": "5000",
        "max_order_value_quote": "100000",
        "max_gross_exposure_quote": "1000000",
        "max_position_value_quote": "500000",
        "max_orders_per_second": 5,
        "max_orders_per_day": 500,
        "price_band_fraction": "0.03",
        "max_quote_age_s": "10",
    }
    others = {name: changes.pop(name) for name in ("worth",) if name in changes}
    return Limits(**{name: _figure(name, value) for name, value in (values | changes).items()}, **others)


def _figure(name, value):
    if value is None or isinstance(value, tuple | frozenset):
        return value
    return int(value) if KINDS[name].is_count else Decimal(value)


def a_fill(quantity="10", *, side=Side.BUY, instrument=RELIANCE, deployment="D1", ago_s=60, order=None, **changes):
    number = next(_numbers)
    values = {
        "account_id": "A1",
        "book": Book.PAPER,
        "venue_day": "2026-08-18",
        "instrument": instrument,
        "venue_order_id": f"V{number}",
        "trade_id": f"T{number}",
        "side": side,
        "quantity": Decimal(quantity),
        "price": Decimal(100),
        "product": Product.INTRADAY,
        "filled_at": NOW - timedelta(seconds=ago_s),
        "client_id": order or f"F{number}",
        "deployment_id": deployment,
    }
    return Fill(**values | changes)


def trades(*fills, held=0, book=Book.PAPER):
    return DayTrades(book).follow(list(fills), lambda _: Decimal(held))


def engaged(reason="enough"):
    return SwitchState(is_engaged=True, reason=reason, epoch=1)


def reviewed(intent=None, *, view=None, limits=None, switches=None, client_id="W1"):
    return review(
        intent or an_intent(),
        view=view or a_view(),
        limits=limits or some_limits(),
        switches=switches or Switches(),
        client_id=client_id,
        at=NOW,
    )
