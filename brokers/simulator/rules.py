"""What the simulated broker and exchange object to, and the prices they derive."""

from brokers.simulator.listings import Listing
from brokers.simulator.orders import OrderRequest, Refusal

SIDES = frozenset({"BUY", "SELL"})
ORDER_TYPES = frozenset({"MARKET", "LIMIT", "SL", "SL-M"})
VALIDITIES = frozenset({"DAY", "IOC", "TTL"})
NO_PROTECTION = (
    "Market orders without market protection are not allowed via API. "
    "Please set market protection or use a Limit order."
)
CASH_BAND = 0.10
# Automatic market protection by price band in paise (Zerodha, 2026-04): percent of the last price.
_PROTECTION = ((10_000, 2.0), (50_000, 1.0))
_OPTION_PROTECTION = ((1_000, 5.0), (10_000, 3.0), (50_000, 2.0))


def check_request(request: OrderRequest, listing: Listing, *, last: int, close: int) -> None:
    """Raise `Refusal` for what the broker turns away before any order row exists."""
    _check_words(request, listing)
    _check_quantity(request, listing)
    _check_protection(request)
    _check_prices(request, listing, last, close)
    _check_tag(request.tag)


def _check_words(request: OrderRequest, listing: Listing) -> None:
    products = {"NRML", "MIS"} if listing.is_derivative else {"CNC", "MIS"}
    for name, value, allowed in (
        ("transaction_type", request.side, SIDES),
        ("order_type", request.order_type, ORDER_TYPES),
        ("validity", request.validity, VALIDITIES),
        ("product", request.product, products),
    ):
        if value not in allowed:
            raise Refusal(f"Invalid `{name}`.")
    if request.validity == "TTL" and request.validity_ttl <= 0:
        raise Refusal("Missing or invalid `validity_ttl`: minutes are needed with the validity TTL.")
    if listing.is_index:
        raise Refusal("Index instruments cannot be traded.")


def _check_quantity(request: OrderRequest, listing: Listing) -> None:
    if request.quantity <= 0:
        raise Refusal("Quantity should be greater than 0.")
    if request.quantity % max(listing.lot, 1):
        raise Refusal(f"Quantity should be a multiple of the lot size ({listing.lot}).")
    if request.quantity > listing.freeze:
        raise Refusal(f"Quantity exceeds the freeze quantity of {listing.freeze} for {listing.symbol}.")


def _check_protection(request: OrderRequest) -> None:
    if request.order_type not in {"MARKET", "SL-M"}:
        return
    if not request.protection:
        raise Refusal(NO_PROTECTION)
    if request.protection != -1 and not 0 < request.protection <= 100:
        raise Refusal("Invalid `market_protection`: send -1 or a percentage up to 100.")


def _check_prices(request: OrderRequest, listing: Listing, last: int, close: int) -> None:
    needs_price, needs_trigger = request.order_type in {"LIMIT", "SL"}, request.order_type in {"SL", "SL-M"}
    for name, wanted, value in (
        ("price", needs_price, request.price),
        ("trigger_price", needs_trigger, request.trigger_price),
    ):
        if wanted and value <= 0:
            raise Refusal(f"Missing or invalid `{name}`.")
        if wanted and value % listing.tick:
            raise Refusal(f"The {name.replace('_', ' ')} is not a multiple of the tick size {listing.tick / 100:.2f}.")
    if needs_trigger:
        _check_trigger(request, last)
    low, high = circuit_limits(listing, last=last, close=close)
    if needs_price and not listing.is_option and not low <= request.price <= high:
        raise Refusal(f"Your order price is outside the circuit limits {low / 100:.2f} to {high / 100:.2f}.")


def _check_trigger(request: OrderRequest, last: int) -> None:
    buying = request.side == "BUY"
    if buying and request.trigger_price <= last:
        raise Refusal("Trigger price for stoploss buy orders should be higher than the last traded price.")
    if not buying and request.trigger_price >= last:
        raise Refusal("Trigger price for stoploss sell orders should be lower than the last traded price.")
    worse = request.price < request.trigger_price if buying else request.price > request.trigger_price
    if request.order_type == "SL" and worse:
        raise Refusal("The limit price of a stoploss order should be beyond its trigger price.")


def _check_tag(tag: str | None) -> None:
    if tag and (len(tag) > 20 or not (tag.isascii() and tag.isalnum())):
        raise Refusal("Invalid `tag`: at most 20 alphanumeric characters are allowed.")


def circuit_limits(listing: Listing, *, last: int, close: int) -> tuple[int, int]:
    """Return the allowed price range in paise: 10 % around the close for cash and futures.

    Options follow the exchange's limit price protection: 40 % around the last price, Rs 20 when small.
    """
    reference, room = close, int(close * CASH_BAND)
    if listing.is_option:
        reference, room = last, last * 2 // 5 if last > 5_000 else 2_000
    low = max(reference - room, listing.tick)
    return low + (-low) % listing.tick, (reference + room) // listing.tick * listing.tick


def protection_percent(listing: Listing, last: int, asked: float) -> float:
    """Return the percentage a market order is protected with; −1 asks for the band's own."""
    if asked != -1:
        return asked
    if listing.is_option:
        return next((percent for below, percent in _OPTION_PROTECTION if last < below), 1.0)
    return next((percent for below, percent in _PROTECTION if last < below), 0.5)


def protected_price(listing: Listing, side: str, last: int, percent: float) -> int:
    """Return the limit price of a protected market order, rounded to the passive side."""
    room = int(last * percent / 100)
    if side == "BUY":
        return max((last + room) // listing.tick * listing.tick, listing.tick)
    return max(-(-(last - room) // listing.tick) * listing.tick, listing.tick)
