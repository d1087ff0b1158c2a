"""The recorded minute chain of an expiry day, as snapshots of each expiry; NSE counts it in lots, the desk in units."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from itertools import pairwise

import duckdb
import numpy as np

from options.domain.expiries import Fixing
from options.domain.quotes import ChainQuotes, arrange
from tests.reference import reference_file

IST = timezone(timedelta(hours=5, minutes=30))
EXPIRY_DAY = date(2026, 8, 18)
LOT = 65
RATE = 0.065
CHAIN_FILE = "nse_options/nifty_chain_1min_nse_2026-08-18.parquet"
COLUMNS = "epoch(ts) AS moment, expiry - DATE '1970-01-01' AS day, strike, option_type = 'CE' AS is_call, spot, ltp, volume, oi, iv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One expiry at one minute, with the volatility that the recorder wrote beside it, in the order of the cells."""

    at: datetime
    expiry: date
    spot: float
    quotes: ChainQuotes
    recorded_volatility: np.ndarray

    @property
    def fixing(self):
        # the mean of the last half hour of the continuous cash session, which ends 15:15 in these months
        return Fixing(at=datetime.combine(self.expiry, time(15, 15), IST), averaging_s=1800.0)


@cache
def recorded_day() -> tuple[Recorded, ...]:
    return tuple(_snapshots())


def _snapshots() -> Iterator[Recorded]:
    with duckdb.connect() as connection:
        query = f"SELECT {COLUMNS} FROM '{reference_file(CHAIN_FILE)}' ORDER BY moment, day, strike"
        table = connection.sql(query).fetchnumpy()
    is_first = (np.diff(table["moment"], prepend=-1) != 0) | (np.diff(table["day"], prepend=-1) != 0)
    edges = [*np.flatnonzero(is_first).tolist(), table["moment"].size]
    for start, end in pairwise(edges):
        part = {name: column[start:end] for name, column in table.items()}
        cells = {
            "last_price": part["ltp"],
            "open_interest": part["oi"] * LOT,
            "volume": part["volume"] * LOT,
            "trade_age_s": np.zeros(end - start),
        }
        given = arrange(part["strike"], part["is_call"], {"last_price": part["iv"] / 100})
        yield Recorded(
            at=datetime.fromtimestamp(float(part["moment"][0]), tz=UTC),
            expiry=date(1970, 1, 1) + timedelta(days=int(part["day"][0])),
            spot=float(part["spot"][0]),
            quotes=arrange(part["strike"], part["is_call"], cells),
            recorded_volatility=given.last_price,
        )
