"""Aster's market stream through the adapter at full speed, beside a loop that parses JSON and fills a dict.

The plain loop is the limit of what Python can do: it orders no levels, checks no sequence and keeps no best price. Ours
is the way from the socket's reader over the rows and the book to the desk's end of the backlog. The recording is a
public one of the same protocol; a book that is crossed or a gap that is not noticed is an error.
"""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from bench.measure import Case, Topic, seconds_per_call
from brokers.adapters.aster.decode import MarketDecoder
from brokers.adapters.aster.stream_leg import Leg
from brokers.adapters.backlog import Backlog, BacklogCounters
from brokers.domain.errors import Retryable
from brokers.domain.market import ns_of
from brokers.ports import FeedQuotes
from execution.runtime.clock import SystemClock

ROOT = Path(__file__).resolve().parents[1]
RECORDING = "market/ticks/binance_usdm_ws_btcusdt_2024-08-08T2354.jsonl.gz"
SYMBOL = "BTCUSDT"


def measure() -> Topic:
    """Replay the recording through both, in turns; first once with a look at the book after every message."""
    frames = recorded_frames()
    decoder = checked(frames)
    counters = decoder.counters
    print(
        f"{counters.frames:,} messages: {counters.gaps} gaps, {counters.crossed} crossed books, "
        f"{counters.missed_trades} trades missed, {counters.unreadable} unreadable, {counters.unknown} of no use, "
        f"{decoder.books[SYMBOL].last_update_id} the last update"
    )
    told = through_the_adapter(frames)
    contenders = {"ours": lambda: through_the_adapter(frames), "plain": lambda: plain_loop(frames)}
    seconds = seconds_per_call(contenders)
    rates = {name: len(frames) / taken for name, taken in seconds.items()}
    print(f"the desk was told {told:,} lines; ours is {rates['ours'] / rates['plain']:.2f} of the plain loop")
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


class Recorded:
    """A socket that has every frame ready."""

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._next = chain(frames).__next__

    async def recv(self) -> bytes | str:
        """Return the next frame; raise Retryable at the end."""
        try:
            return self._next()
        except StopIteration:
            raise Retryable("the recording ended") from None

    async def send(self, text: str) -> None:
        """Hear nothing."""

    async def close(self) -> None:
        """Hold nothing."""


def a_decoder() -> MarketDecoder:
    return MarketDecoder([SYMBOL], with_books=True)


def seed(decoder: MarketDecoder) -> None:
    """Begin the book at the best prices, as after a snapshot of one level."""
    row = decoder.rows[SYMBOL]
    if row.quote_update_id and row.read_quote():
        decoder.seed_book(SYMBOL, row.quote_update_id, [(row.bid, row.bid_quantity)], [(row.ask, row.ask_quantity)])


def checked(frames: Sequence[bytes]) -> MarketDecoder:
    """Take every frame and look at the book after each; raise AssertionError where it does not hold."""
    decoder = a_decoder()
    book = decoder.books[SYMBOL]
    for number, frame in enumerate(frames):
        decoder.take(frame)
        if decoder.books_wanted:
            seed(decoder)
        if book.is_crossed:
            raise AssertionError(f"the book is crossed after message {number}")
        if number % 30 == 0:
            decoder.drain(number)
    counters = decoder.counters
    if counters.crossed or counters.unreadable or decoder.books_wanted or decoder.books[SYMBOL] is not book:
        raise AssertionError(f"the book of the recording does not hold: {counters}")
    return decoder


def through_the_adapter(frames: Sequence[bytes]) -> int:
    """Read the recording as a connection does and take it from the backlog as the desk does; count the lines."""
    return asyncio.run(_through_the_adapter(frames))


async def _through_the_adapter(frames: Sequence[bytes]) -> int:
    decoder, clock = a_decoder(), SystemClock()
    backlog = Backlog(counters=BacklogCounters())

    def flush(raw_bytes: int) -> None:
        if decoder.books_wanted:
            seed(decoder)
        columns = decoder.drain(ns_of(clock.now()))
        if columns is not None:
            backlog.put(FeedQuotes(columns=columns, raw_bytes=raw_bytes))

    async def desk() -> int:
        lines = 0
        while (event := await backlog.get()) is not None:
            lines += len(event.columns) if isinstance(event, FeedQuotes) else 0
        return lines

    listening = asyncio.create_task(desk())
    await Leg(Recorded(frames), clock=clock, take=decoder.take, flush=flush).read()
    backlog.end()
    lines = await listening
    if decoder.counters.frames != len(frames) or decoder.counters.crossed or decoder.books_wanted:
        raise AssertionError(f"the stream was not taken whole: {decoder.counters}")
    return lines


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
