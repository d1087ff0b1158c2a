"""Instruments, named by exchange and symbol: venues reuse their numbers after an expiry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum

from brokers.domain.errors import Invalid
from brokers.domain.money import Currency


class InstrumentKind(StrEnum):
    EQUITY = "EQ"
    FUTURE = "FUT"
    CALL = "CE"
    PUT = "PE"
    INDEX = "INDEX"
    PERPETUAL = "PERP"


OPTION_KINDS = frozenset({InstrumentKind.CALL, InstrumentKind.PUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable (or quoted) contract as a venue lists it on one day."""

    exchange: str
    symbol: str
    token: int
    kind: InstrumentKind
    name: str
    tick_size: Decimal
    lot_size: int
    segment: str
    currency: Currency = Currency.INR
    expiry: date | None = None
    strike: Decimal | None = None
    # where a venue trades parts of a unit; without it a quantity is a number of whole lots
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    min_notional_quote: Decimal | None = None
    # of a listed contract that is about to leave, no: it is shown, and what is held of it can be closed
    takes_orders: bool = True

    def __post_init__(self) -> None:
        if not self.exchange or not self.symbol:
            raise Invalid("an instrument has an exchange and a symbol", code="instrument.name")
        if self.kind is not InstrumentKind.INDEX and self.tick_size <= 0:
            raise Invalid(f"{self.key}: tick size must be above 0", code="instrument.tick_size")

    @property
    def key(self) -> str:
        """Return the desk's name for it, for example ``NSE:RELIANCE``."""
        return f"{self.exchange}:{self.symbol}"

    @property
    def is_tradable(self) -> bool:
        return self.kind is not InstrumentKind.INDEX

    def price_of(self, value: float | Decimal) -> Decimal:
        """Turn an array's float into an order's Decimal, on the nearest tick."""
        return _on_grid(value, self.tick_size, ROUND_HALF_EVEN)

    def price_below(self, value: float | Decimal) -> Decimal:
        """Turn a float into the highest tick not above it (passive for a buy)."""
        return _on_grid(value, self.tick_size, ROUND_FLOOR)

    def price_above(self, value: float | Decimal) -> Decimal:
        """Turn a float into the lowest tick not below it (passive for a sell)."""
        return _on_grid(value, self.tick_size, ROUND_CEILING)

    @property
    def step(self) -> Decimal:
        """Return the smallest change of a quantity, in units."""
        return self.quantity_step or Decimal(max(self.lot_size, 1))

    def lots_of(self, quantity: Decimal) -> Decimal:
        """Round a quantity down to whole steps."""
        return (quantity // self.step) * self.step


def _on_grid(value: float | Decimal, tick: Decimal, rounding: str) -> Decimal:
    # repr of a float is its shortest exact name, so 0.1 becomes Decimal("0.1")
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exact.is_finite():
        raise Invalid(f"a price must be finite, not {value}", code="price.not_finite")
    return (exact / tick).to_integral_value(rounding=rounding) * tick


def split_key(key: str) -> tuple[str, str]:
    """Split ``NSE:RELIANCE`` into exchange and symbol; raise Invalid otherwise."""
    exchange, colon, symbol = key.partition(":")
    if not colon or not exchange or not symbol:
        raise Invalid(
            f"{key!r} is no instrument name; write EXCHANGE:SYMBOL, for example NSE:RELIANCE",
            code="instrument.name",
            field="instruments",
        )
    return exchange.upper(), symbol
