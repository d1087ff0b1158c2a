"""How a paper order meets live prices; pure arithmetic on one order and one quote.

A market order takes the far side of the quote; where the venue shows no depth, the last price worsened by one tick. A
limit that was marketable on arrival takes the far side as well; one that has rested fills at its own price. What the
touch shows bounds a fill, and the rest waits for the next quote: a screen's size says nothing of what stands behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from brokers.domain.orders import OrderType, Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """The best prices of one instrument; a size is None where the venue shows no depth."""

    last: Decimal
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None

    def against(self, side: Side) -> tuple[Decimal | None, Decimal | None]:
        """Return price and size that an order of `side` would trade with."""
        return (self.ask, self.ask_size) if side is Side.BUY else (self.bid, self.bid_size)

    def without(self, side: Side, quantity: Decimal) -> Touch:
        """Return the touch after an order of `side` took `quantity` of it."""
        if side is Side.BUY:
            return replace(self, ask_size=None if self.ask_size is None else self.ask_size - quantity)
        return replace(self, bid_size=None if self.bid_size is None else self.bid_size - quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A quantity that traded at a price."""

    quantity: Decimal
    price: Decimal


def is_triggered(side: Side, trigger: Decimal, last: Decimal) -> bool:
    """Tell whether the last price has reached a stop's trigger: from below for a buy, from above for a sell."""
    return last >= trigger if side is Side.BUY else last <= trigger


def match(
    *,
    side: Side,
    order_type: OrderType,
    limit: Decimal | None,
    remaining: Decimal,
    has_rested: bool,
    touch: Touch,
    tick: Decimal,
) -> Match | None:
    """Return what of an active order trades against the touch; None when nothing does."""
    price, size = touch.against(side)
    if order_type in (OrderType.MARKET, OrderType.STOP_MARKET):
        price = price if price is not None else _worse(side, touch.last, tick)
    else:
        assert limit is not None
        price = _limit_price(side, limit, price, touch.last, has_rested=has_rested)
    quantity = remaining if size is None else min(remaining, size)
    if price is None or price <= 0 or quantity <= 0:
        return None
    return Match(quantity=quantity, price=price)


def _limit_price(side: Side, limit: Decimal, far: Decimal | None, last: Decimal, *, has_rested: bool) -> Decimal | None:
    market = far if far is not None else last
    crosses = market <= limit if side is Side.BUY else market >= limit
    if not crosses:
        return None
    return limit if has_rested or far is None else far


def _worse(side: Side, last: Decimal, tick: Decimal) -> Decimal:
    return last + tick if side is Side.BUY else max(last - tick, ZERO)
