"""A contract that its venue takes off the list: positions end before the exchange settles them at its own price."""

from __future__ import annotations

from decimal import Decimal

from brokers.domain.orders import Book
from brokers.domain.portfolio import PositionKey
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.pursuit import journal_signal, set_goal

ZERO = Decimal(0)
DELISTING = "delisting"


def leave_delisted(desk: Desk) -> None:
    """Exit what strategies and paper hold of contracts that are leaving; tell of what others hold."""
    leaving = desk.rules.leaving
    for position in desk.state.positions.open() if leaving else []:
        key = position.key
        word = leaving.get(key.instrument)
        if word is None:
            continue
        if key.strategy_key or key.book is Book.PAPER:
            _exit(
                desk, key, f"{key.instrument} is leaving the venue's list ({word}): it is closed before it is settled"
            )
        else:
            sentence = (
                f"{key.instrument} is leaving the venue's list ({word}) and {position.quantity.normalize():f} of it, bought "
                "elsewhere, is held: close it before the exchange settles it at its own price"
            )
            desk.discrepancy(DELISTING, key.instrument, sentence, Level.URGENT)
    for kind, subject in list(desk.state.discrepancies):
        if kind == DELISTING and not _is_held(desk, subject):
            desk.resolve(kind, subject, f"nothing of {subject} is held any more")


def _exit(desk: Desk, key: PositionKey, reason: str) -> None:
    deployment = desk.state.deployments.get(key.strategy_key)
    if deployment is not None and deployment.exposures.get(key.instrument):
        journal_signal(desk, key, exposure=0.0, reason=reason, bar_end_ns=desk.market.now_ns)
    goal = desk.state.goals.get(key)
    if goal is None or goal.quantity != ZERO:
        desk.alert(Level.WARNING, key.instrument, reason)
        set_goal(desk, key, ZERO, reason, desk.market.middle(key.instrument))


def _is_held(desk: Desk, instrument: str) -> bool:
    return any(p.key.instrument == instrument for p in desk.state.positions.open())
