"""Legs as the builder shows them: each at the price of the side that it trades, or with the reason why it has none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Side
from options.builder_market import Leg
from options.domain.template_words import LIBRARY, SENTENCES
from options.domain.templates import TEMPLATES, Picked, pick
from options.live import LiveChain

Document = dict[str, Any]


def picked_of(leg: Leg, *, expiry: int, against: LiveChain) -> Picked:
    """Pick a leg from its chain; `against` is the chain of the combination's first expiry."""
    return pick(
        leg.chain,
        strike=leg.strike,
        is_call=leg.instrument.kind is InstrumentKind.CALL,
        quantity=float(leg.units),
        expiry=expiry,
        against=against.chain,
    )


def first_chain(legs: Sequence[Leg]) -> LiveChain:
    """Return the chain of the first expiry among the legs."""
    return min((leg.live for leg in legs), key=lambda live: live.expiry)


def price_of(leg: Leg, picked: Picked) -> Decimal | None:
    """Return the price at the side that the leg trades, None where that side has none."""
    return None if picked.leg is None else leg.instrument.price_of(picked.leg.price)


def leg_document(leg: Leg, picked: Picked) -> Document:
    """Give one leg; amounts are text, None where there is nothing to give."""
    quotes, place, row = leg.chain.quotes, leg.place, leg.row
    price = price_of(leg, picked)
    delta = float(leg.chain.cells("delta")[row, place])
    assert leg.instrument.strike is not None
    return {
        "instrument": leg.instrument.key,
        "side": leg.side.value,
        "lots": leg.lots,
        "quantity": str(abs(leg.units)),
        "lot_size": leg.instrument.lot_size,
        "kind": leg.instrument.kind.value,
        "strike": f"{leg.instrument.strike:f}",
        "expiry": leg.live.expiry.isoformat(),
        "price": text(price),
        "price_side": "ask" if leg.side is Side.BUY else "bid",
        "bid": price_text(leg, float(quotes.bid[row, place])),
        "ask": price_text(leg, float(quotes.ask[row, place])),
        "iv": figure(float(leg.chain.volatility[place])),
        "delta": figure(delta * leg.units),
        "value": None if price is None else text(-price * leg.units),
        "tick_size": f"{leg.instrument.tick_size:f}",
        "age_s": figure(float(quotes.age_s[row, place])),
        "why": list(picked.why),
    }


def template_documents() -> list[Document]:
    """Give every template with its sentence, in the order of their groups."""
    return [
        {
            "name": name,
            "title": template.title,
            "group": template.outlook.value,
            "sentence": SENTENCES[name],
            "expiries": template.expiries,
            "legs": len(template.parts),
            "in_library": name in LIBRARY,
        }
        for name, template in sorted(TEMPLATES.items(), key=lambda entry: _GROUPS.index(entry[1].outlook.value))
    ]


_GROUPS = ("neutral", "volatile", "bullish", "bearish")


def price_text(leg: Leg, value: float) -> str | None:
    """Give a quote on its tick as text, None where there is none."""
    return text(leg.instrument.price_of(value)) if math.isfinite(value) and value > 0.0 else None


def figure(value: float | None) -> float | None:
    """Give a figure, None for what is not one."""
    return value if value is not None and math.isfinite(value) else None


def text(amount: Decimal | None) -> str | None:
    """Give an amount as text with two decimals at least."""
    if amount is None:
        return None
    plain = amount.normalize()
    exponent = plain.as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 0
    return f"{amount:.{max(places, 2)}f}"


def money(value: float) -> str:
    """Give a figure of an array as an amount to the paisa."""
    return f"{Decimal(repr(value)).quantize(Decimal('0.01')) + 0:f}"
