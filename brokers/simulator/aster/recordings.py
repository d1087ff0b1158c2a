"""Reading recorded perpetuals: Parquet klines of some symbols, or the raw lines of one symbol's websocket.

A file that cannot be read, or whose columns are unknown, raises `RecordingUnreadable` with one plain sentence.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from brokers.simulator.aster.clock import MINUTE_MS, MS_NS
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.minutes import COLUMNS, Int64Array2D

Int64Array1D = npt.NDArray[np.int64]
BARS = ("symbol", "ts", "open", "high", "low", "close", "volume")
MOST_DECIMALS = 8
SECOND_NS = 1_000_000_000


class RecordingUnreadable(Exception):
    """The recording cannot be replayed; nothing was started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Equal-length columns of ticks by time; ``usual`` is each contract's mean quantity."""

    at_ns: list[int]
    row: Int64Array1D
    price: Int64Array1D
    quantity: Int64Array1D
    usual: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Klines of some contracts, in whole units: start (ns), contract, open, high, low, close, volume."""

    contracts: tuple[Contract, ...]
    length_ns: int
    start_ns: Int64Array1D
    row: Int64Array1D
    prices: Int64Array2D
    volume: Int64Array1D

    @property
    def default_start_ns(self) -> int:
        """Return from when to emit where nothing was asked: what lies before the first fifth is history."""
        first, length = int(self.start_ns[0]), int(self.start_ns[-1] - self.start_ns[0])
        return first + length // 5 // self.length_ns * self.length_ns

    @property
    def end_ns(self) -> int:
        return int(self.start_ns[-1]) + self.length_ns

    def shifted(self, shift_ns: int) -> Bars:
        return replace(self, start_ns=self.start_ns + shift_ns)

    def last_before(self, at_ns: int) -> list[int]:
        """Return each contract's last price before an instant, its first where there is none."""
        found = []
        for row in range(len(self.contracts)):
            of_row = self.row == row
            closes = self.prices[of_row & (self.start_ns < at_ns), 3]
            found.append(int(closes[-1]) if len(closes) else int(self.prices[of_row, 0][0]))
        return found

    def rows_before(self, at_ms: int) -> list[Int64Array2D]:
        """Return each contract's bars that start before an instant, as rows of candles."""
        found = []
        for row in range(len(self.contracts)):
            chosen = (self.row == row) & (self.start_ns < at_ms * MS_NS)
            rows = np.zeros((int(chosen.sum()), COLUMNS), dtype=np.int64)
            rows[:, 0], rows[:, 1:5], rows[:, 5] = (
                self.start_ns[chosen] // MS_NS,
                self.prices[chosen],
                self.volume[chosen],
            )
            rows[:, 6] = rows[:, 5] * self.prices[chosen].mean(axis=1).astype(np.int64)
            found.append(rows)
        return found

    def ticks_from(self, at_ns: int) -> Ticks:
        """Return the ticks of all bars from an instant on: open, nearer extreme, other extreme, close."""
        chosen = self.start_ns >= at_ns
        open_, high, low, close = self.prices[chosen].T
        low_first = (open_ - low) <= (high - open_)
        path = np.stack([open_, np.where(low_first, low, high), np.where(low_first, high, low), close], axis=1)
        parts = np.array([0, self.length_ns // 3, 2 * self.length_ns // 3, self.length_ns - SECOND_NS])
        at = (self.start_ns[chosen][:, None] + parts).ravel()
        quantity = np.maximum(np.repeat(self.volume[chosen][:, None] // 4, 4, axis=1).ravel(), 1)
        row = np.repeat(self.row[chosen], 4)
        order = np.argsort(at, kind="stable")
        means = [float(self.volume[self.row == number].mean()) for number in range(len(self.contracts))]
        minutes = self.length_ns / (MINUTE_MS * MS_NS)
        return Ticks(
            at_ns=at[order].tolist(),
            row=row[order],
            price=path.ravel()[order],
            quantity=quantity[order],
            usual=np.maximum(np.array(means) / minutes / 60.0, 1.0),
        )


def read_bars(path: Path, known: tuple[Contract, ...]) -> Bars:
    """Return the klines of a Parquet file; raises `RecordingUnreadable`."""
    import duckdb

    if not path.is_file():
        raise RecordingUnreadable(f"The replay file {path} does not exist.")
    source = f"read_parquet('{str(path).replace(chr(39), chr(39) * 2)}')"
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "256MB"})
    try:
        # S608: the only text put into these statements is the escaped file name
        named = {str(name) for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608
        if not set(BARS) <= named:
            raise RecordingUnreadable(f"The columns of {path} are not those of klines ({', '.join(BARS)}).")
        chosen = "symbol, epoch_ns(ts)::BIGINT AS ts, open, high, low, close, volume"
        columns = connection.execute(f"SELECT {chosen} FROM {source} ORDER BY 2, 1").fetchnumpy()  # noqa: S608
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise RecordingUnreadable(f"The replay file {path} cannot be read as Parquet: {reason}") from error
    finally:
        connection.close()
    return _bars(path, columns, known)


def _bars(path: Path, columns: dict[str, Any], known: tuple[Contract, ...]) -> Bars:
    if any(np.ma.is_masked(values) for values in columns.values()) or not len(columns["ts"]):
        raise RecordingUnreadable(f"The replay file {path} holds no klines, or has empty values.")
    symbols = sorted(set(columns["symbol"].tolist()))
    prices = np.stack(
        [np.asarray(columns[name], dtype=np.float64) for name in ("open", "high", "low", "close")], axis=1
    )
    volume = np.asarray(columns["volume"], dtype=np.float64)
    if prices.min() <= 0 or (prices[:, 1] < prices[:, 2]).any():
        raise RecordingUnreadable(f"The klines of {path} contradict themselves.")
    row = np.array([symbols.index(symbol) for symbol in columns["symbol"].tolist()], dtype=np.int64)
    start = np.asarray(columns["ts"], dtype=np.int64)
    contracts = tuple(
        _contract(symbol, prices[row == number], volume[row == number], known) for number, symbol in enumerate(symbols)
    )
    scale = np.array([10.0**one.price_decimals for one in contracts])[row]
    lots = np.array([10.0**one.quantity_decimals for one in contracts])[row]
    gaps = np.diff(np.unique(start))
    return Bars(
        contracts=contracts,
        length_ns=int(gaps.min()) if len(gaps) else 60 * SECOND_NS,
        start_ns=start,
        row=row,
        prices=np.round(prices * scale[:, None]).astype(np.int64),
        volume=np.round(volume * lots).astype(np.int64),
    )


def _contract(
    symbol: str, prices: npt.NDArray[np.float64], volume: npt.NDArray[np.float64], known: tuple[Contract, ...]
) -> Contract:
    """Return the contract of a recorded symbol: the known terms, counted as finely as the recording is."""
    own = next((one for one in known if one.symbol == symbol), None)
    decimals, lots = _decimals(prices[-200:].ravel()), min(_decimals(volume[-200:]), 3)
    model = own or known[2]
    if own is not None:
        # an order may be finer than the bars' totals happen to be
        decimals, lots = max(decimals, own.price_decimals), max(lots, own.quantity_decimals)
    base = symbol.removesuffix("USDT") or symbol
    return replace(
        model, symbol=symbol, base=base, name=base, price_decimals=decimals, tick=1, quantity_decimals=lots,
        most=10**9, most_market=10**8, start_price=f"{prices[0, 0]:.{decimals}f}",
    )  # fmt: skip


def _decimals(values: npt.NDArray[np.float64]) -> int:
    texts = (f"{value:.{MOST_DECIMALS}f}".rstrip("0") for value in values.tolist())
    return max(len(text.partition(".")[2]) for text in texts)


class Frames:
    """The lines of a websocket recording in order, read as they are wanted; each is a local time and a frame."""

    def __init__(self, path: Path, known: tuple[Contract, ...]) -> None:
        self.finished = False
        self._shift_ns = 0
        self._lines = self._read(path)
        self._waiting = self._next()
        if self._waiting is None:
            raise RecordingUnreadable(f"The replay file {path} holds no frames.")
        first = self._waiting[2]
        symbol = str(first.get("s", ""))
        model = next((one for one in known if one.symbol == symbol), None)
        if model is None:
            raise RecordingUnreadable(f"The recorded symbol {symbol!r} of {path} is not one of the known contracts.")
        self.contract = model
        self.first_ns = self._waiting[0]
        self.first_price = self._first_price(path)

    def shift(self, shift_ns: int) -> None:
        """Move every time by so much."""
        self._shift_ns = shift_ns

    def until(self, at_ns: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Yield what was recorded up to an instant of the shifted clock: when, its event's name, its data."""
        while self._waiting is not None and self._waiting[0] + self._shift_ns <= at_ns:
            recorded_ns, kind, data = self._waiting
            self._waiting = self._next()
            yield recorded_ns + self._shift_ns, kind, data
        self.finished = self._waiting is None

    def pair(self, price: str, quantity: str) -> tuple[int, int]:
        """Return a price and a quantity as units; a recording made with finer steps is rounded."""
        contract = self.contract
        return (
            round(float(price) * 10**contract.price_decimals),
            round(float(quantity) * 10**contract.quantity_decimals),
        )

    def _first_price(self, path: Path) -> int:
        for _, kind, data in self._read(path):
            if kind == "bookTicker":
                return self.pair(data["b"], "0")[0]
        raise RecordingUnreadable(f"The replay file {path} never tells a best price.")

    def _next(self) -> tuple[int, str, dict[str, Any]] | None:
        return next(self._lines, None)

    @staticmethod
    def _read(path: Path) -> Iterator[tuple[int, str, dict[str, Any]]]:
        newest = 0
        try:
            with gzip.open(path, "rb") as file:
                for line in file:
                    data = orjson.loads(line.partition(b" ")[2]).get("data")
                    if data is None:
                        # the answer to a subscription was recorded too
                        continue
                    newest = max(newest, int(data["E"]) * MS_NS)
                    yield newest, str(data["e"]), data
        except FileNotFoundError:
            raise RecordingUnreadable(f"The replay file {path} does not exist.") from None
        except (OSError, EOFError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordingUnreadable(f"The replay file {path} is no websocket recording: {error!r:.80}.") from error
