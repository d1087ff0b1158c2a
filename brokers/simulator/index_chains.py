"""Option chains on NIFTY BANK and SENSEX beside NIFTY's own: three expiries each, with quotes and interest to read.

They add nothing to the prices' randomness: all of them follow from the indices and the volatility that the market has
anyway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from brokers.simulator.listings import Listing, option
from brokers.simulator.sessions import THURSDAY, TUESDAY, next_monthly_expiry, weekly_expiries, years_to_expiry
from brokers.simulator.smile import RATE_ANNUAL, black76, smile_vol, term_vol

Float64Array1D = npt.NDArray[np.float64]

STEP = 10_000
# Round hundreds draw more interest than the strikes between them.
ROUND, BETWEEN = 50_000, 0.45
EXPIRY_SHARE = (1.0, 0.28, 0.12)
INDICES = ("NIFTY 50", "NIFTY BANK", "SENSEX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One index's options: its place among the indices, how far its strikes reach, its volatility and its trade."""

    name: str
    index: int
    reach: float
    vol_ratio: float
    lots_per_day: float


BOOKS = (
    Book(name="BANKNIFTY", index=1, reach=0.09, vol_ratio=1.15, lots_per_day=260_000.0),
    Book(name="SENSEX", index=2, reach=0.08, vol_ratio=0.98, lots_per_day=320_000.0),
)


class IndexChains:
    """The listings of one day with everything that the market needs to quote and trade them."""

    def __init__(self, day: date, first: int, levels: dict[str, int], listed: Sequence[Listing] = ()) -> None:
        books = [(book, listing) for book in BOOKS for listing in _listings(book, day, levels, listed)]
        self.listings = tuple(listing for _, listing in books)
        self.rows = slice(first, first + len(books))
        self._index = np.array([book.index for book, _ in books])
        self._vol_ratio = np.array([book.vol_ratio for book, _ in books])
        self._strike = np.array([float(listing.strike) for listing in self.listings])
        self._is_call = np.array([listing.kind == "CE" for listing in self.listings])
        self._expiries = sorted({listing.expiry for listing in self.listings if listing.expiry})
        place = {expiry: number for number, expiry in enumerate(self._expiries)}
        self._expiry = np.array([place[listing.expiry] for listing in self.listings if listing.expiry])
        self._level = np.array([float(levels[INDICES[book.index]]) for book, _ in books])
        self._lots = self._traded([book for book, _ in books])

    def fair(self, index_level: Float64Array1D, basis: Float64Array1D, at_s: float, atm_vol: float) -> Float64Array1D:
        """Return values in paise, given the three indices' levels and what their forwards stand off them."""
        years = np.array([years_to_expiry(at_s, expiry) for expiry in self._expiries])[self._expiry]
        forward = index_level[self._index] * np.exp(RATE_ANNUAL * years) * (1.0 + basis[self._index])
        vol = smile_vol(forward, self._strike, years, term_vol(atm_vol, years) * self._vol_ratio)
        return black76(forward, self._strike, years, vol, self._is_call)

    @property
    def away_percent(self) -> Float64Array1D:
        """How far each strike lies from the day's first level."""
        return np.asarray(np.abs(self._strike / self._level - 1.0) * 100.0, dtype=np.float64)

    def lots_per_day(self) -> Float64Array1D:
        """Return how many lots of each trade in a day."""
        return self._lots

    def open_lots(self) -> Float64Array1D:
        """Return how many lots are open at the start: of calls more above the level, of puts more below it."""
        return np.asarray(self._lots * 1.3 * outward(self._strike / self._level, self._is_call) + 3.0, dtype=np.float64)

    def _traded(self, books: Sequence[Book]) -> Float64Array1D:
        nearest = {name: self._nearness(name) for name in {book.name for book in books}}
        share = np.array([nearest[one.name][one.expiry] for one in self.listings if one.expiry])
        whole = np.where(self._strike % ROUND == 0, 1.0, BETWEEN)
        crowd = share * whole * np.exp(-((self.away_percent / 2.2) ** 1.15))
        names = np.array([book.name for book in books])
        per_day = np.array([book.lots_per_day for book in books])
        totals = {name: crowd[names == name].sum() for name in nearest}
        return np.asarray(per_day * crowd / np.array([totals[name] for name in names]), dtype=np.float64)

    def _nearness(self, name: str) -> dict[date, float]:
        expiries = sorted({one.expiry for one in self.listings if one.name == name and one.expiry})
        return {expiry: EXPIRY_SHARE[min(place, 2)] for place, expiry in enumerate(expiries)}


def outward(moneyness: Float64Array1D, is_call: npt.NDArray[np.bool_]) -> Float64Array1D:
    """Return the weight of a strike in open interest: writers sell calls above the level and puts below it."""
    side = np.where(is_call, 1.0, -1.0) * np.tanh((moneyness - 1.0) * 100.0 / 1.2)
    return np.asarray(1.0 + 0.7 * side, dtype=np.float64)


def _listings(book: Book, day: date, levels: dict[str, int], listed: Sequence[Listing]) -> Iterator[Listing]:
    level = levels[INDICES[book.index]]
    reached = range(round(level * (1 - book.reach) / STEP), round(level * (1 + book.reach) / STEP) + 1)
    for expiry in _expiries(book.name, day):
        # What is listed stays until it expires, however far the index has moved away from it.
        kept = {one.strike for one in listed if one.name == book.name and one.is_option and one.expiry == expiry}
        for strike in sorted(kept | {STEP * number for number in reached}):
            for kind in ("CE", "PE"):
                yield option(book.name, expiry, strike, kind)


def _expiries(name: str, day: date) -> list[date]:
    """Return SENSEX's two weeklies and the monthly after them, and NIFTY BANK's next three monthlies."""
    if name == "SENSEX":
        weeklies = weekly_expiries(day, THURSDAY, 2)
        return [*weeklies, next_monthly_expiry(weeklies[-1] + timedelta(days=1), THURSDAY)]
    expiries = [next_monthly_expiry(day, TUESDAY)]
    while len(expiries) < len(EXPIRY_SHARE):
        expiries.append(next_monthly_expiry(expiries[-1] + timedelta(days=1), TUESDAY))
    return expiries
