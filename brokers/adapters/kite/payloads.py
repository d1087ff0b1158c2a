"""From Kite's rows to the desk's words. Unknown fields are ignored; an unknown status is not final."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import MAXYEAR, datetime, time, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from brokers.adapters.kite.reading import ist_time, list_of, number_of, row_of, text_of
from brokers.domain.clock import IST
from brokers.domain.errors import Ambiguous, DataError
from brokers.domain.orders import (
    OrderStatus,
    OrderType,
    Product,
    Side,
    UnreadableRow,
    VenueMargin,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from brokers.domain.terms import Variety
from brokers.ports import Receipt, VenueSession

# access tokens die at 06:00 IST; Kite tells no expiry
TOKEN_DIES_AT = time(6, 0)

_STATUSES = {
    "COMPLETE": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "OPEN": OrderStatus.OPEN,
    "TRIGGER PENDING": OrderStatus.TRIGGER_PENDING,
}
# A protected market order stands in the book as a LIMIT, and a venue may add words: an unknown one falls back.
_ORDER_TYPES = {word.value: word for word in OrderType}
# CO and BO legs are intraday; MTF is held overnight as delivery is
_PRODUCTS = {word.value: word for word in Product} | {
    "CO": Product.INTRADAY,
    "BO": Product.INTRADAY,
    "MTF": Product.DELIVERY,
}

Row = Mapping[str, Any]
Read = TypeVar("Read")


def receipt_of(data: object) -> Receipt:
    """Read the answer to a write; one that names no order leaves the write's outcome unknown."""
    order_id = data.get("order_id") if isinstance(data, Mapping) else None
    if not isinstance(order_id, str | int) or order_id == "":
        raise Ambiguous("the venue's receipt names no order", code="venue.unreadable")
    return Receipt(venue_order_id=str(order_id))


def session(data: object) -> VenueSession:
    """Read a login exchange; the token dies at the next 06:00 IST after the login."""
    row = row_of(data)
    login_at = ist_time(row.get("login_time"))
    if login_at is None or login_at.year == MAXYEAR:
        raise DataError("the venue's session carries no login time", code="venue.unreadable")
    return VenueSession(
        user_id=_text(row, "user_id"),
        access_token=_text(row, "access_token"),
        login_at=login_at,
        expires_at=token_end(login_at),
    )


def token_end(login_at: datetime) -> datetime:
    """Return the next 06:00 IST after a login: the same morning for one made at 02:00."""
    local = login_at.astimezone(IST)
    end = datetime.combine(local.date(), TOKEN_DIES_AT, tzinfo=IST)
    return (end if end > local else end + timedelta(days=1)).astimezone(login_at.tzinfo)


def orders(data: object) -> list[VenueOrder | UnreadableRow]:
    """Read an order book; a null book is an empty one."""
    return book_of(data, order, book="orders", id_field="order_id")


def order(row: Row) -> VenueOrder:
    """Read one row of the book, or one order frame of the stream."""
    venue_status = str(row.get("status") or "")
    filled = _number(row, "filled_quantity")
    return VenueOrder(
        venue_order_id=_text(row, "order_id"),
        instrument=f"{_text(row, 'exchange')}:{_text(row, 'tradingsymbol')}",
        side=_side(row),
        quantity=_number(row, "quantity"),
        filled_quantity=filled,
        pending_quantity=_number(row, "pending_quantity"),
        cancelled_quantity=_number(row, "cancelled_quantity"),
        order_type=_ORDER_TYPES.get(str(row.get("order_type")), OrderType.LIMIT),
        product=_product(row),
        price=_positive(row, "price"),
        trigger_price=_positive(row, "trigger_price"),
        average_price=_positive(row, "average_price"),
        status=_status(venue_status, filled),
        venue_status=venue_status,
        message=str(row.get("status_message") or row.get("status_message_raw") or ""),
        tags=_tags(row),
        placed_at=ist_time(row.get("order_timestamp")),
        updated_at=ist_time(row.get("exchange_update_timestamp")) or ist_time(row.get("order_timestamp")),
        parent_order_id=str(row["parent_order_id"]) if row.get("parent_order_id") else None,
        variety=str(row.get("variety") or Variety.REGULAR),
    )


def trades(data: object) -> list[VenueTrade | UnreadableRow]:
    """Read a trade book."""
    return book_of(data, trade, book="trades", id_field="trade_id")


def positions(data: object) -> list[VenuePosition | UnreadableRow]:
    """Read the net positions, closed ones included."""
    return book_of(row_of(data).get("net"), position, book="positions", id_field="instrument_token")


def margins(data: object) -> list[VenueMargin]:
    """Read each segment's buying power; `net` is what can be used."""
    return [margin(name, segment) for name, segment in row_of(data).items() if isinstance(segment, Mapping)]


def holdings(data: object) -> list[Mapping[str, object]]:
    """Read the holdings, as the venue shows them."""
    return [dict(row_of(row)) for row in list_of(data)]


def profile(data: object) -> Mapping[str, object]:
    """Read who is signed in."""
    row = dict(row_of(data))
    _text(row, "user_id")
    return row


def quotes(data: object) -> dict[str, Row]:
    """Read quotes by instrument, with exact numbers."""
    return {str(key): row for key, row in row_of(data).items() if isinstance(row, Mapping)}


def book_of(data: object, read: Callable[[Row], Read], *, book: str, id_field: str) -> list[Read | UnreadableRow]:
    """Read a book row by row; one that cannot be read stands among the others."""
    found: list[Read | UnreadableRow] = []
    for number, row in enumerate(list_of(data), 1):
        try:
            found.append(read(row_of(row)))
        except DataError as error:
            known = row if isinstance(row, Mapping) else {}
            found.append(
                UnreadableRow(
                    book=book,
                    row_id=str(known.get(id_field) or f"row {number}"),
                    instrument=_instrument_named(known),
                    reason=error.message,
                )
            )
    return found


def _instrument_named(row: Row) -> str | None:
    exchange, symbol = row.get("exchange"), row.get("tradingsymbol")
    return f"{exchange}:{symbol}" if exchange and symbol else None


def trade(row: Row) -> VenueTrade:
    """Read one row of the trade book."""
    filled_at = ist_time(row.get("fill_timestamp")) or ist_time(row.get("exchange_timestamp"))
    if filled_at is None:
        raise DataError(f"trade {row.get('trade_id')} carries no time", code="venue.unreadable")
    return VenueTrade(
        trade_id=_text(row, "trade_id"),
        venue_order_id=_text(row, "order_id"),
        instrument=f"{_text(row, 'exchange')}:{_text(row, 'tradingsymbol')}",
        side=_side(row),
        quantity=_number(row, "quantity"),
        price=_number(row, "average_price"),
        product=_product(row),
        filled_at=filled_at,
    )


def position(row: Row) -> VenuePosition:
    """Read one position."""
    return VenuePosition(
        instrument=f"{_text(row, 'exchange')}:{_text(row, 'tradingsymbol')}",
        product=_product(row),
        quantity=_number(row, "quantity"),
        average_price=_number(row, "average_price"),
        last_price=_number(row, "last_price"),
        realised_quote=_number(row, "realised"),
        unrealised_quote=_number(row, "unrealised"),
    )


def margin(name: str, segment: Row) -> VenueMargin:
    """Read one segment's buying power."""
    available = row_of(segment.get("available") or {})
    used = row_of(segment.get("utilised") or {})
    return VenueMargin(
        segment=name,
        available=_number(available, "live_balance"),
        used=_number(used, "debits"),
        net=_number(segment, "net"),
    )


def _status(word: str, filled: Decimal) -> OrderStatus:
    status = _STATUSES.get(word, OrderStatus.ACCEPTED)
    if status is OrderStatus.OPEN and filled > 0:
        return OrderStatus.PARTIALLY_FILLED
    return status


def _tags(row: Row) -> tuple[str, ...]:
    listed = row.get("tags")
    found = [row.get("tag"), *(listed if isinstance(listed, list) else [])]
    return tuple(dict.fromkeys(str(tag) for tag in found if tag))


def _side(row: Row) -> Side:
    try:
        return Side(str(row.get("transaction_type")))
    except ValueError:
        word = row.get("transaction_type")
        raise DataError(f"{word!r} is no side that the desk knows", code="venue.unreadable") from None


def _product(row: Row) -> Product:
    word = str(row.get("product"))
    if word not in _PRODUCTS:
        raise DataError(f"{word!r} is no product that the desk knows", code="venue.product")
    return _PRODUCTS[word]


def _text(row: Row, name: str) -> str:
    return text_of(row.get(name), name)


def _number(row: Row, name: str) -> Decimal:
    return number_of(row.get(name), name)


def _positive(row: Row, name: str) -> Decimal | None:
    number = _number(row, name)
    return number if number > 0 else None
