"""The board: every instrument's public state as integer columns, in the venue's smallest units (paise and shares)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from brokers.simulator.listings import Listing

Int64Array1D = npt.NDArray[np.int64]
Int64Array2D = npt.NDArray[np.int64]
BoolArray1D = npt.NDArray[np.bool_]
DEPTH = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """The trades of one step, at most one per instrument; ``aggressor`` is +1 bought, −1 sold."""

    rows: Int64Array1D
    price: Int64Array1D
    quantity: Int64Array1D
    aggressor: Int64Array1D

    def by_row(self) -> dict[int, tuple[int, int, int]]:
        """Return price, quantity and aggressor of each instrument that traded."""
        columns = (column.tolist() for column in (self.rows, self.price, self.quantity, self.aggressor))
        return {row: (price, quantity, aggressor) for row, price, quantity, aggressor in zip(*columns, strict=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one advance of the market changed."""

    at_s: int
    prints: Prints
    touched: Int64Array1D


class Board:
    """Last prices, day figures and a book of some levels, five unless told, for each listing.

    The first ``depth`` columns are bids, best first, the others offers, best first; a zero price is an empty level.
    """

    def __init__(self, listings: Sequence[Listing], close: Int64Array1D, *, depth: int = DEPTH) -> None:
        count = len(listings)
        self.depth = depth
        self.listings = tuple(listings)
        self.row_of_token = {listing.token: row for row, listing in enumerate(self.listings)}
        self.row_of_key = {(listing.exchange, listing.symbol): row for row, listing in enumerate(self.listings)}
        self.token = np.array([listing.token for listing in listings], dtype=np.int64)
        self.tick = np.array([listing.tick for listing in listings], dtype=np.int64)
        self.lot = np.array([max(listing.lot, 1) for listing in listings], dtype=np.int64)
        self.is_index = np.array([listing.is_index for listing in listings], dtype=np.bool_)
        self.is_derivative = np.array([listing.is_derivative for listing in listings], dtype=np.bool_)
        self.close = close.astype(np.int64)
        self.last = self.close.copy()
        self.open, self.high, self.low = (np.zeros(count, dtype=np.int64) for _ in range(3))
        self.volume, self.turnover, self.last_quantity = (np.zeros(count, dtype=np.int64) for _ in range(3))
        self.oi, self.oi_high, self.oi_low = (np.zeros(count, dtype=np.int64) for _ in range(3))
        self.last_trade_s = np.zeros(count, dtype=np.int64)
        self.quoted_s = np.zeros(count, dtype=np.int64)
        self.depth_price, self.depth_quantity, self.depth_orders = (
            np.zeros((count, 2 * depth), dtype=np.int64) for _ in range(3)
        )

    def print_trades(self, prints: Prints, at_s: int) -> None:
        """Put trades on the tape: last price, day's range, volume, turnover."""
        rows, price = prints.rows, prints.price
        fresh = self.open[rows] == 0
        self.last[rows] = price
        self.open[rows] = np.where(fresh, price, self.open[rows])
        self.high[rows] = np.where(fresh, price, np.maximum(self.high[rows], price))
        self.low[rows] = np.where(fresh, price, np.minimum(self.low[rows], price))
        self.volume[rows] += prints.quantity
        self.turnover[rows] += prints.quantity * price
        self.last_quantity[rows] = prints.quantity
        self.last_trade_s[rows] = at_s
        self.quoted_s[rows] = at_s

    def set_open_interest(self, rows: Int64Array1D, oi: Int64Array1D) -> None:
        """Publish open interest in units and keep the day's extremes."""
        fresh = self.oi_high[rows] == 0
        self.oi[rows] = oi
        self.oi_high[rows] = np.maximum(self.oi_high[rows], oi)
        self.oi_low[rows] = np.where(fresh, oi, np.minimum(self.oi_low[rows], oi))

    def average_price(self) -> Int64Array1D:
        """Return the day's volume-weighted price, zero where nothing traded."""
        return self.turnover // np.maximum(self.volume, 1)

    def best_bid(self, row: int) -> int:
        """Return the best bid, zero when there is none."""
        return int(self.depth_price[row, 0])

    def best_offer(self, row: int) -> int:
        """Return the best offer, zero when there is none."""
        return int(self.depth_price[row, self.depth])

    def take(self, row: int, level: int, quantity: int) -> None:
        """Remove quantity from one level, as a trade against it does; the next step replenishes."""
        left = int(self.depth_quantity[row, level]) - quantity
        self.depth_quantity[row, level] = left
        if left <= 0:
            self.depth_orders[row, level] = 0


def no_prints() -> Prints:
    """Return an empty tape."""
    empty = np.empty(0, dtype=np.int64)
    return Prints(rows=empty, price=empty, quantity=empty, aggressor=empty)


def quote_around(
    board: Board,
    rows: Int64Array1D,
    bid: Int64Array1D,
    offer: Int64Array1D,
    sizes: Int64Array2D,
) -> None:
    """Lay five levels on each side at one-tick distances; sizes are lots, shape (rows, 10).

    A bid below one tick leaves its level empty, as at a worthless option.
    """
    tick = board.tick[rows][:, None]
    away = np.arange(DEPTH, dtype=np.int64)[None, :] * tick
    price = np.concatenate([bid[:, None] - away, offer[:, None] + away], axis=1)
    empty = price < tick
    quantity = np.where(empty, 0, np.maximum(sizes, 1) * board.lot[rows][:, None])
    board.depth_price[rows] = np.where(empty, 0, price)
    board.depth_quantity[rows] = quantity
    board.depth_orders[rows] = np.where(empty, 0, 1 + np.maximum(sizes, 1) // 3)
