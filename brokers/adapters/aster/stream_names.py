"""What Aster's streams are called, where they are reached, and what is said to one that is open.

A connection carries at most 200 streams and takes at most ten messages a second; whoever sends more is banned. Source:
the websocket chapter of Aster's futures API.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

import orjson

from brokers.ports import FeedMode

STREAMS_PER_CONNECTION = 200
NAMES_PER_MESSAGE = 50
# half of what is allowed, because answers to pings count as well
MESSAGE_EVERY_S = 0.2
# the mark price comes every second, whoever trades: it tells that a symbol's streams are alive
MARK = "markPrice@1s"
BOOK = "depth@100ms"
_KINDS: Mapping[FeedMode, tuple[str, ...]] = {
    FeedMode.LTP: (MARK, "miniTicker"),
    FeedMode.QUOTE: (MARK, "miniTicker", "aggTrade"),
    FeedMode.FULL: (MARK, "miniTicker", "aggTrade", "bookTicker"),
}


def names_of(symbol: str, mode: FeedMode, *, with_book: bool = False) -> tuple[str, ...]:
    """Return the streams of a symbol in one mode, its mark price first."""
    kinds = _KINDS[mode] + ((BOOK,) if with_book else ())
    return tuple(f"{symbol.lower()}@{kind}" for kind in kinds)


def market_url(base_url: str, names: Sequence[str]) -> str:
    """Return the address of one connection that carries these streams from its first moment."""
    return f"{base_url.rstrip('/')}/stream?streams={'/'.join(quote(name, safe='@') for name in names)}"


def account_url(base_url: str, key: str) -> str:
    """Return the address of an account's stream; it holds the key, so it is never logged."""
    return f"{base_url.rstrip('/')}/ws/{quote(key, safe='')}"


def subscribe_texts(names: Sequence[str], numbers: Iterator[int]) -> list[str]:
    return _texts("SUBSCRIBE", names, numbers)


def unsubscribe_texts(names: Sequence[str], numbers: Iterator[int]) -> list[str]:
    return _texts("UNSUBSCRIBE", names, numbers)


def chunks(names: Iterable[str]) -> list[list[str]]:
    """Cut a list into messages."""
    whole = list(names)
    return [whole[at : at + NAMES_PER_MESSAGE] for at in range(0, len(whole), NAMES_PER_MESSAGE)]


def _texts(method: str, names: Sequence[str], numbers: Iterator[int]) -> list[str]:
    return [orjson.dumps({"method": method, "params": chunk, "id": next(numbers)}).decode() for chunk in chunks(names)]
