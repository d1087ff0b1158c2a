"""Daily candles out of text files: the exchange's bhavcopies, old and new, and plain CSV.

Raw prices only. A row that cannot be believed is reported with its line and left out; a file whose columns
are not understood is refused whole.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from brokers.domain.errors import DataError

# What each figure is called: plain CSV, sec_bhavdata_full, the UDiFF bhavcopy of 2024 and later.
NAMES: Mapping[str, tuple[str, ...]] = {
    "symbol": ("symbol", "tckrsymb"),
    "series": ("series", "sctysrs"),
    "day": ("date", "date1", "traddt"),
    "open": ("open", "open_price", "opnpric"),
    "high": ("high", "high_price", "hghpric"),
    "low": ("low", "low_price", "lwpric"),
    "close": ("close", "close_price", "clspric"),
    "volume": ("volume", "ttl_trd_qnty", "ttltradgvol"),
}
_REQUIRED = frozenset(NAMES) - {"series"}
_DAY_FORMS = ("%Y-%m-%d", "%d-%b-%Y", "%d-%m-%Y")
# shares of one company that trade under other rules have a series of their own and no place in this history
SERIES = frozenset({"EQ", "BE", "BZ", "SM", "ST", ""})
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One day of one symbol, raw."""

    symbol: str
    day: date
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFile:
    """What a file held: candles, and what was left out, as (line, reason)."""

    candles: tuple[Candle, ...]
    refused: tuple[tuple[int, str], ...]


def objection(candle: Candle) -> str | None:
    """Say why a candle cannot be believed; None for one that can."""
    prices = (candle.open, candle.high, candle.low, candle.close)
    if not all(map(math.isfinite, (*prices, candle.volume))) or min(prices) <= 0.0:
        return "a price is not positive"
    if candle.high < max(candle.open, candle.close) or candle.low > min(candle.open, candle.close):
        return "open or close lies outside high and low"
    return "a volume is negative" if candle.volume < 0.0 else None


def read_candles(lines: Iterable[str]) -> CandleFile:
    """Read a file of daily candles.

    Raises
    ------
    DataError
        Where a column is missing: the file is something else.
    """
    rows = csv.reader(lines)
    header = [name.strip().lower().lstrip("\ufeff") for name in next(rows, [])]
    places = {figure: _place(header, names) for figure, names in NAMES.items()}
    missing = sorted(figure for figure in _REQUIRED if places[figure] is None)
    if missing:
        raise DataError(
            f"This is no file of daily candles: it has no column for {', '.join(missing)}.", code="candles.columns"
        )
    candles: list[Candle] = []
    refused: list[tuple[int, str]] = []
    for line, cells in enumerate(rows, 2):
        if not any(cell.strip() for cell in cells):
            continue
        values = {
            figure: cells[place].strip() for figure, place in places.items() if place is not None and place < len(cells)
        }
        if values.get("series", "").upper() not in SERIES:
            continue
        try:
            candles.append(_candle(values))
        except ValueError as problem:
            refused.append((line, str(problem)))
    return CandleFile(candles=tuple(candles), refused=tuple(refused))


def _place(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _candle(values: Mapping[str, str]) -> Candle:
    symbol = values.get("symbol", "").upper()
    if not symbol:
        raise ValueError("no symbol")
    figures = {figure: _number(values.get(figure, ""), figure) for figure in (*_PRICES, "volume")}
    candle = Candle(symbol=symbol, day=_day(values.get("day", "")), **figures)
    wrong = objection(candle)
    if wrong is not None:
        raise ValueError(f"{symbol}: {wrong}")
    return candle


def _number(text: str, figure: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{figure} is no number: {text!r}")
    return value


def _day(text: str) -> date:
    for form in _DAY_FORMS:
        try:
            # a bare day has no zone; the exchange's own day is meant
            return datetime.strptime(text[:11].strip(), form).date()  # noqa: DTZ007
        except ValueError:
            continue
    raise ValueError(f"no day: {text!r}")
