"""Rows made from the journal, in the transaction that writes it: orders, fills, positions and the rest.

Each row is written whole, with the values it has after the batch, so that writing it twice changes
nothing, and the journal alone could make every row again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from brokers.domain.orders import Origin
from brokers.domain.portfolio import Position, PositionKey
from execution.bulk import insert
from execution.chain import Link
from execution.domain.baskets import basket_id_of, is_basket
from execution.domain.codec import decode
from execution.domain.commands import Record, RecordKind
from execution.domain.lifecycle import OrderRecord, order_id_of, source_of
from execution.domain.records import (
    CommandEnded,
    DeploymentMoved,
    DiscrepancyFound,
    Fact,
    FillTaken,
    FundingBooked,
    MarginSeen,
    OrderMoved,
    Refusal,
    SignalMade,
    SwitchSet,
    fact_of,
)
from execution.domain.state import DeskState
from execution.models import Command, CommandState, Discrepancy, Fill, Order, PositionRow
from execution.projections_baskets import ShownBasket, baskets_touched, end_unsent, write_baskets
from execution.projections_margin import keys_in, write_funding, write_margin
from risk.models import Breach, KillSwitch, SwitchScope
from strategies.models import Deployment, DeploymentState

SENTENCE_LENGTH = 300
PLACE = Decimal("0.00000001")
_ORDER_KEY = ("account", "client_id")
_ORDER_MOVES = (
    "venue_order_id",
    "filled_quantity",
    "average_price",
    "price",
    "trigger_price",
    "status",
    "message",
    "source",
    "lease_token",
    "updated_at",
)
_POSITION_KEY = ("account", "book", "instrument", "product", "strategy_key")
_POSITION_MOVES = (
    "quantity",
    "average_price",
    "day_average",
    "realised_today_quote",
    "fees_today_quote",
    "funding_today_quote",
    "venue_day",
    "updated_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """The orders and positions that a batch changed, as they are after it.

    `ended` are orders that ended with the day and are no longer part of the state; with a
    `new_day` the rows of positions that were flat go.
    """

    orders: tuple[OrderRecord, ...] = ()
    ended: tuple[OrderMoved, ...] = ()
    baskets: tuple[ShownBasket, ...] = ()
    positions: tuple[Position, ...] = ()
    venue_day: str = ""
    new_day: bool = False


NOTHING = Touched()


def touched_by(records: Sequence[Record], state: DeskState) -> Touched:
    """Return what a batch changed; `state` is the account's just after it was applied."""
    orders: dict[str, OrderRecord] = {}
    ended: dict[str, OrderMoved] = {}
    positions: dict[PositionKey, Position] = {}
    new_day = False
    for record in records:
        if record.kind in _ORDER_KINDS:
            client_id = str(record.payload["client_id"])
            if client_id in state.orders:
                orders[client_id] = state.orders[client_id]
            elif record.kind == RecordKind.ORDER:
                ended[client_id] = decode(OrderMoved, record.payload)
        if record.kind == RecordKind.FILL:
            position = state.positions.get(_position_key(record))
            positions[position.key] = position
        if record.kind in (RecordKind.FUNDING, RecordKind.OPENING):
            positions.update((key, state.positions.get(key)) for key in keys_in(record))
        if record.kind == RecordKind.DAY:
            new_day = True
            positions = {position.key: position for position in state.positions.all()}
    return Touched(
        orders=tuple(orders.values()),
        ended=tuple(ended.values()),
        baskets=baskets_touched(records, orders.values(), state),
        positions=tuple(positions.values()),
        venue_day=state.venue_day,
        new_day=new_day,
    )


def _position_key(record: Record) -> PositionKey:
    fill = decode(FillTaken, record.payload).fill
    return PositionKey(
        book=fill.book, instrument=fill.instrument, product=fill.product, strategy_key=fill.deployment_id or ""
    )


_ORDER_KINDS = frozenset(
    {
        RecordKind.INTENT,
        RecordKind.OUTCOME,
        RecordKind.ORDER,
        RecordKind.WRITE,
        RecordKind.FILL,
        RecordKind.UNKNOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One account's part of a commit: its new journal rows and what they changed."""

    account_id: str
    links: Sequence[Link]
    touched: Touched


def project(written: Iterable[Written]) -> None:
    """Bring every projected row up to the journal; called inside the journal's transaction."""
    parts = list(written)
    write_baskets((part.account_id, basket) for part in parts for basket in part.touched.baskets)
    _write_orders(parts)
    _write_ended(parts)
    facts = [(part.account_id, link.at, fact) for part in parts for link in part.links if (fact := _fact_of(link))]
    _write_fills([(account_id, fact) for account_id, _, fact in facts if isinstance(fact, FillTaken)])
    _write_positions(parts)
    _write_breaches([(account_id, at, fact) for account_id, at, fact in facts if isinstance(fact, Refusal)])
    for account_id, at, fact in _without_older_signals(facts):
        write = _SINGLE.get(type(fact))
        if write is not None:
            write(account_id, at, fact)


def _without_older_signals(facts: Sequence[tuple[str, datetime, Fact]]) -> list[tuple[str, datetime, Fact]]:
    """Leave out the signals that a later one of their deployment overwrites: a bar's end brings one for each share."""
    newest = {fact.deployment_id: number for number, (_, _, fact) in enumerate(facts) if isinstance(fact, SignalMade)}
    return [
        whole
        for number, whole in enumerate(facts)
        if not isinstance(whole[2], SignalMade) or newest[whole[2].deployment_id] == number
    ]


_PROJECTED_KINDS = frozenset(
    {"fill", "refusal", "deployment", "signal", "switch", "discrepancy", "command", "funding", "margin"}
)


def _fact_of(link: Link) -> Fact | None:
    if link.kind not in _PROJECTED_KINDS:
        return None
    return fact_of(Record(kind=link.kind, at=link.at, payload=dict(link.payload)))  # type: ignore[arg-type]


def _write_orders(parts: Sequence[Written]) -> None:
    newest = {(part.account_id, order.client_id): order for part in parts for order in part.touched.orders}
    rows = [_order_row(account_id, order) for (account_id, _), order in newest.items()]
    insert(rows, unique=_ORDER_KEY, update=_ORDER_MOVES)


def _order_row(account_id: str, order: OrderRecord) -> Order:
    intent = order.intent
    return Order(
        id=order_id_of(account_id, order.client_id),
        account_id=account_id,
        book=intent.book,
        client_id=order.client_id,
        venue_order_id=order.venue_order_id,
        instrument=intent.instrument,
        side=intent.side,
        quantity=intent.quantity,
        filled_quantity=order.filled_quantity,
        average_price=None if order.average_price is None else _rounded(order.average_price),
        price=_first(order.price, intent.price),
        trigger_price=_first(order.trigger_price, intent.trigger_price),
        order_type=intent.order_type,
        product=intent.product,
        validity=intent.validity,
        reduce_only=intent.reduce_only,
        source=source_of(order.fills),
        purpose=intent.purpose,
        status=order.status,
        origin=intent.origin,
        deployment_id=_deployment_of(intent.deployment_id, intent.origin),
        basket_id=basket_id_of(intent.deployment_id),
        reason=intent.reason[:SENTENCE_LENGTH],
        message=order.message[:SENTENCE_LENGTH],
        lease_token=order.lease_token,
        venue_day=date.fromisoformat(order.venue_day),
        market_at=order.market_at,
        created_at=order.created_at,
        updated_at=order.updated_at,
    )


def _write_ended(parts: Sequence[Written]) -> None:
    for part in parts:
        for order in part.touched.ended:
            Order.objects.filter(account_id=UUID(part.account_id), client_id=order.client_id).update(
                status=order.status, message=order.message[:SENTENCE_LENGTH], updated_at=part.links[-1].at
            )


def _write_fills(taken: Sequence[tuple[str, FillTaken]]) -> None:
    insert([_fill_row(account_id, fact) for account_id, fact in taken], ignore_conflicts=True)


def _fill_row(account_id: str, fact: FillTaken) -> Fill:
    fill = fact.fill
    return Fill(
        account_id=account_id,
        order_id=order_id_of(account_id, fact.client_id),
        book=fill.book,
        venue_day=date.fromisoformat(fill.venue_day),
        instrument=fill.instrument,
        venue_order_id=fill.venue_order_id,
        trade_id=fill.trade_id,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        product=fill.product,
        deployment_id=_deployment_of(fill.deployment_id),
        basket_id=basket_id_of(fill.deployment_id),
        fee_quote=None if fill.fee_quote is None else _rounded(fill.fee_quote),
        fee_source=fact.fee_source,
        source=fill.source,
        filled_at=fill.filled_at,
    )


def _write_positions(parts: Sequence[Written]) -> None:
    for part in parts:
        if part.touched.new_day:
            PositionRow.objects.filter(account_id=UUID(part.account_id), quantity=0).delete()
    rows = {
        (part.account_id, position.key): _position_row(part, position)
        for part in parts
        for position in part.touched.positions
    }
    insert(list(rows.values()), unique=_POSITION_KEY, update=_POSITION_MOVES)


def _position_row(part: Written, position: Position) -> PositionRow:
    return PositionRow(
        account_id=part.account_id,
        book=position.key.book,
        instrument=position.key.instrument,
        product=position.key.product,
        strategy_key=position.key.strategy_key,
        quantity=position.quantity,
        average_price=_rounded(position.average_price),
        day_average=_rounded(position.day_average),
        realised_today_quote=_rounded(position.realised_today_quote),
        fees_today_quote=_rounded(position.fees_today_quote),
        funding_today_quote=_rounded(position.funding_today_quote),
        venue_day=date.fromisoformat(part.touched.venue_day),
        updated_at=part.links[-1].at,
    )


def _write_breaches(refused: Sequence[tuple[str, datetime, Refusal]]) -> None:
    for account_id, at, fact in refused:
        Breach.objects.get_or_create(
            account_id=UUID(account_id),
            rule=fact.rule,
            reason=fact.reason[:SENTENCE_LENGTH],
            instrument=fact.intent.instrument,
            fired_at=at,
            market_at=fact.market_at,
        )


def _write_deployment(account_id: str, at: datetime, fact: DeploymentMoved) -> None:
    Deployment.objects.filter(pk=fact.deployment_id, account_id=UUID(account_id)).exclude(
        state=DeploymentState.REMOVED
    ).update(state=fact.state, last_reason=fact.reason[:SENTENCE_LENGTH], last_reason_at=at)


def _write_signal(account_id: str, at: datetime, fact: SignalMade) -> None:
    Deployment.objects.filter(pk=fact.deployment_id, account_id=UUID(account_id)).update(
        last_reason=fact.reason[:SENTENCE_LENGTH], last_reason_at=at
    )


def _write_command(account_id: str, at: datetime, fact: CommandEnded) -> None:
    Command.objects.filter(pk=fact.command_id, account_id=UUID(account_id), state=CommandState.ACCEPTED).update(
        state=CommandState.DONE if fact.ok else CommandState.FAILED,
        outcome=fact.outcome[:SENTENCE_LENGTH],
        finished_at=at,
    )
    if not fact.ok:
        end_unsent(account_id, fact)


def _write_switch(account_id: str, at: datetime, fact: SwitchSet) -> None:
    """Keep a switch that the desk itself set; a person's later setting has the higher epoch and stands."""
    reason = fact.reason[:SENTENCE_LENGTH]
    known = KillSwitch.objects.filter(scope=fact.scope, target_id=fact.target_id)
    if not known.exists():
        desk_id = _desk_of(account_id)
        known.create(
            desk_id=desk_id,
            scope=SwitchScope(fact.scope),
            target_id=fact.target_id,
            is_engaged=fact.engaged,
            reason=reason,
            changed_at=at,
            epoch=fact.epoch,
        )
        return
    known.filter(epoch__lt=fact.epoch).update(
        is_engaged=fact.engaged, reason=reason, changed_at=at, epoch=fact.epoch, changed_by=None
    )


def _write_discrepancy(account_id: str, at: datetime, fact: DiscrepancyFound) -> None:
    subject = fact.subject[:120]
    still_open = Discrepancy.objects.filter(
        Q(account_id=UUID(account_id), kind=fact.kind, subject=subject), resolved_at=None
    )
    if fact.resolved:
        still_open.update(resolved_at=at, resolution=fact.sentence[:SENTENCE_LENGTH])
    elif not still_open.update(sentence=fact.sentence[:SENTENCE_LENGTH]):
        still_open.create(
            account_id=account_id,
            kind=fact.kind,
            subject=subject,
            sentence=fact.sentence[:SENTENCE_LENGTH],
            found_at=at,
        )


_SINGLE: Mapping[type[Fact], Callable[..., None]] = {
    DeploymentMoved: _write_deployment,
    SignalMade: _write_signal,
    CommandEnded: _write_command,
    SwitchSet: _write_switch,
    DiscrepancyFound: _write_discrepancy,
    FundingBooked: write_funding,
    MarginSeen: write_margin,
}


def _desk_of(account_id: str) -> UUID:
    from brokers.models import TradingAccount

    desk_id: UUID = TradingAccount.objects.values_list("desk_id", flat=True).get(pk=UUID(account_id))
    return desk_id


def _deployment_of(strategy_key: str | None, origin: Origin = Origin.DESK) -> str | None:
    return None if origin is Origin.EXTERNAL or is_basket(strategy_key) else strategy_key or None


def _first(*values: Decimal | None) -> Decimal | None:
    return next((value for value in values if value is not None), None)


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(PLACE)
