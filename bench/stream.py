"""Aster's market stream through the adapter at full speed, beside a loop that parses JSON and fills a dict.

The plain loop is the limit of what Python can do: it orders no levels, checks no sequence and keeps no best price.
The recording is a public one of the same protocol; a book that is crossed or a gap that is not noticed is an error.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bench.measure import Case, Topic, seconds_per_call
from brokers.adapters.aster.decode import MarketDecoder

ROOT = Path(__file__).resolve().parents[1]
RECORDING = "market/ticks/binance_usdm_ws_btcusdt_2024-08-08T2354.jsonl.gz"
SYMBOL = "BTCUSDT"


def measure() -> Topic:
    """Replay the recording through both, in turns."""
    frames = recorded_frames()
    decoder = replayed(frames)
    counters = decoder.counters
    print(
        f"{counters.frames:,} messages: {counters.gaps} gaps, {counters.crossed} crossed books, "
        f"{counters.unreadable} unreadable, {counters.unknown} of no use, "
        f"{decoder.books[SYMBOL].last_update_id} the last update"
    )
    if counters.crossed or counters.unreadable or SYMBOL in decoder.books_wanted:
        raise AssertionError("the book of the recording does not hold")
    seconds = seconds_per_call({"ours": lambda: replayed(frames), "plain": lambda: plain_loop(frames)})
    rates = {name: len(frames) / taken for name, taken in seconds.items()}
    case = Case(
        name="market stream, one symbol", unit="messages/s", ours=rates["ours"], peers={"json+dict": rates["plain"]}
    )
    return Topic(name="stream", cases=[case], packages=("orjson", "numpy"))


def recorded_frames() -> list[bytes]:
    """Read the frames of the recording without their arrival times."""
    base = Path(os.environ.get("WINDHOVER_REFERENCE_DATA", "../shared/data"))
    path = (base if base.is_absolute() else ROOT / base) / RECORDING
    if not path.exists():
        raise SystemExit(f"The recording is not here: {path}. Set WINDHOVER_REFERENCE_DATA.")
    with gzip.open(path) as lines:
        return [line.split(b" ", 1)[1] for line in lines]


def replayed(frames: Sequence[bytes]) -> MarketDecoder:
    """Take every frame; the book begins at the first best prices, as after a snapshot of one level."""
    decoder = MarketDecoder([SYMBOL], with_books=True)
    row, take = decoder.rows[SYMBOL], decoder.take
    for number, frame in enumerate(frames):
        take(frame)
        if decoder.books_wanted and row.quote_update_id:
            levels = ([(row.bid, row.bid_quantity)], [(row.ask, row.ask_quantity)])
            decoder.seed_book(SYMBOL, row.quote_update_id, *levels)
        # the desk reads ten times a second, about every thirty messages of this recording
        if number % 30 == 0:
            decoder.drain(number)
    return decoder


def plain_loop(frames: Sequence[bytes]) -> dict[Any, Any]:
    """Parse each frame and keep the newest value under its key, nothing else."""
    book: dict[Any, Any] = {}
    for frame in frames:
        message = orjson.loads(frame)
        data = message.get("data", message)
        if data.get("e") == "depthUpdate":
            book.update(data["b"])
            book.update(data["a"])
        else:
            book[data.get("e")] = data
    return book
