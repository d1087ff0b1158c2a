"""The rules of perpetual contracts: the account's modes, brackets, delisting, triggers, par, and the least order.

They speak of entries and keep silent of every other instrument. An order that can only reduce passes all of them.
"""

from __future__ import annotations

from decimal import Decimal

from brokers.domain.figures import in_words, price_in_words, quantity_in_words
from brokers.domain.orders import TRIGGERED_TYPES, OrderIntent, OrderType, Side
from risk.domain.exposure import RiskView, added_value, position_value
from risk.domain.limits import Limits

# the venue counts a market order at its mark, which moves between our look and its own
_NOTIONAL_MARGIN = Decimal("1.01")
_PROFIT_TYPES = frozenset({OrderType.TAKE_PROFIT_LIMIT, OrderType.TAKE_PROFIT_MARKET})


def account_mode(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object in an account whose modes strategies cannot trade in."""
    return view.perpetual.mode_objection or None if view.perpetual else None


def delisting(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to new positions in a contract that the venue takes off its list."""
    if view.perpetual is None:
        return None
    if not view.perpetual.leaving:
        is_taken = view.instrument.takes_orders
        return None if is_taken else f"the venue takes no new positions in {view.instrument.key} today"
    return f"{view.instrument.key} is leaving the venue's list ({view.perpetual.leaving}): only orders that reduce a position"


def usdt_par(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object while the currency that everything is counted in is off its par."""
    par = view.perpetual.par if view.perpetual else None
    if par is None or par.asset != view.instrument.currency or not par.is_off:
        return None
    away, allowed = in_words(abs(par.rate - 1) * 100), in_words(par.band_fraction * 100)
    return (
        f"{par.asset} stands at {par.rate:f} {par.reference} ({par.source}, {par.as_of:%d %B %H:%M} UTC), "
        f"{away} % off par, limit {allowed} %"
    )


def mark_trigger(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to a trigger that the mark price has passed already: the order would fire at once."""
    mark = view.perpetual.mark_price if view.perpetual else None
    trigger = intent.trigger_price
    if mark is None or trigger is None or intent.order_type not in TRIGGERED_TYPES:
        return None
    waits_above = (intent.side is Side.BUY) != (intent.order_type in _PROFIT_TYPES)
    if trigger > mark if waits_above else trigger < mark:
        return None
    return f"the trigger of {price_in_words(trigger)} is passed already: the mark price is {price_in_words(mark)}"


def least_quantity(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to less than the venue takes in one order."""
    least = view.instrument.min_quantity
    if least is None or intent.quantity >= least:
        return None
    return f"quantity {quantity_in_words(intent.quantity)}, the least of {view.instrument.key} is {quantity_in_words(least)}"


def least_notional(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to an order worth less than the venue takes, by the lower of its limit and the mark."""
    least = view.instrument.min_notional_quote
    prices = [price for price in (intent.price, _mark(view)) if price is not None]
    if least is None or not prices:
        return None
    value = min(prices) * intent.quantity
    if value >= least * _NOTIONAL_MARGIN:
        return None
    return f"order value {in_words(value)}, the least that {view.instrument.key} takes is {in_words(least)} and 1 % of room"


def bracket(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to a position larger than the account's leverage allows."""
    most = view.perpetual.most_notional_quote if view.perpetual else None
    if view.perpetual is None or most is None:
        return None
    value = position_value(view, intent.instrument) + added_value(intent, view)
    if value <= most:
        return None
    return (
        f"{intent.instrument} could be worth {in_words(value)} with what is pending, and at {view.perpetual.leverage}x the "
        f"venue allows {in_words(most)}"
    )


def _mark(view: RiskView) -> Decimal | None:
    if view.perpetual is not None and view.perpetual.mark_price is not None:
        return view.perpetual.mark_price
    return view.quote.last_price if view.quote else None
