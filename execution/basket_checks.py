"""What a basket's legs must be before a desk is asked to send them: listed, alive, in lots, on ticks, of one venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from brokers.domain.clock import venue_day_of, zone_of
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.instruments import Instrument, InstrumentKind, split_key
from brokers.domain.orders import OrderType, Product
from brokers.listings import instruments_by_keys
from brokers.models import TradingAccount, venue_of
from execution.domain.baskets import MOST_LEGS
from execution.models import JournalEvent

Leg = Mapping[str, Any]
# which products go together: what is squared off cannot stand beside what stays
_INTRADAY = frozenset({Product.INTRADAY})
_DERIVATIVES = frozenset({InstrumentKind.CALL, InstrumentKind.PUT, InstrumentKind.FUTURE})


def legs_check(account: TradingAccount, legs: Sequence[Leg], *, at: datetime) -> list[dict[str, str]]:
    """Return a basket's legs as its command has them.

    Raises Invalid, or NotFound for what is not listed, naming the leg's field (`legs.0.instrument`).
    """
    if not 1 <= len(legs) <= MOST_LEGS:
        raise Invalid(f"a basket has 1 to {MOST_LEGS} legs, not {len(legs)}", code="basket.legs", field="legs")
    _check_names(account, [str(leg["instrument"]) for leg in legs])
    listed = instruments_by_keys(account.venue, [str(leg["instrument"]) for leg in legs])
    day = market_day_of(account, at=at)
    for number, leg in enumerate(legs):
        instrument = listed.get(_key(str(leg["instrument"])))
        _check_instrument(instrument, leg, day, f"legs.{number}")
        assert instrument is not None
        _check_terms(instrument, leg, f"legs.{number}")
    if len({Product(leg["product"]) in _INTRADAY for leg in legs}) > 1:
        sentence = "legs in MIS are squared off while the others stay: take one kind of product for all of them"
        raise Invalid(sentence, code="basket.products", field="legs")
    return [_row(leg) for leg in legs]


def market_day_of(account: TradingAccount, *, at: datetime) -> date | None:
    """Return the day on the account's own market, None where only a simulated market could tell."""
    newest = JournalEvent.objects.filter(account=account, kind="day").order_by("-seq").values_list("payload", flat=True)
    payload = newest.first()
    if payload is not None:
        return date.fromisoformat(payload["venue_day"])
    return None if account.is_simulated else venue_day_of(at, zone_of(account.venue))


def _key(name: str) -> str:
    return ":".join(split_key(name))


def _check_names(account: TradingAccount, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if ":" not in name:
            sentence = f"{name!r} is no instrument name; write EXCHANGE:SYMBOL"
            raise Invalid(sentence, code="instrument.name", field=f"legs.{number}.instrument")
    venues = {venue_of(name) for name in names}
    if len(venues) > 1:
        raise Invalid("the legs are of two venues: send a basket to each", code="basket.venues", field="legs")
    if venues != {account.venue}:
        sentence = f"these legs trade at {venues.pop()}, the account is at {account.venue}"
        raise Invalid(sentence, code="basket.venue", field="legs")
    keys = [_key(name) for name in names]
    twice = next((number for number, key in enumerate(keys) if key in keys[:number]), None)
    if twice is not None:
        sentence = f"{keys[twice]} is named by two legs: one leg has its whole quantity"
        raise Invalid(sentence, code="basket.duplicate", field=f"legs.{twice}.instrument")


def _check_instrument(instrument: Instrument | None, leg: Leg, day: date | None, field: str) -> None:
    name, field = leg["instrument"], f"{field}.instrument"
    if instrument is None:
        raise NotFound(f"{name} is not in the venue's list", code="instrument.not_found", field=field)
    if not instrument.is_tradable:
        sentence = f"{name} is an index and cannot be traded; take its future or an option"
        raise Invalid(sentence, code="instrument.not_tradable", field=field)
    if not instrument.takes_orders:
        sentence = f"{name} is not open at the venue: nothing new is opened in it"
        raise Invalid(sentence, code="instrument.not_open", field=field)
    if instrument.expiry is not None and day is not None and instrument.expiry < day:
        raise Invalid(f"{name} expired on {instrument.expiry}", code="instrument.expired", field=field)


def _check_terms(instrument: Instrument, leg: Leg, field: str) -> None:
    quantity: Decimal = leg["quantity"]
    if quantity <= 0 or instrument.lots_of(quantity) != quantity:
        sentence = f"{quantity.normalize():f} of {instrument.key} is no multiple of the lot of {instrument.step:f}"
        raise Invalid(sentence, code="order.lot", field=f"{field}.quantity")
    price: Decimal | None = leg.get("price")
    if leg["type"] == OrderType.MARKET and price is not None:
        sentence = "a MARKET leg has no price: it follows the market within the desk's slippage"
        raise Invalid(sentence, code="order.price", field=f"{field}.price")
    if leg["type"] == OrderType.LIMIT and (price is None or price <= 0):
        raise Invalid("a LIMIT leg needs a price above 0", code="order.price", field=f"{field}.price")
    if price is not None and instrument.price_of(price) != price:
        sentence = f"{price.normalize():f} is off the tick of {instrument.tick_size:f} of {instrument.key}"
        raise Invalid(sentence, code="order.tick", field=f"{field}.price")
    _check_product(instrument, Product(leg["product"]), f"{field}.product")


def _check_product(instrument: Instrument, product: Product, field: str) -> None:
    if instrument.kind is InstrumentKind.PERPETUAL:
        allowed: tuple[Product, ...] = (Product.PERPETUAL,)
    elif instrument.kind in _DERIVATIVES:
        allowed = (Product.CARRY, Product.INTRADAY)
    else:
        allowed = (Product.DELIVERY, Product.INTRADAY)
    if product not in allowed:
        sentence = f"{instrument.key} trades in {' or '.join(allowed)}, not in {product}"
        raise Invalid(sentence, code="order.product", field=field)


def _row(leg: Leg) -> dict[str, str]:
    row = {
        "instrument": _key(str(leg["instrument"])),
        "side": str(leg["side"]),
        "quantity": f"{leg['quantity'].normalize():f}",
        "type": str(leg["type"]),
        "product": str(leg["product"]),
    }
    return row | ({"price": f"{leg['price'].normalize():f}"} if leg.get("price") is not None else {})
