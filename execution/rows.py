"""Database rows in the shapes that the API and the pages show."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from execution.basket_models import Basket
from execution.domain.codec import rfc3339
from execution.domain.lifecycle import order_id_of
from execution.models import Fill, FundingRow, JournalEvent, Order

Row = dict[str, Any]


def text(value: Decimal | None) -> str | None:
    """Return a number without an exponent and without zeros that say nothing."""
    if value is None:
        return None
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") or "0" if "." in plain else plain


def order_row(order: Order) -> Row:
    """Return an order in the shape of `GET /api/orders`."""
    return {
        "id": str(order.pk),
        "client_id": order.client_id,
        "venue_order_id": order.venue_order_id,
        "account": str(order.account_id),
        "venue": order.account.venue,
        "book": order.book,
        "symbol": order.instrument,
        "side": order.side,
        "quantity": text(order.quantity),
        "filled": text(order.filled_quantity),
        "average_price": text(order.average_price),
        "price": text(order.price),
        "trigger_price": text(order.trigger_price),
        "type": order.order_type,
        "product": order.product,
        "validity": order.validity,
        "reduce_only": order.reduce_only,
        "source": order.source,
        "purpose": order.purpose,
        "status": order.status,
        "message": order.message,
        "origin": order.origin,
        "strategy": order.deployment.strategy if order.deployment else order.basket.name if order.basket else None,
        "deployment": str(order.deployment_id) if order.deployment_id else None,
        "basket": str(order.basket_id) if order.basket_id else None,
        "reason": order.reason,
        "currency": order.account.currency,
        "market_at": rfc3339(order.market_at) if order.market_at else None,
        "created_at": rfc3339(order.created_at),
        "updated_at": rfc3339(order.updated_at),
    }


def trade_row(fill: Fill) -> Row:
    """Return a fill in the shape of `GET /api/trades`."""
    return {
        "id": str(fill.pk),
        "trade_id": fill.trade_id,
        "order_id": str(fill.order_id),
        "venue_order_id": fill.venue_order_id,
        "account": str(fill.account_id),
        "venue": fill.account.venue,
        "book": fill.book,
        "symbol": fill.instrument,
        "side": fill.side,
        "quantity": text(fill.quantity),
        "price": text(fill.price),
        "value": text(fill.price * fill.quantity),
        "product": fill.product,
        "fee": text(fill.fee_quote),
        "fee_source": fill.fee_source or ("" if fill.fee_quote is None else "venue"),
        "source": fill.source,
        "strategy": fill.deployment.strategy if fill.deployment else fill.basket.name if fill.basket else None,
        "basket": str(fill.basket_id) if fill.basket_id else None,
        "currency": fill.account.currency,
        "filled_at": rfc3339(fill.filled_at),
    }


def basket_row(basket: Basket) -> Row:
    """Return a basket in the shape of `GET /api/baskets`."""
    return {
        "id": str(basket.pk),
        "account": str(basket.account_id),
        "venue": basket.account.venue,
        "name": basket.name,
        "mode": basket.book,
        "policy": basket.policy,
        "state": basket.state,
        "reason": basket.reason,
        "legs": [{**leg, "order_ids": _order_ids(basket, leg)} for leg in basket.legs],
        "currency": basket.account.currency,
        "deadline_at": rfc3339(basket.deadline_at),
        "created_at": rfc3339(basket.created_at),
        "updated_at": rfc3339(basket.updated_at),
    }


def _order_ids(basket: Basket, leg: Mapping[str, Any]) -> list[str]:
    return [str(order_id_of(str(basket.account_id), client_id)) for client_id in leg.get("client_ids", ())]


def journal_row(event: JournalEvent) -> Row:
    """Return a journal event in the shape of `GET /api/journal`."""
    return {
        "id": str(event.pk),
        "account": str(event.account_id),
        "seq": event.seq,
        "at": rfc3339(event.at),
        "kind": event.kind,
        "payload": event.payload,
        "hash": event.hash,
    }


def funding_row(row: FundingRow, strategies: Mapping[str, str]) -> Row:
    """Return one holder's share of a funding payment, received where positive."""
    return {
        "id": str(row.pk),
        "payment_id": row.payment_id,
        "account": str(row.account_id),
        "venue": row.account.venue,
        "book": row.book,
        "symbol": row.instrument,
        "position_side": row.position_side,
        "strategy": strategies.get(row.strategy_key, ""),
        "strategy_key": row.strategy_key,
        "amount": text(row.amount_quote),
        "currency": row.asset,
        "rate": text(row.rate),
        "source": row.source,
        "paid_at": rfc3339(row.paid_at),
    }


def signal_row(event: JournalEvent, strategies: dict[str, str]) -> Row:
    """Return a journalled signal in the shape of `GET /api/signals`."""
    payload = event.payload
    return {
        "id": f"{event.account_id}:{event.seq}",
        "account": str(event.account_id),
        "strategy": strategies.get(payload["deployment_id"]),
        "deployment": payload["deployment_id"],
        "symbol": payload["instrument"],
        "exposure": str(payload["exposure"]),
        "reason": payload["reason"],
        "decision_price": payload.get("decision_price"),
        "is_baseline": payload.get("is_baseline", False),
        "at": rfc3339(event.at),
    }
