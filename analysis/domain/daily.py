"""Daily candles of one instrument, saying whether they are raw or adjusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

import numpy as np

from brokers.domain.errors import DataError
from brokers.domain.market import Float64Array1D, Int64Array1D

_EPOCH = date(1970, 1, 1).toordinal()


class Basis(StrEnum):
    """What a series was adjusted by."""

    RAW = "raw"
    FORWARD = "forward"
    """Days after a split are multiplied up: no value depends on a later action, so this is what studies read."""
    BACKWARD = "backward"
    """Days before a split are divided down: the newest prices are the market's own, as on a chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySeries:
    """Daily candles, oldest first; parallel columns, `day` counted since 1970-01-01.

    `scale` is what a price of that day was multiplied by: dividing by it gives the rupees of the day.
    """

    symbol: str
    day: Int64Array1D
    open: Float64Array1D
    high: Float64Array1D
    low: Float64Array1D
    close: Float64Array1D
    volume: Float64Array1D
    scale: Float64Array1D
    basis: Basis = Basis.RAW

    def __len__(self) -> int:
        return int(self.day.size)

    def until(self, day: int) -> DailySeries:
        """Return the candles up to and with a day."""
        return self.part(slice(0, int(np.searchsorted(self.day, day, side="right"))))

    def part(self, rows: slice) -> DailySeries:
        """Return some of the candles, without a copy."""
        columns = {name: getattr(self, name)[rows] for name in ("day", *PRICES, "volume", "scale")}
        return replace(self, **columns)

    def place_of(self, day: int) -> int | None:
        """Return the place of a day's candle, or None where it has none."""
        place = int(np.searchsorted(self.day, day))
        return place if place < len(self) and self.day[place] == day else None


PRICES = ("open", "high", "low", "close")


def daily_series(
    symbol: str,
    day: Int64Array1D,
    *,
    open: Float64Array1D,  # noqa: A002 - a candle's own word
    high: Float64Array1D,
    low: Float64Array1D,
    close: Float64Array1D,
    volume: Float64Array1D,
) -> DailySeries:
    """Return a raw series.

    Raises
    ------
    DataError
        For days out of order or twice, prices that are not positive and finite, or extremes that do not
        hold the open and the close: corrupt data stops here and is not repaired.
    """
    series = DailySeries(
        symbol=symbol, day=day, open=open, high=high, low=low, close=close, volume=volume, scale=np.ones(day.size)
    )
    problem = _problem(series)
    if problem:
        raise DataError(f"{symbol}: {problem}", code="candles.corrupt", details={"symbol": symbol})
    return series


def day_number(on: date) -> int:
    """Return the days since 1970-01-01."""
    return on.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """Return the date of a day number."""
    return date.fromordinal(int(day) + _EPOCH)


def _problem(series: DailySeries) -> str | None:
    if np.any(np.diff(series.day) <= 0):
        return "days are out of order or come twice"
    columns = np.stack([getattr(series, name) for name in PRICES])
    if not np.all(np.isfinite(columns)) or np.any(columns <= 0.0):
        return "a price is not positive and finite"
    bodies = columns[[0, 3]]
    if np.any(series.high < bodies.max(axis=0)) or np.any(series.low > bodies.min(axis=0)):
        return "an open or close lies outside its day's high and low"
    if np.any(~(series.volume >= 0.0)):
        return "a volume is negative or missing"
    return None
