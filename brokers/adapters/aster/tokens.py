"""Numbers for symbols: Aster names its contracts and numbers none, while quotes here are kept by number."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from brokers.domain.errors import DataError, Rejected

_BYTES = 6


@lru_cache(maxsize=8192)
def token_of(symbol: str) -> int:
    """Return a symbol's number: the same for ever and everywhere, 48 bits of its digest, never 0."""
    return int.from_bytes(blake2b(symbol.encode(), digest_size=_BYTES).digest(), "big") or 1


def require_distinct(symbols: Iterable[str]) -> None:
    """Raise DataError where two symbols of a list would have one number."""
    known: dict[int, str] = {}
    for symbol in symbols:
        other = known.setdefault(token_of(symbol), symbol)
        if other != symbol:
            raise DataError(f"{other} and {symbol} have the same number", code="aster.token")


def order_key(symbol: str, order_id: str) -> str:
    """Return the desk's name for an order: Aster counts orders by symbol, and a cancellation names both."""
    return f"{symbol}:{order_id}"


def split_order_key(key: str) -> tuple[str, str]:
    """Return the symbol and the exchange's own id of an order; raise Rejected for what names no order here."""
    symbol, _, order_id = key.rpartition(":")
    if not symbol or not order_id:
        raise Rejected(f"no order here is named {key!r}", code="order.unknown")
    return symbol, order_id
