"""Reading recorded markets: Parquet bars, option chains and ticks become one table of ticks.

Bars become ticks by one path: open, the nearer extreme, the other extreme, close, at the bar's start,
its thirds and its last second. Such ticks are marked synthetic. A file that cannot be read or whose
columns are unknown raises `ReplayUnreadable` with one plain sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import duckdb

Int64Array1D = npt.NDArray[np.int64]
IST_OFFSET_S = 19_800
# NSE's website counts chain volume and open interest in contracts; Kite in units.
LOTS = {"NIFTY": 65, "BANKNIFTY": 30, "FINNIFTY": 60, "MIDCPNIFTY": 120, "SENSEX": 20}
INDEX_NAMES = {"NIFTY": "NIFTY 50", "NIFTY50": "NIFTY 50", "BANKNIFTY": "NIFTY BANK", "SENSEX30": "SENSEX"}
OPTION_NAMES = {"NIFTY50": "NIFTY", "SENSEX30": "SENSEX"}
SHAPES = {
    "bars": ("symbol", "ts", "open", "high", "low", "close"),
    "chain": ("ts", "symbol", "expiry", "strike", "option_type", "spot", "ltp", "volume", "oi"),
    "wide chain": ("ts", "symbol", "expiry", "strike", "spot", "ce_ltp", "ce_oi", "pe_ltp", "pe_oi"),
    "ticks": ("ts", "symbol", "ltp"),
}
STRANGLE = ("expiry", "call_strike", "call_ltp", "put_strike", "put_ltp")


class ReplayUnreadable(Exception):
    """The recording cannot be replayed; nothing was started."""


@dataclass(frozen=True, slots=True, order=True)
class Recorded:
    """One instrument of a recording: a cash or index symbol, or an option of an underlying."""

    symbol: str
    expiry: date | None = None
    strike: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All ticks of a recording by time: epoch seconds, instrument number, paise, units.

    ``volume`` is the day's running total. In a snapshot recording the first total of a day is what
    traded before the recording began. ``oi`` is −1 where the recording has none.
    """

    name: str
    shape: str
    synthetic_ticks: bool
    snapshots: bool
    instruments: tuple[Recorded, ...]
    at_s: Int64Array1D
    instrument: Int64Array1D
    price: Int64Array1D
    volume: Int64Array1D
    oi: Int64Array1D

    @property
    def day(self) -> Int64Array1D:
        """Return each tick's Indian day as days since the epoch."""
        return (self.at_s + IST_OFFSET_S) // 86_400


def read_recording(path: str | Path) -> Recording:
    """Return the recording in a Parquet file; raises `ReplayUnreadable`."""
    import duckdb

    file = Path(path)
    if not file.is_file():
        raise ReplayUnreadable(f"The replay file {file} does not exist.")
    connection = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "256MB"})
    try:
        return _read(connection, file)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise ReplayUnreadable(f"The replay file {file} cannot be read as Parquet: {reason}") from error
    finally:
        connection.close()


def default_start(recording: Recording) -> int:
    """Return the epoch second from which to replay when none is asked for.

    Over several days: the open of the day after the first fifth. Within one day: after 100 minutes,
    or after a fifth when there is less than twice that.
    """
    days = np.unique(recording.day)
    first = int(recording.at_s[0])
    if len(days) > 1:
        start_day = int(days[-(-len(days) // 5)])
        return int(recording.at_s[np.searchsorted(recording.day, start_day)])
    length = int(recording.at_s[-1]) - first
    return first + (6_000 if length >= 12_000 else length // 5)


def _read(connection: "duckdb.DuckDBPyConnection", file: Path) -> Recording:
    source = f"read_parquet('{str(file).replace(chr(39), chr(39) * 2)}')"
    # S608: the only text put into these statements is the escaped file name and column names.
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608
    types = {str(name): str(kind) for name, kind, *_ in described}
    shape = next((name for name, columns in SHAPES.items() if set(columns) <= set(types)), None)
    if shape is None:
        known = "; ".join(f"{name} ({', '.join(columns)})" for name, columns in SHAPES.items())
        raise ReplayUnreadable(f"The columns of {file} ({', '.join(types)}) are none of the known shapes: {known}.")
    at = _epoch(types["ts"], file)
    reader = {"bars": _read_bars, "chain": _read_chain, "wide chain": _read_wide_chain, "ticks": _read_ticks}[shape]
    recording = reader(connection, source, at, types, file.name)
    _check(recording, file)
    return recording


def _epoch(kind: str, file: Path) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return "epoch(ts)::BIGINT"
    if kind.startswith("TIMESTAMP"):
        # A naive stamp is Indian wall-clock time.
        return f"epoch(ts)::BIGINT - {IST_OFFSET_S}"
    raise ReplayUnreadable(f"The column ts of {file} is {kind}, not a timestamp.")


def _check(recording: Recording, file: Path) -> None:
    if not len(recording.at_s):
        raise ReplayUnreadable(f"The replay file {file} holds no rows with a price.")
    if recording.price.min() <= 0:
        raise ReplayUnreadable(f"The replay file {file} holds prices that are not positive.")
    minute_of_day = (recording.at_s + IST_OFFSET_S) % 86_400 // 60
    if minute_of_day.min() < 9 * 60 or minute_of_day.max() > 16 * 60:
        raise ReplayUnreadable(f"The replay file {file} holds rows outside Indian market hours (09:00 to 16:00).")


def _columns(connection: "duckdb.DuckDBPyConnection", query: str) -> dict[str, npt.NDArray[Any]]:
    found = connection.execute(query).fetchnumpy()
    holes = [name for name, values in found.items() if np.ma.is_masked(values)]
    if holes:
        raise ReplayUnreadable(f"The replay file has empty values in {', '.join(holes)}.")
    return {name: np.asarray(values) for name, values in found.items()}


def _paise(values: npt.NDArray[Any]) -> Int64Array1D:
    return np.asarray(np.round(values.astype(np.float64) * 100.0), dtype=np.int64)


def _read_bars(
    connection: "duckdb.DuckDBPyConnection", source: str, at: str, types: dict[str, str], name: str
) -> Recording:
    volume = "volume" if "volume" in types else "0"
    query = (
        f"SELECT symbol, {at} AS at_s, open, high, low, close, "  # noqa: S608
        f"(sum({volume}) OVER (PARTITION BY symbol, (at_s + {IST_OFFSET_S}) // 86400 ORDER BY at_s))::BIGINT AS total, "
        f"({volume})::BIGINT AS volume FROM {source} ORDER BY at_s, symbol"
    )
    rows = _columns(connection, query)
    open_, high, low, close = (_paise(rows[column]) for column in ("open", "high", "low", "close"))
    if (high < np.maximum(open_, close)).any() or (low > np.minimum(open_, close)).any():
        raise ReplayUnreadable(
            f"The bars of {name} contradict themselves: a high lies below a price or a low above it."
        )
    gaps = np.diff(np.unique(rows["at_s"]))
    width = int(gaps.min()) if len(gaps) else 60
    high_first = high - open_ <= open_ - low
    path = (open_, np.where(high_first, high, low), np.where(high_first, low, high), close)
    offsets = (0, width // 3, 2 * width // 3, max(width - 1, 0))
    before = rows["total"] - rows["volume"]
    totals = [before + rows["volume"] * part // 4 for part in (1, 2, 3, 4)]
    names, numbers = np.unique(rows["symbol"].astype(str), return_inverse=True)
    return _recording(
        name,
        "bars",
        instruments=tuple(Recorded(symbol) for symbol in names.tolist()),
        at_s=np.concatenate([rows["at_s"] + offset for offset in offsets]),
        instrument=np.tile(numbers, 4),
        price=np.concatenate(path),
        volume=np.concatenate(totals),
        oi=np.full(4 * len(numbers), -1),
    )


def _read_chain(
    connection: "duckdb.DuckDBPyConnection", source: str, at: str, _types: dict[str, str], name: str
) -> Recording:
    lot = "CASE symbol " + " ".join(f"WHEN '{symbol}' THEN {lot}" for symbol, lot in LOTS.items()) + " ELSE 1 END"
    contracts = (
        f"SELECT {at} AS at_s, symbol, expiry::DATE::VARCHAR AS expiry, strike, option_type AS kind, "  # noqa: S608
        f"spot, ltp, volume * {lot} AS volume, oi * {lot} AS oi FROM {source} WHERE ltp > 0"
    )
    return _chain(connection, contracts, name)


def _read_wide_chain(
    connection: "duckdb.DuckDBPyConnection", source: str, at: str, types: dict[str, str], name: str
) -> Recording:
    contracts = " UNION ALL ".join(
        f"SELECT {at} AS at_s, symbol, expiry::DATE::VARCHAR AS expiry, strike, '{side.upper()}' AS kind, spot, "  # noqa: S608
        f"{side}_ltp AS ltp, {f'{side}_volume' if f'{side}_volume' in types else '0'} AS volume, {side}_oi AS oi "
        f"FROM {source} WHERE {side}_ltp > 0"
        for side in ("ce", "pe")
    )
    return _chain(connection, contracts, name)


def _chain(connection: "duckdb.DuckDBPyConnection", contracts: str, name: str) -> Recording:
    """Number the contracts inside the query: a string object per row would cost a hundred megabytes."""
    key = "symbol, expiry, kind, strike"
    connection.execute(f"CREATE TEMP TABLE contracts AS {contracts}")
    rows = _columns(
        connection,
        f"SELECT at_s, dense_rank() OVER (ORDER BY {key}) - 1 AS number, ltp, volume, oi FROM contracts",  # noqa: S608
    )
    listed = connection.execute(f"SELECT DISTINCT {key} FROM contracts ORDER BY {key}").fetchall()  # noqa: S608
    options = [
        Recorded(symbol, date.fromisoformat(expiry), round(strike * 100), kind)
        for symbol, expiry, kind, strike in listed
    ]
    spots = connection.execute("SELECT at_s, symbol, min(spot) FROM contracts GROUP BY ALL ORDER BY ALL").fetchall()
    names = [INDEX_NAMES.get(symbol, symbol) for _, symbol, _ in spots]
    cash = sorted(set(names))
    none = np.zeros(len(spots), dtype=np.int64)
    spot_price = np.array([float(spot) for _, _, spot in spots])
    return _recording(
        name,
        "chain",
        instruments=(*(Recorded(symbol) for symbol in cash), *options),
        at_s=np.concatenate([np.array([at for at, _, _ in spots], dtype=np.int64), rows["at_s"]]),
        instrument=np.concatenate([np.array([cash.index(symbol) for symbol in names]), rows["number"] + len(cash)]),
        price=np.concatenate([_paise(spot_price), _paise(rows["ltp"])]),
        volume=np.concatenate([none, rows["volume"]]),
        oi=np.concatenate([none - 1, rows["oi"]]),
    )


def _read_ticks(
    connection: "duckdb.DuckDBPyConnection", source: str, at: str, types: dict[str, str], name: str
) -> Recording:
    extra = [column for column in ("volume", "oi") if column in types]
    strangle = list(STRANGLE) if set(STRANGLE) <= set(types) else []
    columns = ", ".join([f"{at} AS at_s", "symbol", "ltp", *extra, *strangle])
    rows = _columns(connection, f"SELECT {columns} FROM {source} WHERE ltp > 0 ORDER BY at_s")  # noqa: S608
    keys = [Recorded(INDEX_NAMES.get(symbol, symbol)) for symbol in rows["symbol"].tolist()]
    at_s, price = [rows["at_s"]], [_paise(rows["ltp"])]
    if strangle:
        for kind, side in (("CE", "call"), ("PE", "put")):
            keys += _legs(rows, kind, side)
            at_s.append(rows["at_s"])
            price.append(_paise(rows[f"{side}_ltp"]))
    instruments, numbers = _number(keys)
    legs, plain = len(at_s), len(rows["at_s"])
    volume = rows["volume"] if "volume" in extra else np.zeros(plain)
    oi = rows["oi"] if "oi" in extra else np.full(plain, -1)
    return _recording(
        name,
        "ticks",
        instruments=instruments,
        at_s=np.concatenate(at_s),
        instrument=numbers,
        price=np.concatenate(price),
        volume=np.concatenate([volume, np.zeros((legs - 1) * plain)]),
        oi=np.concatenate([oi, np.full((legs - 1) * plain, -1)]),
    )


def _legs(rows: dict[str, npt.NDArray[Any]], kind: str, side: str) -> list[Recorded]:
    names = [OPTION_NAMES.get(symbol, symbol) for symbol in rows["symbol"].tolist()]
    expiries = [date.fromisoformat(str(text)[:10]) for text in rows["expiry"].tolist()]
    strikes = _paise(rows[f"{side}_strike"]).tolist()
    return [Recorded(*leg, kind) for leg in zip(names, expiries, strikes, strict=True)]


def _number(keys: Sequence[Recorded]) -> tuple[tuple[Recorded, ...], Int64Array1D]:
    """Return the distinct instruments, cash and indices first, and each key's number among them."""
    far = date.min
    distinct = sorted(set(keys), key=lambda key: (key.kind != "", key.symbol, key.expiry or far, key.kind, key.strike))
    number = {key: n for n, key in enumerate(distinct)}
    return tuple(distinct), np.array([number[key] for key in keys], dtype=np.int64)


def _recording(name: str, shape: str, *, instruments: tuple[Recorded, ...], **columns: npt.NDArray[Any]) -> Recording:
    order = np.lexsort((columns["instrument"], columns["at_s"]))
    sorted_columns = {key: np.round(values).astype(np.int64)[order] for key, values in columns.items()}
    return Recording(
        name=name,
        shape=shape,
        synthetic_ticks=shape == "bars",
        snapshots=shape != "bars",
        instruments=instruments,
        **sorted_columns,
    )
