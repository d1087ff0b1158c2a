"""Which symbols of an open connection have fallen silent.

An open socket that answers pings and sends nothing is a known failure of this family of venues, so each symbol's mark
price, sent every second, is listened for. Looks are counted and not seconds: after a pause of the whole process what
has arrived meanwhile is read before the next look, and is no silence.
"""

from __future__ import annotations

from collections.abc import Iterable


class Watch:
    """Counts looks since each symbol was last heard; one that was set aside is not expected until it speaks."""

    def __init__(self, *, looks: int, grace: int = 5) -> None:
        self._looks = looks
        self._grace = grace
        self._missed: dict[str, int] = {}
        self.set_aside: set[str] = set()

    def expect(self, symbols: Iterable[str]) -> None:
        """Listen for these too; a new one has a little longer to begin."""
        for symbol in symbols:
            self._missed.setdefault(symbol, -self._grace)

    def forget(self, symbols: Iterable[str]) -> None:
        """Listen for these no longer."""
        for symbol in symbols:
            self._missed.pop(symbol, None)
            self.set_aside.discard(symbol)

    def begin_anew(self) -> None:
        """Give every symbol its time again, on a new connection."""
        self._missed = dict.fromkeys(self._missed, -self._grace)

    @property
    def expected(self) -> set[str]:
        """The symbols that ought to be heard."""
        return self._missed.keys() - self.set_aside

    def look(self, heard: set[str]) -> set[str]:
        """Take note of who was heard since the last look; return who has been silent for too long."""
        self.set_aside -= heard
        for symbol in self._missed:
            self._missed[symbol] = 0 if symbol in heard else self._missed[symbol] + 1
        return {symbol for symbol in self.expected if self._missed[symbol] >= self._looks}
