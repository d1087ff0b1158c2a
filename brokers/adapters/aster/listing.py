"""What Aster lists, as instruments: the symbols that trade or are about to leave, each with its grid and its state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from brokers.adapters.aster.filters import SymbolRules, plain
from brokers.adapters.aster.market import ExchangeList
from brokers.adapters.aster.tokens import require_distinct, token_of
from brokers.adapters.aster.words import EXCHANGE
from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.money import Currency

SEGMENT = "PERP"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterListing:
    """The contracts in our currency, the exchange's word on each, and how many rows could not be used."""

    instruments: list[Instrument]
    statuses: Mapping[str, str]
    skipped: int


def listing_of(listed: ExchangeList) -> AsterListing:
    """Return the list as instruments; raise DataError where two symbols would share a number.

    A symbol without a tick, as one has that does not trade yet, and one quoted in a currency that the desk has no
    books in are left out and not counted: nothing is wrong with them.
    """
    usable = [rules for rules in listed.symbols.values() if is_for_us(rules)]
    require_distinct(rules.symbol for rules in usable)
    instruments = [instrument_of(rules) for rules in usable]
    statuses = {instrument.key: rules.status for instrument, rules in zip(instruments, usable, strict=True)}
    return AsterListing(instruments=instruments, statuses=statuses, skipped=len(listed.unreadable))


def is_for_us(rules: SymbolRules) -> bool:
    """Tell whether the desk keeps books in a symbol's currency and knows its grid."""
    return rules.quote == Currency.USDT.value and rules.price.step > 0 and rules.quantity.step > 0


def instrument_of(rules: SymbolRules) -> Instrument:
    """Return a symbol as an instrument; raise Invalid for one without a grid."""
    if rules.price.step <= 0 or rules.quantity.step <= 0:
        raise Invalid(f"{rules.symbol} has no grid", code="instrument.tick_size", field="symbol")
    return Instrument(
        exchange=EXCHANGE,
        symbol=rules.symbol,
        token=token_of(rules.symbol),
        kind=InstrumentKind.PERPETUAL,
        name=rules.base,
        tick_size=plain(rules.price.step),
        lot_size=1,
        segment=SEGMENT,
        currency=Currency.USDT,
        quantity_step=plain(rules.quantity.step),
        min_quantity=plain(rules.quantity.lowest) or None,
        min_notional_quote=plain(rules.smallest_notional) or None,
        takes_orders=rules.is_trading,
    )
