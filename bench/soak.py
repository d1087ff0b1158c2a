"""9,000 instruments in full mode at a tick a second each, over three sockets, into a desk that publishes and keeps bars.

The venue is a process of its own on loopback (`bench.load_venue`). The desk is the real one: feed, session, engine,
strategies on paper, SQLite journal, and the publishing of its views into a Valkey. The lag is from the moment before a
frame is sent until the latest-quote table holds it; a minute (of a short run, a third) is left for warming up.

WINDHOVER_SOAK_MINUTES says how long (10; 1 in CI).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bench.measure import Case, Topic
from bench.soak_desk import database_in, hosted_desk
from brokers.domain.market import QuoteColumns

if TYPE_CHECKING:
    from brokers.adapters.kite.feed import KiteFeed

ROOT = Path(__file__).resolve().parents[1]
INSTRUMENTS = 9_000
GOAL_LAG_MS = 250.0
GOAL_DRIFT_PERCENT = 5.0
WRAP_US = 1 << 32
BIN_US = 100
BINS = 100_000
SAMPLE_S = 2.0


@dataclass(slots=True)
class Lag:
    """How late ticks were, in bins of a tenth of a millisecond."""

    bins: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BINS, dtype=np.int64))
    is_counting: bool = False

    def note(self, columns: QuoteColumns) -> None:
        """Count the ticks of a frame that the table has just taken in."""
        if self.is_counting:
            now_us = time.monotonic_ns() // 1_000 % WRAP_US
            late_us = (now_us - columns.open_interest.astype(np.int64)) % WRAP_US
            self.bins += np.bincount(np.minimum(late_us // BIN_US, BINS - 1), minlength=BINS)

    def quantile_ms(self, fraction: float) -> float:
        """Return the lag that this fraction of the ticks did not exceed."""
        total = np.cumsum(self.bins)
        return float(np.searchsorted(total, fraction * total[-1]) + 1) * BIN_US / 1_000


@dataclass(slots=True)
class Soaked:
    """What came of a soak."""

    lag: Lag = field(default_factory=Lag)
    own_mb: list[float] = field(default_factory=list)
    cpu_percent: float = 0.0
    venue_cpu_percent: float = 0.0
    received: int = 0
    sent: int = 0
    stale_rows: int = 0
    merged: int = 0

    @property
    def drift_percent(self) -> float:
        """By how much the memory's extremes lie from their middle."""
        low, high = min(self.own_mb), max(self.own_mb)
        return (high - low) / (high + low) * 100


def measure() -> Topic:
    """Soak for the wanted minutes and return the figures; a lost tick is an error."""
    minutes = float(os.environ.get("WINDHOVER_SOAK_MINUTES", "1" if os.environ.get("CI") else "10"))
    with tempfile.TemporaryDirectory(prefix="windhover-soak-") as folder:
        found = _soaked(Path(folder), minutes * 60)
    if found.received != found.sent or found.stale_rows:
        raise AssertionError(f"{found.sent} ticks were sent, {found.received} came; {found.stale_rows} rows are behind")
    p99 = found.lag.quantile_ms(0.99)
    verdict = "within" if p99 <= GOAL_LAG_MS and found.drift_percent <= GOAL_DRIFT_PERCENT else "BEYOND"
    print(f"{verdict} the goal of {GOAL_LAG_MS:g} ms at p99 and {GOAL_DRIFT_PERCENT:g} % of memory", file=sys.stderr)
    cases = {
        ("lag to the table, p50", "ms"): found.lag.quantile_ms(0.5),
        ("lag to the table, p99", "ms"): p99,
        ("lag to the table, longest", "ms"): found.lag.quantile_ms(1.0),
        ("ticks received", "ticks"): float(found.received),
        ("ticks lost", "ticks"): float(found.sent - found.received),
        ("ticks merged into newer", "ticks"): float(found.merged),
        ("memory the desk allocated, first", "MB"): found.own_mb[0],
        ("memory the desk allocated, last", "MB"): found.own_mb[-1],
        ("memory, away from its middle", "%"): found.drift_percent,
        ("CPU of the desk, of one core", "%"): found.cpu_percent,
        ("CPU of the venue, of one core", "%"): found.venue_cpu_percent,
    }
    return Topic(
        name="soak",
        cases=[
            Case(name=name, unit=unit, ours=value, peers={}, higher_is_better=False)
            for (name, unit), value in cases.items()
        ],
        packages=("numpy", "websockets"),
    )


def _soaked(folder: Path, seconds: float) -> Soaked:
    port_file = folder / "venue.json"
    venue = subprocess.Popen(
        [sys.executable, "-m", "bench.load_venue", str(port_file)], cwd=ROOT, stdin=subprocess.PIPE
    )
    valkey = _valkey(folder)
    try:
        port = int(_told(port_file)["port"])
        database_in(folder, redis_url=f"unix://{folder / 'valkey.sock'}", stream_url=f"ws://127.0.0.1:{port}")
        return asyncio.run(_soak(folder, port, venue.pid, seconds))
    finally:
        for process in (venue, valkey):
            process.terminate()
            process.wait(timeout=10)


def _valkey(folder: Path) -> subprocess.Popen[bytes]:
    from config.demo import valkey

    path = folder / "valkey.sock"
    process = subprocess.Popen(valkey.command(valkey.find_server(), path), stdout=subprocess.DEVNULL)
    valkey.wait_until_answering(path)
    return process


async def _soak(folder: Path, port: int, venue_pid: int, seconds: float) -> Soaked:
    found = Soaked()
    async with hosted_desk(folder, port, instruments=INSTRUMENTS, note=found.lag.note) as desk:
        await desk.until_quoted(INSTRUMENTS)
        warm_s = min(60.0, seconds / 3)
        await asyncio.sleep(warm_s)
        found.lag.is_counting = True
        began, cpu, venue_cpu = time.monotonic(), time.process_time(), _cpu_s(venue_pid)
        while time.monotonic() - began < seconds - warm_s:
            found.own_mb.append(_own_mb())
            await asyncio.sleep(SAMPLE_S)
        lasted = time.monotonic() - began
        found.cpu_percent = (time.process_time() - cpu) / lasted * 100
        found.venue_cpu_percent = (_cpu_s(venue_pid) - venue_cpu) / lasted * 100
        os.kill(venue_pid, signal.SIGUSR1)
        found.sent = int((await asyncio.to_thread(_told, folder / "venue.sent"))["packets"])
        await asyncio.sleep(1.0)
        _compare(found, desk.feed, desk.volumes())
    return found


def _compare(found: Soaked, feed: KiteFeed, volumes: npt.NDArray[np.float64]) -> None:
    figures = feed.figures()
    found.received, found.merged = figures["packets"], figures["merged_packets"]
    # every instrument's number of ticks is its volume: the table must hold the last of each
    found.stale_rows = abs(int(volumes.sum()) - found.sent)


def _told(file: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while not file.exists():
        if time.monotonic() > deadline:
            raise AssertionError(f"the venue did not write {file.name}")
        time.sleep(0.02)
    figures: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return figures


def _own_mb() -> float:
    # its share of mapped files changes with every neighbour that maps them too; what it allocated is its own
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("this system does not tell how much memory a process allocated")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
