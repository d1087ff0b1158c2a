"""What is said to Aster's REST API: method, path of either generation, parameters, weight and security.

Weights are per address. Numbers go out as plain decimals, truths as the words true and false. Source: the V3 and V1
documents of Aster's futures API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import orjson

from brokers.adapters.aster.filters import plain
from brokers.domain.errors import Invalid

MOST_PER_BATCH = 5
MOST_PER_BATCH_CANCEL = 10
_KLINE_WEIGHTS = ((99, 1), (499, 2), (1000, 5), (1500, 10))
_DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10), (1000, 20))
# where V1 differs in more than its number
_V1_PATHS: Mapping[str, str] = {
    "balance": "/fapi/v2/balance",
    "positionRisk": "/fapi/v2/positionRisk",
    "accountWithJoinMargin": "/fapi/v4/account",
}
_V3_ONLY = frozenset(
    {
        "agent", "stpMode", "noop", "chase", "indexreferences", "mmp", "mmpReset",
        "placeStrategyOrder", "updateStrategyOrder", "strategyOpenOrder", "strategyHistoryOrder",
    }
)  # fmt: skip

Value = str | int | bool | Decimal | datetime | None


class Security(StrEnum):
    """How a request is signed."""

    OPEN = "open"  # nobody asks who calls
    MARKET = "market"  # V1 wants the key's header, V3 nothing
    KEYED = "keyed"  # V1 wants the key's header alone, V3 a signature
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterRequest:
    """One call, before it is signed."""

    method: str
    name: str
    params: tuple[tuple[str, str], ...]
    weight: int
    security: Security
    is_urgent: bool = False

    @property
    def is_write(self) -> bool:
        return self.method != "GET"

    def path(self, generation: str) -> str:
        """Return the path in one generation; raise Invalid for a call that V1 does not have."""
        if generation == "v1":
            if self.name in _V3_ONLY or (self.method == "PUT" and self.name == "order"):
                raise Invalid(f"{self.method} {self.name} needs an agent wallet (V3)", code="aster.v3_only")
            return _V1_PATHS.get(self.name, f"/fapi/v1/{self.name}")
        return f"/fapi/v3/{self.name}"


def market(name: str, weight: int, *, security: Security = Security.OPEN, **params: Value) -> AsterRequest:
    """Build a read of market data."""
    return _request("GET", name, weight, security, params)


def server_time() -> AsterRequest:
    return market("time", 1)


def exchange_info() -> AsterRequest:
    return market("exchangeInfo", 1)


def depth(symbol: str, limit: int = 1000) -> AsterRequest:
    return market("depth", _weight(_DEPTH_WEIGHTS, limit, "limit"), symbol=symbol, limit=limit)


def klines(
    symbol: str, interval: str, *, start: datetime | None = None, end: datetime | None = None, limit: int = 500
) -> AsterRequest:
    """Build a read of candles, at most 1,500 a call, the unfinished one last."""
    weight = kline_weight(limit)
    return market("klines", weight, symbol=symbol, interval=interval, startTime=start, endTime=end, limit=limit)


def kline_weight(limit: int) -> int:
    """Return what a call for so many candles weighs."""
    return _weight(_KLINE_WEIGHTS, limit, "limit")


def mark_prices(symbol: str | None = None) -> AsterRequest:
    return market("premiumIndex", 1, symbol=symbol)


def funding_rates(symbol: str, *, start: datetime | None = None, limit: int = 1000) -> AsterRequest:
    return market("fundingRate", 1, symbol=symbol, startTime=start, limit=limit)


def funding_terms() -> AsterRequest:
    return market("fundingInfo", 1)


def day_tickers(symbol: str | None = None) -> AsterRequest:
    return market("ticker/24hr", 1 if symbol else 40, symbol=symbol)


def best_prices(symbol: str | None = None) -> AsterRequest:
    return market("ticker/bookTicker", 1 if symbol else 2, symbol=symbol)


def signed_read(name: str, weight: int, **params: Value) -> AsterRequest:
    """Build a signed read."""
    return _request("GET", name, weight, Security.SIGNED, params)


def order_by_client_id(symbol: str, client_id: str) -> AsterRequest:
    return signed_read("order", 1, symbol=symbol, origClientOrderId=client_id)


def open_orders(symbol: str | None = None) -> AsterRequest:
    return signed_read("openOrders", 1 if symbol else 40, symbol=symbol)


def all_orders(symbol: str, *, from_order_id: str | None = None, start: datetime | None = None) -> AsterRequest:
    return signed_read("allOrders", 5, symbol=symbol, orderId=from_order_id, startTime=start, limit=1000)


def balances() -> AsterRequest:
    return signed_read("balance", 5)


def account() -> AsterRequest:
    return signed_read("accountWithJoinMargin", 5)


def position_risk(symbol: str | None = None) -> AsterRequest:
    return signed_read("positionRisk", 5, symbol=symbol)


def account_trades(symbol: str, *, from_id: str | None = None, start: datetime | None = None) -> AsterRequest:
    """Build a read of the account's fills; the exchange takes a first id or times, not both."""
    if from_id is not None and start is not None:
        raise Invalid("fills are asked for from an id or from a time, not both", code="aster.range", field="start")
    return signed_read("userTrades", 5, symbol=symbol, fromId=from_id, startTime=start, limit=1000)


def income(*, kind: str | None = None, start: datetime | None = None, limit: int = 1000) -> AsterRequest:
    return signed_read("income", 30, incomeType=kind, startTime=start, limit=limit)


def leverage_brackets(symbol: str | None = None) -> AsterRequest:
    return signed_read("leverageBracket", 1, symbol=symbol)


def commission_rate(symbol: str) -> AsterRequest:
    return signed_read("commissionRate", 20, symbol=symbol)


def forced_orders(symbol: str | None = None) -> AsterRequest:
    return signed_read("forceOrders", 20 if symbol else 50, symbol=symbol, limit=100)


def position_mode() -> AsterRequest:
    return signed_read("positionSide/dual", 30)


def multi_assets_mode() -> AsterRequest:
    return signed_read("multiAssetsMargin", 30)


def place(params: Mapping[str, Value], *, is_urgent: bool = False) -> AsterRequest:
    """Build a placement from the fields of one order."""
    return _request("POST", "order", 1, Security.SIGNED, params, is_urgent=is_urgent)


def modify(symbol: str, order_id: str, *, side: str, quantity: Decimal, price: Decimal) -> AsterRequest:
    """Build a change of a resting LIMIT order, V3 alone: quantity and price are both sent."""
    params: dict[str, Value] = {"symbol": symbol, "orderId": order_id, "side": side}
    params |= {"quantity": quantity, "price": price}
    return _request("PUT", "order", 1, Security.SIGNED, params, is_urgent=True)


def cancel(symbol: str, *, order_id: str | None = None, client_id: str | None = None) -> AsterRequest:
    """Build a cancellation by the exchange's id or by ours."""
    if (order_id is None) == (client_id is None):
        raise Invalid("an order is cancelled by one of its ids", code="order.id", field="order_id")
    params: dict[str, Value] = {"symbol": symbol, "orderId": order_id, "origClientOrderId": client_id}
    return _request("DELETE", "order", 1, Security.SIGNED, params, is_urgent=True)


def cancel_all(symbol: str) -> AsterRequest:
    return _request("DELETE", "allOpenOrders", 1, Security.SIGNED, {"symbol": symbol}, is_urgent=True)


def place_batch(orders: Sequence[Mapping[str, Value]]) -> AsterRequest:
    """Build a batch of 1 to 5 placements; the exchange does not promise to match them in order."""
    _require_count(orders, MOST_PER_BATCH)
    rows = [dict(_pairs(order)) for order in orders]
    return _request("POST", "batchOrders", 5, Security.SIGNED, {"batchOrders": compact(rows)})


def cancel_batch(symbol: str, client_ids: Sequence[str]) -> AsterRequest:
    """Build a batch of 1 to 10 cancellations by our ids."""
    _require_count(client_ids, MOST_PER_BATCH_CANCEL)
    params: dict[str, Value] = {"symbol": symbol, "origClientOrderIdList": compact(list(client_ids))}
    return _request("DELETE", "batchOrders", 1, Security.SIGNED, params, is_urgent=True)


def countdown_cancel(symbol: str, milliseconds: int) -> AsterRequest:
    """Build the dead-man switch of a symbol: 0 turns it off. It cancels protective stops as well."""
    return _request(
        "POST", "countdownCancelAll", 10, Security.SIGNED, {"symbol": symbol, "countdownTime": milliseconds}
    )


def set_leverage(symbol: str, leverage: int) -> AsterRequest:
    if not 1 <= leverage <= 125:
        raise Invalid(f"leverage is 1 to 125, not {leverage}", code="aster.leverage", field="leverage")
    return _request("POST", "leverage", 1, Security.SIGNED, {"symbol": symbol, "leverage": leverage})


def set_margin_type(symbol: str, margin_type: str) -> AsterRequest:
    if margin_type not in ("ISOLATED", "CROSSED"):
        raise Invalid(f"margin is ISOLATED or CROSSED, not {margin_type!r}", code="aster.margin", field="margin_type")
    return _request("POST", "marginType", 1, Security.SIGNED, {"symbol": symbol, "marginType": margin_type})


def add_margin(symbol: str, amount: Decimal, *, position_side: str | None = None) -> AsterRequest:
    """Build an addition to the isolated margin of a position, in its margin asset."""
    return _change_margin(symbol, amount, 1, position_side)


def reduce_margin(symbol: str, amount: Decimal, *, position_side: str | None = None) -> AsterRequest:
    """Build a reduction of the isolated margin of a position: its liquidation price comes nearer."""
    return _change_margin(symbol, amount, 2, position_side)


def signed_delete(name: str, weight: int, **params: Value) -> AsterRequest:
    """Build a signed deletion of anything but an order."""
    return _request("DELETE", name, weight, Security.SIGNED, params)


def signed_write(name: str, weight: int, **params: Value) -> AsterRequest:
    """Build a signed write of anything but an order."""
    return _request("POST", name, weight, Security.SIGNED, params)


def stream_key(method: str) -> AsterRequest:
    """Build the making (POST), extending (PUT) or ending (DELETE) of the user stream's key."""
    return _request(method, "listenKey", 1, Security.KEYED, {})


def _change_margin(symbol: str, amount: Decimal, kind: int, position_side: str | None) -> AsterRequest:
    if amount <= 0:
        raise Invalid(f"a change of margin is above 0, not {amount}", code="aster.margin_amount", field="amount")
    return signed_write("positionMargin", 1, symbol=symbol, positionSide=position_side, amount=amount, type=kind)


def _request(
    method: str, name: str, weight: int, security: Security, params: Mapping[str, Value], *, is_urgent: bool = False
) -> AsterRequest:
    return AsterRequest(
        method=method, name=name, params=_pairs(params), weight=weight, security=security, is_urgent=is_urgent
    )


def _pairs(params: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    return tuple((key, text_of(value)) for key, value in params.items() if value is not None)


def text_of(value: Value) -> str:
    """Return a value as the exchange reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{plain(value):f}"
    if isinstance(value, datetime):
        return str(round(value.timestamp() * 1000))
    return str(value)


def compact(rows: object) -> str:
    """Return a JSON list without a space, as the exchange wants it in a form."""
    return orjson.dumps(rows).decode()


def _weight(steps: Sequence[tuple[int, int]], limit: int, field: str) -> int:
    for most, weight in steps:
        if 1 <= limit <= most:
            return weight
    raise Invalid(f"{field} is 1 to {steps[-1][0]}, not {limit}", code="aster.limit", field=field)


def _require_count(items: Sequence[object], most: int) -> None:
    if not 1 <= len(items) <= most:
        raise Invalid(f"a batch holds 1 to {most} orders, not {len(items)}", code="aster.batch", field="orders")
