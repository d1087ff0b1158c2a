"""Orders at the simulated Aster over REST: placed, changed, cancelled, one by one or in batches, and read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from brokers.simulator.aster import order_payloads as payloads
from brokers.simulator.aster.calls import Call, by_symbol, route
from brokers.simulator.aster.clock import DAY_MS
from brokers.simulator.aster.orders import AsterRefusal, PerpetualOrder
from brokers.simulator.aster.requests import Fields, fields_of_row, json_list, order_of
from brokers.simulator.aster.rules import units
from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import ASTER

MOST_PLACED, MOST_CANCELLED = 5, 10
NO_ORDER = "Order does not exist."
WEEK_MS = 7 * DAY_MS


def place(call: Call) -> object:
    return _place(call, call.fields)


def _place(call: Call, fields: Fields) -> dict[str, object]:
    engine, site = call.site.venue.engine, call.site
    wanted = order_of(fields, engine.contract(fields.need("symbol")))
    if fault := site.faults.take(
        FaultKind.DELAY_VISIBILITY, account=call.user, method="POST", path="/orders", venue=ASTER
    ):
        return payloads.answer(site.place_later(call.user, wanted, fault.seconds), is_v3=call.is_v3)
    accepted, order = engine.place(call.user, wanted, site.moment())
    return payloads.answer(order if wanted.answer_in_full else accepted, is_v3=call.is_v3)


def place_test(call: Call) -> object:
    """Check an order as a placement does and keep nothing of it."""
    engine = call.site.venue.engine
    engine.draft(call.user, order_of(call.fields, call.contract()), call.site.moment())
    return {}


def place_batch(call: Call) -> object:
    """Place up to five orders; each answer stands where its order stood."""
    rows = json_list(call.fields.need("batchOrders"), "batchOrders", MOST_PLACED)
    call.site.ceilings.spend_order(call.user, call.site.wall_ns(), len(rows) - 1)
    return [_or_error(partial(_place_row, call, row)) for row in rows]


def _place_row(call: Call, row: object) -> object:
    return _place(call, fields_of_row(row))


def modify(call: Call) -> object:
    """Change quantity and price of a resting limit order."""
    order = _find(call)
    if order is None:
        raise AsterRefusal(-2013, NO_ORDER)
    contract, fields = order.contract, call.fields
    call.site.venue.engine.modify(
        order,
        quantity=units(fields.need("quantity"), contract.quantity_unit, "quantity"),
        price=units(fields.need("price"), contract.price_unit, "price"),
        at=call.site.moment(),
    )
    return payloads.answer(order, is_v3=call.is_v3)


def cancel(call: Call) -> object:
    number, name = _ids(call.fields)
    order = call.site.venue.engine.cancel(
        call.user, call.fields.need("symbol"), call.site.moment(), order_id=number, client_id=name
    )
    return payloads.cancelled(order)


def cancel_batch(call: Call) -> object:
    """Cancel up to ten orders by the venue's ids or by the client's."""
    call.contract()
    numbers = call.fields.get("orderIdList")
    name = "orderIdList" if numbers else "origClientOrderIdList"
    rows = json_list(numbers or call.fields.need(name), name, MOST_CANCELLED)
    return [_or_error(partial(_cancel_row, call, row, by_number=bool(numbers))) for row in rows]


def _cancel_row(call: Call, row: object, *, by_number: bool) -> object:
    if by_number and not isinstance(row, int):
        raise AsterRefusal(-1130, "Data sent for parameter 'orderIdList' is not valid.")
    number, name = (row, None) if isinstance(row, int) and by_number else (None, str(row))
    symbol, at = call.fields.need("symbol"), call.site.moment()
    return payloads.cancelled(call.site.venue.engine.cancel(call.user, symbol, at, order_id=number, client_id=name))


def cancel_all(call: Call) -> object:
    call.site.venue.engine.cancel_all(call.user, call.contract().symbol, call.site.moment())
    return {"code": "200", "msg": "The operation of cancel all open order is done."}


def countdown(call: Call) -> object:
    """Set, renew or switch off a symbol's countdown, at whose end everything open in it is cancelled, stops too."""
    symbol, milliseconds = call.contract().symbol, call.fields.need_whole("countdownTime")
    if milliseconds < 0:
        raise AsterRefusal(-1130, "Data sent for parameter 'countdownTime' is not valid.")
    call.site.countdowns.pop((call.user, symbol), None)
    if milliseconds:
        call.site.countdowns[call.user, symbol] = call.site.monotonic_ns() + milliseconds * 1_000_000
    return {"symbol": symbol, "countdownTime": str(milliseconds)}


def noop(_call: Call) -> object:
    """Use up a nonce; nothing of this venue waits long enough to be overtaken by it."""
    return {"code": 200, "msg": "success"}


def query(call: Call) -> object:
    order = _find(call)
    if order is None:
        raise AsterRefusal(-2013, NO_ORDER)
    return payloads.listed(order)


def open_one(call: Call) -> object:
    order = _find(call)
    if order is None or not order.is_open:
        raise AsterRefusal(-2013, NO_ORDER)
    return payloads.listed(order)


def open_orders(call: Call) -> object:
    symbol = call.contract().symbol if call.fields.get("symbol") else None
    return [payloads.listed(order) for order in call.account.open_orders(symbol)]


def all_orders(call: Call) -> object:
    """Return a symbol's orders by their number: from one on, or within times at most seven days apart."""
    symbol, limit, first_id = call.contract().symbol, call.fields.limit(500, 1_000), call.fields.whole("orderId")
    first, last = within_week(call)
    orders = [order for order in call.account.orders.values() if order.contract.symbol == symbol]
    if first_id is not None:
        return [payloads.listed(order) for order in orders if order.order_id >= first_id][:limit]
    found = [order for order in orders if first <= order.placed_ms <= last]
    return [payloads.listed(order) for order in (found[:limit] if call.fields.get("startTime") else found[-limit:])]


def trades(call: Call) -> object:
    """Return a symbol's fills by their number: from one on, or within times at most seven days apart."""
    symbol, limit, first_id = call.contract().symbol, call.fields.limit(500, 1_000), call.fields.whole("fromId")
    if first_id is not None and (call.fields.get("startTime") or call.fields.get("endTime")):
        raise AsterRefusal(-1128, "Combination of optional parameters invalid.")
    fills = [fill for fill in call.site.venue.engine.ledger.fills if (fill.account, fill.symbol) == (call.user, symbol)]
    if first_id is not None:
        return [payloads.trade(fill) for fill in fills if fill.trade_id >= first_id][:limit]
    first, last = within_week(call)
    found = [fill for fill in fills if first <= fill.market_ms <= last]
    return [payloads.trade(fill) for fill in (found[:limit] if call.fields.get("startTime") else found[-limit:])]


def forced_orders(call: Call) -> object:
    """Return the orders by which the exchange closed the account's positions."""
    kind, limit = call.fields.get("autoCloseType"), call.fields.limit(50, 100)
    sources = {"LIQUIDATION": {"liquidation"}, "ADL": {"deleverage"}}.get(kind, {"liquidation", "deleverage"})
    symbol = call.contract().symbol if call.fields.get("symbol") else None
    found = [o for o in call.account.orders.values() if o.source in sources and symbol in {None, o.contract.symbol}]
    return [payloads.forced(order) for order in found[-limit:]]


def within_week(call: Call) -> tuple[int, int]:
    """Return the span of time asked for, the last seven days without one; raises `AsterRefusal` for a longer one."""
    first, last = call.fields.span()
    now_ms = call.site.moment().market_ns // 1_000_000
    if first is not None and last is not None and last - first > WEEK_MS:
        raise AsterRefusal(-4165, "Maximum time interval is 7 days")
    if first is None:
        first = (last or now_ms) - WEEK_MS
    return first, min(last if last is not None else first + WEEK_MS, max(now_ms, first))


def _find(call: Call) -> PerpetualOrder | None:
    number, name = _ids(call.fields)
    return call.site.venue.engine.find(call.user, call.fields.need("symbol"), order_id=number, client_id=name)


def _ids(fields: Fields) -> tuple[int | None, str | None]:
    number, name = fields.whole("orderId"), fields.get("origClientOrderId") or None
    if number is None and name is None:
        raise AsterRefusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    return number, name


def _or_error(act: Callable[[], object]) -> object:
    try:
        return act()
    except AsterRefusal as refusal:
        return {"code": refusal.code, "msg": refusal.message}


ROUTES = (
    route("POST", "order", place, orders=1, writes_orders=True),
    route("POST", "order/test", place_test),
    route("PUT", "order", modify, versions=("v3",), orders=1, writes_orders=True),
    route("DELETE", "order", cancel, writes_orders=True),
    route("DELETE", "allOpenOrders", cancel_all, writes_orders=True),
    route("POST", "batchOrders", place_batch, 5, orders=1, writes_orders=True),
    route("DELETE", "batchOrders", cancel_batch, writes_orders=True),
    route("POST", "countdownCancelAll", countdown, 10),
    route("POST", "noop", noop, versions=("v3",)),
    route("GET", "order", query),
    route("GET", "openOrder", open_one),
    route("GET", "openOrders", open_orders, by_symbol(1, 40)),
    route("GET", "allOrders", all_orders, 5),
    route("GET", "userTrades", trades, 5),
    route("GET", "forceOrders", forced_orders, by_symbol(20, 50)),
)
