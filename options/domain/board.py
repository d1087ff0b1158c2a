"""The latest quotes of every option on one underlying, kept from the ticker's columns.

Kite counts an option's volume and open interest in units already; a venue that counts lots is turned where it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind
from brokers.domain.market import NANOSECONDS, Int64Array1D, QuoteColumns
from options.domain.quotes import CALL, PUT, Cells, ChainQuotes

_BID, _ASK, _LAST, _INTEREST, _VOLUME, _QUOTED, _TRADED = range(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    strike: npt.NDArray[np.float64]
    slots: npt.NDArray[np.intp]  # (2, k); one past the last slot where a leg is not listed


class ChainBoard:
    """Cells of one underlying's listed options: `take` frames, read `quotes` of an expiry at any moment.

    Not safe between threads: one reader of the feed owns it.
    """

    __slots__ = ("_figures", "_layouts", "_newest_ns", "_order", "_seconds_from", "_tokens")

    def __init__(self, options: Iterable[Instrument]) -> None:
        listed = [instrument for instrument in options if _is_option(instrument)]
        tokens = np.array([instrument.token for instrument in listed], dtype=np.int64)
        if np.unique(tokens).size != tokens.size:
            raise Invalid("two options share a token")
        self._order = np.argsort(tokens)
        self._tokens = tokens[self._order]
        # float seconds since the epoch would round: times are kept from the first frame's moment
        self._seconds_from: int | None = None
        self._newest_ns = 0
        self._figures = np.full((7, tokens.size + 1), np.nan)
        self._layouts = {
            expiry: _layout(listed, expiry, tokens.size)
            for expiry in sorted({instrument.expiry for instrument in listed if instrument.expiry is not None})
        }

    @property
    def expiries(self) -> Sequence[date]:
        """The listed expiries, nearest first."""
        return tuple(self._layouts)

    @property
    def tokens(self) -> Int64Array1D:
        """What to subscribe to, in full mode."""
        return self._tokens

    def adopt(self, other: ChainBoard) -> None:
        """Hold what another board holds of these options: a venue does not tell again what it has told."""
        _, here, there = np.intersect1d(self._tokens, other._tokens, assume_unique=True, return_indices=True)
        self._seconds_from, self._newest_ns = other._seconds_from, other._newest_ns
        self._figures[:, self._order[here]] = other._figures[:, other._order[there]]

    def take(self, columns: QuoteColumns) -> int:
        """Take a frame's packets that are of these options and not older than what is held; return how many."""
        at = self._times(columns)
        place = np.minimum(np.searchsorted(self._tokens, columns.token), max(self._tokens.size - 1, 0))
        if self._tokens.size == 0:
            return 0
        is_ours = self._tokens[place] == columns.token
        slot = self._order[place]
        is_new = is_ours & ~(at < self._figures[_QUOTED, slot])
        chosen, slot = np.flatnonzero(is_new), slot[is_new]
        self._put(columns, chosen, slot, at[chosen])
        return int(chosen.size)

    def quotes(self, expiry: date, now_ns: int) -> ChainQuotes:
        """Return one expiry's cells with their ages at `now_ns`, on the clock of the frames; `Invalid` for another expiry."""
        layout = self._layouts.get(expiry)
        if layout is None:
            raise Invalid(f"no options expire on {expiry.isoformat()}")
        cells = self._figures[:, layout.slots]
        return ChainQuotes(
            strike=layout.strike,
            bid=cells[_BID],
            ask=cells[_ASK],
            last_price=cells[_LAST],
            open_interest=cells[_INTEREST],
            volume=cells[_VOLUME],
            age_s=self._age(cells[_QUOTED], now_ns),
            trade_age_s=self._age(cells[_TRADED], now_ns),
        )

    def _age(self, seconds: Cells, now_ns: int) -> Cells:
        start_ns = now_ns if self._seconds_from is None else self._seconds_from
        age: Cells = np.maximum((now_ns - start_ns) / NANOSECONDS - seconds, 0.0)
        return age

    def _times(self, columns: QuoteColumns) -> npt.NDArray[np.float64]:
        """Return the packets' moments; what bears none came when the newest stamp did, and before any stamp none is told.

        The machine's clock is no stand-in: a replayed market has another day.
        """
        stamps = columns.exchange_ns
        newest = int(stamps.max()) if stamps.size else 0
        if newest > 0:
            self._newest_ns = max(self._newest_ns, newest)
            self._seconds_from = newest if self._seconds_from is None else self._seconds_from
        if self._seconds_from is None:
            return np.full(stamps.size, np.nan)
        told = np.where(stamps > 0, stamps, self._newest_ns)
        return np.asarray((told - self._seconds_from) / NANOSECONDS)

    def _put(
        self,
        columns: QuoteColumns,
        chosen: npt.NDArray[np.intp],
        slot: npt.NDArray[np.intp],
        at: npt.NDArray[np.float64],
    ) -> None:
        figures = self._figures
        volume = columns.volume[chosen]
        # a counter that rises has traded; a first figure says nothing of when
        has_traded = volume > figures[_VOLUME, slot]
        figures[_TRADED, slot[has_traded]] = at[has_traded]
        figures[_LAST, slot], figures[_QUOTED, slot] = columns.last_price[chosen], at
        has_volume = np.isfinite(volume)
        figures[_VOLUME, slot[has_volume]] = volume[has_volume]
        # a packet without open interest is not full: its missing bid and ask are not told, and the held ones stay
        is_full = np.isfinite(columns.open_interest[chosen])
        full, place = chosen[is_full], slot[is_full]
        figures[_INTEREST, place] = columns.open_interest[full]
        figures[_BID, place], figures[_ASK, place] = columns.bid[full], columns.ask[full]


def _is_option(instrument: Instrument) -> bool:
    return instrument.kind in OPTION_KINDS and instrument.expiry is not None and instrument.strike is not None


def _layout(listed: Sequence[Instrument], expiry: date, nowhere: int) -> _Layout:
    own = [(slot, instrument) for slot, instrument in enumerate(listed) if instrument.expiry == expiry]
    strikes = np.array(sorted({float(instrument.strike or 0) for _, instrument in own}))
    slots = np.full((2, strikes.size), nowhere, dtype=np.intp)
    for slot, instrument in own:
        row = CALL if instrument.kind is InstrumentKind.CALL else PUT
        slots[row, int(np.searchsorted(strikes, float(instrument.strike or 0)))] = slot
    return _Layout(strike=strikes, slots=slots)
