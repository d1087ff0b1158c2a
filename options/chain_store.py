"""Chains minute by minute, kept for the user on whose key they were received: the time machine's and backtests' source.

A venue's market data is licensed to the one who received it, so every path begins with a user, and nothing reads across
users. A minute is one closed Parquet file, written under another name and then renamed: a reader sees all of it or none.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from brokers.domain.errors import Invalid, NotFound
from brokers.domain.market import NANOSECONDS, ns_of
from options.domain.expiries import Fixing
from options.domain.quotes import CALL, PUT, arrange
from options.domain.received import StoredChain

if TYPE_CHECKING:
    # it and DuckDB cost a second and a hundred megabytes: who reads or writes a snapshot loads them, and nobody else
    import pandas as pd

FIGURES = ("bid", "ask", "last_price", "open_interest", "volume", "age_s", "trade_age_s")
_USER = re.compile(r"[A-Za-z0-9-]{1,64}")
_STAMP = "%Y%m%dT%H%M%S"
_SERIES = """
    SELECT at_ns, expiry, strike, is_call, bid, ask, last_price, open_interest, volume, age_s, trade_age_s
    FROM read_parquet($1) WHERE list_contains($2, strike) ORDER BY at_ns
"""

__all__ = ["ChainStore", "StoredChain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One option through a day: moments, and `FIGURES` by name, each of shape (n,) with NaN where it was not told."""

    at: tuple[datetime, ...]
    figures: dict[str, npt.NDArray[np.float64]]


class ChainStore:
    """The snapshots under one folder: `folder/user/underlying/day/moment.parquet`; moments in UTC to the second, days as the caller's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, user_id: str, underlying: str, day: date, chains: Sequence[StoredChain]) -> Path:
        """Keep every expiry of an underlying at one moment; a second snapshot of that second replaces the first.

        Raises `Invalid` where the chains are of several moments, or have no strike among them.
        """
        moments = {chain.at for chain in chains if len(chain.quotes)}
        if len(moments) != 1:
            raise Invalid(f"a snapshot is of one moment, not of {len(moments)}")
        path = self._day(user_id, underlying, day) / _name(moments.pop())
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        import duckdb
        import pandas as pd

        cells = pd.concat([_cells(chain) for chain in chains], ignore_index=True)
        with duckdb.connect() as connection:
            connection.from_df(cells).write_parquet(str(temporary), compression="zstd")
        temporary.replace(path)
        return path

    def users(self) -> list[str]:
        """Return the users of whom anything is kept."""
        return sorted(entry.name for entry in self._folder.iterdir()) if self._folder.exists() else []

    def clear(self, user_id: str, *, before: date) -> int:
        """Delete this user's days before one, of every underlying; return how many went. Nobody else's are touched."""
        gone = 0
        for folder in self._user(user_id).glob("*/*"):
            if date.fromisoformat(folder.name) < before:
                shutil.rmtree(folder)
                gone += 1
        return gone

    def days(self, user_id: str, underlying: str) -> list[date]:
        """Return the days of which this user has snapshots, oldest first."""
        folder = self._underlying(user_id, underlying)
        return sorted(date.fromisoformat(entry.name) for entry in folder.iterdir()) if folder.exists() else []

    def moments(self, user_id: str, underlying: str, day: date) -> list[datetime]:
        """Return the moments of a day, oldest first: where a scrubber may stop."""
        names = sorted(path.stem for path in self._day(user_id, underlying, day).glob("*.parquet"))
        return [_moment(name) for name in names]

    def read(self, user_id: str, underlying: str, day: date, at: datetime) -> list[StoredChain]:
        """Return the expiries of one moment, nearest first; raises `NotFound` where this user has no such snapshot."""
        path = self._day(user_id, underlying, day) / _name(at)
        if not path.exists():
            raise NotFound(f"no snapshot of {underlying} at {at.isoformat()}")
        import duckdb

        with duckdb.connect() as connection:
            cells = connection.read_parquet(str(path)).df()
        return [_chain(part) for _, part in cells.groupby("expiry", sort=True)]

    def series(self, user_id: str, underlying: str, day: date, cells: Sequence[tuple[date, float, bool]]) -> list[Kept]:
        """Return some options through a day, each `(expiry, strike, is_call)` at every moment kept of it; NaN where it was not.

        A user, an underlying or a day of which nothing is kept gives series without a moment.
        """
        paths = sorted(self._day(user_id, underlying, day).glob("*.parquet"))
        moments = [_moment(path.stem) for path in paths]
        place = {ns_of(at): index for index, at in enumerate(moments)}
        found = [Kept(at=tuple(moments), figures=_nothing(len(moments))) for _ in cells]
        if not paths:
            return found
        import duckdb

        with duckdb.connect() as connection:
            rows = connection.execute(_SERIES, [[str(path) for path in paths], [strike for _, strike, _ in cells]])
            kept = rows.df()
        for one, (expiry, strike, is_call) in zip(found, cells, strict=True):
            own = kept[
                (kept["expiry"] == expiry.isoformat()) & (kept["strike"] == strike) & (kept["is_call"] == is_call)
            ]
            # a moment's name has whole seconds, its rows have the rest
            at = [place[ns - ns % NANOSECONDS] for ns in own["at_ns"].tolist()]
            for name in FIGURES:
                one.figures[name][at] = own[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return found

    def _user(self, user_id: str) -> Path:
        if not _USER.fullmatch(user_id):
            raise Invalid("a user's snapshots lie under the user's id")
        return self._folder / user_id

    def _underlying(self, user_id: str, underlying: str) -> Path:
        name = quote(underlying, safe="")
        if not name.strip("."):
            raise Invalid(f"no underlying is called {underlying!r}")
        return self._user(user_id) / name

    def _day(self, user_id: str, underlying: str, day: date) -> Path:
        return self._underlying(user_id, underlying) / day.isoformat()


def _nothing(count: int) -> dict[str, npt.NDArray[np.float64]]:
    return {name: np.full(count, np.nan) for name in FIGURES}


def _cells(chain: StoredChain) -> pd.DataFrame:
    import pandas as pd

    count = len(chain.quotes)
    figures = {name: getattr(chain.quotes, name).ravel() for name in FIGURES}
    return pd.DataFrame(
        {
            "at_ns": np.full(2 * count, ns_of(chain.at), dtype=np.int64),
            "expiry": np.full(2 * count, chain.expiry.isoformat()),
            "fixing_ns": np.full(2 * count, ns_of(chain.fixing.at), dtype=np.int64),
            "averaging_s": np.full(2 * count, chain.fixing.averaging_s),
            "spot": np.full(2 * count, np.nan if chain.spot is None else chain.spot),
            "strike": np.tile(chain.quotes.strike, 2),
            "is_call": np.repeat([row == CALL for row in (CALL, PUT)], count),
            **figures,
        }
    )


def _chain(cells: pd.DataFrame) -> StoredChain:
    first = cells.iloc[0]
    columns: dict[str, npt.ArrayLike] = {name: cells[name].to_numpy() for name in FIGURES}
    spot = float(first["spot"])
    return StoredChain(
        at=_at(int(first["at_ns"])),
        expiry=date.fromisoformat(str(first["expiry"])),
        fixing=Fixing(at=_at(int(first["fixing_ns"])), averaging_s=float(first["averaging_s"])),
        spot=None if np.isnan(spot) else spot,
        quotes=arrange(cells["strike"].to_numpy(), cells["is_call"].to_numpy(), columns),
    )


def _moment(name: str) -> datetime:
    return datetime.strptime(name, _STAMP).replace(tzinfo=UTC)


def _name(at: datetime) -> str:
    return f"{at.astimezone(UTC).strftime(_STAMP)}.parquet"


def _at(ns: int) -> datetime:
    # whole seconds and microseconds apart: a float of nanoseconds would round
    seconds, rest = divmod(ns, NANOSECONDS)
    return datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest // 1_000)
