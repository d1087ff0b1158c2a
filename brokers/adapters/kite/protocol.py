"""What to ask Kite: requests as values, with no socket, clock or framework in sight.

Kite Connect v3 as documented in 2026. Forms are url-encoded, lists repeat their key, times are IST without a zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from urllib.parse import urlencode

from brokers.domain.clock import IST, require_aware
from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.orders import ApprovedOrder, OrderIntent, OrderType, Validity
from brokers.domain.protection import AUTOMATIC, MarketProtection
from brokers.domain.terms import REGULAR, OrderTerms, Variety

API_VERSION = "3"
# the budgets that calls are taken from
ORDER, READ, QUOTE, HISTORY = "order", "read", "quote", "history"
# -1 lets the exchange band protect the order; Kite refuses an API market order without it (since 2026-04-01)
AUTO_PROTECTION = "-1"
PRICED_TYPES = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
PROTECTED_TYPES = frozenset({OrderType.MARKET, OrderType.STOP_MARKET})
TAG_LENGTH = 20
QUOTES_PER_CALL = 400  # 500 are allowed, but long symbols reach the limit of a URL first


@dataclass(frozen=True, slots=True, kw_only=True)
class KiteRequest:
    """One call: its budget is `kind`; a list in its form repeats the key, and only calculators take `json`.

    All calls are signed but those that begin a session, which prove themselves by a checksum.
    """

    method: str
    path: str
    kind: str
    params: tuple[tuple[str, str], ...] = ()
    form: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    json: object | None = None
    is_signed: bool = True


def headers(api_key: str, access_token: str) -> dict[str, str]:
    """Return the headers of a signed call."""
    return {"X-Kite-Version": API_VERSION, "Authorization": f"token {api_key}:{access_token}"}


def headers_of(request: KiteRequest, api_key: str, access_token: str) -> dict[str, str]:
    """Return the headers that a call goes out with."""
    return headers(api_key, access_token) if request.is_signed else {"X-Kite-Version": API_VERSION}


def login_url(base_url: str, api_key: str, state: str) -> str:
    """Return where a browser signs in; Kite brings `state` back to the registered address."""
    query = {"v": API_VERSION, "api_key": api_key, "redirect_params": urlencode({"state": state})}
    return f"{base_url}?{urlencode(query)}"


def checksum(api_key: str, token: str, api_secret: str) -> str:
    """Return the proof that the caller holds the secret: SHA-256 over key, token and secret."""
    return hashlib.sha256(f"{api_key}{token}{api_secret}".encode()).hexdigest()


def session_exchange(api_key: str, request_token: str, api_secret: str) -> KiteRequest:
    """Ask for an access token in return for a login's one-time request token."""
    form = {
        "api_key": api_key,
        "request_token": request_token,
        "checksum": checksum(api_key, request_token, api_secret),
    }
    return KiteRequest(method="POST", path="/session/token", kind=READ, form=form, is_signed=False)


def session_end(api_key: str, access_token: str) -> KiteRequest:
    """End a session at the venue."""
    params = (("api_key", api_key), ("access_token", access_token))
    return KiteRequest(method="DELETE", path="/session/token", kind=READ, params=params)


def place(order: ApprovedOrder, instrument: Instrument, terms: OrderTerms = REGULAR) -> KiteRequest:
    """Ask for an order; the client id travels as Kite's `tag`."""
    form = order_fields(order.intent, instrument, terms) | {"tag": _tag(order.client_id)}
    return KiteRequest(method="POST", path=f"/orders/{terms.variety}", kind=ORDER, form=form)


def order_fields(intent: OrderIntent, instrument: Instrument, terms: OrderTerms = REGULAR) -> dict[str, str]:
    """Word an order: the one place where it happens, and no market order leaves it without protection."""
    if intent.quantity != intent.quantity.to_integral_value():
        raise Invalid("Kite takes whole quantities", code="order.quantity", field="quantity")
    fields = {
        "exchange": instrument.exchange,
        "tradingsymbol": instrument.symbol,
        "transaction_type": intent.side.value,
        "quantity": plain(intent.quantity),
        "product": intent.product.value,
        "order_type": intent.order_type.value,
        "validity": intent.validity.value,
    }
    if intent.order_type in PRICED_TYPES and intent.price is not None:
        fields["price"] = plain(intent.price)
    if intent.trigger_price is not None:
        fields["trigger_price"] = plain(intent.trigger_price)
    if intent.order_type in PROTECTED_TYPES:
        fields["market_protection"] = _protection(terms.protection)
    return fields | _of_terms(intent, instrument, terms)


def modify(
    order_id: str,
    order_type: OrderType,
    *,
    price: Decimal | None,
    trigger_price: Decimal | None,
    protection: MarketProtection = AUTOMATIC,
    variety: str = Variety.REGULAR,
    others: Mapping[str, str] | None = None,
) -> KiteRequest:
    """Ask for other terms of a resting order; only what changes is sent.

    The quantity stays out unless `others` names it: whether Kite reads it as total or remaining on a part-filled
    order is not documented.
    """
    form = dict(others or {})
    if price is not None:
        form["price"] = plain(price)
    if trigger_price is not None:
        form["trigger_price"] = plain(trigger_price)
    if not form:
        raise Invalid("a modification names a price or a trigger price", code="order.price", field="price")
    if order_type in PROTECTED_TYPES:
        form["market_protection"] = _protection(protection)
    return KiteRequest(method="PUT", path=f"/orders/{variety}/{order_id}", kind=ORDER, form=form)


def cancel(order_id: str, *, variety: str = Variety.REGULAR, parent_order_id: str | None = None) -> KiteRequest:
    """Ask to cancel an order; a cover order's stop names its parent, and is the way out of the position."""
    params = (("parent_order_id", parent_order_id),) if parent_order_id else ()
    return KiteRequest(method="DELETE", path=f"/orders/{variety}/{order_id}", kind=ORDER, params=params)


def json_number(value: Decimal) -> int | float:
    """Return a number as JSON writes it; a float's shortest form is the decimal it came from."""
    return int(value) if value == value.to_integral_value() else float(value)


def reading(path: str, *params: tuple[str, str], kind: str = READ) -> KiteRequest:
    """Ask for something that is simply there."""
    return KiteRequest(method="GET", path=path, kind=kind, params=params)


def orders() -> KiteRequest:
    """Ask for today's order book."""
    return reading("/orders")


def trades() -> KiteRequest:
    """Ask for today's trades."""
    return reading("/trades")


def positions() -> KiteRequest:
    """Ask for net and day positions."""
    return reading("/portfolio/positions")


def holdings() -> KiteRequest:
    """Ask for the delivery holdings."""
    return reading("/portfolio/holdings")


def margins() -> KiteRequest:
    """Ask for the buying power of each segment."""
    return reading("/user/margins")


def profile() -> KiteRequest:
    """Ask who is signed in; also the probe of a session's life."""
    return reading("/user/profile")


def instruments(exchange: str | None = None) -> KiteRequest:
    """Ask for the day's list of contracts, as CSV."""
    return reading(f"/instruments/{exchange}" if exchange else "/instruments")


def quotes(keys: Sequence[str], detail: str = "full") -> list[KiteRequest]:
    """Ask for quotes (`full`, `ohlc` or `ltp`) in as many calls as the limits demand."""
    path = "/quote" if detail == "full" else f"/quote/{detail}"
    chunks = [keys[at : at + QUOTES_PER_CALL] for at in range(0, len(keys), QUOTES_PER_CALL)]
    return [reading(path, *(("i", key) for key in chunk), kind=QUOTE) for chunk in chunks]


def candles(
    token: int,
    interval: str,
    start: datetime,
    end: datetime,
    *,
    is_continuous: bool = False,
    with_interest: bool = False,
) -> KiteRequest:
    """Ask for candles that open from `start` to `end`, both included.

    Continuous ones join the expired futures before a living contract (`day` alone).
    """
    params = (
        ("from", ist_text(start)),
        ("to", ist_text(end)),
        ("continuous", "1" if is_continuous else "0"),
        ("oi", "1" if with_interest else "0"),
    )
    path = f"/instruments/historical/{token}/{interval}"
    return KiteRequest(method="GET", path=path, kind=HISTORY, params=params)


def ist_text(at: datetime) -> str:
    """Write an aware time as Kite reads it."""
    return require_aware(at, "at").astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def plain(value: Decimal) -> str:
    """Write a number without exponent or needless zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _protection(protection: MarketProtection) -> str:
    return AUTO_PROTECTION if protection.percent is None else plain(protection.percent)


def _of_terms(intent: OrderIntent, instrument: Instrument, terms: OrderTerms) -> dict[str, str]:
    fields: dict[str, str] = {}
    if terms.variety is Variety.COVER and intent.trigger_price is None:
        raise Invalid("a cover order names its stop", code="order.trigger_price", field="trigger_price")
    if terms.live_minutes is not None:
        if intent.validity is not Validity.DAY:
            raise Invalid("an order lives for minutes or trades at once", code="order.validity", field="validity")
        fields |= {"validity": "TTL", "validity_ttl": str(terms.live_minutes)}
    if terms.disclosed_quantity is not None:
        if instrument.kind is not InstrumentKind.EQUITY or terms.disclosed_quantity > intent.quantity:
            raise Invalid(
                "a part of a share order's quantity can be disclosed",
                code="order.disclosed_quantity",
                field="disclosed_quantity",
            )
        fields["disclosed_quantity"] = plain(terms.disclosed_quantity)
    if terms.iceberg_legs is not None:
        leg = _leg_quantity(intent.quantity, instrument, terms.iceberg_legs)
        fields |= {"iceberg_legs": str(terms.iceberg_legs), "iceberg_quantity": plain(leg)}
    if terms.auction_number is not None:
        fields["auction_number"] = terms.auction_number
    if terms.autoslice:
        fields["autoslice"] = "true"
    if terms.algo_id is not None:
        fields["algo_id"] = terms.algo_id
    return fields


def _leg_quantity(quantity: Decimal, instrument: Instrument, legs: int) -> Decimal:
    lot = max(instrument.lot_size, 1)
    leg = (quantity / (legs * lot)).to_integral_value(rounding=ROUND_CEILING) * lot
    if (legs - 1) * leg >= quantity:
        raise Invalid(
            f"{plain(quantity)} cannot be split into {legs} legs", code="order.iceberg_legs", field="iceberg_legs"
        )
    return leg


def _tag(client_id: str) -> str:
    # a longer tag is refused, and one with other characters cannot be relied upon in the book
    if not (client_id.isascii() and client_id.isalnum() and len(client_id) <= TAG_LENGTH):
        raise Invalid(f"{client_id!r} cannot be a Kite tag", code="order.client_id", field="client_id")
    return client_id
