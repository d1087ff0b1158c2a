"""The journalled state of one account, and the only function that changes it: `apply`.

What is not here (quotes, bars, the feed, limits) is told anew by the shell after a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from brokers.domain.errors import DataError
from brokers.domain.orders import Book, Fill, OrderStatus, Origin
from brokers.domain.perpetual_terms import PositionSide
from brokers.domain.portfolio import PositionBook, PositionKey
from execution.domain import records as facts
from execution.domain import state_baskets as baskets
from execution.domain import state_money as money
from execution.domain import state_writes as writes
from execution.domain.baskets import BasketMoved, BasketRecord, BasketTaken
from execution.domain.codec import encode
from execution.domain.commands import Json, Record
from execution.domain.events import SessionState
from execution.domain.lifecycle import LookUps, OrderEvent, OrderRecord
from execution.domain.records import DeploymentSpec, DeploymentState, Goal
from risk.domain.switch import Switches, SwitchState

DESK_SCOPE, ACCOUNT_SCOPE, DEPLOYMENT_SCOPE = "desk", "account", "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A deployment as the journal knows it; `exposures` are the last wanted ones by instrument."""

    spec: DeploymentSpec
    state: DeploymentState
    reason: str = ""
    reason_at: datetime | None = None
    cause: str = ""
    exposures: dict[str, float] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.state in (DeploymentState.STARTING, DeploymentState.RUNNING)


@dataclass(slots=True, kw_only=True)
class DeskState:
    account_id: str
    lease_token: int = 0
    incarnation: str = ""
    venue_day: str = ""
    session: SessionState = SessionState.LIVE
    session_reason: str = ""
    orders: dict[str, OrderRecord] = field(default_factory=dict)
    unsettled: dict[str, None] = field(default_factory=dict)
    by_venue_id: dict[tuple[Book, str], str] = field(default_factory=dict)
    positions: PositionBook = field(default_factory=PositionBook)
    fills_today: list[Fill] = field(default_factory=list)
    goals: dict[PositionKey, Goal] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    # by their keys: baskets of legs chosen by hand, and those of them that want looking at
    baskets: dict[str, BasketRecord] = field(default_factory=dict)
    baskets_at_work: dict[str, None] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)
    discrepancies: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)
    # differences that every read shows anew, as the sentence with which a person accepted each
    accepted: dict[tuple[str, str], str] = field(default_factory=dict)
    commands_done: dict[str, None] = field(default_factory=dict)
    refusals: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    orders_today: int = 0
    # the newest id given out, and the newest found without a row: they outlive the orders of their day
    newest_ids: dict[str, str] = field(default_factory=dict)
    order_times: list[datetime] = field(default_factory=list)
    # by venue day: what the venue has counted of its orders, ours and others', as far as they are known here
    venue_orders: dict[str, int] = field(default_factory=dict)
    # when the books began, on the market's clock: what a venue paid before is none of theirs
    began_at: datetime | None = None
    # whether what the account held before the books began is in them
    is_opened: bool = False
    # every funding payment that was ever booked, so that none is booked twice
    funded: dict[str, None] = field(default_factory=dict)
    last_funding_at: datetime | None = None
    countdowns: dict[str, int] = field(default_factory=dict)
    margins: dict[tuple[Book, str, PositionSide], facts.MarginSeen] = field(default_factory=dict)

    def apply(self, record: Record) -> None:
        """Take one record in; raise DataError, changing nothing, when it cannot be read."""
        self.take(facts.fact_of(record), record.at)

    def take(self, fact: facts.Fact, at: datetime) -> None:
        """Take a fact in as it will be read back from its record."""
        _APPLY[type(fact)](self, fact, at)

    def order(self, client_id: str) -> OrderRecord:
        found = self.orders.get(client_id)
        if found is None:
            raise DataError(f"the journal speaks of an unknown order {client_id}", code="journal.order")
        return found

    def find(self, book: Book, venue_order_id: str, tags: tuple[str, ...] = ()) -> OrderRecord | None:
        """Return the order a venue row speaks of, by its venue id, else by a tag of ours."""
        known = self.by_venue_id.get((book, venue_order_id))
        if known is not None:
            return self.orders[known]
        for tag in tags:
            order = self.orders.get(tag)
            # an id of the venue's is never exchanged for another: that would be a second order
            if order is not None and order.intent.book is book and order.venue_order_id in ("", venue_order_id):
                return order
        return None

    def open_orders(self) -> list[OrderRecord]:
        """Return every order from which something may still come, oldest first."""
        return [self.orders[client_id] for client_id in self.unsettled]

    def fingerprint(self) -> Json:
        """Return the whole state as JSON, so that two of them can be compared."""
        return {
            "account": encode([self.account_id, self.lease_token, self.incarnation, self.venue_day]),
            "session": encode([self.session, self.session_reason]),
            "orders": {key: encode(order) for key, order in self.orders.items()},
            "unsettled": encode(sorted(self.unsettled)),
            "positions": [encode(position) for position in self.positions.all()],
            "fills_today": encode(self.fills_today),
            "goals": [encode(goal) for goal in self.goals.values()],
            "deployments": {key: encode(value) for key, value in self.deployments.items()},
            "baskets": [encode(list(self.baskets.values())), encode(sorted(self.baskets_at_work))],
            "switches": encode(self.switches),
            "discrepancies": [[*key, *_pair(value)] for key, value in self.discrepancies.items()],
            "accepted": [[*key, sentence] for key, sentence in self.accepted.items()],
            "commands": encode(list(self.commands_done)),
            "refusals": {key: _pair(value) for key, value in self.refusals.items()},
            "newest_ids": encode(self.newest_ids),
            "orders_today": [self.orders_today, encode(self.order_times), encode(self.venue_orders)],
            "funding": encode([self.began_at, self.is_opened, self.last_funding_at, sorted(self.funded)]),
            "countdowns": encode(self.countdowns),
            "margins": [encode(margin) for margin in self.margins.values()],
        }

    def put(self, order: OrderRecord) -> None:
        """Keep an order's newest record and its places in the indexes; `apply` alone calls it."""
        change = _counts(order) - _counts(self.orders.get(order.client_id))
        if change:
            self.venue_orders[order.venue_day] = self.venue_orders.get(order.venue_day, 0) + change
        self.orders[order.client_id] = order
        if order.venue_order_id:
            self.by_venue_id[order.intent.book, order.venue_order_id] = order.client_id
        if order.is_settled:
            self.unsettled.pop(order.client_id, None)
        else:
            self.unsettled.setdefault(order.client_id, None)


def _counts(order: OrderRecord | None) -> int:
    """Return 1 for an order that the venue may have counted: refused ones are, those of paper or never sent are not."""
    if order is None or order.intent.book is Book.PAPER or order.status is OrderStatus.NOT_SENT:
        return 0
    return 1


def _pair(pair: tuple[str, datetime]) -> list[Json]:
    return [encode(part) for part in pair]


def _takeover(state: DeskState, fact: facts.Takeover, _at: datetime) -> None:
    state.lease_token, state.incarnation = fact.lease_token, fact.incarnation


def _order(state: DeskState, fact: facts.OrderMoved, at: datetime) -> None:
    known = state.orders.get(fact.client_id) or _adopted(state, fact, at)
    moved = known if known.status is fact.status else replace(known, status=fact.status, updated_at=at)
    has_terms_changed = (known.price, known.trigger_price) != (fact.price, fact.trigger_price)
    state.put(
        replace(
            moved,
            venue_order_id=fact.venue_order_id or known.venue_order_id,
            venue_filled=max(fact.venue_filled, known.venue_filled),
            price=fact.price,
            trigger_price=fact.trigger_price,
            message=fact.message or known.message,
            writing=None if moved.is_final or has_terms_changed else known.writing,
            writing_at=None if moved.is_final or has_terms_changed else known.writing_at,
            updated_at=at,
        )
    )


def _adopted(state: DeskState, fact: facts.OrderMoved, at: datetime) -> OrderRecord:
    if fact.adopted is None:
        raise DataError(f"the journal speaks of an unknown order {fact.client_id}", code="journal.order")
    if fact.adopted.origin is not Origin.EXTERNAL:
        state.newest_ids["found"] = max(state.newest_ids.get("found", ""), fact.client_id)
    return OrderRecord(
        client_id=fact.client_id,
        intent=fact.adopted,
        status=fact.status,
        venue_day=fact.venue_day,
        created_at=at,
        updated_at=at,
        send_by=at,
        lease_token=state.lease_token,
    )


def _fill(state: DeskState, fact: facts.FillTaken, at: datetime) -> None:
    order = state.order(fact.client_id)
    if order.has_fill(fact.fill) or not state.positions.apply(fact.fill):
        return
    state.put(order.filled(fact.fill, at))
    baskets.note_fill(state, order, fact.fill, at)
    state.fills_today.append(fact.fill)


def _signal(state: DeskState, fact: facts.SignalMade, at: datetime) -> None:
    known = state.deployments[fact.deployment_id]
    exposures = {**known.exposures, fact.instrument: fact.exposure}
    state.deployments[fact.deployment_id] = replace(known, exposures=exposures, reason=fact.reason, reason_at=at)


def _goal(state: DeskState, fact: facts.GoalSet, _at: datetime) -> None:
    state.goals[fact.goal.key] = fact.goal


def _refusal(state: DeskState, fact: facts.Refusal, at: datetime) -> None:
    state.refusals[fact.rule] = (fact.reason, at)


def _deployment(state: DeskState, fact: facts.DeploymentMoved, at: datetime) -> None:
    known = state.deployments.get(fact.deployment_id)
    if fact.state is DeploymentState.REMOVED:
        state.deployments.pop(fact.deployment_id, None)
        return
    spec = fact.spec or (known.spec if known else None)
    if spec is None:
        raise DataError(f"the journal speaks of an unknown deployment {fact.deployment_id}", code="journal.deployment")
    state.deployments[fact.deployment_id] = Deployment(
        spec=spec,
        state=fact.state,
        reason=fact.reason,
        reason_at=at,
        cause=fact.cause,
        # a new start takes its own baseline; a halt or a resumption keeps what was wanted
        exposures={} if fact.spec or known is None else known.exposures,
    )


def _switch(state: DeskState, fact: facts.SwitchSet, _at: datetime) -> None:
    switch = SwitchState(is_engaged=fact.engaged, reason=fact.reason, epoch=fact.epoch)
    if fact.scope == DESK_SCOPE:
        state.switches = replace(state.switches, desk=switch)
    elif fact.scope == ACCOUNT_SCOPE:
        state.switches = replace(state.switches, account=switch)
    else:
        deployments = {**state.switches.deployments, fact.target_id: switch}
        state.switches = replace(state.switches, deployments=deployments)


def _unknown(state: DeskState, fact: facts.Doubt, at: datetime) -> None:
    order = state.order(fact.client_id).moved(OrderEvent.DOUBT, at, message=fact.why)
    state.put(replace(order, last_byte_at=fact.last_byte_at, look_ups=LookUps()))


def _look_up(state: DeskState, fact: facts.LookUp, _at: datetime) -> None:
    order = state.order(fact.client_id)
    seen = order.look_ups
    look_ups = LookUps(count=seen.count + 1, first_at=seen.first_at or fact.started_at, last_at=fact.started_at)
    state.put(replace(order, look_ups=look_ups))


def _discrepancy(state: DeskState, fact: facts.DiscrepancyFound, at: datetime) -> None:
    key = (fact.kind, fact.subject)
    state.accepted.pop(key, None)
    if not fact.resolved:
        state.discrepancies.setdefault(key, (fact.sentence, at))
        return
    told = state.discrepancies.pop(key, None)
    if fact.accepted and told is not None:
        state.accepted[key] = told[0]


def _session(state: DeskState, fact: facts.SessionMoved, _at: datetime) -> None:
    state.session, state.session_reason = fact.state, fact.reason


def _day(state: DeskState, fact: facts.DayStarted, _at: datetime) -> None:
    state.venue_day = fact.venue_day
    state.began_at = state.began_at or fact.market_at
    state.positions.start_day({key: Decimal(mark) for key, mark in fact.marks.items()})
    # a first read of the books may have shown orders of the new day before its first tick
    state.fills_today = [fill for fill in state.fills_today if fill.venue_day == fact.venue_day]
    state.orders = {
        key: order for key, order in state.orders.items() if key in state.unsettled or order.venue_day == fact.venue_day
    }
    state.orders_today = sum(
        1
        for order in state.orders.values()
        if order.venue_day == fact.venue_day and order.status is not OrderStatus.NOT_SENT
    )
    state.venue_orders = {day: count for day, count in state.venue_orders.items() if day >= fact.venue_day}
    state.refusals = {}
    baskets.forget_baskets(state)
    # a venue's order ids start again every day
    state.by_venue_id = {
        (order.intent.book, order.venue_order_id): key for key, order in state.orders.items() if order.venue_order_id
    }


def _command(state: DeskState, fact: facts.CommandEnded, _at: datetime) -> None:
    state.commands_done[fact.command_id] = None


_APPLY: dict[type[facts.Fact], Callable[[DeskState, Any, datetime], None]] = {
    facts.Takeover: _takeover,
    facts.Intended: writes.intended,
    facts.Outcome: writes.outcome,
    facts.OrderMoved: _order,
    facts.WriteAsked: writes.write_asked,
    facts.FillTaken: _fill,
    facts.SignalMade: _signal,
    facts.GoalSet: _goal,
    facts.Refusal: _refusal,
    facts.DeploymentMoved: _deployment,
    facts.SwitchSet: _switch,
    facts.Doubt: _unknown,
    facts.LookUp: _look_up,
    facts.DiscrepancyFound: _discrepancy,
    facts.SessionMoved: _session,
    facts.DayStarted: _day,
    facts.CommandEnded: _command,
    facts.FundingBooked: money.funding_booked,
    facts.CountdownSet: money.countdown_set,
    facts.MarginSeen: money.margin_seen,
    facts.PositionsOpened: money.positions_opened,
    BasketTaken: baskets.basket_taken,
    BasketMoved: baskets.basket_moved,
}
