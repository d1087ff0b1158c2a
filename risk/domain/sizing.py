"""How much to trade: each way gives a quantity in whole lots, 0 where not even one lot fits."""

from __future__ import annotations

from decimal import Decimal

from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument


def fixed_lots(lots: int, *, instrument: Instrument) -> Decimal:
    """Return a fixed number of lots in units; a lot is the smallest step where a venue trades parts of a unit."""
    if lots < 0:
        raise Invalid(f"lots must not be below 0, not {lots}", code="sizing.lots", field="lots")
    return lots * instrument.step


def fixed_notional(value_quote: Decimal, *, price: Decimal, instrument: Instrument) -> Decimal:
    """Return what a value buys at a price."""
    return instrument.lots_of(_not_negative(value_quote, "value_quote") / _positive(price, "price"))


def equity_fraction(fraction: Decimal, *, equity_quote: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """Return what a share of the account's equity buys at a price; 0.1 is a tenth."""
    if not 0 <= fraction <= 1:
        raise Invalid(f"a fraction lies between 0 and 1, not {fraction}", code="sizing.fraction", field="fraction")
    # a lost account has nothing to size by
    return fixed_notional(fraction * max(equity_quote, Decimal(0)), price=price, instrument=instrument)


def atr_risk(risk_quote: Decimal, *, atr_quote: Decimal, atr_multiple: Decimal, instrument: Instrument) -> Decimal:
    """Return the quantity that loses `risk_quote` when the price moves `atr_multiple` true ranges against it."""
    stop_distance = _positive(atr_quote, "atr_quote") * _positive(atr_multiple, "atr_multiple")
    return instrument.lots_of(_not_negative(risk_quote, "risk_quote") / stop_distance)


def _positive(value: Decimal, name: str) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise Invalid(f"{name} must be above 0, not {value}", code="sizing.not_positive", field=name)
    return value


def _not_negative(value: Decimal, name: str) -> Decimal:
    if not value.is_finite() or value < 0:
        raise Invalid(f"{name} must not be below 0, not {value}", code="sizing.negative", field=name)
    return value
