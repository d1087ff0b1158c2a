"""The quotes of one expiry as two rows of strikes, and what is wrong with each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntFlag

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D

Cells = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]
CALL, PUT = 0, 1


class Mark(IntFlag):
    """What a trader must know of a cell; a cell without a mark is quoted on both sides, near and now."""

    ABSENT = 1
    NO_BID = 2
    NO_ASK = 4
    CROSSED = 8
    WIDE = 16
    STALE = 32
    FROM_TRADE = 64
    UNPRICED = 128

    @property
    def sentences(self) -> tuple[str, ...]:
        """Say each mark that is set."""
        return tuple(text for mark, text in _SENTENCES.items() if mark in self)


_SENTENCES = {
    Mark.ABSENT: "Not listed, or no data has come.",
    Mark.NO_BID: "Nobody bids.",
    Mark.NO_ASK: "Nobody offers.",
    Mark.CROSSED: "The bid stands above the ask.",
    Mark.WIDE: "The quotes are far apart.",
    Mark.STALE: "The quote is old.",
    Mark.FROM_TRADE: "From the last trade, not from quotes.",
    Mark.UNPRICED: "No quote or fresh trade to price it by.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """From when a price no longer counts, and from when a spread is wide."""

    quote_s: float = 30.0
    trade_s: float = 60.0
    wide_share: float = 0.25
    wide_ticks: float = 4.0
    tick: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainQuotes:
    """One expiry's cells: every array but `strike` (k,) has shape (2, k), calls first; NaN is "not told".

    Prices are per unit, open interest and volume in units (shares), ages in seconds at the moment of the snapshot:
    `age_s` of the quote, `trade_age_s` of the last trade.
    """

    strike: Float64Array1D
    bid: Cells
    ask: Cells
    last_price: Cells
    open_interest: Cells
    volume: Cells
    age_s: Cells
    trade_age_s: Cells

    def __post_init__(self) -> None:
        count = self.strike.size
        if not (np.all(np.isfinite(self.strike)) and np.all(self.strike > 0.0) and np.all(np.diff(self.strike) > 0.0)):
            raise Invalid("strikes are positive and ascend")
        for field in fields(self)[1:]:
            if getattr(self, field.name).shape != (2, count):
                raise Invalid(f"{field.name} has shape {getattr(self, field.name).shape} beside {count} strikes")

    def __len__(self) -> int:
        return int(self.strike.size)


def mids(bid: Cells, ask: Cells) -> Cells:
    """Return the middle of a sound quote on both sides; NaN elsewhere. A quote of unknown age is taken as new."""
    is_sound = (bid > 0.0) & (ask >= bid) & (ask < np.inf)
    middle: Cells = 0.5 * (np.where(is_sound, bid, np.nan) + ask)
    return middle


def fresh_trades(last_price: Cells, trade_age_s: Cells, freshness: Freshness) -> Cells:
    """Return the last price where it traded within the limit; NaN elsewhere, and where the trade's age is not told."""
    is_fresh = (trade_age_s <= freshness.trade_s) & (last_price > 0.0) & (last_price < np.inf)
    price: Cells = np.where(is_fresh, last_price, np.nan)
    return price


def marks_of(bid: Cells, ask: Cells, last_price: Cells, age_s: Cells, freshness: Freshness) -> Marks:
    """Return a `Mark` for each cell, as far as its quotes tell."""
    has_bid, has_ask = (bid > 0.0) & (bid < np.inf), (ask > 0.0) & (ask < np.inf)
    has_both = has_bid & has_ask
    bids, asks = np.where(has_both, bid, np.nan), np.where(has_both, ask, np.nan)
    spread = asks - bids
    limit = np.maximum(freshness.wide_share * 0.5 * (asks + bids), freshness.wide_ticks * freshness.tick)
    told = np.isfinite(bid) | np.isfinite(ask) | np.isfinite(last_price)
    marks = np.where(told, _mark(~has_bid, Mark.NO_BID) | _mark(~has_ask, Mark.NO_ASK), np.uint8(Mark.ABSENT))
    marks |= _mark(spread < 0.0, Mark.CROSSED) | _mark(spread > limit, Mark.WIDE)
    marks |= _mark(age_s > freshness.quote_s, Mark.STALE)
    return marks


def _mark(cells: npt.NDArray[np.bool_], mark: Mark) -> Marks:
    return cells * np.uint8(mark)


def arrange(strike: npt.ArrayLike, is_call: npt.ArrayLike, columns: Mapping[str, npt.ArrayLike]) -> ChainQuotes:
    """Put the options of one expiry, in any order, into rows of strikes.

    `columns` are named as in `ChainQuotes`, of one length with `strike` and `is_call`; what is not given is not told.
    Raises `Invalid` for a name that `ChainQuotes` does not have, and for an option that comes twice.
    """
    levels, place = np.unique(np.asarray(strike, dtype=np.float64), return_inverse=True)
    row = np.where(np.asarray(is_call, dtype=np.bool_), CALL, PUT)
    if np.unique(place * 2 + row).size != place.size:
        raise Invalid("an option comes twice")
    names = [field.name for field in fields(ChainQuotes)[1:]]
    unknown = set(columns) - set(names)
    if unknown:
        raise Invalid(f"a chain has no {', '.join(sorted(unknown))}")
    cells = {name: np.full((2, levels.size), np.nan) for name in names}
    for name, values in columns.items():
        cells[name][row, place] = np.asarray(values, dtype=np.float64)
    return ChainQuotes(strike=levels, **cells)
