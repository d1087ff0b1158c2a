"""Candles of the simulated Aster: minutes kept as they trade, made ones before the market began, longer ones of both.

A candle is a row of whole numbers: start in ms, open, high, low, close (price units), volume (quantity units),
turnover (their product), trades, and the part of volume and turnover that takers bought.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from brokers.simulator.aster.clock import DAY_MS, INTERVALS_MS, MINUTE_MS, bucket_start
from brokers.simulator.aster.contracts import Contract

Int64Array2D = npt.NDArray[np.int64]
START, OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER, TRADES, TAKER_VOLUME, TAKER_TURNOVER = range(10)
COLUMNS = 10
MINUTES_A_DAY = 1_440
POINTS_A_MINUTE = 4
MAX_DAYS_BACK = 1_000
# what the live part keeps: a little more than three weeks
MOST_KEPT = 32_000


class MinuteTape:
    """Every contract's minutes since the market began; a minute without a trade repeats the last price."""

    def __init__(self, contracts: int) -> None:
        self._rows: list[list[list[int]]] = [[] for _ in range(contracts)]

    def roll(self, row: int, at_ms: int, last: int) -> None:
        """Open the minute of an instant, and what lies between it and the newest one, at the last price."""
        rows, minute = self._rows[row], at_ms // MINUTE_MS * MINUTE_MS
        start = rows[-1][START] + MINUTE_MS if rows else minute
        for opened in range(max(start, minute - MOST_KEPT * MINUTE_MS), minute + MINUTE_MS, MINUTE_MS):
            price = rows[-1][CLOSE] if rows else last
            rows.append([opened, price, price, price, price, 0, 0, 0, 0, 0])
        if len(rows) > 2 * MOST_KEPT:
            del rows[:-MOST_KEPT]

    def trade(self, row: int, price: int, quantity: int, *, taker_bought: bool) -> None:
        """Fold a trade into the newest minute."""
        minute = self._rows[row][-1]
        if not minute[TRADES]:
            minute[OPEN] = minute[HIGH] = minute[LOW] = price
        minute[HIGH], minute[LOW] = max(minute[HIGH], price), min(minute[LOW], price)
        minute[CLOSE] = price
        minute[VOLUME] += quantity
        minute[TURNOVER] += quantity * price
        minute[TRADES] += 1
        if taker_bought:
            minute[TAKER_VOLUME] += quantity
            minute[TAKER_TURNOVER] += quantity * price

    def between(self, row: int, first_ms: int, last_ms: int) -> Int64Array2D:
        """Return the minutes that start within both inclusive bounds."""
        rows = self._rows[row]
        if not rows:
            return no_rows()
        low = max((first_ms - rows[0][START] + MINUTE_MS - 1) // MINUTE_MS, 0)
        high = (last_ms - rows[0][START]) // MINUTE_MS + 1
        found = rows[low : max(high, 0)]
        return np.array(found, dtype=np.int64) if found else no_rows()

    def first_ms(self, row: int) -> int | None:
        """Return the start of the oldest minute kept."""
        return self._rows[row][0][START] if self._rows[row] else None

    def newest(self, row: int) -> list[int] | None:
        """Return the running minute."""
        return self._rows[row][-1] if self._rows[row] else None


class MadePast:
    """Minutes before the made market began, the same for the same seed, ending at the start prices."""

    def __init__(self, contracts: tuple[Contract, ...], *, seed: int, anchor_ms: int) -> None:
        self._contracts = contracts
        self._seed = seed
        self._anchor_ms = anchor_ms // MINUTE_MS * MINUTE_MS

    def between(self, row: int, first_ms: int, last_ms: int) -> Int64Array2D:
        """Return the made minutes that start within both inclusive bounds."""
        last_ms = min(last_ms, self._anchor_ms - MINUTE_MS)
        if last_ms < first_ms or not self._contracts[row].is_trading:
            return no_rows()
        newest = (self._anchor_ms - 1 - last_ms) // DAY_MS
        oldest = min((self._anchor_ms - 1 - first_ms) // DAY_MS, MAX_DAYS_BACK - 1)
        parts = [self._day(row, day) for day in range(oldest, newest - 1, -1)]
        rows = np.concatenate(parts) if parts else no_rows()
        return rows[(rows[:, START] >= first_ms) & (rows[:, START] <= last_ms)]

    @lru_cache(maxsize=256)  # noqa: B019 -- one past lives as long as its server
    def _day(self, row: int, day: int) -> Int64Array2D:
        """Return the 1,440 minutes that end so many days before the market's start."""
        contract, returns = self._contracts[row], self._returns(row)
        rng = np.random.default_rng([self._seed, 71, row, day])
        end = float(contract.start_price) * float(np.exp(-returns[:day].sum()))
        points = MINUTES_A_DAY * POINTS_A_MINUTE
        wander = np.cumsum(rng.standard_normal(points)) * contract.vol_annual / np.sqrt(365.0 * points)
        progress = np.arange(1, points + 1) / points
        wander -= wander[-1] * progress
        path = end * np.exp(-returns[day] * (1.0 - progress) + wander)
        ticks = np.maximum(np.round(path / float(contract.price_unit) / contract.tick), 1).astype(np.int64)
        price = (ticks * contract.tick).reshape(MINUTES_A_DAY, POINTS_A_MINUTE)
        return self._rows(contract, price, rng, self._anchor_ms - (day + 1) * DAY_MS)

    @staticmethod
    def _rows(contract: Contract, price: Int64Array2D, rng: np.random.Generator, start_ms: int) -> Int64Array2D:
        trades = rng.poisson(contract.trades_per_second * 60.0, MINUTES_A_DAY) + 1
        volume = np.maximum(trades * contract.lots_per_trade * rng.uniform(0.5, 1.5, MINUTES_A_DAY), 1).astype(np.int64)
        bought = (volume * rng.uniform(0.35, 0.65, MINUTES_A_DAY)).astype(np.int64)
        mean = price.mean(axis=1).astype(np.int64)
        columns = (
            start_ms + MINUTE_MS * np.arange(MINUTES_A_DAY, dtype=np.int64),
            price[:, 0], price.max(axis=1), price.min(axis=1), price[:, -1],
            volume, volume * mean, trades, bought, bought * mean,
        )  # fmt: skip
        return np.stack([np.asarray(column, dtype=np.int64) for column in columns], axis=1)

    @lru_cache(maxsize=16)  # noqa: B019 -- as above
    def _returns(self, row: int) -> npt.NDArray[np.float64]:
        """Return log returns by day, the newest first, correlated through the market's own."""
        contract = self._contracts[row]
        market = np.random.default_rng([self._seed, 72]).standard_normal(MAX_DAYS_BACK) * 0.40 / np.sqrt(365.0)
        own = np.random.default_rng([self._seed, 73, row]).standard_normal(MAX_DAYS_BACK)
        rest = max(contract.vol_annual**2 - (contract.beta * 0.40) ** 2, 0.01) ** 0.5 / np.sqrt(365.0)
        return np.asarray(contract.beta * market + own * rest, dtype=np.float64)


def no_rows() -> Int64Array2D:
    """Return no candles."""
    return np.empty((0, COLUMNS), dtype=np.int64)


def aggregate(minutes: Int64Array2D, interval: str) -> Int64Array2D:
    """Return minutes as candles of an interval, each stamped with its bucket's start."""
    if interval == "1m" or not len(minutes):
        return minutes
    bucket = _buckets(minutes[:, START], interval)
    first = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    last = np.append(first[1:], len(bucket)) - 1
    summed = np.add.reduceat(minutes[:, VOLUME:], first, axis=0)
    columns = (
        bucket[first], minutes[first, OPEN], np.maximum.reduceat(minutes[:, HIGH], first),
        np.minimum.reduceat(minutes[:, LOW], first), minutes[last, CLOSE],
    )  # fmt: skip
    return np.concatenate([np.stack(columns, axis=1), summed], axis=1)


def _buckets(starts: npt.NDArray[np.int64], interval: str) -> npt.NDArray[np.int64]:
    if interval == "1M":
        return np.array([bucket_start(int(start), interval) for start in starts], dtype=np.int64)
    length, offset = INTERVALS_MS[interval], bucket_start(0, interval) % INTERVALS_MS[interval]
    return (starts - offset) // length * length + offset
