"""Kite's bodies of GTT and alerts."""

from typing import Any

import orjson

from brokers.simulator import kite_payloads
from brokers.simulator.alerts import ATTRIBUTE, Alert, Condition, Firing
from brokers.simulator.board import Board
from brokers.simulator.gtt import Result, Trigger
from brokers.simulator.orders import OrderRequest
from brokers.simulator.sessions import stamp

Json = dict[str, Any]
NEVER = "0001-01-01 00:00:00"


def trigger(trigger: Trigger, board: Board) -> Json:
    """Return one GTT; an order that was placed or refused carries its result."""
    wish = trigger.wish
    row = board.row_of_key.get((wish.exchange, wish.symbol))
    return {
        "id": trigger.number,
        "user_id": trigger.user_id,
        "parent_trigger": None,
        "type": wish.kind,
        "created_at": stamp(trigger.created_ns),
        "updated_at": stamp(trigger.updated_ns),
        "expires_at": stamp(trigger.expires_ns),
        "status": trigger.status,
        "condition": {
            "exchange": wish.exchange,
            "last_price": wish.last_price / 100,
            "tradingsymbol": wish.symbol,
            "trigger_values": [value / 100 for value in wish.trigger_values],
            "instrument_token": int(board.token[row]) if row is not None else 0,
        },
        "orders": [
            {**_terms(order), "result": _result(trigger, order, trigger.results.get(place))}
            for place, order in enumerate(wish.orders)
        ],
        "meta": None,
    }


def _terms(order: OrderRequest) -> Json:
    return {
        "exchange": order.exchange,
        "tradingsymbol": order.symbol,
        "product": order.product,
        "order_type": order.order_type,
        "transaction_type": order.side,
        "quantity": order.quantity,
        "price": order.price / 100,
    }


def _result(trigger: Trigger, order: OrderRequest, result: Result | None) -> Json | None:
    if result is None:
        return None
    return {
        "account_id": trigger.user_id,
        **_terms(order),
        "validity": order.validity,
        # A string of JSON, as the venue sends it.
        "meta": orjson.dumps({"app_id": 1, "gtt": trigger.number}).decode(),
        "timestamp": stamp(result.at_ns),
        "triggered_at": result.triggered_at / 100,
        "order_result": {
            "status": "failed" if result.reason else "success",
            "order_id": result.order_id,
            "rejection_reason": result.reason,
        },
    }


def alert(alert: Alert) -> Json:
    """Return one alert."""
    condition = alert.condition
    rhs = condition.rhs or ("", "")
    return {
        "type": alert.kind,
        "user_id": alert.user_id,
        "uuid": alert.uuid,
        "name": alert.name,
        "status": alert.status,
        "disabled_reason": "",
        **({"basket": alert.raw_basket} if alert.raw_basket else {}),
        "lhs_attribute": ATTRIBUTE,
        "lhs_exchange": condition.lhs[0],
        "lhs_tradingsymbol": condition.lhs[1],
        "operator": condition.operator,
        "rhs_type": "instrument" if condition.rhs else "constant",
        "rhs_attribute": ATTRIBUTE if condition.rhs else "",
        "rhs_exchange": rhs[0],
        "rhs_tradingsymbol": rhs[1],
        "rhs_constant": condition.rhs_constant / 100,
        "alert_count": len(alert.firings),
        "created_at": stamp(alert.created_ns),
        "updated_at": stamp(alert.updated_ns),
    }


def firing(alert: Alert, firing: Firing, board: Board) -> Json:
    """Return one time at which an alert fired, with the quote of that moment's instrument."""
    quote = kite_payloads.quote(board, firing.row)
    for name in ("depth", "timestamp"):
        quote.pop(name)
    exchange, symbol = alert.condition.lhs
    return {
        "uuid": alert.uuid,
        "type": alert.kind,
        "meta": [
            {
                **quote,
                "last_price": firing.last / 100,
                "tradingsymbol": symbol,
                "exchange": exchange,
                "timestamp": stamp(firing.at_ns),
                "last_trade_time": quote["last_trade_time"] or NEVER,
                "volume_tick": quote["last_quantity"],
                "net_change": (firing.last - int(board.close[firing.row])) / 100,
            }
        ],
        "condition": _condition_text(alert.condition),
        "created_at": stamp(firing.at_ns),
        "order_meta": list(firing.orders) or None,
    }


def _condition_text(condition: Condition) -> str:
    left = f'{ATTRIBUTE}("{":".join(condition.lhs)}")'
    right = f'{ATTRIBUTE}("{":".join(condition.rhs)}")' if condition.rhs else f"{condition.rhs_constant / 100:g}"
    return f"{left} {condition.operator} {right}"
