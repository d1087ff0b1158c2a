"""Finding a contract by the words a person types, over a whole venue's list.

Every row of the list has words: its symbol, what its name is made of, its expiry as people write it
(``nov``, ``24nov26``), its strike, its kind. A search wants every typed word to begin one of them.
The rows are numbered from the most to the least likely wanted, so that an answer is the first few
numbers that all words share: a few passes over one array, whatever is typed.
"""

from __future__ import annotations

import io
import re
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind

Mask = npt.NDArray[np.bool_]

_EXCHANGES = {"NSE": 0, "NFO": 0, "BSE": 1, "BFO": 1}
_KIND_WORDS = {
    InstrumentKind.EQUITY: ("eq", "equity", "stock"),
    InstrumentKind.FUTURE: ("futures",),
    InstrumentKind.CALL: ("ce", "call"),
    InstrumentKind.PUT: ("pe", "put"),
    InstrumentKind.INDEX: ("index",),
    InstrumentKind.PERPETUAL: ("perpetual",),
}
_PARTS = re.compile(r"[^a-z0-9]+")
# beyond what any keyboard types: marks of words that say more than that they occur
_SYMBOL, _UNDERLYING, _EXCHANGE = "\x01", "\x02", "\x03"
_LAST = "\uffff"


class WordIndex:
    """The words of a list and the rows in which each occurs; immutable once built."""

    __slots__ = ("_groups", "_keys", "_offsets", "_postings", "_words")

    def __init__(
        self,
        *,
        keys: Sequence[str],
        words: Sequence[str],
        offsets: npt.NDArray[np.int32],
        postings: npt.NDArray[np.int32],
        groups: tuple[int, int],
    ) -> None:
        self._keys = keys
        self._words = words
        self._offsets = offsets
        self._postings = postings
        # rows before the first number are indices, before the second stocks, then contracts on them
        self._groups = groups

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def of(cls, instruments: Iterable[Instrument]) -> WordIndex:
        """Build the index of a list, in any order."""
        rows = _ranked(list(instruments))
        found = _postings(rows)
        words = sorted(found)
        counts = [len(found[word]) for word in words]
        kinds = [_group(instrument) for instrument in rows]
        return cls(
            keys=[instrument.key for instrument in rows],
            words=words,
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
            postings=np.fromiter(chain.from_iterable(map(found.__getitem__, words)), dtype=np.int32, count=sum(counts)),
            groups=(bisect_left(kinds, 1), bisect_left(kinds, 2)),
        )

    def find(self, text: str, *, limit: int, with_indices: bool = False) -> list[str]:
        """Return the keys of at most `limit` rows in which every typed word begins a word, the likeliest first.

        The exact symbol comes first, then indices, stocks and contracts; contracts of the underlying
        that was named before others, near expiries before far ones, strikes from the chain's middle.
        """
        typed = [word for word in text.lower().split() if word]
        wanted = self._matching(typed)
        if not with_indices:
            wanted[: self._groups[0]] = False
        return [self._keys[number] for number in self._first(wanted, typed, limit)]

    def dump(self) -> bytes:
        """Return the index as bytes for `load`."""
        file = io.BytesIO()
        np.savez(
            file,
            keys=_bytes_of(self._keys),
            words=_bytes_of(self._words),
            offsets=self._offsets,
            postings=self._postings,
            groups=np.array(self._groups, dtype=np.int32),
        )
        return zlib.compress(file.getvalue(), level=1)

    @classmethod
    def load(cls, data: bytes) -> WordIndex:
        """Return the index that `dump` wrote."""
        with np.load(io.BytesIO(zlib.decompress(data)), allow_pickle=False) as file:
            indices, stocks = (int(number) for number in file["groups"])
            return cls(
                keys=_texts_of(file["keys"]),
                words=_texts_of(file["words"]),
                offsets=file["offsets"],
                postings=file["postings"],
                groups=(indices, stocks),
            )

    def _matching(self, typed: Sequence[str]) -> Mask:
        wanted = np.ones(len(self._keys), dtype=np.bool_)
        for word in typed:
            exchange, colon, rest = word.partition(":")
            if colon:
                wanted &= self._exactly(_EXCHANGE + exchange)
            if rest or not colon:
                wanted &= self._beginning(rest if colon else word)
        return wanted

    def _first(self, wanted: Mask, typed: Sequence[str], limit: int) -> list[int]:
        found: list[int] = []
        for tier in self._tiers(typed):
            numbers = np.flatnonzero(wanted & tier)[: limit - len(found)].tolist()
            found += numbers
            wanted[numbers] = False
            if len(found) == limit:
                break
        return found

    def _tiers(self, typed: Sequence[str]) -> Iterator[Mask]:
        """Yield masks from the likeliest rows to all of them."""
        bare = [word.partition(":")[2] or word for word in typed]
        first = bare[0] if bare else ""
        everything = np.ones(len(self._keys), dtype=np.bool_)
        yield self._exactly(_SYMBOL + "".join(bare))
        begins = self._beginning(_SYMBOL + first)
        named = self._exactly(_UNDERLYING + first)
        for group in self._group_masks():
            yield group & named
            yield group & begins
            yield group & everything

    def _group_masks(self) -> Iterator[Mask]:
        edges = (0, *self._groups, len(self._keys))
        for start, end in pairwise(edges):
            mask = np.zeros(len(self._keys), dtype=np.bool_)
            mask[start:end] = True
            yield mask

    def _beginning(self, prefix: str) -> Mask:
        return self._between(bisect_left(self._words, prefix), bisect_left(self._words, prefix + _LAST))

    def _exactly(self, word: str) -> Mask:
        at = bisect_left(self._words, word)
        is_known = at < len(self._words) and self._words[at] == word
        return self._between(at, at + is_known)

    def _between(self, low: int, high: int) -> Mask:
        mask = np.zeros(len(self._keys), dtype=np.bool_)
        mask[self._postings[self._offsets[low] : self._offsets[high]]] = True
        return mask


def _group(instrument: Instrument) -> int:
    if instrument.kind is InstrumentKind.INDEX:
        return 0
    return 1 if instrument.kind is InstrumentKind.EQUITY else 2


def _ranked(instruments: list[Instrument]) -> list[Instrument]:
    steps = _steps_from_the_middle(instruments)
    kinds = list(InstrumentKind)
    return sorted(
        instruments,
        key=lambda i: (
            _group(i),
            i.expiry or date.min,
            i.kind in OPTION_KINDS,
            steps.get((i.exchange, i.name, i.expiry, i.strike), 0),
            _EXCHANGES.get(i.exchange, 2),
            i.name if i.expiry else "",
            i.strike or Decimal(0),
            kinds.index(i.kind),
            i.symbol,
        ),
    )


def _steps_from_the_middle(
    instruments: Iterable[Instrument],
) -> dict[tuple[str, str, date | None, Decimal | None], int]:
    """Return how many strikes each option lies from the middle of its chain, the best guess without a price."""
    chains: dict[tuple[str, str, date | None], set[Decimal]] = {}
    for instrument in instruments:
        if instrument.strike is not None:
            of = (instrument.exchange, instrument.name, instrument.expiry)
            chains.setdefault(of, set()).add(instrument.strike)
    return {
        (*of, strike): abs(place - len(strikes) // 2)
        for of, strikes in chains.items()
        for place, strike in enumerate(sorted(strikes))
    }


def _postings(rows: Sequence[Instrument]) -> dict[str, list[int]]:
    """Return the rows of each word; a row that says a word twice may stand there twice."""
    found: dict[str, list[int]] = defaultdict(list)
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        for word in _own_words(row):
            found[word].append(number)
        alike[row.exchange, row.name, row.symbol if row.expiry is None else "", row.expiry, row.kind].append(number)
    # the contracts of a chain share most of their words
    for numbers in alike.values():
        for word in set(_shared_words(rows[numbers[0]])):
            found[word] += numbers
    return found


def _own_words(instrument: Instrument) -> Iterator[str]:
    symbol = instrument.symbol.lower()
    squeezed = "".join(symbol.split())
    yield squeezed
    yield _SYMBOL + squeezed
    if not symbol.isalnum():
        yield from _words_in(symbol)
    if instrument.strike is not None:
        strike = _plain(instrument.strike)
        yield strike
        yield strike + instrument.kind.value.lower()


def _shared_words(instrument: Instrument) -> Iterator[str]:
    exchange = instrument.exchange.lower()
    yield from (_EXCHANGE + exchange, exchange)
    yield from _words_in(instrument.name.lower())
    yield _UNDERLYING + (instrument.name if instrument.expiry else instrument.symbol).lower()
    yield from _KIND_WORDS[instrument.kind]
    if instrument.expiry is not None:
        yield from _expiry_words(instrument.expiry)


@lru_cache(maxsize=4096)
def _plain(strike: Decimal) -> str:
    return f"{strike.normalize():f}"


@lru_cache(maxsize=32_768)
def _words_in(text: str) -> tuple[str, ...]:
    parts = [part for part in _PARTS.split(text) if part]
    return (*text.split(), *parts, "".join(parts)) if parts else ()


@lru_cache(maxsize=4096)
def _expiry_words(expiry: date) -> tuple[str, ...]:
    month = f"{expiry:%b}".lower()
    year, day = f"{expiry:%y}", str(expiry.day)
    return (
        f"{expiry:%B}".lower(),
        f"{month}{year}",
        f"{month}{expiry.year}",
        f"{year}{month}",
        f"{day}{month}{year}",
        f"{day}{month}{expiry.year}",
        expiry.isoformat(),
    )


def _bytes_of(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode(), dtype=np.uint8)


def _texts_of(data: npt.NDArray[np.uint8]) -> list[str]:
    return data.tobytes().decode().split("\n") if data.size else []
