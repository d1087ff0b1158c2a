"""Scans from the store: the fifty of an index, every stock of the exchange, and fifty stocks on every day of years.

The candles are recorded ones where the reference data is at hand (WINDHOVER_REFERENCE_DATA), else walks of the same
shape. They are taken into a store of their own first; what is timed reads them from there, adjusts, measures, checks
and orders, in a process that has scanned once before.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from analysis.domain.adjustments import Rename
from analysis.domain.candle_files import Candle
from analysis.domain.universe import Universe, own_list
from bench import embedded
from bench.measure import Case, Topic

ROUNDS = 7
INDEX = "nse_eod_raw_nifty50_2019-10_2026-05.parquet"
EXCHANGE = "nse_eod_raw_all_eq_2026-03_2026-05.parquet"
DAY = date(2026, 5, 29)
SINCE = date(2021, 1, 1)
# what each may take
GOALS = {"index_ms": 150.0, "exchange_s": 2.0, "study_s": 10.0}
FIGURES = (
    ("fifty stocks, one day", "ms", "index_ms"),
    ("  processor time of it", "ms", "index_cpu_ms"),
    ("  reading and adjusting alone", "ms", "index_read_ms"),
    ("every stock of the exchange", "s", "exchange_s"),
    ("  processor time of it", "s", "exchange_cpu_s"),
    ("fifty stocks, every day since 2021", "s", "study_s"),
    ("  processor time of it", "s", "study_cpu_s"),
    ("days in that study", "days", "study_days"),
    ("rows of the exchange's scan", "rows", "exchange_rows"),
    ("  of them too short for the checks", "rows", "exchange_short"),
)
RENAMES = (
    Rename(old="NSE:ZOMATO", new="NSE:ETERNAL", on=date(2025, 4, 9)),
    Rename(old="NSE:SRTRANSFIN", new="NSE:SHRIRAMFIN", on=date(2022, 12, 20)),
    Rename(old="NSE:TATAGLOBAL", new="NSE:TATACONSUM", on=date(2020, 2, 27)),
)


def measure() -> Topic:
    """Measure each store in a process of its own."""
    found: dict[str, float] = {}
    for part in ("index", "exchange"):
        with tempfile.TemporaryDirectory(prefix="windhover-scan.") as folder:
            environment = {**os.environ, "DATABASE_URL": f"sqlite:///{folder}/scan.sqlite3", "WINDHOVER_STATE": folder}
            done = subprocess.run(
                [sys.executable, "-m", "bench.scan", part], env=environment, check=True, stdout=subprocess.PIPE
            )
            found |= json.loads(done.stdout)
    cases = [
        Case(
            name=name,
            unit=unit,
            ours=found[key],
            peers={},
            higher_is_better=unit in {"days", "rows"},
            goal=GOALS.get(key),
        )
        for name, unit, key in FIGURES
    ]
    return Topic(name="scan", cases=cases, packages=("numpy", "ta-lib", "django"))


def _measure_here(part: str) -> dict[str, float]:
    embedded.ready()
    from analysis.candles import candles_take

    candles_take(exchange="NSE", candles=_candles(part), source="bench", at=datetime.now(tz=UTC))
    return _index_figures() if part == "index" else _exchange_figures()


def _index_figures() -> dict[str, float]:
    from analysis.candles import study_series
    from analysis.domain.scanner import Scanner
    from analysis.models import ChangedName

    ChangedName.objects.bulk_create(ChangedName(old=one.old, new=one.new, on=one.on) for one in RENAMES)
    every, _ = study_series()
    # fifty with the longest histories, the list's own order among equals
    fifty = sorted(every, key=lambda name: (-len(every[name]), name))[:50]
    universe = own_list("FIFTY", fifty, since=DAY)
    read, _ = _medians(lambda: study_series(fifty))
    spent, busy = _medians(lambda: _scan(universe, fifty))
    series, renames = study_series(fifty)
    study = Scanner(universe, series, renames).study(SINCE, DAY)
    began, began_work = time.perf_counter(), time.process_time()
    series, renames = study_series(fifty)
    Scanner(universe, series, renames).study(SINCE, DAY)
    study_s, study_cpu_s = time.perf_counter() - began, time.process_time() - began_work
    return {
        "index_ms": spent * 1e3,
        "index_cpu_ms": busy * 1e3,
        "index_read_ms": read * 1e3,
        "study_s": study_s,
        "study_cpu_s": study_cpu_s,
        "study_days": float(study.day.size),
    }


def _exchange_figures() -> dict[str, float]:
    from analysis.candles import candles_of
    from analysis.domain.scanner import Cause

    every = sorted(candles_of())
    universe = own_list("EXCHANGE", every, since=DAY)
    scan = _scan(universe, None)
    short = sum(remark.cause is Cause.TOO_SHORT for remark in scan.remarks)
    if len(scan.rows) + sum(remark.cause is Cause.NOT_TRADED for remark in scan.remarks) != len(every):
        raise AssertionError("a stock is neither a row nor named with a reason")
    spent, busy = _medians(lambda: _scan(universe, None))
    return {
        "exchange_s": spent,
        "exchange_cpu_s": busy,
        "exchange_rows": float(len(scan.rows)),
        "exchange_short": float(short),
    }


def _scan(universe: Universe, names: list[str] | None) -> Any:
    """Do all that a scan shows: checks and triggers, movers of every span, breadth, and each row's trend."""
    from analysis.candles import study_series
    from analysis.domain.breadth import breadth
    from analysis.domain.movers import Span, movers
    from analysis.domain.scanner import Scanner
    from analysis.domain.trend import trend_at

    series, renames = study_series(names)
    scan = Scanner(universe, series, renames).scan(DAY)
    for span in Span:
        movers(scan.rows, span)
    breadth(scan.rows)
    for row in scan.rows:
        trend_at(row.measures, row.place)
    return scan


def _medians(call: Callable[[], object]) -> tuple[float, float]:
    """Give the median of the seconds that passed, and of those that the processor worked: others share the machine."""
    call()
    passed, worked = [], []
    for _ in range(ROUNDS):
        began, busy = time.perf_counter(), time.process_time()
        call()
        passed.append(time.perf_counter() - began)
        worked.append(time.process_time() - busy)
    return statistics.median(passed), statistics.median(worked)


def _candles(part: str) -> list[Candle]:
    file = Path(os.environ.get("WINDHOVER_REFERENCE_DATA", "../shared/data")) / "market" / "nse_daily"
    path = file / (INDEX if part == "index" else EXCHANGE)
    if path.exists():
        import duckdb

        columns = "symbol, date, open, high, low, close, CAST(volume AS DOUBLE)"
        rows = duckdb.read_parquet(str(path)).project(columns).fetchall()
    else:
        print(f"{path.name} is not here: walks of its shape are measured instead.", file=sys.stderr)
        rows = _walks(64, 1_650) if part == "index" else _walks(2_581, 58)
    names = ("symbol", "day", "open", "high", "low", "close", "volume")
    return [Candle(**dict(zip(names, row, strict=True))) for row in rows]


def _walks(symbols: int, days: int) -> list[tuple[Any, ...]]:
    random = np.random.default_rng(20260529)
    open_days = [DAY - timedelta(days=back) for back in range(days * 7 // 5 + 7)]
    sessions = [day for day in reversed(open_days) if day.weekday() < 5][-days:]
    rows: list[tuple[Any, ...]] = []
    for number in range(symbols):
        close = np.round(500 * np.exp(np.cumsum(random.normal(0.0005, 0.015, days))), 2)
        reach = np.round(close * random.uniform(0.0, 0.02, days), 2)
        volume = random.integers(1_000, 10**6, days)
        figures = zip(sessions, close, close + reach, close - reach, close, volume, strict=True)
        rows += [(f"S{number:04}", day, *(float(value) for value in values)) for day, *values in figures]
    return rows


if __name__ == "__main__":
    json.dump(_measure_here(sys.argv[1]), sys.stdout)
