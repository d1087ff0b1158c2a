"""Orders on their way: through the gate, re-priced while they rest, cancelled when unwanted.

Every order is a marketable LIMIT at the far side, a little beyond it: a MARKET order of the API
carries a protection band, and what it leaves unfilled rests as a LIMIT anyway (Kite, market
protection, 2026), so the desk names the limit itself and knows it. An exit without a fresh price
is the one MARKET order: waiting for a quote would keep the desk in a position it wants to leave.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from brokers.domain.instruments import Instrument
from brokers.domain.orders import ApprovedOrder, OrderIntent, OrderType, Purpose, Side
from brokers.domain.portfolio import PositionKey
from execution.domain.allowance import tell
from execution.domain.baskets import is_basket
from execution.domain.commands import CancelOrder, Level, ModifyOrder, PlaceOrder
from execution.domain.desk import Desk
from execution.domain.events import Write
from execution.domain.gateway import risk_view
from execution.domain.lifecycle import OrderRecord
from execution.domain.market_life import warn_of_delivery
from execution.domain.perpetuals import validity_of
from execution.domain.records import Goal, Intended, Refusal, WriteAsked
from risk.domain.exposure import QuoteView
from risk.domain.gate import Reduced, Refused, review

EXIT_STUCK = "exit_stuck"


def intent_for(desk: Desk, goal: Goal, side: Side, quantity: Decimal, purpose: Purpose) -> OrderIntent:
    """Return the intent that brings a position nearer to its goal, priced to fill at once."""
    key = goal.key
    price = limit_price(desk, key, side, purpose, step=0)
    return OrderIntent(
        account_id=desk.config.account_id,
        book=key.book,
        instrument=key.instrument,
        side=side,
        quantity=quantity,
        order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        product=key.product,
        purpose=purpose,
        reason=goal.reason,
        decided_at=goal.decided_at,
        price=price,
        deployment_id=key.strategy_key or None,
        decision_price=goal.decision_price,
        reduce_only=purpose is not Purpose.ENTRY,
        validity=validity_of(key.product),
    )


def place(desk: Desk, intent: OrderIntent) -> Refused | None:
    """Ask the gate, and journal and send what it approves; return its refusal, journalled too."""
    decision = review(
        intent,
        view=risk_view(desk, intent),
        limits=desk.limits,
        switches=desk.state.switches,
        client_id=desk.ids.next(),
        at=desk.at,
    )
    if isinstance(decision, Refused):
        refuse(desk, intent, decision)
        return decision
    if isinstance(decision, Reduced):
        sentence = f"reduced to {decision.approved.intent.quantity}: {decision.reason}"
        desk.record(Refusal(intent=intent, rule=decision.rule, reason=sentence, market_at=desk.market_at))
        decision = decision.approved
    warn_of_delivery(desk, decision)
    _send(desk, decision)
    return None


def refuse(desk: Desk, intent: OrderIntent, refused: Refused) -> None:
    desk.record(Refusal(intent=intent, rule=refused.rule, reason=refused.reason, market_at=desk.market_at))


def _send(desk: Desk, approved: ApprovedOrder) -> None:
    send_by = desk.at + timedelta(seconds=desk.config.send_within_s)
    desk.record(
        Intended(
            client_id=approved.client_id,
            intent=approved.intent,
            venue_day=desk.venue_day,
            send_by=send_by,
            reserved_quote=approved.reserved_quote,
            kill_epoch=approved.kill_epoch,
            lease_token=desk.state.lease_token,
            market_at=desk.market_at,
        )
    )
    desk.ask(PlaceOrder(order=approved, send_by=send_by))
    tell(desk)
    watch(desk, desk.state.order(approved.client_id))
    desk.schedule("reconcile", desk.config.in_flight_read_s)


def watch(desk: Desk, order: OrderRecord) -> None:
    """Look at a working order again once its patience has run out."""
    # a leg of a basket is in a hurry: others wait for it
    is_patient = order.is_entry and not is_basket(order.intent.deployment_id)
    patience = desk.config.entry_patience_s if is_patient else desk.config.exit_patience_s
    desk.schedule(f"order:{order.client_id}", patience)


def want_cancel(desk: Desk, order: OrderRecord, reason: str) -> None:
    """Cancel an order now, or as soon as its venue id is known and no other write is under way."""
    if order.is_final:
        return
    is_free = order.writing is None and not order.is_refused_lately(desk.at)
    can = bool(order.venue_order_id) and is_free and desk.why_not_sending(order.intent.book) is None
    if can or not order.cancel_wanted:
        write = Write.CANCEL if can else None
        desk.record(WriteAsked(client_id=order.client_id, write=write, cancel_wanted=True, reason=reason))
    if can:
        desk.ask(
            CancelOrder(
                client_id=order.client_id,
                venue_order_id=order.venue_order_id,
                book=order.intent.book,
                # by then a book without its effect has ended it, and another is asked for
                send_by=desk.at + timedelta(seconds=desk.config.open_read_s),
            )
        )


def patience_over(desk: Desk, order: OrderRecord) -> None:
    """Give an entry up, or make an exit's price reach further."""
    if order.is_final or order.is_doubtful or order.intent.purpose is Purpose.STOP:
        return
    if order.is_entry:
        want_cancel(desk, order, f"not filled within {desk.config.entry_patience_s:g} s")
    elif not order.cancel_wanted:
        _reach_further(desk, order)


def is_out_of_modifications(desk: Desk, order: OrderRecord) -> bool:
    """Tell whether an order may not be re-priced any more; what remains of it is placed anew.

    New prices that the venue refused did not reach further and are not counted by it; after some there is no use in more.
    """
    config = desk.config
    if desk.cannot_change:
        return True
    most = min(config.max_modifications, config.order_share.modifications_per_order)
    return order.modifications >= most or order.refused_modifications >= config.max_refused_modifications


def _reach_further(desk: Desk, order: OrderRecord) -> None:
    watch(desk, order)
    if not may_be_repriced(desk, order):
        return
    intent = order.intent
    key = PositionKey(
        book=intent.book,
        instrument=intent.instrument,
        product=intent.product,
        strategy_key=intent.deployment_id or "",
    )
    price = limit_price(desk, key, intent.side, intent.purpose, step=order.modifications + 1)
    if price is None:
        sentence = f"{intent.instrument}: the exit rests unfilled, and without a fresh quote no better price is known"
        desk.discrepancy(EXIT_STUCK, order.client_id, sentence, Level.URGENT)
        return
    if is_out_of_modifications(desk, order):
        _tell_stuck(desk, order)
    if price == order.price:
        return  # its place in the queue is worth more than a new order at the same price
    if is_out_of_modifications(desk, order):
        want_cancel(desk, order, f"placed anew after {order.modifications + order.refused_modifications} new prices")
        return
    change_price(desk, order, price)


def may_be_repriced(desk: Desk, order: OrderRecord) -> bool:
    """Tell whether a resting order could be given a new price now, no other write of it being under way."""
    if not order.is_resting or not order.venue_order_id or order.writing is not None:
        return False
    if order.is_refused_lately(desk.at) and not desk.cannot_change:
        return False
    return desk.why_not_sending(order.intent.book) is None


def change_price(desk: Desk, order: OrderRecord, price: Decimal) -> None:
    """Journal and send a new price of a resting order."""
    desk.record(
        WriteAsked(client_id=order.client_id, write=Write.MODIFY, price=price, reason="not filled, reaching further")
    )
    desk.ask(
        ModifyOrder(
            client_id=order.client_id,
            venue_order_id=order.venue_order_id,
            book=order.intent.book,
            price=price,
            send_by=desk.at + timedelta(seconds=desk.config.send_within_s),
        )
    )


def _tell_stuck(desk: Desk, order: OrderRecord) -> None:
    """Tell a person of an exit that new prices do not fill; where none can be given, once several orders did not."""
    intent, tried = order.intent, order.modifications + order.refused_modifications
    if desk.cannot_change:
        decision = intent.instrument, intent.deployment_id, intent.decided_at
        others = (o.intent for o in desk.state.orders.values())
        tried = sum((o.instrument, o.deployment_id, o.decided_at) == decision for o in others)
        if tried < desk.config.max_refused_modifications:
            return
    sentence = f"{intent.instrument}: the exit is not filled after {tried} new prices"
    desk.discrepancy(EXIT_STUCK, order.client_id, sentence, Level.URGENT)


def limit_price(desk: Desk, key: PositionKey, side: Side, purpose: Purpose, *, step: int) -> Decimal | None:
    """Return a price beyond the far side, the further the later the step; None without a fresh quote."""
    quote = desk.market.quote(key.instrument, desk.at)
    if quote is None or quote.is_stale or quote.is_cached or quote.age_s > desk.limits.max_quote_age_s:
        return None
    is_entry = purpose is Purpose.ENTRY
    base = desk.config.entry_slippage_fraction if is_entry else desk.config.exit_slippage_fraction
    reach = min(base * 2**step, desk.limits.price_band_fraction)
    return _beyond(desk.config.instruments[key.instrument], quote, side, reach, desk.limits.price_band_fraction)


def _beyond(instrument: Instrument, quote: QuoteView, side: Side, reach: Decimal, band: Decimal) -> Decimal:
    if side is Side.BUY:
        wanted = instrument.price_above((quote.ask or quote.last_price) * (1 + reach))
        return max(min(wanted, instrument.price_below(quote.last_price * (1 + band))), instrument.tick_size)
    wanted = instrument.price_below((quote.bid or quote.last_price) * (1 - reach))
    return max(wanted, instrument.price_above(quote.last_price * (1 - band)), instrument.tick_size)
