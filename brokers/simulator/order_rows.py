"""From a request to a row of the order book, and from a row to the request that a change makes of it."""

from brokers.simulator.listings import Listing
from brokers.simulator.orders import Moment, Order, OrderRequest

Changes = dict[str, int | float | str]


def new_order(
    account_id: str, request: OrderRequest, listing: Listing, row: int, *, at: Moment, ids: tuple[str, str]
) -> Order:
    """Return the row with which a request enters the book."""
    order_id, exchange_order_id = ids
    return Order(
        account=account_id,
        order_id=order_id,
        exchange_order_id=exchange_order_id,
        listing=listing,
        row=row,
        side=request.side,
        quantity=request.quantity,
        product=request.product,
        order_type=request.order_type,
        price=request.price if request.order_type in {"LIMIT", "SL"} else 0,
        trigger_price=request.trigger_price if request.order_type in {"SL", "SL-M"} else 0,
        validity=request.validity,
        disclosed_quantity=request.disclosed_quantity,
        protection=request.protection,
        tag=request.tag,
        tags=((request.tag,) if request.tag else ()) + request.tags,
        variety=request.variety,
        validity_ttl=request.validity_ttl,
        parent_order_id=request.parent_order_id,
        auction_number=request.auction_number,
        leg=request.leg,
        placed_ns=at.market_ns,
        updated_ns=at.market_ns,
    )


def changed_request(order: Order, changes: Changes) -> OrderRequest:
    """Return what the order would ask for with these changes."""
    wanted: dict[str, int | float | str | None] = {
        "exchange": order.listing.exchange,
        "symbol": order.listing.symbol,
        "side": order.side,
        "product": order.product,
        "quantity": order.quantity,
        "order_type": order.order_type,
        "price": order.price,
        "trigger_price": order.trigger_price,
        "validity": order.validity,
        "validity_ttl": order.validity_ttl,
        "disclosed_quantity": order.disclosed_quantity,
        # An order that came as MARKET keeps its protection; a LIMIT that becomes one must bring it.
        "protection": order.protection,
        "tag": order.tag,
        "variety": order.variety,
    }
    return OrderRequest(**{**wanted, **changes})  # type: ignore[arg-type]
