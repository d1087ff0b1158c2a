"""What the exchange does to a position by its own hand: liquidation and automatic deleveraging.

Its fill is booked on whoever held the position. The strategies in that contract halt: what they decided upon is gone.
"""

from __future__ import annotations

from decimal import Decimal

from brokers.domain.figures import price_in_words, quantity_in_words
from brokers.domain.orders import Book, Origin, VenueTrade
from brokers.domain.perpetual_terms import FillSource
from brokers.domain.portfolio import Position
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.pursuit import key_of
from execution.domain.records import DeploymentState
from execution.domain.running import drop_entry_goals, halt
from execution.domain.sending import want_cancel

ZERO = Decimal(0)
FORCED_CAUSE = "forced"
_DEEDS = {FillSource.LIQUIDATION: "liquidated", FillSource.DELEVERAGE: "deleveraged"}


def is_forced(trade: VenueTrade) -> bool:
    """Tell whether the exchange itself made the trade."""
    return trade.source is not FillSource.TRADE


def holders_of(desk: Desk, trade: VenueTrade, book: Book) -> list[tuple[str, Decimal]]:
    """Return on whom a forced trade falls, with each one's part: strategies first, the largest of them first.

    What nobody here held is nobody's.
    """
    held = [
        p
        for p in desk.state.positions.open(book)
        if p.key.instrument == trade.instrument and p.quantity * trade.side.sign < 0
    ]
    parts: list[tuple[str, Decimal]] = []
    left = trade.quantity
    for position in sorted(held, key=_by_holder):
        part = min(abs(position.quantity), left)
        if part > 0:
            parts.append((position.key.strategy_key, part))
            left -= part
    return [*parts, ("", left)] if left > 0 else parts


def hear_forced(desk: Desk, trade: VenueTrade) -> None:
    """Halt whatever works in the contract, cancel its entries and what protected nothing any more, and alarm."""
    deed = _DEEDS[trade.source]
    sentence = (
        f"{trade.instrument}: the exchange {deed} {quantity_in_words(trade.quantity)} at {price_in_words(trade.price)}: "
        "the strategies in it are halted; look at the account's margin before they start again"
    )
    desk.discrepancy(trade.source.value, f"{trade.instrument} {trade.venue_order_id}"[:120], sentence, Level.URGENT)
    for deployment in list(desk.state.deployments.values()):
        spec = deployment.spec
        if spec.mode is not Book.LIVE or trade.instrument not in spec.instruments:
            continue
        if deployment.state in (DeploymentState.STARTING, DeploymentState.RUNNING):
            halt(desk, deployment, f"halted: the exchange {deed} {trade.instrument}", cause=FORCED_CAUSE)
        drop_entry_goals(desk, spec.deployment_id, f"the exchange {deed} {trade.instrument}")
    for order in desk.state.open_orders():
        is_ours = order.intent.origin is not Origin.EXTERNAL and order.intent.book is Book.LIVE
        if is_ours and order.is_entry and order.intent.instrument == trade.instrument:
            want_cancel(desk, order, f"the exchange {deed} {trade.instrument}")


def cancel_orphans(desk: Desk, instrument: str, book: Book) -> None:
    """Cancel what can only reduce a perpetual position that is gone: left at the venue, it would hit the next one."""
    for order in desk.state.open_orders():
        intent = order.intent
        if (intent.instrument, intent.book) != (instrument, book) or intent.origin is Origin.EXTERNAL:
            continue
        if intent.reduce_only and not desk.state.positions.get(key_of(intent)).is_open:
            want_cancel(desk, order, "nothing is left that it could reduce")


def _by_holder(position: Position) -> tuple[bool, Decimal, str]:
    return not position.key.strategy_key, -abs(position.quantity), position.key.strategy_key
