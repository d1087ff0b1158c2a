"""Legs priced at the sides that they trade, as a combination before and after the charges of entering."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from accounts.models import User
from brokers.domain.errors import Invalid
from brokers.domain.india import CHARGES, INDIA
from brokers.domain.orders import Product, Side
from options.builder_market import Leg, Market, legs_of, market_of, refused
from options.builder_rows import Document, figure, first_chain, leg_document, picked_of, price_of
from options.domain.combination import Combination
from options.domain.entry_costs import Trade, charges_of
from options.domain.payoff import Leg as PayoffLeg
from options.domain.surface import Fitted, fit_smile
from options.domain.templates import Picked
from options.live import LiveChain


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A combination with the market it was priced on; `before` holds no charges, `after` those of entering."""

    market: Market
    legs: tuple[Leg, ...]
    picked: tuple[Picked, ...]
    live: LiveChain
    fitted: Fitted
    before: Combination
    after: Combination
    entry: Decimal


def priced(user: User, *, underlying: str, legs: Sequence[Mapping[str, Any]], product: Product) -> Priced:
    """Price the wanted legs at the sides that they trade.

    Raises `Invalid` for a leg without a sound quote on its side or without a volatility, and for a chain without a forward.
    """
    market = market_of(user, underlying)
    rows = legs_of(market, legs)
    live = first_chain(rows)
    if not live.chain.forward.is_known:
        raise refused(
            f"{live.chain.forward.source.sentence.rstrip('.')} for {live.expiry}",
            code="chain.no_forward",
            field="underlying",
            value=underlying,
            allowed="an underlying with a spot price or with quotes on both sides",
        )
    fitted = fit_smile(live.chain)
    picked = tuple(picked_of(leg, expiry=market.chains.index(leg.live), against=live) for leg in rows)
    payoff = tuple(_payoff_leg(leg, one, live, fitted) for leg, one in zip(rows, picked, strict=True))
    before = Combination(
        legs=payoff, forward=live.chain.forward.price, years=live.chain.years, spot=_spot(live.chain.market.spot)
    )
    entry = charges_in(rows, [sure(price_of(leg, one)) for leg, one in zip(rows, picked, strict=True)], live, product)
    after = replace(before, charges=float(entry))
    return Priced(
        market=market, legs=rows, picked=picked, live=live, fitted=fitted, before=before, after=after, entry=entry
    )


def head_document(market: Market) -> Document:
    """Give what every answer bears: the underlying, its spot, the age of the figures, the followed expiries."""
    near = market.nearest
    return {
        "underlying": market.underlying,
        "currency": "INR",
        "lot_size": near.lot_size,
        "spot": figure(near.chain.market.spot),
        "as_of": near.chain.market.now.isoformat(),
        "age_s": figure(near.age_s),
        "said": list(near.said),
        "expiries": [one.expiry.isoformat() for one in market.chains],
    }


def rows_document(legs: Sequence[Leg], picked: Sequence[Picked] | None = None) -> Document:
    """Give the legs, and whether each of them has a price."""
    live = first_chain(legs)
    found = picked or [picked_of(leg, expiry=0, against=live) for leg in legs]
    rows = [leg_document(leg, one) for leg, one in zip(legs, found, strict=True)]
    return {"legs": rows, "is_complete": all(row["price"] is not None for row in rows)}


def charges_in(legs: Sequence[Leg], prices: Sequence[Decimal], live: LiveChain, product: Product) -> Decimal:
    """Return the charges of one order per leg at these prices, on the market's day."""
    trades = [
        Trade(instrument=leg.instrument, side=leg.side, quantity=Decimal(abs(leg.units)), price=price)
        for leg, price in zip(legs, prices, strict=True)
    ]
    return charges_of(trades, product=product, day=INDIA.day_of(live.chain.market.now), schedule=CHARGES).total


def _payoff_leg(leg: Leg, picked: Picked, live: LiveChain, fitted: Fitted) -> PayoffLeg:
    if picked.leg is None:
        quotes = leg.chain.quotes
        side, act = (quotes.ask, "bought") if leg.side is Side.BUY else (quotes.bid, "sold")
        raise refused(
            f"{leg.instrument.key} cannot be {act} now: {' '.join(picked.why).rstrip('.')}",
            code="leg.unpriced",
            field=f"legs.{leg.number}",
            value=figure(float(side[leg.row, leg.place])),
            allowed="a price above 0 on the side that it trades, bid not above ask",
        )
    volatility = picked.leg.volatility
    if not math.isfinite(volatility):
        smile = fitted.smile if leg.live is live else fit_smile(leg.chain).smile
        volatility = math.nan if smile is None else float(smile.volatility(leg.strike))
    if not (math.isfinite(volatility) and math.isfinite(picked.leg.forward_gap)):
        raise refused(
            f"{leg.instrument.key} has no implied volatility, and its expiry no fitted smile",
            code="leg.no_volatility",
            field=f"legs.{leg.number}",
            value=None,
            allowed="a contract whose expiry is quoted at six strikes or more",
        )
    return replace(picked.leg, price=float(sure(price_of(leg, picked))), volatility=volatility)


def sure(price: Decimal | None) -> Decimal:
    """Return a price that is known to be there."""
    if price is None:
        raise Invalid("a leg without a price was to be counted", code="leg.unpriced")
    return price


def _spot(spot: float | None) -> float | None:
    return spot if spot is not None and math.isfinite(spot) and spot > 0.0 else None
