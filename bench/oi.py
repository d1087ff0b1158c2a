"""`/ws/oi` for 200 readers at once: how evenly open interest comes, from a whole demo on loopback.

A demo of its own is brought up and stopped; every process is the real one. Each reader notes when its deltas arrive, by
one clock, and acknowledges them as a page does; an interval is between two of one reader's. The goal is two seconds, give
or take a fifth.

WINDHOVER_BENCH_SECONDS says how long (30), WINDHOVER_BENCH_READERS how many (200).
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from websockets.asyncio.client import connect

from bench.measure import Case, Topic

ROOT = Path(__file__).resolve().parents[1]
EVERY_S, LEEWAY_S = 2.0, 0.2
READY = re.compile(rb"ready url=\S+ user=\S+ password=\S+ key=(\S+)")
UP_WITHIN_S = 600.0
SETTLE_S = 6.0
# connections that begin at once would be one burst of handshakes
BETWEEN_CONNECTIONS_S = 0.02


@dataclass(slots=True)
class Reader:
    """One socket's arrivals in seconds, and the ages that came with them."""

    arrivals: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    topics: set[str] = field(default_factory=set)

    def note(self, frame: dict[str, Any], at: float) -> None:
        """Count a delta of open interest; of a desk's accounts the one that follows something is meant."""
        if frame.get("topic") != "oi" or not frame.get("data"):
            return
        self.topics.add(str(frame["account"]))
        if frame["type"] == "delta":
            self.arrivals.append(at)
            self.ages += [one["age_s"] for one in frame["data"].values() if one.get("age_s") is not None]


def measure() -> Topic:
    """Bring a demo up, listen, and return the intervals; a reader that hears nothing is an error."""
    seconds = float(os.environ.get("WINDHOVER_BENCH_SECONDS", "30"))
    count = int(os.environ.get("WINDHOVER_BENCH_READERS", "200"))
    with tempfile.TemporaryDirectory(prefix="windhover-oi-") as folder:
        readers = _listened(Path(folder), count, seconds)
    if any(len(reader.topics) > 1 for reader in readers):
        raise AssertionError("more than one account tells of open interest: intervals of both cannot be told apart")
    silent = sum(len(reader.arrivals) < 3 for reader in readers)
    if silent:
        raise AssertionError(f"{silent} of {count} readers heard fewer than three deltas in {seconds:g} s")
    gaps = np.concatenate([np.diff(reader.arrivals) for reader in readers])
    ages = np.concatenate([reader.ages for reader in readers])
    share = float(np.mean(np.abs(gaps - EVERY_S) <= LEEWAY_S))
    verdict = "within" if share == 1.0 else "BEYOND"
    print(f"{verdict} {EVERY_S:g} s ± {LEEWAY_S:g} s: {share:.2%} of {gaps.size:,} intervals", file=sys.stderr)
    figures = {
        ("interval, p50", "s"): float(np.quantile(gaps, 0.5)),
        ("interval, p99", "s"): float(np.quantile(gaps, 0.99)),
        ("interval, shortest", "s"): float(gaps.min()),
        ("interval, longest", "s"): float(gaps.max()),
        ("age of the data, p50", "s"): float(np.quantile(ages, 0.5)),
        ("age of the data, p99", "s"): float(np.quantile(ages, 0.99)),
        ("readers", "sockets"): float(count),
        ("intervals", "intervals"): float(gaps.size),
    }
    return Topic(
        name="oi",
        cases=[
            Case(name=name, unit=unit, ours=value, peers={}, higher_is_better=False)
            for (name, unit), value in figures.items()
        ],
        packages=("websockets", "channels", "daphne"),
    )


def _listened(folder: Path, count: int, seconds: float) -> Sequence[Reader]:
    port, log = _free_port(), folder / "demo.log"
    with log.open("wb") as out:
        demo = subprocess.Popen(
            [ROOT / "run", "demo", "--port", str(port), "--state", folder / "state"],
            cwd=ROOT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            key = _key(demo, log)
            return asyncio.run(_read(f"ws://127.0.0.1:{port}/ws/oi", key, count, seconds))
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.wait(timeout=60)


def _key(demo: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + UP_WITHIN_S
    while time.monotonic() < deadline:
        found = READY.search(log.read_bytes())
        if found:
            return found.group(1).decode()
        if demo.poll() is not None:
            break
        time.sleep(0.2)
    raise SystemExit(f"The demo did not come up:\n{log.read_text()[-2_000:]}")


async def _read(url: str, key: str, count: int, seconds: float) -> Sequence[Reader]:
    readers = [Reader() for _ in range(count)]
    begins_at = time.monotonic() + SETTLE_S + count * BETWEEN_CONNECTIONS_S
    tasks = []
    for reader in readers:
        tasks.append(asyncio.create_task(_one(url, key, reader, begins_at, begins_at + seconds)))
        await asyncio.sleep(BETWEEN_CONNECTIONS_S)
    await asyncio.gather(*tasks)
    return readers


async def _one(url: str, key: str, reader: Reader, begins_at: float, ends_at: float) -> None:
    async with connect(url, additional_headers={"Authorization": f"Bearer {key}"}, open_timeout=60) as link:
        while (left := ends_at - time.monotonic()) > 0:
            try:
                text = await asyncio.wait_for(link.recv(), left)
            except TimeoutError:
                return
            at = time.monotonic()
            frame = orjson.loads(text)
            await link.send(orjson.dumps({"type": "ack", "topic": frame["topic"], "seq": frame["seq"]}).decode())
            if at >= begins_at:
                reader.note(frame, at)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
