"""What the gate is shown: one book's holdings, what is pending in it, and one instrument's market."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile

from brokers.domain.charges import ChargeNote, exact_charges
from brokers.domain.errors import DataError
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import ApprovedOrder, Book, Fill, OrderIntent, OrderStatus
from brokers.domain.portfolio import PortfolioView, Position, PositionKey, portfolio_view
from execution.domain.cover import covered
from execution.domain.desk import BookValue, Desk
from execution.domain.lifecycle import OrderRecord
from execution.domain.market_life import closed_because, sellable, standing_of
from execution.domain.perpetuals import perpetual_view, sides_held
from risk.domain.exposure import Holding, PendingOrder, RiskView, is_entry, underlying_of
from risk.domain.gate import Refused, recheck
from risk.domain.history import DayTrades
from risk.domain.reach import HeldRows, Holder

# more orders than stand open on any day
RESERVED_KEPT = 10_000


def risk_view(desk: Desk, intent: OrderIntent, *, besides: str = "") -> RiskView:
    """Return the gate's view at this moment; paper and live never mix. `besides` is the intent's own order, if it has one."""
    instrument = desk.config.instruments[intent.instrument]
    market_at = desk.market.now(desk.at)
    session = desk.market.session(intent.instrument)
    second_ago = desk.at - timedelta(seconds=1)
    value = _value(desk, intent.book)
    return RiskView(
        instrument=instrument,
        holdings=value.holdings,
        pending=tuple(_reserving(desk, o) for o in desk.state.open_orders() if o.intent.book is intent.book),
        pnl_today_net_quote=value.portfolio.net_quote,
        orders_last_second=sum(1 for at in desk.state.order_times if at > second_ago),
        orders_today=desk.state.orders_today,
        orders_last_minute=_since(desk, desk.at - timedelta(minutes=1)),
        trades=_trades(desk, intent.book),
        quote=desk.market.quote(intent.instrument, desk.at),
        phase=desk.market.phase(intent.instrument, market_at),
        market_at=market_at,
        entry_cutoff_at=session.entry_cutoff_at if session and not session.is_always_open else None,
        standing=standing_of(desk, instrument, market_at),
        sellable=sellable(desk, intent),
        covered=covered(desk, intent, besides=besides),
        closed_because=closed_because(desk),
        perpetual=perpetual_view(desk, intent, instrument),
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
    view = risk_view(desk, intent, besides=approved.client_id)
    return recheck(approved, view=view, limits=desk.limits, switches=desk.state.switches)


def portfolio(desk: Desk, book: Book) -> PortfolioView:
    """Return one book's day through the one P&L function."""
    return _value(desk, book).portfolio


def _value(desk: Desk, book: Book) -> BookValue:
    """Return what a book holds and is worth, worked out once for each of its fills and each frame of prices.

    The day's fills change only together with the positions.
    """
    asked = desk.market_day, desk.state.positions.revision, desk.market.revision
    known = desk.valued.get(book)
    if known is None or known[0] != asked:
        known = desk.valued[book] = (asked, _valued_now(desk, book))
    return known[1]


def _valued_now(desk: Desk, book: Book) -> BookValue:
    positions = [p for p in desk.state.positions.all() if p.key.book is book]
    charges = desk.charges[book].rounded(
        desk.state.fills_today,
        day=desk.market_day,
        is_on_note=lambda fill: _is_on_the_note(desk, fill),
        charge=lambda fills: _charged(desk, fills),
    )
    marks = desk.market.marks({p.key.instrument for p in positions if p.is_open})
    day = portfolio_view(positions, marks=marks, charges=charges)
    return BookValue(portfolio=day, holdings=_holdings(desk, book, positions))


def _holdings(desk: Desk, book: Book, positions: Sequence[Position]) -> HeldRows:
    """Return what a book holds; of an account in hedge mode both sides of a contract count, as two holders' do."""
    sides = sides_held(desk) if book is Book.LIVE else []
    hedged = {row.instrument for row in sides}
    own = [p for p in positions if p.is_open and (p.key.strategy_key or p.key.instrument not in hedged)]
    beside = [
        Holding(
            instrument=row.instrument,
            quantity=row.quantity,
            mark_quote=desk.market.fair(row.instrument) or row.mark_price or row.average_price,
            product=row.product,
            deployment_id=f"hedge {row.position_side}",
            underlying=_underlying(desk, row.instrument),
        )
        for row in sides
    ]
    return HeldRows([_holding(desk, p) for p in own] + beside)


def charges_of(desk: Desk, position: Position, fills: Sequence[Fill]) -> Decimal:
    """Return what one position's fills of the day cost, unrounded: a share of the day's note, and the venue's fees."""
    on_note = [fill for fill in fills if _is_on_the_note(desk, fill)]
    return _exact(desk, position.key, on_note).total + position.fees_today_quote


def _is_on_the_note(desk: Desk, fill: Fill) -> bool:
    return fill.fee_quote is None and is_chargeable(desk, fill)


def _charged(desk: Desk, fills: Sequence[Fill]) -> ChargeNote:
    return exact_charges(fills, kinds=_kinds(desk, fills), day=desk.market_day, schedule=desk.config.charges)


def _exact(desk: Desk, whose: PositionKey, fills: Sequence[Fill]) -> ChargeNote:
    """Return the charges of some of the day's fills; they only ever grow, so only the new ones are worked out."""
    day = desk.market_day
    known = desk.charged.get(whose)
    counted = known[1] if known is not None and known[0] == day and known[1] <= len(fills) else 0
    if known is not None and counted == len(fills) and known[0] == day:
        return known[2]
    if _orders_of(fills[:counted]) & _orders_of(fills[counted:]):
        counted = 0  # an order's charges are of all its fills together
    note = _charged(desk, fills[counted:])
    if counted and known is not None:
        note = known[2] + note
    desk.charged[whose] = (day, len(fills), note)
    return note


def _orders_of(fills: Iterable[Fill]) -> set[tuple[str, str]]:
    return {(fill.instrument, fill.venue_order_id) for fill in fills}


def is_chargeable(desk: Desk, fill: Fill) -> bool:
    """Tell whether a fill's charges are known; one that is not has stood in the inbox since."""
    if fill.fee_quote is not None:
        return True
    known = desk.chargeable.get(fill.instrument)
    if known is None:
        try:
            day = desk.day_of(fill.filled_at)
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
    """Return the price it is valued at, or what the position cost the day where none is known."""
    return desk.market.fair(position.key.instrument) or position.day_average


def _holding(desk: Desk, position: Position) -> Holding:
    return Holding(
        instrument=position.key.instrument,
        quantity=position.quantity,
        mark_quote=mark_of(desk, position),
        product=position.key.product,
        deployment_id=position.key.strategy_key or None,
        underlying=_underlying(desk, position.key.instrument),
    )


def _underlying(desk: Desk, key: str) -> str:
    instrument = desk.config.instruments.get(key)
    return underlying_of(instrument) if instrument else ""


def _trades(desk: Desk, book: Book) -> DayTrades:
    positions = desk.state.positions

    def held(holder: Holder) -> Decimal:
        key = PositionKey(
            book=book, instrument=holder.instrument, product=holder.product, strategy_key=holder.deployment_id
        )
        return positions.get(key).quantity

    return desk.trades[book].follow(desk.state.fills_today, held)


def _since(desk: Desk, moment: datetime) -> int:
    """Count the orders since a moment; they are kept in the order in which they came."""
    return sum(1 for _ in takewhile(lambda order: order.created_at > moment, reversed(desk.state.orders.values())))


def _reserving(desk: Desk, order: OrderRecord) -> PendingOrder:
    """Return what an order reserves, worked out once for each thing learnt of it."""
    known = desk.reserved.get(order.client_id)
    if known is not None and known[0] is order:
        return known[1]
    pending = _pending(desk, order)
    if order.reserved_quote:  # without it the last price counts, which moves
        if len(desk.reserved) > RESERVED_KEPT:
            desk.reserved.clear()
        desk.reserved[order.client_id] = order, pending
    return pending


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
        # a new price may have been agreed since
        return max(order.reserved_quote / order.intent.quantity, order.price or Decimal(0))
    shown = (order.price, order.trigger_price, desk.market.mark(order.intent.instrument))
    return max((price for price in shown if price is not None), default=Decimal(0))
