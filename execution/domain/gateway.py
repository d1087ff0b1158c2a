"""What the gate is shown: one book's holdings, what is pending in it, and one instrument's market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from brokers.domain.charges import ChargeNote, exact_charges
from brokers.domain.clock import venue_day_of
from brokers.domain.errors import DataError
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import ApprovedOrder, Book, Fill, OrderIntent, OrderStatus
from brokers.domain.portfolio import PortfolioView, Position, PositionKey, portfolio_view
from execution.domain.desk import Desk
from execution.domain.lifecycle import OrderRecord
from risk.domain.exposure import Holding, PendingOrder, RiskView, is_entry, underlying_of
from risk.domain.gate import Refused, recheck


def risk_view(desk: Desk, intent: OrderIntent) -> RiskView:
    """Return the gate's view at this moment; paper and live never mix."""
    instrument = desk.config.instruments[intent.instrument]
    market_at = desk.market.now(desk.at)
    session = desk.market.session(intent.instrument)
    second_ago = desk.at - timedelta(seconds=1)
    return RiskView(
        instrument=instrument,
        holdings=tuple(_holding(desk, p) for p in desk.state.positions.open(intent.book)),
        pending=tuple(_pending(desk, o) for o in desk.state.open_orders() if o.intent.book is intent.book),
        pnl_today_net_quote=portfolio(desk, intent.book).net_quote,
        orders_last_second=sum(1 for at in desk.state.order_times if at > second_ago),
        orders_today=desk.state.orders_today,
        quote=desk.market.quote(intent.instrument, desk.at),
        phase=desk.market.phase(intent.instrument, market_at),
        market_at=market_at,
        entry_cutoff_at=session.entry_cutoff_at if session else None,
    )


def objection_to(desk: Desk, approved: ApprovedOrder) -> Refused | None:
    """Judge an approved order once more, just before its bytes; None lets it go."""
    intent = approved.intent
    order = desk.state.orders.get(approved.client_id)
    if order is None or order.status is not OrderStatus.INTENDED:
        return Refused(rule="lifecycle", reason=f"{approved.client_id} is not waiting to be sent")
    if order.cancel_wanted:
        return Refused(rule="cancelled", reason="it was cancelled before it was sent")
    is_new = is_entry(intent)
    blocked = desk.why_not_entering(intent.book) if is_new else desk.why_not_sending(intent.book)
    if blocked is not None:
        return Refused(rule="desk", reason=blocked)
    return recheck(approved, view=risk_view(desk, intent), limits=desk.limits, switches=desk.state.switches)


def portfolio(desk: Desk, book: Book) -> PortfolioView:
    """Return one book's day through the one P&L function."""
    positions = [p for p in desk.state.positions.all() if p.key.book is book]
    fills = [fill for fill in desk.state.fills_today if fill.book is book and is_chargeable(desk, fill)]
    return portfolio_view(
        positions,
        marks=desk.market.marks({p.key.instrument for p in positions}),
        charges=_exact(desk, book, fills).rounded(),
    )


def charges_of(desk: Desk, key: PositionKey, fills: Sequence[Fill]) -> Decimal:
    """Return what one position's fills of the day cost, unrounded: a share of the day's note."""
    return _exact(desk, key, [fill for fill in fills if is_chargeable(desk, fill)]).total


def _exact(desk: Desk, whose: Book | PositionKey, fills: Sequence[Fill]) -> ChargeNote:
    """Return the charges of some of the day's fills, worked out once for each number of them.

    The day's fills only ever grow, and every look of the gate asks for their charges.
    """
    day = venue_day_of(desk.market.now(desk.at))
    known = desk.charged.get(whose)
    if known is None or known[:2] != (day, len(fills)):
        note = exact_charges(fills, kinds=_kinds(desk, fills), day=day, schedule=desk.config.charges)
        known = desk.charged[whose] = (day, len(fills), note)
    return known[2]


def is_chargeable(desk: Desk, fill: Fill) -> bool:
    """Tell whether a fill's charges are known; one that is not has stood in the inbox since."""
    known = desk.chargeable.get(fill.instrument)
    if known is None:
        try:
            day = venue_day_of(fill.filled_at)
            exact_charges([fill], kinds=_kinds(desk, [fill]), day=day, schedule=desk.config.charges)
            known = True
        except DataError:
            known = False
        desk.chargeable[fill.instrument] = known
    return known


def _kinds(desk: Desk, fills: Iterable[Fill]) -> dict[str, InstrumentKind]:
    found = desk.config.instruments
    return {fill.instrument: found[fill.instrument].kind for fill in fills if fill.instrument in found}


def mark_of(desk: Desk, position: Position) -> Decimal:
    """Return the last price, or what the position cost the day where none is known."""
    return desk.market.mark(position.key.instrument) or position.day_average


def _holding(desk: Desk, position: Position) -> Holding:
    return Holding(
        instrument=position.key.instrument,
        quantity=position.quantity,
        mark_quote=mark_of(desk, position),
        product=position.key.product,
        deployment_id=position.key.strategy_key or None,
    )


def _pending(desk: Desk, order: OrderRecord) -> PendingOrder:
    intent = order.intent
    instrument = desk.config.instruments.get(intent.instrument)
    return PendingOrder(
        client_id=order.client_id,
        instrument=intent.instrument,
        underlying=underlying_of(instrument) if instrument else intent.instrument,
        side=intent.side,
        quantity=order.pending_quantity,
        price_quote=_worst_price(desk, order),
        product=intent.product,
        purpose=intent.purpose,
        reduce_only=not is_entry(intent),
        is_unknown=order.is_doubtful,
        deployment_id=intent.deployment_id,
    )


def _worst_price(desk: Desk, order: OrderRecord) -> Decimal:
    if order.reserved_quote:
        return order.reserved_quote / order.intent.quantity
    shown = (order.price, order.trigger_price, desk.market.mark(order.intent.instrument))
    return max((price for price in shown if price is not None), default=Decimal(0))
