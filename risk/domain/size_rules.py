"""The rules of size: each tells the most that an order may carry, and objects beyond it in one sentence.

Objection and clamp come from the same figure, so that what is made smaller is the largest that passes. The side of the
order counts: what it could come to, with everything pending on that side filled, may not exceed the limit. What is over a
limit already may therefore shrink, and never grow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

from brokers.domain.figures import in_words, quantity_in_words
from brokers.domain.orders import OrderIntent
from risk.domain.exposure import (
    ZERO,
    RiskView,
    added_value,
    gross_exposure,
    holder_of,
    own_reach,
    position_value,
    underlying_of,
    worst_price,
)
from risk.domain.limit_rules import equity_of
from risk.domain.limits import Limits
from risk.domain.market_rules import freeze_quantity
from risk.domain.perpetual_rules import bracket
from risk.domain.reach import Reaches

Most: TypeAlias = Callable[[OrderIntent, RiskView, Limits], Decimal | None]
Sentence: TypeAlias = Callable[[OrderIntent, RiskView, Limits], str]
ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """A bound of size: the most units of an order, None where it does not bound, and its objection to more.

    One `of_venue` is met by every order; the others are limits, and an order that can only reduce is not asked.
    """

    name: str
    most: Most
    sentence: Sentence
    of_venue: bool = False

    def objection(self, intent: OrderIntent, view: RiskView, limits: Limits) -> str | None:
        """Object to more than the most."""
        most = self.most(intent, view, limits)
        return None if most is None or intent.quantity <= most else self.sentence(intent, view, limits)


def _of_freeze(_intent: OrderIntent, view: RiskView, _limits: Limits) -> Decimal | None:
    return view.standing.freeze_quantity


def _say_freeze(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    return freeze_quantity(intent, view, limits) or ""


def _of_order_quantity(_intent: OrderIntent, _view: RiskView, limits: Limits) -> Decimal | None:
    return limits.max_order_quantity


def _say_order_quantity(intent: OrderIntent, _view: RiskView, limits: Limits) -> str:
    return f"order of {quantity_in_words(intent.quantity)}, limit {_units(limits.max_order_quantity)}"


def _of_order_value(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    return limits.max_order_value_quote / worst_price(intent, view.quote)


def _say_order_value(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    value = worst_price(intent, view.quote) * intent.quantity
    return f"order value {in_words(value)}, limit {in_words(limits.max_order_value_quote)}"


def _of_bracket(intent: OrderIntent, view: RiskView, _limits: Limits) -> Decimal | None:
    most = view.perpetual.most_notional_quote if view.perpetual else None
    return None if most is None else _of_position(intent, view, most)


def _say_bracket(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    return bracket(intent, view, limits) or ""


def _of_position_quantity(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    if limits.max_position_quantity is None:
        return None
    reaches = _in_units(view)
    own = reaches.of(holder_of(intent))
    return own.room_quote(intent.side, limits.max_position_quantity - (reaches.gross_quote - own.worst_quote))


def _say_position_quantity(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    reaches = _in_units(view)
    own = reaches.of(holder_of(intent))
    rest = reaches.gross_quote - own.worst_quote
    could_be = rest + own.after(intent.side, intent.quantity).worst_quote
    limit = _units(limits.max_position_quantity)
    return f"{intent.instrument} could be {quantity_in_words(could_be)} with what is pending, limit {limit}"


def _of_position_value(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    return _of_position(intent, view, limits.max_position_value_quote)


def _say_position_value(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    value = in_words(position_value(view, intent.instrument) + added_value(intent, view))
    limit = in_words(limits.max_position_value_quote)
    return f"{intent.instrument} could be worth {value} with what is pending, limit {limit}"


def _of_underlying(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    limit = limits.max_underlying_value_quote
    return None if limit is None else _within(intent, view, limit - view.underlying_quote)


def _say_underlying(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    value = in_words(view.underlying_quote + added_value(intent, view))
    limit = in_words(limits.max_underlying_value_quote or ZERO)
    return f"all of {underlying_of(view.instrument)} could be worth {value} with what is pending, limit {limit}"


def _of_gross(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    return _within(intent, view, limits.max_gross_exposure_quote - gross_exposure(view))


def _say_gross(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    value, limit = gross_exposure(view) + added_value(intent, view), limits.max_gross_exposure_quote
    return f"gross exposure could be {in_words(value)} with what is pending, limit {in_words(limit)}"


def _of_net(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    limit = limits.max_net_exposure_quote
    if limit is None:
        return None
    return view.reaches.net.room_quote(intent.side, limit) / worst_price(intent, view.quote)


def _say_net(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    value = worst_price(intent, view.quote) * intent.quantity
    net = view.reaches.net.after(intent.side, value).worst_quote
    limit = in_words(limits.max_net_exposure_quote or ZERO)
    return f"net exposure could be {in_words(net)} with what is pending, limit {limit}"


def _of_leverage(intent: OrderIntent, view: RiskView, limits: Limits) -> Decimal | None:
    equity = equity_of(intent, view, limits)
    if limits.max_leverage is None or equity is None:
        return None  # known_equity speaks of that
    return _within(intent, view, limits.max_leverage * equity - gross_exposure(view))


def _say_leverage(intent: OrderIntent, view: RiskView, limits: Limits) -> str:
    gross, equity = gross_exposure(view) + added_value(intent, view), equity_of(intent, view, limits) or ONE
    limit = in_words(limits.max_leverage or ZERO)
    return f"gross exposure of {in_words(gross)} would be {in_words(gross / equity)} times the equity, limit {limit}"


def _of_position(intent: OrderIntent, view: RiskView, limit: Decimal) -> Decimal:
    return _within(intent, view, limit - position_value(view, intent.instrument))


def _within(intent: OrderIntent, view: RiskView, left: Decimal) -> Decimal:
    """Return the units by which a holder may move where a total of which it is a part has `left` to its limit."""
    own = own_reach(intent, view)
    return own.room_quote(intent.side, left + own.worst_quote) / worst_price(intent, view.quote)


def _in_units(view: RiskView) -> Reaches:
    held = [replace(row, mark_quote=ONE) for row in view.own_holdings]
    return Reaches(held, [replace(row, price_quote=ONE) for row in view.own_pending])


def _units(limit: Decimal | None) -> str:
    return quantity_in_words(limit or ZERO)


SIZE_RULES: tuple[SizeRule, ...] = (
    SizeRule(name="freeze_quantity", most=_of_freeze, sentence=_say_freeze, of_venue=True),
    SizeRule(name="order_quantity", most=_of_order_quantity, sentence=_say_order_quantity),
    SizeRule(name="order_value", most=_of_order_value, sentence=_say_order_value),
    SizeRule(name="bracket", most=_of_bracket, sentence=_say_bracket),
    SizeRule(name="position_quantity", most=_of_position_quantity, sentence=_say_position_quantity),
    SizeRule(name="position_value", most=_of_position_value, sentence=_say_position_value),
    SizeRule(name="underlying_value", most=_of_underlying, sentence=_say_underlying),
    SizeRule(name="gross_exposure", most=_of_gross, sentence=_say_gross),
    SizeRule(name="net_exposure", most=_of_net, sentence=_say_net),
    SizeRule(name="leverage", most=_of_leverage, sentence=_say_leverage),
)
