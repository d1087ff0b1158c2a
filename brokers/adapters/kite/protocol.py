"""What to ask Kite: requests as values, with no socket, clock or framework in sight.

Kite Connect v3 as documented in 2026. Forms are url-encoded, lists repeat their key, times are IST without a zone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlencode

from brokers.domain.clock import IST, require_aware
from brokers.domain.errors import Invalid
from brokers.domain.instruments import Instrument
from brokers.domain.orders import ApprovedOrder, OrderType

API_VERSION = "3"
VARIETY = "regular"
# -1 lets the exchange band protect the order; Kite refuses an API market order without it (since 2026-04-01)
AUTO_PROTECTION = "-1"
PROTECTED_TYPES = frozenset({OrderType.MARKET, OrderType.STOP_MARKET})
TAG_LENGTH = 20
QUOTES_PER_CALL = 400  # 500 are allowed, but long symbols reach the limit of a URL first


@dataclass(frozen=True, slots=True, kw_only=True)
class KiteRequest:
    """One call: its budget is `kind` (order, read, quote, history)."""

    method: str
    path: str
    kind: str
    params: tuple[tuple[str, str], ...] = ()
    form: dict[str, str] = field(default_factory=dict)


def headers(api_key: str, access_token: str) -> dict[str, str]:
    """Return the headers of a signed call."""
    return {"X-Kite-Version": API_VERSION, "Authorization": f"token {api_key}:{access_token}"}


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
    return KiteRequest(method="POST", path="/session/token", kind="read", form=form)


def session_end(api_key: str, access_token: str) -> KiteRequest:
    """End a session at the venue."""
    params = (("api_key", api_key), ("access_token", access_token))
    return KiteRequest(method="DELETE", path="/session/token", kind="read", params=params)


def place(order: ApprovedOrder, instrument: Instrument) -> KiteRequest:
    """Ask for an order; the client id travels as Kite's `tag`."""
    intent = order.intent
    form = {
        "exchange": instrument.exchange,
        "tradingsymbol": instrument.symbol,
        "transaction_type": intent.side.value,
        "quantity": plain(intent.quantity),
        "product": intent.product.value,
        "order_type": intent.order_type.value,
        "validity": intent.validity.value,
        "tag": _tag(order.client_id),
    }
    if intent.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT) and intent.price is not None:
        form["price"] = plain(intent.price)
    if intent.trigger_price is not None:
        form["trigger_price"] = plain(intent.trigger_price)
    if intent.order_type in PROTECTED_TYPES:
        form["market_protection"] = AUTO_PROTECTION
    return KiteRequest(method="POST", path=f"/orders/{VARIETY}", kind="order", form=form)


def modify(
    order_id: str, order_type: OrderType, *, price: Decimal | None, trigger_price: Decimal | None
) -> KiteRequest:
    """Ask for another price of a resting order; only what changes is sent, and never the quantity.

    Whether Kite reads a quantity as total or remaining on a part-filled order is not documented.
    """
    form = {}
    if price is not None:
        form["price"] = plain(price)
    if trigger_price is not None:
        form["trigger_price"] = plain(trigger_price)
    if not form:
        raise Invalid("a modification names a price or a trigger price", code="order.price", field="price")
    if order_type in PROTECTED_TYPES:
        form["market_protection"] = AUTO_PROTECTION
    return KiteRequest(method="PUT", path=f"/orders/{VARIETY}/{order_id}", kind="order", form=form)


def cancel(order_id: str) -> KiteRequest:
    """Ask to cancel an order."""
    return KiteRequest(method="DELETE", path=f"/orders/{VARIETY}/{order_id}", kind="order")


def orders() -> KiteRequest:
    """Ask for today's order book."""
    return _read("/orders")


def trades() -> KiteRequest:
    """Ask for today's trades."""
    return _read("/trades")


def positions() -> KiteRequest:
    """Ask for net and day positions."""
    return _read("/portfolio/positions")


def holdings() -> KiteRequest:
    """Ask for the delivery holdings."""
    return _read("/portfolio/holdings")


def margins() -> KiteRequest:
    """Ask for the buying power of each segment."""
    return _read("/user/margins")


def profile() -> KiteRequest:
    """Ask who is signed in; also the probe of a session's life."""
    return _read("/user/profile")


def instruments(exchange: str | None = None) -> KiteRequest:
    """Ask for the day's list of contracts, as CSV."""
    return _read(f"/instruments/{exchange}" if exchange else "/instruments")


def quotes(keys: Sequence[str], detail: str = "full") -> list[KiteRequest]:
    """Ask for quotes (`full`, `ohlc` or `ltp`) in as many calls as the limits demand."""
    path = "/quote" if detail == "full" else f"/quote/{detail}"
    chunks = [keys[at : at + QUOTES_PER_CALL] for at in range(0, len(keys), QUOTES_PER_CALL)]
    return [
        KiteRequest(method="GET", path=path, kind="quote", params=tuple(("i", key) for key in chunk))
        for chunk in chunks
    ]


def candles(token: int, interval: str, start: datetime, end: datetime) -> KiteRequest:
    """Ask for candles that open from `start` to `end`, both included."""
    params = (("from", ist_text(start)), ("to", ist_text(end)), ("continuous", "0"), ("oi", "0"))
    path = f"/instruments/historical/{token}/{interval}"
    return KiteRequest(method="GET", path=path, kind="history", params=params)


def ist_text(at: datetime) -> str:
    """Write an aware time as Kite reads it."""
    return require_aware(at, "at").astimezone(IST).strftime("%Y-%m-%d %H:%M:%S")


def plain(value: Decimal) -> str:
    """Write a number without exponent or needless zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _read(path: str) -> KiteRequest:
    return KiteRequest(method="GET", path=path, kind="read")


def _tag(client_id: str) -> str:
    # a longer tag is refused, and one with other characters cannot be relied upon in the book
    if not (client_id.isascii() and client_id.isalnum() and len(client_id) <= TAG_LENGTH):
        raise Invalid(f"{client_id!r} cannot be a Kite tag", code="order.client_id", field="client_id")
    return client_id
