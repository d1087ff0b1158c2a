"""Chains between processes: an underlying's quotes packed into bytes, and its rows as a hub's topic.

What crosses is what was received, bit for bit; whoever reads it works it out anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from brokers.domain.errors import DataError
from brokers.domain.market import NANOSECONDS, ns_of
from options.domain.columns import figures_of, key_of, legend
from options.domain.expiries import Fixing
from options.domain.open_interest import Interest, Since, aligned
from options.domain.quotes import ChainQuotes
from options.domain.received import Received, Reference, StoredChain, Worked
from options.domain.reports import head_of

_CELLS = ("bid", "ask", "last_price", "open_interest", "volume", "age_s", "trade_age_s")
VERSION = 2


def pack(received: Received) -> bytes:
    """Return the quotes as one line of JSON and the figures after it, eight bytes each."""
    columns: list[npt.NDArray[np.float64]] = []
    heads = []
    for one in received.chains:
        before = received.before.get(one.expiry)
        columns += [one.quotes.strike, *(getattr(one.quotes, name).ravel() for name in _CELLS)]
        if before is not None:
            columns += [_onto(before.interest, name, one.quotes.strike) for name in ("open_interest", "last_price")]
        heads.append(_head(one, before) | {"unheard": received.unheard.get(one.expiry, 0)})
    head = {
        "v": VERSION,
        "underlying": received.underlying,
        "exchange": received.exchange,
        "lot_size": received.lot_size,
        "received_at": None if received.received_at is None else ns_of(received.received_at),
        "chains": heads,
    }
    figures = np.concatenate(columns).astype("<f8") if columns else np.empty(0)
    return orjson.dumps(head) + b"\n" + figures.tobytes()


def unpack(data: bytes) -> Received:
    """Return what was packed; raises `DataError` for bytes of another version or length."""
    line, _, rest = data.partition(b"\n")
    try:
        head = orjson.loads(line)
        figures = np.frombuffer(rest, dtype="<f8").astype(np.float64)
        if head["v"] != VERSION:
            raise DataError(f"a packed chain of version {head['v']}", code="chain.packed")
        reader = _Reader(figures)
        parts = [_chain(one, reader) for one in head["chains"]]
        reader.end()
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DataError("a packed chain that cannot be read", code="chain.packed") from error
    return Received(
        underlying=head["underlying"],
        exchange=head["exchange"],
        lot_size=head["lot_size"],
        received_at=None if head["received_at"] is None else moment(head["received_at"]),
        chains=tuple(chain for chain, _ in parts),
        before={chain.expiry: before for chain, before in parts if before is not None},
        unheard={
            chain.expiry: n for (chain, _), one in zip(parts, head["chains"], strict=True) if (n := one["unheard"])
        },
    )


class ChainTopic:
    """One expiry's topic: a row that did not change is not encoded again, and so not sent again."""

    def __init__(self, underlying: str, instruments: Mapping[tuple[float, str], str]) -> None:
        self._underlying = underlying
        self._instruments = instruments
        self._figures: npt.NDArray[np.float64] | None = None
        self._rows: dict[str, object] = {}
        self._legend: object = None

    def state(self, found: Worked, *, expiries: Sequence[date], lot_size: int) -> Mapping[str, object]:
        """Return the topic as it stands now: `head`, `legend` and a row for each strike."""
        figures = figures_of(found)
        for place in self._changed(figures).tolist():
            # orjson writes what is not a number as null
            text = orjson.dumps(figures[place], option=orjson.OPT_SERIALIZE_NUMPY)
            self._rows[key_of(float(figures[place, 0]))] = orjson.Fragment(text)
        self._figures = figures
        head = {"underlying": self._underlying, "lot_size": lot_size, **head_of(found, expiries=expiries)}
        return {"head": head, "legend": self._legend, **self._rows}

    def _changed(self, figures: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        before = self._figures
        if before is None or before.shape != figures.shape or not np.array_equal(before[:, 0], figures[:, 0]):
            self._rows = {}
            self._legend = legend() | {"instruments": self._named(figures[:, 0].tolist())}
            return np.arange(len(figures))
        differs = (before != figures) & ~(np.isnan(before) & np.isnan(figures))
        return np.flatnonzero(differs.any(axis=1))

    def _named(self, strikes: Sequence[float]) -> dict[str, list[str | None]]:
        return {key_of(strike): [self._instruments.get((strike, side)) for side in ("CE", "PE")] for strike in strikes}


def moment(ns: int) -> datetime:
    """Return nanoseconds of the epoch as a time; whole seconds and microseconds apart, since a float would round."""
    seconds, rest = divmod(ns, NANOSECONDS)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1_000)


def _head(one: StoredChain, before: Reference | None) -> dict[str, object]:
    return {
        "expiry": one.expiry.isoformat(),
        "at": ns_of(one.at),
        "fixing": ns_of(one.fixing.at),
        "averaging_s": one.fixing.averaging_s,
        "spot": one.spot,
        "strikes": len(one.quotes),
        "since": None if before is None else before.since.value,
        "since_at": None if before is None else ns_of(before.interest.at),
    }


def _onto(interest: Interest, name: str, strike: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return aligned(getattr(interest, name), interest.strike, strike).ravel()


class _Reader:
    def __init__(self, figures: npt.NDArray[np.float64]) -> None:
        self._figures = figures
        self._at = 0

    def take(self, count: int) -> npt.NDArray[np.float64]:
        part = self._figures[self._at : self._at + count]
        self._at += count
        if part.size != count:
            raise ValueError("too few figures")
        return part

    def cells(self, count: int, names: Sequence[str]) -> Iterator[npt.NDArray[np.float64]]:
        for _ in names:
            yield self.take(2 * count).reshape(2, count)

    def end(self) -> None:
        if self._at != self._figures.size:
            raise ValueError("too many figures")


def _chain(head: Mapping[str, Any], reader: _Reader) -> tuple[StoredChain, Reference | None]:
    count = int(head["strikes"])
    strike = reader.take(count)
    quotes = ChainQuotes(strike=strike, **dict(zip(_CELLS, reader.cells(count, _CELLS), strict=True)))
    chain = StoredChain(
        at=moment(head["at"]),
        expiry=date.fromisoformat(head["expiry"]),
        fixing=Fixing(at=moment(head["fixing"]), averaging_s=head["averaging_s"]),
        spot=head["spot"],
        quotes=quotes,
    )
    if head["since"] is None:
        return chain, None
    interest, price = reader.cells(count, ("open_interest", "last_price"))
    before = Interest(at=moment(head["since_at"]), strike=strike, open_interest=interest, last_price=price)
    return chain, Reference(since=Since(head["since"]), interest=before)
