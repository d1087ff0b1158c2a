"""Tells what a stream had cached from what is news.

On a subscription the venue sends an instrument's last tick at once, however old it is. A quote counts as fresh only
after one with a later exchange time than the first; one without an exchange time proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from brokers.domain.market import QuoteColumns


class FirstTicks:
    """The instruments of one stream of which nothing new has been heard yet."""

    __slots__ = ("_first_ns",)

    def __init__(self) -> None:
        # the exchange time of the first tick since the subscription, 0 until one bears any
        self._first_ns: dict[int, int] = {}

    def expect(self, tokens: Iterable[int]) -> None:
        """Take the next tick of these instruments for an old one."""
        self._first_ns.update(dict.fromkeys(tokens, 0))

    def forget(self, tokens: Iterable[int]) -> None:
        for token in tokens:
            self._first_ns.pop(token, None)

    def marked(self, columns: QuoteColumns) -> QuoteColumns:
        """Return the frame with its cached ticks marked."""
        if not self._first_ns:
            return columns
        cached = [
            self._is_cached(*tick) for tick in zip(columns.token.tolist(), columns.exchange_ns.tolist(), strict=True)
        ]
        return replace(columns, cached=np.array(cached)) if any(cached) else columns

    def _is_cached(self, token: int, made_ns: int) -> bool:
        first_ns = self._first_ns.get(token)
        if first_ns is None:
            return False
        if first_ns == 0:
            self._first_ns[token] = made_ns
            return True
        if made_ns > first_ns:
            del self._first_ns[token]
            return False
        return True
