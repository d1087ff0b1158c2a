"""Which of a session's streams carries which instrument.

An instrument stays on its stream for as long as it is wanted, so that a change of what is wanted touches only the
streams that gain or lose something by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from brokers.adapters.kite.frames import CONNECTIONS, TOKENS_PER_CONNECTION
from brokers.domain.errors import Invalid
from brokers.ports import FeedMode

Change = dict[int, dict[int, FeedMode]]


class Shards:
    """Tokens and their modes by stream, 3,000 to each of three."""

    def __init__(self, *, streams: int = CONNECTIONS, per_stream: int = TOKENS_PER_CONNECTION) -> None:
        self._per_stream = per_stream
        self._modes: list[dict[int, FeedMode]] = [{} for _ in range(streams)]
        self._stream_of: dict[int, int] = {}

    @property
    def capacity(self) -> int:
        return self._per_stream * len(self._modes)

    def modes(self, stream: int) -> Mapping[int, FeedMode]:
        """Return what one stream carries."""
        return self._modes[stream]

    def add(self, tokens: Iterable[int], mode: FeedMode) -> tuple[Change, Change]:
        """Take tokens up in a mode; return what is new and what only changes its mode, by stream.

        Raise Invalid, changing nothing, when there is no room for all of them.
        """
        wanted = dict.fromkeys(tokens)
        fresh = [token for token in wanted if token not in self._stream_of]
        known = [token for token in wanted if token in self._stream_of]
        count = len(self._stream_of) + len(fresh)
        if count > self.capacity:
            raise Invalid(
                f"a session's streams carry {self.capacity} instruments, {count} are wanted",
                code="feed.too_many",
                field="instruments",
                details={"capacity": self.capacity, "wanted": count},
            )
        return self._place(fresh, mode), self._change_mode(known, mode)

    def remove(self, tokens: Iterable[int]) -> dict[int, list[int]]:
        """Forget tokens; return those that were known, by stream."""
        gone: dict[int, list[int]] = {}
        for token in tokens:
            stream = self._stream_of.pop(token, None)
            if stream is not None:
                del self._modes[stream][token]
                gone.setdefault(stream, []).append(token)
        return gone

    def _place(self, fresh: list[int], mode: FeedMode) -> Change:
        added: Change = {}
        stream = 0
        for token in fresh:
            while len(self._modes[stream]) >= self._per_stream:
                stream += 1
            self._modes[stream][token] = mode
            self._stream_of[token] = stream
            added.setdefault(stream, {})[token] = mode
        return added

    def _change_mode(self, known: list[int], mode: FeedMode) -> Change:
        changed: Change = {}
        for token in known:
            stream = self._stream_of[token]
            if self._modes[stream][token] is not mode:
                self._modes[stream][token] = mode
                changed.setdefault(stream, {})[token] = mode
        return changed
