"""The rules of market life: lists of the exchanges, freeze quantities, lots, and what holdings let be sold.

They speak of entries. An exit that reduces a position is never refused by one of them, only made
smaller where the venue would not take it whole.
"""

from __future__ import annotations

from decimal import Decimal

from brokers.domain.figures import in_words
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market_life import Restriction, RestrictionKind
from brokers.domain.orders import OrderIntent, Product, Side
from risk.domain.exposure import ZERO, PendingOrder, RiskView, underlying_of
from risk.domain.limits import Limits

_DERIVATIVES = frozenset({InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT})


def ban_period(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to new positions in futures and options of an underlying that is in its ban period."""
    row = view.standing.on_list(RestrictionKind.BAN)
    if row is None or view.instrument.kind not in _DERIVATIVES:
        return None
    return (
        f"{underlying_of(view.instrument)} is in its F&O ban period {_dated(row)}: only orders that reduce a position"
    )


def surveillance(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to new positions under graded surveillance, and to intraday ones under additional surveillance."""
    graded = view.standing.on_list(RestrictionKind.GSM)
    if graded is not None:
        label = graded.kind.label
        return f"{view.instrument.key} is under {label} {_dated(graded)}: only orders that reduce a position"
    added = view.standing.on_list(RestrictionKind.ASM)
    if added is not None and intent.product is not Product.DELIVERY:
        return f"{view.instrument.key} is under {added.kind.label} {_dated(added)}: delivery (CNC) alone, not {intent.product}"
    return None


def trade_to_trade(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to anything but delivery in a share that settles trade by trade."""
    row = view.standing.on_list(RestrictionKind.TRADE_TO_TRADE)
    if row is None or intent.product is Product.DELIVERY:
        return None
    return f"{view.instrument.key} is trade-to-trade {_dated(row)}: delivery (CNC) alone, not {intent.product}"


def mis_blocked(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to an intraday position that the broker does not allow."""
    row = view.standing.on_list(RestrictionKind.MIS_BLOCKED)
    if row is None or intent.product is not Product.INTRADAY:
        return None
    return f"the broker does not allow {view.instrument.key} in MIS {_dated(row)}"


def known_lot(_intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to a contract whose lot nobody knows; unknown is not 1."""
    if view.instrument.kind not in _DERIVATIVES or view.instrument.lot_size or view.standing.lot_size:
        return None
    return f"the lot of {view.instrument.key} is not known: neither the venue's list nor the operator's terms give it"


def from_holdings(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to selling more in delivery than holdings and today's purchases give."""
    if intent.product is not Product.DELIVERY or intent.side is not Side.SELL:
        return None
    free = still_sellable(view)
    if free is None:
        return f"{view.instrument.key} would be sold from holdings, and the venue's holdings have not been read yet"
    if intent.quantity > free:
        return f"sell of {in_words(intent.quantity)} {view.instrument.key} in delivery, sellable today {in_words(free)}"
    return None


def freeze_quantity(intent: OrderIntent, view: RiskView, _limits: Limits) -> str | None:
    """Object to more in one order than the exchange takes."""
    limit = view.standing.freeze_quantity
    if limit is None or intent.quantity <= limit:
        return None
    return (
        f"quantity {in_words(intent.quantity)}, freeze quantity of {underlying_of(view.instrument)} {in_words(limit)}"
    )


def most_at_once(view: RiskView, quantity: Decimal) -> Decimal:
    """Return how much of a quantity one order may carry."""
    limit = view.standing.freeze_quantity
    return quantity if limit is None else min(limit, quantity)


def largest_part(intent: OrderIntent, view: RiskView) -> Decimal:
    """Return the part of an exit that the venue takes in one order; the whole where no part can be told."""
    part = most_at_once(view, intent.quantity)
    free = still_sellable(view)
    is_from_holdings = intent.product is Product.DELIVERY and intent.side is Side.SELL
    if is_from_holdings and free is not None and free > ZERO:
        part = min(part, free)
    if part < intent.quantity:
        part = lots_in(view, part) or part
    return part


def lots_in(view: RiskView, quantity: Decimal) -> Decimal:
    """Round a quantity down to whole lots, by the operator's lot where the venue's list has none."""
    lot = view.instrument.quantity_step or Decimal(view.instrument.lot_size or view.standing.lot_size or 1)
    return (quantity // lot) * lot


def still_sellable(view: RiskView) -> Decimal | None:
    """Return what may be sold in delivery beyond the sells under way, None while it is not known."""
    if view.sellable is None:
        return None
    leaving = sum((order.quantity for order in view.pending if _sells_delivery(order, view)), ZERO)
    return max(view.sellable - leaving, ZERO)


def _sells_delivery(order: PendingOrder, view: RiskView) -> bool:
    is_delivery_sell = (order.side, order.product) == (Side.SELL, Product.DELIVERY)
    return is_delivery_sell and order.instrument == view.instrument.key


def _dated(row: Restriction) -> str:
    until = f" to {row.until}" if row.until else ""
    return f"from {row.since}{until}" + (f" ({row.source})" if row.source else "")
