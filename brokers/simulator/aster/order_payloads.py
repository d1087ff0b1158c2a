"""Orders and fills as the simulated Aster answers them: each endpoint's own keys, numbers as text."""

from __future__ import annotations

import hashlib
from typing import Any

from brokers.simulator.aster.events import average_text, price_text, rate_text, working_type
from brokers.simulator.aster.orders import PerpetualFill, PerpetualOrder

Payload = dict[str, Any]


def _terms(order: PerpetualOrder) -> Payload:
    contract = order.contract
    row = {
        "orderId": order.order_id,
        "symbol": contract.symbol,
        "status": order.status.value,
        "clientOrderId": order.client_id,
        "price": price_text(order, order.shown_price),
        "origQty": contract.quantity_text(order.quantity),
        "executedQty": contract.quantity_text(order.filled) if order.filled else "0",
        "cumQuote": contract.value_text(order.filled_value) if order.filled else "0",
        "timeInForce": order.time_in_force,
        "type": order.kind,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": price_text(order, order.stop_price),
        "workingType": working_type(order),
        "priceProtect": order.price_protect,
        "origType": order.first_kind,
        "updateTime": order.updated_ms,
    }
    if order.first_kind == "TRAILING_STOP_MARKET":
        row |= {"activatePrice": price_text(order, order.activation_price), "priceRate": rate_text(order)}
    return row


def _filled(order: PerpetualOrder) -> Payload:
    return {"cumQty": order.contract.quantity_text(order.filled) if order.filled else "0"}


def answer(order: PerpetualOrder, *, is_v3: bool) -> Payload:
    """Return the answer to a placement or a modification; V3 names the chain's hash beside it."""
    row = {**_terms(order), **_filled(order), "avgPrice": average_text(order)}
    if is_v3:
        row["newChainData"] = {"hash": "0x" + hashlib.sha256(str(order.order_id).encode()).hexdigest()}
    return row


def cancelled(order: PerpetualOrder) -> Payload:
    """Return the answer to a cancellation."""
    return {**_terms(order), **_filled(order)}


def listed(order: PerpetualOrder) -> Payload:
    """Return an order as queries and lists show it."""
    return {**_terms(order), "avgPrice": average_text(order), "time": order.placed_ms}


def forced(order: PerpetualOrder) -> Payload:
    """Return an order by which the exchange closed a position."""
    row = listed(order)
    del row["priceProtect"]
    return row


def trade(fill: PerpetualFill) -> Payload:
    """Return one fill of the account; a commission that was received is negative."""
    return {
        "buyer": fill.side == "BUY",
        "commission": fill.fee,
        "commissionAsset": "USDT",
        "id": fill.trade_id,
        "maker": fill.is_maker,
        "orderId": fill.order_id,
        "price": fill.price,
        "qty": fill.quantity,
        "quoteQty": fill.quote,
        "realizedPnl": fill.realised,
        "side": fill.side,
        "positionSide": fill.position_side,
        "symbol": fill.symbol,
        "time": fill.market_ms,
    }
