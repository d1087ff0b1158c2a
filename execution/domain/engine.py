"""The engine: events in, commands out; no I/O, no clock, no chance.

`handle` decides and journals; `apply` is the only way its journalled state changes; `restore`
replays a journal and is followed by `TakenOver` and a read of the books: start and recovery are
one path. An exception out of `handle` leaves the engine unusable: restart it from the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from brokers.domain.orders import ApprovedOrder
from execution.domain import views
from execution.domain.acts import operate
from execution.domain.basket_legs import leg_patience_over
from execution.domain.basket_work import advance_baskets
from execution.domain.baskets import is_basket
from execution.domain.commands import Command, Json, Record
from execution.domain.delisting import leave_delisted
from execution.domain.desk import Desk, EngineConfig
from execution.domain.events import (
    AccountTermsSeen,
    BooksDoubted,
    BooksFailed,
    BooksRead,
    ContractTermsSeen,
    CountdownChanged,
    Event,
    FeedChanged,
    FundingRateSeen,
    FundingSeen,
    HistoryFailed,
    HistoryLoaded,
    HoldingsRead,
    LimitsChanged,
    MarketFrame,
    MarketRulesChanged,
    OperatorAct,
    OrderSeen,
    ReleaseChanged,
    SendOutcome,
    SessionChanged,
    TakenOver,
    TimerFired,
    TradeSeen,
    TriggersRead,
    VenueClockSeen,
    WalletSeen,
)
from execution.domain.funding import funding_seen, rate_seen
from execution.domain.gateway import objection_to
from execution.domain.learning import order_seen, outcome
from execution.domain.lifecycle import OrderRecord
from execution.domain.market_life import holdings_read, rules_changed
from execution.domain.perpetuals import is_perpetual
from execution.domain.pursuit import pursue_all
from execution.domain.reconcile import books_read, read_interval_s
from execution.domain.running import frame, history_failed, history_loaded
from execution.domain.sending import patience_over, want_cancel
from execution.domain.setbacks import FIRST_TICK, await_first_tick, triggers_read
from execution.domain.state import DeskState
from execution.domain.takeover import feed_changed, resume_halted, session_changed, taken_over
from execution.domain.trades import trade_seen
from execution.domain.unknown import look_up_due
from execution.domain.venue_terms import (
    account_terms_seen,
    books_doubted,
    clock_seen,
    contract_terms_seen,
    countdown_changed,
    wallet_seen,
)
from risk.domain.gate import Refused


class Engine:
    """One trading account's decisions, for every shell: live, paper, backtest, replay."""

    def __init__(self, config: EngineConfig) -> None:
        self._desk = Desk(config)

    @property
    def state(self) -> DeskState:
        """Return the journalled state, to be read only."""
        return self._desk.state

    def handle(self, event: Event) -> list[Command]:
        """Take one event in and return what is to be done, in order."""
        desk = self._desk
        desk.at = event.at
        desk.out = []
        _HANDLERS[type(event)](desk, event)
        if desk.state.baskets_at_work:
            advance_baskets(desk)
        return desk.out

    def apply(self, record: Record) -> None:
        """Apply one journalled record."""
        self._desk.state.apply(record)

    def restore(self, records: Iterable[Record]) -> None:
        """Rebuild the state from a journal, oldest first; send nothing."""
        for record in records:
            self.apply(record)

    def order(self, client_id: str) -> OrderRecord | None:
        """Return what is known of an order, for projections."""
        return self._desk.state.orders.get(client_id)

    def still_allowed(self, approved: ApprovedOrder, at: datetime) -> Refused | None:
        """Judge an approved order again just before its bytes leave; None lets it go."""
        self._desk.at = at
        return objection_to(self._desk, approved)

    def perpetuals(self) -> tuple[str, ...]:
        """Return the perpetual contracts in use, whose terms the shell keeps read."""
        known = self._desk.config.instruments
        return tuple(name for name in self._desk.market.shown() if is_perpetual(known.get(name)))

    def views(self, at: datetime) -> dict[str, dict[str, Json]]:
        """Return the state of every topic the dashboard knows, numbers as strings."""
        self._desk.at = at
        return views.all_topics(self._desk)


def _order_seen(desk: Desk, event: OrderSeen) -> None:
    order_seen(desk, event.order, event.via, event.book)


def _trade_seen(desk: Desk, event: TradeSeen) -> None:
    trade_seen(desk, event.trade, event.book)


def _books_read(desk: Desk, event: BooksRead) -> None:
    was = desk.is_reconciled
    desk.is_reading = True
    books_read(desk, event)
    desk.is_reading = False
    if desk.is_reconciled and not was:
        resume_halted(desk)


def _books_failed(desk: Desk, event: BooksFailed) -> None:
    desk.schedule("reconcile", read_interval_s(desk))
    if not desk.is_reconciled:
        desk.books_error = event.reason


def _rules_changed(desk: Desk, event: MarketRulesChanged) -> None:
    rules_changed(desk, event)
    leave_delisted(desk)


def _limits_changed(desk: Desk, event: LimitsChanged) -> None:
    desk.limits = event.limits


def _release_changed(desk: Desk, event: ReleaseChanged) -> None:
    desk.is_released = event.is_released


def _timer(desk: Desk, event: TimerFired) -> None:
    name, _, rest = event.name.partition(":")
    subject, _, step = rest.partition(":")
    order = desk.state.orders.get(subject)
    if name == "reconcile":
        desk.read_books("it is time")
    elif name == "pursue":
        pursue_all(desk)
    elif name == "look_up" and step.isdigit():
        look_up_due(desk, subject, int(step))
    elif name == FIRST_TICK:
        await_first_tick(desk)
    elif name == "order" and order is not None:
        is_leg = order.is_entry and is_basket(order.intent.deployment_id)
        (leg_patience_over if is_leg else patience_over)(desk, order)
    elif name == "cancel" and order is not None and not order.is_final:
        _cancel_again(desk, order)


def _cancel_again(desk: Desk, order: OrderRecord) -> None:
    if order.writing is not None:
        desk.read_books(f"the {order.writing} of {order.client_id} has not shown yet")
    elif order.cancel_wanted:
        want_cancel(desk, order, "the cancel is tried again")


_HANDLERS: dict[type[Event], Callable[[Desk, Any], None]] = {
    MarketFrame: frame,
    OrderSeen: _order_seen,
    TradeSeen: _trade_seen,
    SendOutcome: outcome,
    BooksRead: _books_read,
    BooksFailed: _books_failed,
    TimerFired: _timer,
    OperatorAct: operate,
    HistoryLoaded: history_loaded,
    HistoryFailed: history_failed,
    FeedChanged: feed_changed,
    SessionChanged: session_changed,
    LimitsChanged: _limits_changed,
    ReleaseChanged: _release_changed,
    MarketRulesChanged: _rules_changed,
    HoldingsRead: holdings_read,
    TriggersRead: triggers_read,
    BooksDoubted: books_doubted,
    FundingSeen: funding_seen,
    FundingRateSeen: rate_seen,
    WalletSeen: wallet_seen,
    VenueClockSeen: clock_seen,
    AccountTermsSeen: account_terms_seen,
    ContractTermsSeen: contract_terms_seen,
    CountdownChanged: countdown_changed,
    TakenOver: taken_over,
}
