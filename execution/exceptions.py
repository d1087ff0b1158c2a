"""The exceptions inbox as rows: what differs, since when, by what evidence, and what can be done about it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q

from brokers.domain.orders import FINAL_STATUSES, Book, OrderStatus, Product
from brokers.models import TradingAccount
from execution.domain.choices import Evidence, Offer, offers_for, shown_by
from execution.domain.codec import rfc3339
from execution.domain.events import Act
from execution.models import Command, Discrepancy, JournalEvent, Order, PositionRow
from execution.rows import Row, text

if TYPE_CHECKING:
    from accounts.models import User

DEFAULT_LIMIT = 100
_SETTLING = (Act.RESOLVE, Act.ADOPT, Act.SETTLE_ORDER, Act.CANCEL_ORDER, Act.EXIT_POSITION)


def exception_rows(
    user: User,
    *,
    account: TradingAccount | None = None,
    limit: int = DEFAULT_LIMIT,
    state: str = "open",
) -> list[Row]:
    """Return what waits for a person, oldest first, or with `state` settled what was settled, newest first."""
    rows = Discrepancy.objects.visible_to(user).select_related("account")
    if account is not None:
        rows = rows.filter(account=account)
    if state == "open":
        found = list(rows.filter(resolved_at=None).order_by("found_at", "pk")[:limit])
    else:
        found = list(rows.exclude(resolved_at=None).order_by("-resolved_at", "pk")[:limit])
    orders, positions, journal = orders_behind(found), positions_behind(found), _told_in(found)
    asked, worked = _asked_of(found, orders), worked_in(found)
    return [
        _row(row, _evidence(row, orders.get(row.pk), positions[row.pk], has_order=row.pk in worked))
        | {
            "order": _order_row(orders.get(row.pk)),
            "instrument": _instrument(row, orders.get(row.pk)) or None,
            "positions": [_position_row(position) for position in positions[row.pk]],
            "journal_seq": journal[row.pk].seq if row.pk in journal else None,
            "asked": asked.get(row.pk),
        }
        for row in found
    ]


def evidence_of(row: Discrepancy) -> tuple[Evidence, Order | None, list[PositionRow]]:
    """Return what the rows say about one entry, with its order and the positions that could be closed."""
    order, positions = orders_behind([row]).get(row.pk), positions_behind([row])[row.pk]
    evidence = _evidence(row, order, positions, has_order=bool(worked_in([row])))
    net = _net(row, positions)
    return evidence, order, [position for position in positions if net[position.product]]


def orders_behind(rows: Sequence[Discrepancy]) -> dict[UUID, Order]:
    """Return the order that each entry speaks of, by its client id or the venue's."""
    names = {row.subject for row in rows}
    accounts = {row.account_id for row in rows}
    if not names:
        return {}
    found = Order.objects.filter(Q(client_id__in=names) | Q(venue_order_id__in=names), account_id__in=accounts)
    by_name: dict[tuple[UUID, str], Order] = {}
    for order in found.order_by("created_at"):
        by_name[order.account_id, order.venue_order_id] = by_name[order.account_id, order.client_id] = order
    return {row.pk: order for row in rows if (order := by_name.get((row.account_id, row.subject))) is not None}


def positions_behind(rows: Sequence[Discrepancy]) -> Mapping[UUID, list[PositionRow]]:
    """Return the live positions in the instrument of each entry."""
    orders = orders_behind(rows)
    wanted = {row.pk: (row.account_id, _instrument(row, orders.get(row.pk))) for row in rows}
    named = {instrument for _, instrument in wanted.values() if instrument}
    held: dict[tuple[UUID, str], list[PositionRow]] = defaultdict(list)
    if named:
        accounts = {account_id for account_id, _ in wanted.values()}
        found = PositionRow.objects.filter(account_id__in=accounts, instrument__in=named, book=Book.LIVE)
        for position in found.exclude(quantity=0).order_by("strategy_key", "product"):
            held[position.account_id, position.instrument].append(position)
    return {pk: held[place] for pk, place in wanted.items()}


def worked_in(rows: Sequence[Discrepancy]) -> set[UUID]:
    """Return the entries about a position in whose instrument an order is at work."""
    places = {row.pk: (row.account_id, row.subject) for row in rows if row.kind == "position"}
    if not places:
        return set()
    accounts, instruments = zip(*places.values(), strict=True)
    found = Order.objects.filter(account_id__in=accounts, instrument__in=instruments, book=Book.LIVE)
    at_work = set(found.exclude(status__in=FINAL_STATUSES).values_list("account_id", "instrument"))
    return {pk for pk, place in places.items() if place in at_work}


def _row(row: Discrepancy, evidence: Evidence) -> Row:
    is_open = row.resolved_at is None
    return {
        "id": str(row.pk),
        "account": str(row.account_id),
        "account_label": row.account.label,
        "venue": row.account.venue,
        "kind": row.kind,
        "subject": row.subject,
        "sentence": row.sentence,
        "found_at": rfc3339(row.found_at),
        "choices": [_offer_row(offer) for offer in offers_for(evidence)] if is_open else [],
        "resolved_at": rfc3339(row.resolved_at) if row.resolved_at else None,
        "resolution": row.resolution,
    }


def _evidence(row: Discrepancy, order: Order | None, positions: Sequence[PositionRow], *, has_order: bool) -> Evidence:
    return Evidence(
        kind=row.kind,
        order_status=OrderStatus(order.status) if order else None,
        held=tuple(_net(row, positions).values()),
        has_holder=bool(positions),
        has_order=has_order,
        shown=shown_by(row.sentence) if row.kind == "position" else None,
    )


def _net(row: Discrepancy, positions: Iterable[PositionRow]) -> dict[str, Decimal]:
    """Return what all holders together hold, by product; of a difference, as far as the venue holds it too."""
    net: dict[str, Decimal] = defaultdict(Decimal)
    for position in positions:
        net[position.product] += Decimal(position.quantity)
    shown = shown_by(row.sentence) if row.kind == "position" else None
    if shown is not None and shown.product in net and shown.product is not Product.DELIVERY:
        ours = net[shown.product]
        net[shown.product] = min(ours, shown.venue, key=abs) if ours * shown.venue > 0 else Decimal(0)
    return net


def _instrument(row: Discrepancy, order: Order | None) -> str:
    """Return the instrument that an entry is about; its subject is an order's id, or begins with the instrument."""
    if order is not None:
        return str(order.instrument)
    first = row.subject.partition(" ")[0]
    return first if ":" in first else ""


def _order_row(order: Order | None) -> dict[str, Any] | None:
    if order is None:
        return None
    return {
        "id": str(order.pk),
        "client_id": order.client_id,
        "venue_order_id": order.venue_order_id,
        "side": order.side,
        "quantity": text(order.quantity),
        "filled": text(order.filled_quantity),
        "status": order.status,
    }


def _position_row(position: PositionRow) -> dict[str, Any]:
    return {
        "quantity": text(position.quantity),
        "product": position.product,
        "average_price": text(position.average_price),
        "strategy_key": position.strategy_key,
    }


def _offer_row(offer: Offer) -> dict[str, Any]:
    return {
        "choice": str(offer.choice),
        "label": offer.label,
        "consequence": offer.consequence,
        "needs_reason": offer.needs_reason,
        "quantity": text(offer.quantity) if offer.quantity is not None else None,
    }


def _asked_of(rows: Sequence[Discrepancy], orders: Mapping[UUID, Order]) -> dict[UUID, Row]:
    """Return what was last asked of the desk about each open entry, and how that ended."""
    waiting = [row for row in rows if row.resolved_at is None]
    if not waiting:
        return {}
    commands = Command.objects.filter(
        account_id__in={row.account_id for row in waiting},
        kind__in=_SETTLING,
        requested_at__gte=min(row.found_at for row in waiting),
    )
    newest: dict[UUID, Row] = {}
    for command in commands.order_by("requested_at", "pk"):
        for row in waiting:
            if row.account_id == command.account_id and _concerns(command.payload, row, orders.get(row.pk)):
                newest[row.pk] = {
                    "at": rfc3339(command.requested_at),
                    "state": command.state,
                    "outcome": command.outcome,
                }
    return newest


def _concerns(payload: Mapping[str, Any], row: Discrepancy, order: Order | None) -> bool:
    if "subject" in payload:
        return (payload.get("kind"), payload["subject"]) == (row.kind, row.subject)
    if "client_id" in payload:
        return order is not None and payload["client_id"] == order.client_id
    return bool(payload.get("instrument")) and payload["instrument"] == _instrument(row, order)


def _told_in(rows: Sequence[Discrepancy]) -> dict[UUID, JournalEvent]:
    """Return the journal's row that told each entry first."""
    if not rows:
        return {}
    found = JournalEvent.objects.filter(
        account_id__in={row.account_id for row in rows}, kind="discrepancy", at__in={row.found_at for row in rows}
    )
    by_place = {
        (event.account_id, event.payload["kind"], event.payload["subject"][:120], event.at): event for event in found
    }
    places = {row.pk: (row.account_id, row.kind, row.subject, row.found_at) for row in rows}
    return {pk: by_place[place] for pk, place in places.items() if place in by_place}
