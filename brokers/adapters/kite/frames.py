"""The words of Kite's stream: what to say to it, and what its text frames mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from brokers.adapters.kite import payloads
from brokers.domain.errors import DataError
from brokers.domain.orders import VenueOrder
from brokers.ports import FeedMessage, FeedMode

TOKENS_PER_MESSAGE = 300
TOKENS_PER_CONNECTION = 3000
CONNECTIONS = 3
_LONGEST_NOTICE = 300


def stream_url(base_url: str, api_key: str, access_token: str) -> str:
    """Return the stream's address; it holds the token, so it is never logged."""
    return f"{base_url}?{urlencode({'api_key': api_key, 'access_token': access_token})}"


def subscribe_texts(modes: Mapping[int, FeedMode]) -> list[str]:
    """Return the messages that subscribe to tokens in their modes, a few hundred at a time."""
    texts: list[str] = []
    for mode in FeedMode:
        for chunk in _chunks([token for token, wanted in modes.items() if wanted is mode]):
            texts.append(_dump({"a": "subscribe", "v": chunk}))
            # the venue's own default mode is nowhere stated
            texts.append(_dump({"a": "mode", "v": [mode, chunk]}))
    return texts


def mode_texts(modes: Mapping[int, FeedMode]) -> list[str]:
    """Return the messages that change the modes of tokens which are subscribed."""
    return [
        _dump({"a": "mode", "v": [mode, chunk]})
        for mode in FeedMode
        for chunk in _chunks([token for token, wanted in modes.items() if wanted is mode])
    ]


def unsubscribe_texts(tokens: Sequence[int]) -> list[str]:
    """Return the messages that end subscriptions."""
    return [_dump({"a": "unsubscribe", "v": chunk}) for chunk in _chunks(tokens)]


def read_text(text: str) -> VenueOrder | FeedMessage | None:
    """Read a text frame; None for one that cannot be read or has a type the desk does not know."""
    try:
        frame = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError, InvalidOperation):
        return None
    if not isinstance(frame, dict):
        return None
    data = frame.get("data")
    if frame.get("type") == "order" and isinstance(data, dict):
        return _order(data)
    if frame.get("type") in ("error", "message"):
        return FeedMessage(kind=str(frame["type"]), text=str(data)[:_LONGEST_NOTICE])
    return None


def _order(data: dict[str, object]) -> VenueOrder | None:
    try:
        return payloads.order(data)
    except DataError:
        return None


def _chunks(tokens: Sequence[int]) -> list[list[int]]:
    return [list(tokens[at : at + TOKENS_PER_MESSAGE]) for at in range(0, len(tokens), TOKENS_PER_MESSAGE)]


def _dump(message: dict[str, object]) -> str:
    return json.dumps(message, separators=(",", ":"))
