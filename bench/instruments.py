"""The day's list of instruments: how long taking it over lasts, and how soon a search in it answers.

The list is ours, made of invented names in the shape of a real one: 120,000 rows, of which stocks are
a sixth. Each database is measured in a process of its own, through the functions that the worker and
the pages call.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from bench import embedded, postgres
from bench.measure import Case, Topic

ROWS = 120_000
STOCKS = 20_000
SEARCHES = 3_000
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange"
)
EXPIRIES = (date(2026, 11, 24), date(2026, 12, 29), date(2027, 1, 25))
STRIKES = 76
INDICES = (("NSE", "NIFTY 50", 256265), ("NSE", "NIFTY BANK", 260105), ("BSE", "SENSEX", 265))
FIGURES = (
    ("first list, 120,000 rows", "s", "first_s"),
    ("next day's list, 6 % changed", "s", "next_s"),
    ("longest transaction of a list", "ms", "longest_ms"),
    ("search, median", "ms", "p50_ms"),
    ("search, 99th percentile", "ms", "p99_ms"),
    ("first search in a process", "ms", "opening_ms"),
)


def measure() -> Topic:
    """Measure both databases, SQLite alone where PostgreSQL is not installed."""
    cases: list[Case] = []
    with tempfile.TemporaryDirectory(prefix="windhover-list.") as folder:
        cases += _cases("SQLite", _measured(f"sqlite:///{folder}/windhover.sqlite3", folder))
        if postgres.binaries() is None:
            print("PostgreSQL is not installed here and was not measured.", file=sys.stderr)
        else:
            with postgres.running() as url:
                cases += _cases("PostgreSQL", _measured(url, folder))
    return Topic(name="instruments", cases=cases, packages=("django", "numpy", "psycopg"))


def master(*, later: bool = False) -> str:
    """Return a list as the venue sends it; `later` is the next day's, with new strikes in place of old ones."""
    return "\n".join([HEADER, *_rows(later=later)]) + "\n"


def _rows(*, later: bool) -> Iterator[str]:
    chance = random.Random(20261124)  # noqa: S311 - names for a measurement
    for exchange, symbol, token in INDICES:
        yield f"{token},{token // 256},{symbol},{symbol},0,,0,0,0,EQ,INDICES,{exchange}"
    count = len(INDICES)
    names = [_name(chance, number) for number in range(STOCKS)]
    for number, name in enumerate(names):
        exchange = "BSE" if number % 2 else "NSE"
        yield f"{1_000_000 + number},{number},{name},{name.title()} Industries Limited,0,,0,0.05,1,EQ,{exchange},{exchange}"
    count += len(names)
    for number, cells in enumerate(_contracts(["NIFTY", "BANKNIFTY", *names[:: STOCKS // 220]], later=later)):
        if count + number == ROWS:
            return
        symbol, name, expiry, strike, kind = cells
        segment = "NFO-FUT" if kind == "FUT" else "NFO-OPT"
        yield f"{2_000_000 + number},{number},{symbol},{name},0,{expiry},{strike},0.05,65,{kind},{segment},NFO"


def _contracts(names: list[str], *, later: bool) -> Iterator[tuple[str, str, date, Decimal, str]]:
    for number, name in enumerate(names):
        middle = 1000 + 137 * number
        for expiry in EXPIRIES:
            stem = f"{name}{expiry:%y%b}".upper()
            yield f"{stem}FUT", name, expiry, Decimal(0), "FUT"
            lowest = middle - STRIKES * 25 // 2
            for step in range(STRIKES):
                # overnight the market moved: a chain loses its lowest strikes and gains higher ones
                strike = Decimal(lowest + 25 * (step + (STRIKES if later and step < 3 else 0)))
                for kind in ("CE", "PE"):
                    yield f"{stem}{strike}{kind}", name, expiry, strike, kind


def _name(chance: random.Random, number: int) -> str:
    return "".join(chance.choices("ABCDEFGHIJKLMNOPRSTUVY", k=6)) + (str(number) if number % 7 == 0 else "")


def _cases(database: str, figures: dict[str, float]) -> list[Case]:
    return [
        Case(name=f"{database}: {name}", unit=unit, ours=figures[key], peers={}, higher_is_better=False)
        for name, unit, key in FIGURES
    ]


def _measured(url: str, folder: str) -> dict[str, float]:
    environment = {**os.environ, "DATABASE_URL": url, "WINDHOVER_STATE": folder}
    done = subprocess.run(
        [sys.executable, "-m", "bench.instruments"], env=environment, check=True, stdout=subprocess.PIPE
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _measure_here() -> dict[str, float]:
    """Measure the database that the environment names; the process ends afterwards."""
    from bench.longest import Longest

    embedded.ready()
    from brokers.adapters.kite.listing import listing_of

    longest = Longest()
    with longest.watching(), patch("accounts.outbox.outbox_send"):  # there is no broker to tell
        first = _take(lambda: listing_of(master()))
        following = _take(lambda: listing_of(master(later=True)))
    opening, *rest = _searches()
    ordered = sorted(rest)
    return {
        "first_s": first,
        "next_s": following,
        "longest_ms": longest.seconds * 1e3,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[len(ordered) * 99 // 100] * 1e3,
        "opening_ms": opening * 1e3,
    }


def _take(read: Callable[[], Any]) -> float:
    from time import perf_counter

    from django.utils import timezone

    from brokers.listings_sync import list_take

    began = perf_counter()
    listing = read()
    list_take(
        venue="kite",
        instruments=listing.instruments,
        unreadable=listing.skipped,
        is_simulated=False,
        at=timezone.now(),
    )
    return perf_counter() - began


def _searches() -> list[float]:
    from time import perf_counter

    from brokers.listings import instruments_found

    spent: list[float] = []
    for words in _typed():
        began = perf_counter()
        instruments_found("kite", words, limit=8)
        spent.append(perf_counter() - began)
    return spent


def _typed() -> Iterator[str]:
    """Yield what people type: whole asks, the letters on the way to them, and words that nothing has."""
    chance = random.Random(1)  # noqa: S311 - words for a measurement
    rows = [row.split(",") for row in master(later=True).splitlines()[1:]]
    for _ in range(SEARCHES):
        _, _, symbol, name, _, expiry, strike, _, _, kind, _, _ = chance.choice(rows)
        month = date.fromisoformat(expiry).strftime("%b") if expiry else ""
        whole = chance.choice(
            [symbol, name, f"{name} {strike} {kind} {month}", f"{name} fut", f"{strike} {kind}", "zzz"]
        )
        yield whole[: chance.randint(1, len(whole))]


if __name__ == "__main__":
    json.dump(_measure_here(), sys.stdout)
