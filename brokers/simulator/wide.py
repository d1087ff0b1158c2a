"""Further listings beside the made market's own, for as many instruments as a run asks for.

Futures and options on every stock, and small stocks that move with the large one they are modelled
on. They add nothing to the randomness: all of them follow from the prices and the volatility that
the market has anyway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from brokers.simulator.listings import Listing, equity, equity_tick, future, option
from brokers.simulator.sessions import TUESDAY, next_monthly_expiry, years_to_expiry
from brokers.simulator.smile import RATE_ANNUAL, black76, smile_vol, term_vol
from brokers.simulator.universe import INDEX_LEVELS, STOCKS, Stock

Float64Array1D = npt.NDArray[np.float64]

MOST = 20_000
SMALL_SHARE = 8  # one listing in this many is a small stock
STRIKES_A_SIDE = 20
CONTRACT_PAISE = 80_000_000
FIRST_STOCK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One further listing: what it follows, and the volatility of its options relative to the index's."""

    listing: Listing
    underlying: int
    factor: float = 1.0
    vol_ratio: float = 1.0


class Wide:
    """The further listings of one day, priced from the rows of the market's own."""

    def __init__(self, rows: Sequence[Row], first: int) -> None:
        listings = [row.listing for row in rows]
        self.listings = tuple(listings)
        self.rows = slice(first, first + len(rows))
        self.is_stock = np.array([not listing.is_derivative for listing in listings])
        self._underlying = np.array([row.underlying for row in rows])
        self._factor = np.array([row.factor for row in rows])
        self._options = np.flatnonzero([listing.is_option for listing in listings])
        self._strike = np.array([float(listing.strike) for listing in listings])[self._options]
        self._is_call = np.array([listing.kind == "CE" for listing in listings])[self._options]
        self._vol_ratio = np.array([row.vol_ratio for row in rows])[self._options]
        expiries = sorted({listing.expiry for listing in listings if listing.expiry})
        self._expiries = expiries
        place = {expiry: number for number, expiry in enumerate(expiries)}
        self._expiry = np.array([place[listing.expiry] if listing.expiry else -1 for listing in listings])

    def fair(self, own: Float64Array1D, at_s: float, atm_vol: float) -> Float64Array1D:
        """Return values in paise, given those of the market's own rows and its volatility."""
        spot = own[self._underlying] * self._factor
        # The last entry stands for what has no expiry.
        years = np.array([*(years_to_expiry(at_s, expiry) for expiry in self._expiries), 0.0])[self._expiry]
        value = spot * np.exp(RATE_ANNUAL * years)
        options = self._options
        forward, left = value[options], years[options]
        at_the_money = term_vol(atm_vol, left) * self._vol_ratio
        vol = smile_vol(forward, self._strike, left, at_the_money)
        value[options] = black76(forward, self._strike, left, vol, self._is_call)
        return np.asarray(value, dtype=np.float64)

    def lots_per_day(self) -> Float64Array1D:
        """Return how many lots trade in a day: little, as in most of what is listed."""
        return np.where(self.is_stock, 200_000.0, 4_000.0)


def listed_beside(day: date, first: int, wanted: int) -> Wide | None:
    """Return as many further listings as are wanted, or nothing when none is."""
    if wanted <= 0:
        return None
    stocks = wanted // SMALL_SHARE
    derivatives = [row for row, _ in zip(_derivatives(day), range(wanted - stocks), strict=False)]
    return Wide([*derivatives, *_small_stocks(wanted - len(derivatives))], first)


def _derivatives(day: date) -> Iterator[Row]:
    near = next_monthly_expiry(day, TUESDAY)
    far = next_monthly_expiry(near + timedelta(days=1), TUESDAY)
    for place, stock in enumerate(STOCKS):
        yield Row(listing=_stock_future(stock, near), underlying=FIRST_STOCK + place)
    for expiry in (near, far):
        for place, stock in enumerate(STOCKS):
            like = Row(
                listing=_NONE,
                underlying=FIRST_STOCK + place,
                vol_ratio=stock.vol_annual / (INDEX_LEVELS["INDIA VIX"] / 100.0),
            )
            yield from _chain(stock.symbol, expiry, stock.price, like, STRIKES_A_SIDE)


def _chain(name: str, expiry: date, level: float, like: Row, a_side: int) -> Iterator[Row]:
    step = _strike_step(level)
    middle = round(level * 100 / step)
    for number in range(max(middle - a_side, 1), middle + a_side + 1):
        for kind in ("CE", "PE"):
            listing = replace(option(name, expiry, number * step, kind), lot=_lot(level))
            yield replace(like, listing=listing)


def _strike_step(level: float) -> int:
    """Return the distance of strikes in paise: about one percent of the level, in round figures."""
    steps = (100, 250, 500, 1_000, 2_000, 2_500, 5_000, 10_000)
    return next((step for step in steps if step >= level * 0.8), 10_000)


def _lot(price: float) -> int:
    return max(round(CONTRACT_PAISE / (price * 100) / 25), 1) * 25


def _stock_future(stock: Stock, expiry: date) -> Listing:
    listing = future(stock.symbol, expiry, 0)
    return replace(listing, lot=_lot(stock.price), tick=equity_tick(round(stock.price * 100)))


def _small_stocks(count: int) -> Iterator[Row]:
    for number in range(count):
        place = number % len(STOCKS)
        factor = 0.05 + (number * 37 % 100) / 100.0
        price = round(STOCKS[place].price * factor * 100)
        symbol = f"SMALL{number + 1:05d}"
        yield Row(
            listing=equity(symbol, f"SMALL COMPANY {number + 1}", price), underlying=FIRST_STOCK + place, factor=factor
        )


_NONE = equity("NONE", "NONE", 0)
