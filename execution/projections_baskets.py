"""Rows of baskets made from the journal, in the transaction that writes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from brokers.domain.orders import OrderStatus
from execution.basket_models import Basket
from execution.bulk import insert
from execution.domain.baskets import BasketRecord, BasketState, LegProgress, is_basket, key_of_basket
from execution.domain.commands import Record, RecordKind
from execution.domain.lifecycle import OrderRecord
from execution.domain.records import CommandEnded
from execution.domain.state import DeskState
from execution.domain.texts import text

LENGTH = 300
_MOVES = ("state", "reason", "legs", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBasket:
    """A basket that a batch changed, with its legs as they are after it."""

    basket: BasketRecord
    legs: list[dict[str, Any]]


def baskets_touched(
    records: Iterable[Record], orders: Iterable[OrderRecord], state: DeskState
) -> tuple[ShownBasket, ...]:
    """Return what of a batch changed a basket; `state` is the account's just after it was applied."""
    if not state.baskets:
        return ()
    kinds = (RecordKind.BASKET, RecordKind.BASKET_MOVE)
    keys = {key_of_basket(str(record.payload["basket_id"])) for record in records if record.kind in kinds}
    keys |= {key for order in orders if is_basket(key := order.intent.deployment_id or "")}
    found = [state.baskets[key] for key in sorted(keys) if key in state.baskets]
    return tuple(ShownBasket(basket=basket, legs=_legs(basket, state)) for basket in found)


def write_baskets(shown: Iterable[tuple[str, ShownBasket]]) -> None:
    """Bring the rows of baskets up to the journal."""
    rows = {one.basket.key: _row(account_id, one) for account_id, one in shown}
    insert(list(rows.values()), unique=("id",), update=_MOVES)


def end_unsent(account_id: str, fact: CommandEnded) -> None:
    """Refuse a basket whose command no desk could take in."""
    waiting = Basket.objects.filter(pk=fact.command_id, account_id=UUID(account_id), state=BasketState.PENDING)
    waiting.update(state=BasketState.REFUSED, reason=fact.outcome[:LENGTH])


def _row(account_id: str, shown: ShownBasket) -> Basket:
    basket, taken = shown.basket, shown.basket.taken
    return Basket(
        id=UUID(taken.basket_id),
        account_id=account_id,
        name=taken.name[:60],
        policy=taken.policy,
        book=taken.book,
        state=basket.state,
        reason=basket.reason[:LENGTH],
        legs=shown.legs,
        deadline_at=taken.deadline_at,
        created_at=basket.created_at,
        updated_at=basket.updated_at,
    )


def _legs(basket: BasketRecord, state: DeskState) -> list[dict[str, Any]]:
    rows = []
    for leg, progress in zip(basket.legs, basket.progress, strict=True):
        order = state.orders.get(progress.client_ids[-1]) if progress.client_ids else None
        rows.append(
            {
                "instrument": leg.instrument,
                "side": leg.side.value,
                "quantity": text(leg.quantity),
                "type": leg.order_type.value,
                "price": text(leg.price),
                "product": leg.product.value,
                "filled": text(progress.filled),
                "average_price": _average(progress),
                "status": order.status.value if order else "WAITING",
                "reason": _reason(order),
                "client_ids": list(progress.client_ids),
            }
        )
    return rows


def _average(progress: LegProgress) -> str | None:
    average = progress.average_price
    return None if average is None else f"{average:.4f}".rstrip("0").rstrip(".")


def _reason(order: OrderRecord | None) -> str:
    if order is None:
        return "not sent yet"
    if order.is_doubtful:
        return "nobody knows yet whether it was placed: the whole basket waits for proof"
    return order.message if order.status is not OrderStatus.FILLED else ""
