"""Which of a feed's connections carries which symbol.

A symbol stays where it is for as long as it is wanted, so that a change of what is wanted touches only the connections
that gain or lose something by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from brokers.adapters.aster.stream_names import STREAMS_PER_CONNECTION
from brokers.domain.errors import Invalid

MOST_CONNECTIONS = 10
Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What one connection gains and loses: symbols with all their streams, and the streams that differ."""

    symbols: dict[str, Names] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    subscribe: list[str] = field(default_factory=list)
    unsubscribe: list[str] = field(default_factory=list)


class Shards:
    """Symbols and their streams by connection; each has room for all streams it could ever be asked for."""

    def __init__(self, *, most_names: int, connections: int = MOST_CONNECTIONS) -> None:
        self._per_connection = STREAMS_PER_CONNECTION // most_names
        self._names: list[dict[str, Names]] = [{} for _ in range(connections)]
        self._place: dict[str, int] = {}

    @property
    def capacity(self) -> int:
        return self._per_connection * len(self._names)

    def names(self, number: int) -> Mapping[str, Names]:
        """Return what one connection carries: the streams of each symbol."""
        return self._names[number]

    def used(self) -> list[int]:
        """Return the connections that carry anything."""
        return [number for number, names in enumerate(self._names) if names]

    def __len__(self) -> int:
        return len(self._place)

    def set(self, wanted: Mapping[str, Names]) -> dict[int, Change]:
        """Let these symbols have these streams; raise Invalid, changing nothing, when there is no room for all."""
        count = len(self._place.keys() | wanted.keys())
        if count > self.capacity:
            raise Invalid(
                f"an account's streams carry {self.capacity} instruments, {count} are wanted",
                code="feed.too_many",
                field="instruments",
                details={"capacity": self.capacity, "wanted": count},
            )
        changes: dict[int, Change] = {}
        for symbol, names in wanted.items():
            number = self._placed(symbol)
            old = self._names[number].get(symbol, ())
            self._names[number][symbol] = names
            change = changes.setdefault(number, Change())
            change.symbols[symbol] = names
            change.subscribe.extend(name for name in names if name not in old)
            change.unsubscribe.extend(name for name in old if name not in names)
        return changes

    def remove(self, symbols: Iterable[str]) -> dict[int, Change]:
        """Forget symbols; return what the connections lose."""
        changes: dict[int, Change] = {}
        for symbol in symbols:
            number = self._place.pop(symbol, None)
            if number is not None:
                change = changes.setdefault(number, Change())
                change.gone.append(symbol)
                change.unsubscribe.extend(self._names[number].pop(symbol))
        return changes

    def _placed(self, symbol: str) -> int:
        """Return where a symbol stays, or the first connection with room."""
        if symbol not in self._place:
            sizes = [len(names) for names in self._names]
            self._place[symbol] = next(number for number, size in enumerate(sizes) if size < self._per_connection)
        return self._place[symbol]
