"""Strategies by name: which legs, how many strikes from the money, and what they would cost from a chain's quotes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from brokers.domain.errors import Invalid
from options.domain.chain import Chain, place_of
from options.domain.payoff import Leg
from options.domain.quotes import CALL, PUT, Mark


class Outlook(StrEnum):
    """What a template is for."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"
    VOLATILE = "volatile"


@dataclass(frozen=True, slots=True)
class Part:
    """One leg of a template: lots (negative sold), call or put, widths away from the strike at the money, which expiry."""

    lots: int
    is_call: bool
    widths: int
    expiry: int = 0


@dataclass(frozen=True, slots=True)
class Template:
    """A named combination; `expiries` is how many it needs."""

    title: str
    outlook: Outlook
    parts: tuple[Part, ...]

    @property
    def expiries(self) -> int:
        return 1 + max(part.expiry for part in self.parts)


def _call(lots: int, widths: int, expiry: int = 0) -> Part:
    return Part(lots, True, widths, expiry)


def _put(lots: int, widths: int, expiry: int = 0) -> Part:
    return Part(lots, False, widths, expiry)


_UP, _DOWN, _STILL, _MOVING = Outlook.BULLISH, Outlook.BEARISH, Outlook.NEUTRAL, Outlook.VOLATILE

TEMPLATES: Mapping[str, Template] = {
    "long_call": Template("Long call", _UP, (_call(1, 0),)),
    "short_put": Template("Short put", _UP, (_put(-1, -1),)),
    "bull_call_spread": Template("Bull call spread", _UP, (_call(1, 0), _call(-1, 1))),
    "bull_put_spread": Template("Bull put spread", _UP, (_put(-1, 0), _put(1, -1))),
    "call_ratio_back_spread": Template("Call ratio back spread", _UP, (_call(-1, 0), _call(2, 1))),
    "synthetic_long": Template("Synthetic long", _UP, (_call(1, 0), _put(-1, 0))),
    "long_risk_reversal": Template("Long risk reversal", _UP, (_call(1, 1), _put(-1, -1))),
    "call_butterfly_above": Template("Call butterfly above", _UP, (_call(1, 0), _call(-2, 1), _call(1, 2))),
    "bull_seagull": Template("Bull seagull", _UP, (_call(1, 0), _call(-1, 2), _put(-1, -2))),
    "long_put": Template("Long put", _DOWN, (_put(1, 0),)),
    "short_call": Template("Short call", _DOWN, (_call(-1, 1),)),
    "bear_put_spread": Template("Bear put spread", _DOWN, (_put(1, 0), _put(-1, -1))),
    "bear_call_spread": Template("Bear call spread", _DOWN, (_call(-1, 0), _call(1, 1))),
    "put_ratio_back_spread": Template("Put ratio back spread", _DOWN, (_put(-1, 0), _put(2, -1))),
    "synthetic_short": Template("Synthetic short", _DOWN, (_call(-1, 0), _put(1, 0))),
    "short_risk_reversal": Template("Short risk reversal", _DOWN, (_call(-1, 1), _put(1, -1))),
    "put_butterfly_below": Template("Put butterfly below", _DOWN, (_put(1, 0), _put(-2, -1), _put(1, -2))),
    "bear_seagull": Template("Bear seagull", _DOWN, (_put(1, 0), _put(-1, -2), _call(-1, 2))),
    "iron_condor": Template("Iron condor", _STILL, (_put(1, -2), _put(-1, -1), _call(-1, 1), _call(1, 2))),
    "iron_butterfly": Template("Iron butterfly", _STILL, (_put(1, -1), _put(-1, 0), _call(-1, 0), _call(1, 1))),
    "short_straddle": Template("Short straddle", _STILL, (_call(-1, 0), _put(-1, 0))),
    "short_strangle": Template("Short strangle", _STILL, (_call(-1, 1), _put(-1, -1))),
    "call_butterfly": Template("Call butterfly", _STILL, (_call(1, -1), _call(-2, 0), _call(1, 1))),
    "put_butterfly": Template("Put butterfly", _STILL, (_put(1, -1), _put(-2, 0), _put(1, 1))),
    "call_condor": Template("Call condor", _STILL, (_call(1, -2), _call(-1, -1), _call(-1, 1), _call(1, 2))),
    "call_ratio_spread": Template("Call ratio spread", _STILL, (_call(1, 0), _call(-2, 1))),
    "put_ratio_spread": Template("Put ratio spread", _STILL, (_put(1, 0), _put(-2, -1))),
    "jade_lizard": Template("Jade lizard", _STILL, (_put(-1, -1), _call(-1, 1), _call(1, 2))),
    "broken_wing_butterfly": Template("Broken-wing butterfly", _STILL, (_put(1, 0), _put(-2, -1), _put(1, -3))),
    "call_calendar": Template("Call calendar", _STILL, (_call(-1, 0), _call(1, 0, 1))),
    "put_calendar": Template("Put calendar", _STILL, (_put(-1, 0), _put(1, 0, 1))),
    "double_calendar": Template(
        "Double calendar", _STILL, (_put(-1, -1), _call(-1, 1), _put(1, -1, 1), _call(1, 1, 1))
    ),
    "diagonal_call": Template("Diagonal call", _UP, (_call(-1, 1), _call(1, 0, 1))),
    "long_straddle": Template("Long straddle", _MOVING, (_call(1, 0), _put(1, 0))),
    "long_strangle": Template("Long strangle", _MOVING, (_call(1, 1), _put(1, -1))),
    "strip": Template("Strip", _MOVING, (_call(1, 0), _put(2, 0))),
    "strap": Template("Strap", _MOVING, (_call(2, 0), _put(1, 0))),
    "reverse_iron_condor": Template(
        "Reverse iron condor", _MOVING, (_put(-1, -2), _put(1, -1), _call(1, 1), _call(-1, 2))
    ),
    "reverse_iron_butterfly": Template(
        "Reverse iron butterfly", _MOVING, (_put(-1, -1), _put(1, 0), _call(1, 0), _call(-1, 1))
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """A leg picked from a chain: at the price of the side that it trades, or with what is wrong with its cell.

    `leg` is None where that side has no quote.
    """

    strike: float
    is_call: bool
    expiry: int
    quantity: float
    leg: Leg | None
    why: tuple[str, ...]


def build(
    template: Template, chains: Sequence[Chain], *, width: float, lot_size: int, lots: int = 1
) -> tuple[Picked, ...]:
    """Pick a template's legs, `width` apart in price, in the order they are to be sent: what is bought first.

    Raises `Invalid` where there are too few expiries, no forward, or a strike that is not listed.
    """
    if len(chains) < template.expiries:
        raise Invalid(f"{template.title} needs {template.expiries} expiries")
    near = chains[0]
    middle = near.atm_strike
    if not (math.isfinite(middle) and near.forward.is_known):
        raise Invalid(near.forward.source.sentence)
    picked = [
        pick(
            chains[part.expiry],
            strike=middle + part.widths * width,
            is_call=part.is_call,
            quantity=float(part.lots * lots * lot_size),
            expiry=part.expiry,
            against=near,
        )
        for part in template.parts
    ]
    return tuple(sorted(picked, key=lambda one: one.quantity < 0))


def pick(
    chain: Chain, *, strike: float, is_call: bool, quantity: float, expiry: int = 0, against: Chain | None = None
) -> Picked:
    """Pick one option from a chain: bought at the ask, sold at the bid; raises `Invalid` for a strike not listed."""
    place = place_of(chain, strike)
    row = CALL if is_call else PUT
    quotes = chain.quotes
    price = float((quotes.ask if quantity > 0 else quotes.bid)[row, place])
    volatility = float(chain.volatility[place])
    has_quote = math.isfinite(price) and price > 0.0
    is_crossed = bool(Mark(int(chain.marks[row, place])) & Mark.CROSSED)
    base = chain if against is None else against
    leg = (
        Leg(
            quantity=quantity,
            price=price,
            strike=strike,
            is_call=is_call,
            years=chain.years,
            volatility=volatility,
            forward_gap=chain.forward.price - base.forward.price,
            rate=chain.market.rate,
        )
        if has_quote and not is_crossed
        else None
    )
    return Picked(
        strike=strike, is_call=is_call, expiry=expiry, quantity=quantity, leg=leg, why=chain.why_not(row, place)
    )
