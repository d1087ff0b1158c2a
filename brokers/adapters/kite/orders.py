"""Orders in all varieties, their books and histories. Every placement starts from an `ApprovedOrder`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from brokers.adapters.kite import errors, payloads, protocol
from brokers.adapters.kite.calls import Act, Ask, act, ask
from brokers.adapters.kite.reading import Fields
from brokers.domain.errors import Ambiguous, Invalid, Rejected
from brokers.domain.instruments import Instrument
from brokers.domain.orders import ApprovedOrder, OrderType, UnreadableRow, VenueOrder
from brokers.domain.reports import IcebergProgress, OrderReport, Slice, SlicedReceipt, TradeReport
from brokers.domain.terms import REGULAR, OrderChange, OrderTerms, Variety
from brokers.ports import Receipt

# what `payloads.order` and `payloads.trade` have read already; a trade's order time is a bare time of day
_INSTRUMENT = ("exchange", "tradingsymbol", "transaction_type", "product")
_ORDER = ("order_id", "parent_order_id", "status", "status_message", "variety", "order_type", "tag", "tags")
_QUANTITIES = ("quantity", "filled_quantity", "pending_quantity", "cancelled_quantity")
_PRICES = ("price", "trigger_price", "average_price")
_TIMES = ("order_timestamp", "exchange_update_timestamp")
_TRADE = ("trade_id", "order_id", "average_price", "quantity", "fill_timestamp", "order_timestamp")


def place(order: ApprovedOrder, instrument: Instrument, terms: OrderTerms = REGULAR) -> Act[Receipt]:
    """Place an approved order in the words of `terms`."""
    if terms.autoslice:
        raise Invalid("a sliced order has more than one receipt", code="order.autoslice", field="autoslice")
    return act(protocol.place(order, instrument, terms), payloads.receipt_of)


def place_sliced(order: ApprovedOrder, instrument: Instrument, terms: OrderTerms = REGULAR) -> Act[SlicedReceipt]:
    """Place an approved order above the freeze quantity; the venue makes at most ten orders of it."""
    return act(protocol.place(order, instrument, replace(terms, autoslice=True)), sliced_receipt_of)


def modify(order: VenueOrder, change: OrderChange) -> Act[Receipt]:
    """Change a resting order; a larger quantity would be an order that no limit has seen, and is refused."""
    if change.quantity is not None and change.quantity > order.quantity:
        raise Invalid("an order is not enlarged; place another", code="order.quantity", field="quantity")
    order_type = change.order_type or order.order_type
    others = {}
    if order_type is OrderType.MARKET and change.order_type is None and change.price is not None:
        # what is left of a protected market order rests as a limit: with a price it is one in name too
        order_type = OrderType.LIMIT
    if order_type is not order.order_type:
        others["order_type"] = order_type.value
    if change.quantity is not None:
        others["quantity"] = protocol.plain(change.quantity)
    if change.disclosed_quantity is not None:
        others["disclosed_quantity"] = protocol.plain(change.disclosed_quantity)
    if order.parent_order_id is not None and order.variety == Variety.COVER:
        others["parent_order_id"] = order.parent_order_id
    request = protocol.modify(
        order.venue_order_id,
        order_type,
        price=change.price,
        trigger_price=change.trigger_price,
        protection=change.protection,
        variety=order.variety,
        others=others,
    )
    return act(request, payloads.receipt_of)


def cancel(order: VenueOrder) -> Act[Receipt]:
    """Cancel an order of any variety; for a cover order's stop that is the exit."""
    parent = order.parent_order_id if order.variety == Variety.COVER else None
    request = protocol.cancel(order.venue_order_id, variety=order.variety, parent_order_id=parent)
    return act(request, payloads.receipt_of)


def cancel_regular(venue_order_id: str) -> Act[Receipt]:
    """Cancel an ordinary order of which only the id is known."""
    return act(protocol.cancel(venue_order_id), payloads.receipt_of)


def book() -> Ask[list[OrderReport | UnreadableRow]]:
    """Ask for today's orders in full."""
    return ask(protocol.orders(), reports_of)


def history(venue_order_id: str) -> Ask[list[OrderReport | UnreadableRow]]:
    """Ask for every state of one order, oldest first."""
    return ask(protocol.reading(f"/orders/{venue_order_id}"), reports_of)


def trades() -> Ask[list[TradeReport | UnreadableRow]]:
    """Ask for today's trades in full."""
    return ask(protocol.trades(), trade_reports_of)


def trades_of(venue_order_id: str) -> Ask[list[TradeReport | UnreadableRow]]:
    """Ask for one order's trades; there may be none."""
    return ask(protocol.reading(f"/orders/{venue_order_id}/trades"), trade_reports_of)


def reports_of(data: object) -> list[OrderReport | UnreadableRow]:
    """Read an order book, or one order's history."""
    return payloads.book_of(data, report, book="orders", id_field="order_id")


def report(row: Mapping[str, object]) -> OrderReport:
    """Read all of one order row."""
    order, fields = payloads.order(row), Fields(row)
    fields.drop(*_INSTRUMENT, *_ORDER, *_QUANTITIES, *_PRICES, *_TIMES)
    return OrderReport(
        order=order,
        exchange_order_id=fields.text("exchange_order_id"),
        exchange_at=fields.at("exchange_timestamp"),
        instrument_token=fields.whole("instrument_token"),
        validity=fields.text("validity"),
        validity_minutes=fields.whole("validity_ttl"),
        disclosed_quantity=fields.number("disclosed_quantity"),
        protection_percent=fields.number("market_protection"),
        is_modified=fields.flag("modified"),
        placed_by=fields.text("placed_by"),
        account_id=fields.text("account_id"),
        auction_number=fields.text("auction_number"),
        iceberg=_iceberg(fields),
        raw_message=fields.text("status_message_raw"),
        extra=fields.rest(),
    )


def trade_reports_of(data: object) -> list[TradeReport | UnreadableRow]:
    """Read a trade book."""
    return payloads.book_of(data, trade_report, book="trades", id_field="trade_id")


def trade_report(row: Mapping[str, object]) -> TradeReport:
    """Read all of one trade row."""
    trade, fields = payloads.trade(row), Fields(row)
    fields.drop(*_INSTRUMENT, *_TRADE)
    return TradeReport(
        trade=trade,
        exchange_order_id=fields.text("exchange_order_id"),
        exchange_at=fields.at("exchange_timestamp"),
        instrument_token=fields.whole("instrument_token"),
        extra=fields.rest(),
    )


def sliced_receipt_of(data: object) -> SlicedReceipt:
    """Read the receipt of a sliced order: a parent with children, a bare list, or one order that needed no slice."""
    if isinstance(data, list):
        return SlicedReceipt(parent_order_id="", slices=_slices(data))
    receipt = payloads.receipt_of(data)
    children = data.get("children") if isinstance(data, Mapping) else None
    if not isinstance(children, list):
        return SlicedReceipt(parent_order_id="", slices=(Slice(venue_order_id=receipt.venue_order_id),))
    return SlicedReceipt(parent_order_id=receipt.venue_order_id, slices=_slices(children))


def _slices(parts: list[object]) -> tuple[Slice, ...]:
    if not parts:
        raise Ambiguous("the venue's receipt names no order", code="venue.unreadable")
    return tuple(map(_slice, parts))


def _slice(part: object) -> Slice:
    error = part.get("error") if isinstance(part, Mapping) else None
    if not isinstance(error, Mapping):
        return Slice(venue_order_id=payloads.receipt_of(part).venue_order_id)
    code = error.get("code")
    refusal = errors.refusal_of(code if isinstance(code, int) else 400, dict(error))
    meaning = errors.error_of(refusal, is_write=True)
    if not isinstance(meaning, Rejected):
        # one part in doubt leaves all of them to be looked up by their tag
        raise Ambiguous(meaning.message, code=meaning.code, details=meaning.details)
    return Slice(refusal=meaning)


def _iceberg(fields: Fields) -> IcebergProgress | None:
    meta = fields.maybe("meta")
    inner = meta.maybe("iceberg") if meta is not None else None
    if inner is None:
        if meta is not None and meta.rest():
            fields.keep("meta", meta.rest())
        return None
    return IcebergProgress(
        leg=inner.whole("leg"),
        legs=inner.whole("legs"),
        leg_quantity=inner.number("leg_quantity"),
        total_quantity=inner.number("total_quantity"),
        remaining_quantity=inner.number("remaining_quantity"),
        extra=inner.rest(),
    )
