"""Candles for tests: recorded ones where they are at hand, made ones otherwise."""

import csv
from datetime import date, timedelta

import duckdb
import numpy as np

from analysis.domain.adjustments import CorporateAction, Rename, action_kind
from analysis.domain.daily import daily_series, day_number
from tests.reference import reference_file

FIRST = date(2024, 1, 1)
RENAMES = (
    Rename(old="ZOMATO", new="ETERNAL", on=date(2025, 4, 9)),
    Rename(old="SRTRANSFIN", new="SHRIRAMFIN", on=date(2022, 12, 20)),
    Rename(old="TATAGLOBAL", new="TATACONSUM", on=date(2020, 2, 27)),
)


def made(symbol, close, *, volume=None, spread=0.01, first=FIRST):
    """Return a series of these closes on consecutive weekdays."""
    close = np.asarray(close, dtype=float)
    days = np.array([day_number(day) for day in weekdays(first, close.size)], dtype=np.int64)
    return daily_series(
        symbol,
        days,
        open=close.copy(),
        high=close * (1 + spread),
        low=close * (1 - spread),
        close=close,
        volume=np.full(close.size, 1_000.0) if volume is None else np.asarray(volume, dtype=float),
    )


def weekdays(first, count):
    days = (first + timedelta(days=place) for place in range(count * 7 // 5 + 7))
    return [day for day in days if day.weekday() < 5][:count]


def walk(symbol, seed, *, bars=400, drift=0.0005, **options):
    random = np.random.default_rng(seed)
    close = np.round(500 * np.exp(np.cumsum(random.normal(drift, 0.015, bars))), 2)
    return made(symbol, close, volume=random.integers(1_000, 9_000, bars).astype(float), **options)


def recorded(name):
    """Return a recorded set of daily candles by symbol."""
    file = reference_file(f"nse_daily/{name}")
    found = duckdb.sql(
        f"SELECT symbol, date_diff('day', DATE '1970-01-01', date) AS day, open, high, low, close, "
        f"volume::DOUBLE AS volume FROM '{file}' ORDER BY symbol, date"
    ).fetchnumpy()
    symbols = np.asarray(found["symbol"]).astype(str)
    starts = np.flatnonzero(np.r_[True, symbols[1:] != symbols[:-1]])
    columns = {key: np.ascontiguousarray(found[key]) for key in ("day", "open", "high", "low", "close", "volume")}
    columns["day"] = columns["day"].astype(np.int64)
    return {
        str(symbols[start]): daily_series(
            str(symbols[start]), **{key: column[start:stop] for key, column in columns.items()}
        )
        for start, stop in zip(starts, [*starts[1:], symbols.size], strict=True)
    }


def recorded_actions():
    with reference_file("nse_daily/nse_corporate_actions_derived_2020-10_2026-07.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [
        CorporateAction(
            symbol=row["symbol"],
            ex_date=date.fromisoformat(row["ex_date"]),
            factor=(factor := float(row["factor_before_over_after"])),
            kind=action_kind(factor),
        )
        for row in rows
    ]
