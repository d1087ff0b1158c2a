"""Which journal rows tell of an order, and what they tell, in the shape of `GET /api/orders/<id>`."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet

from brokers.domain.orders import FINAL_STATUSES, OrderIntent
from execution.domain.codec import rfc3339
from execution.domain.commands import Record, RecordKind
from execution.domain.records import CommandEnded, GoalSet, Intended, Refusal, SignalMade, Takeover, fact_of
from execution.domain.timeline import Cast, Kept, Spans, Step, spans_of, steps_of
from execution.models import Command, Fill, JournalEvent, Order
from execution.rows import Row, order_row, text, trade_row

if TYPE_CHECKING:
    from accounts.models import User

# clocks of two machines that own an account one after the other are never so far apart
CLOCKS_APART = timedelta(minutes=2)
_WISHES = (RecordKind.SIGNAL, RecordKind.GOAL)


def order_story(user: User, order: Order) -> Row:
    """Return an order with every journalled step of its life, the time of each stage, and its fills."""
    kept = journal_of(order)
    fills = Fill.objects.visible_to(user).filter(order=order).select_related("account", "deployment", "basket")
    shown = order_row(order)
    return {
        "order": shown,
        "steps": [step_row(step) for step in steps_of(kept, _cast(order, kept, holder=shown["strategy"] or ""))],
        "latency_ms": spans_row(spans_of(kept)),
        "fills": [trade_row(fill) for fill in fills.order_by("filled_at", "pk")],
        "is_final": order.status in FINAL_STATUSES,
        "source": "journal",
    }


def journal_of(order: Order) -> list[Kept]:
    """Read what the journal holds of an order: its own rows, the decision behind it, and who asked for what."""
    rows = JournalEvent.objects.filter(account_id=order.account_id)
    since, until = _stretch(order)
    near = rows.filter(seq__gte=since, seq__lte=until)
    names = [name for name in (order.client_id, order.venue_order_id) if name]
    own = _kept(near.filter(Q(payload__client_id=order.client_id) | Q(kind="discrepancy", payload__subject__in=names)))
    intended = next((row for row in own if isinstance(row.fact, Intended)), None)
    decided = [] if intended is None else _decision(rows, intended)
    acts = near.filter(kind=RecordKind.COMMAND, at__in={row.at for row in (*own, *decided)})
    return [*decided, *own, *_kept(acts)]


def first_seq_at(rows: QuerySet[JournalEvent], at: datetime) -> int:
    """Return the first sequence of an account's journal that is not before a time, one beyond its end where all are.

    Rows have no index by time, and need none: sequences are whole and grow with it.
    """
    ends = rows.aggregate(first=Min("seq"), last=Max("seq"))
    low, high = ends["first"] or 1, (ends["last"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = rows.filter(seq=middle).values_list("at", flat=True).first()
        if found is not None and found < at:
            low = middle + 1
        else:
            high = middle
    return low


def step_row(step: Step) -> Row:
    """Return a step in the API's shape."""
    return {
        "seq": step.seq,
        "at": rfc3339(step.at),
        "latency_ms": text(step.latency_ms),
        "kind": step.kind,
        "who": str(step.who),
        "name": step.name,
        "what": step.what,
        "reason": step.reason,
        "words": step.words,
        "venue_at": rfc3339(step.venue_at) if step.venue_at else None,
    }


def spans_row(spans: Spans) -> dict[str, str | None]:
    """Return the time of each stage in milliseconds, null for one that has not happened."""
    named: dict[str, Decimal | None] = {
        "decision_to_journal": spans.decision_ms,
        "journal_to_venue": spans.venue_ms,
        "venue_to_first_fill": spans.first_fill_ms,
        "first_to_last_fill": spans.filling_ms,
    }
    return {name: text(value) for name, value in named.items()}


def _stretch(order: Order) -> tuple[int, int]:
    """Return between which sequences an order's rows stand: up to the journal's end while it is not over."""
    rows = JournalEvent.objects.filter(account_id=order.account_id)
    since = first_seq_at(rows, order.created_at - CLOCKS_APART)
    if order.status not in FINAL_STATUSES:
        newest: int = rows.aggregate(last=Max("seq"))["last"] or 0
        return since, newest
    return since, first_seq_at(rows, order.updated_at + CLOCKS_APART) - 1


def _decision(rows: QuerySet[JournalEvent], intended: Kept) -> list[Kept]:
    """Read the signal, the goal and the gate's words that led to an intent."""
    assert isinstance(intended.fact, Intended)
    intent = intended.fact.intent
    before = rows.filter(seq__gte=first_seq_at(rows, intent.decided_at), seq__lt=intended.seq)
    wanted = Q(kind__in=_WISHES, at=intent.decided_at) | Q(kind=RecordKind.REFUSAL)
    return [row for row in _kept(before.filter(wanted)) if _leads_to(row, intent)]


def _leads_to(row: Kept, intent: OrderIntent) -> bool:
    holder = intent.deployment_id or ""
    match row.fact:
        case SignalMade(deployment_id=owner, instrument=instrument, decided_at=at):
            return (owner, instrument, at) == (holder, intent.instrument, intent.decided_at)
        case GoalSet(goal=goal):
            key = (goal.key.book, goal.key.instrument, goal.key.product, goal.key.strategy_key)
            wanted = (intent.book, intent.instrument, intent.product, holder)
            return key == wanted and goal.decided_at == intent.decided_at
        case Refusal(intent=other):
            same = (other.instrument, other.side, other.deployment_id, other.decided_at)
            return same == (intent.instrument, intent.side, intent.deployment_id, intent.decided_at)
        case _:
            return False


def _cast(order: Order, kept: list[Kept], *, holder: str) -> Cast:
    """Read who could have acted: the persons behind commands, and the guardian's stays."""
    asked = [row.fact.command_id for row in kept if isinstance(row.fact, CommandEnded)]
    commands = Command.objects.filter(account_id=order.account_id, pk__in=_ids(asked)).select_related("requested_by")
    takeovers = JournalEvent.objects.filter(
        account_id=order.account_id, kind=RecordKind.TAKEOVER, lease_token__in={row.token for row in kept}
    )
    return Cast(
        holder=holder,
        persons={str(row.pk): row.requested_by.get_full_name() for row in commands if row.requested_by},
        guardians=frozenset(row.token for row in _kept(takeovers) if _is_caretaker(row)),
    )


def _is_caretaker(row: Kept) -> bool:
    return isinstance(row.fact, Takeover) and row.fact.is_caretaker


def _ids(texts: list[str]) -> list[UUID]:
    """Return the ids among command ids: what the desk asks itself bears other names in older journals."""
    found: list[UUID] = []
    for words in texts:
        try:
            found.append(UUID(words))
        except ValueError:
            continue
    return found


def _kept(rows: QuerySet[JournalEvent]) -> list[Kept]:
    found = rows.order_by("seq").values_list("seq", "at", "kind", "lease_token", "payload")
    return [
        Kept(seq=seq, at=at, kind=kind, token=token, fact=fact_of(Record(kind=kind, at=at, payload=payload)))
        for seq, at, kind, token, payload in found
    ]
