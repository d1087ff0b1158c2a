"""Decoding Kite's binary frames, beside the official client's parser, at three levels.

`7 figures`: token, last price, bid, ask, volume, open interest and exchange time of every packet, scaled.
`46 words`: every word of every packet as a native integer, unscaled.
`all scaled`: the columns that the desk trades on: prices, ages and ten levels of depth, with what is missing told apart.
The peer always does all of its work: it has one level, a list of dicts.

A single packet shows what a call costs before its first figure: at `all scaled` that is thirteen columns with what is
missing told apart, made for frames, and there ours is not ten times the peer but about one and a half.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.measure import Case, Topic, seconds_per_call
from brokers.adapters.kite.decode import FrameCounters, decode_frame, decode_words
from brokers.adapters.kite.figures import decode_figures
from brokers.domain.market import QuoteColumns

PACKAGES = ("kiteconnect", "numpy")
SEED = 20260818
NSE = 1
INDICES = 9
RECEIVED_NS = 1_787_000_000_000_000_000
SIZES = (1, 50, 500)

Rows = list[dict[str, Any]]
Parse = Callable[[bytes], Rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How much of a frame is decoded, and the proof that it is what the peer decodes."""

    name: str
    decode: Callable[[bytes, FrameCounters], object]
    differs: Callable[[Any, Rows], str | None]


def measure() -> Topic:
    """Decode frames of 1, 50 and 500 full packets at every level, and one of mixed kinds."""
    parse = _peer()
    frames = [(f"full packets x{size}", size, full_frame(size)) for size in SIZES]
    cases = [_case(level, *frame, parse) for level in LEVELS for frame in frames]
    mixed = ("mixed packets x500", 500, mixed_frame(500))
    return Topic(name="ticks", cases=[*cases, _case(LEVELS[-1], *mixed, parse)], packages=PACKAGES)


def full_frame(size: int) -> bytes:
    """Build one frame of `size` full packets with plausible, seeded figures."""
    return _frame([_full_packet(number) for number in range(size)])


def mixed_frame(size: int) -> bytes:
    """Build one frame in which full, quote, last-price and index packets alternate."""
    makers: Sequence[Callable[[int], bytes]] = (_full_packet, _quote_packet, _last_price_packet, _index_packet)
    return _frame([makers[number % 4](number) for number in range(size)])


def _case(level: Level, name: str, size: int, frame: bytes, parse: Parse) -> Case:
    counters = FrameCounters()  # one per stream, as in the desk
    why = level.differs(level.decode(frame, counters), parse(frame))
    if why is not None:
        raise AssertionError(f"{level.name}: ours and the peer's decode different {why}")

    seconds = seconds_per_call({"ours": lambda: level.decode(frame, counters), "kiteconnect": lambda: parse(frame)})
    rates = {contender: size / taken for contender, taken in seconds.items()}
    return Case(name=f"{level.name}, {name}", unit="ticks/s", ours=rates.pop("ours"), peers=rates)


def _figures_differ(figures: npt.NDArray[np.float64], rows: Rows) -> str | None:
    if len(figures) != len(rows):
        return "numbers of packets"
    for ours, row in zip(figures.tolist(), rows, strict=True):
        bid, ask = (row["depth"][side][0]["price"] for side in ("buy", "sell"))
        second = row["exchange_timestamp"].timestamp()
        theirs = [row["instrument_token"], row["last_price"], bid, ask, row["volume_traded"], row["oi"], second]
        if not np.allclose(ours, theirs, rtol=0, atol=1e-9):
            return "figures"
    return None


def _words_differ(words: Any, rows: Rows) -> str | None:
    values = words.values.tolist()
    for ours, row in zip(values, rows, strict=True):
        depth = row["depth"]["buy"] + row["depth"]["sell"]
        levels = [figure for at in depth for figure in (at["quantity"], round(at["price"] * 100), at["orders"])]
        # orders are the upper half of their word
        told = [word >> 16 if place % 3 == 2 else word for place, word in enumerate(ours[16:])]
        if told != levels or ours[0] != row["instrument_token"] or ours[4] != row["volume_traded"]:
            return "words"
    return None


def _columns_differ(columns: QuoteColumns, rows: Rows) -> str | None:
    if len(columns) != len(rows):
        return "numbers of packets"
    prices = np.array([row["last_price"] for row in rows])
    tokens = np.array([row["instrument_token"] for row in rows])
    if not (np.array_equal(columns.token, tokens) and np.allclose(columns.last_price, prices, rtol=0, atol=1e-9)):
        return "figures"
    for row, depth in zip(rows, columns.depth if columns.depth is not None else [], strict=False):
        sides = row.get("depth", {})
        for levels, ours in zip((sides.get("buy", []), sides.get("sell", [])), (depth[:5], depth[5:]), strict=True):
            told = [[level["quantity"], level["price"], level["orders"]] for level in levels]
            if told and not np.allclose(ours, told, rtol=0, atol=1e-9):
                return "depth"
    return None


LEVELS = (
    Level(
        name="7 figures",
        decode=lambda frame, counters: decode_figures(frame, counters=counters),
        differs=_figures_differ,
    ),
    Level(
        name="46 words", decode=lambda frame, counters: decode_words(frame, counters=counters), differs=_words_differ
    ),
    Level(
        name="all scaled",
        decode=lambda frame, counters: decode_frame(frame, RECEIVED_NS, with_depth=True, counters=counters),
        differs=_columns_differ,
    ),
)


def _peer() -> Parse:
    from kiteconnect import KiteTicker

    parse: Parse = KiteTicker("key", "token")._parse_binary
    return parse


def _frame(packets: Sequence[bytes]) -> bytes:
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(body)) + body for body in packets)


def _full_packet(number: int) -> bytes:
    random = np.random.default_rng(SEED + number)
    price = int(random.integers(10_000, 500_000))
    levels = b"".join(
        struct.pack(">IIH2x", int(random.integers(1, 10_000)), price + 5 * offset, int(random.integers(1, 90)))
        for offset in (-1, -2, -3, -4, -5, 1, 2, 3, 4, 5)
    )
    interest = struct.pack(">5I", 1_787_000_000, 900_000, 950_000, 850_000, 1_787_000_001)
    return _quote_packet(number) + interest + levels


def _quote_packet(number: int) -> bytes:
    random = np.random.default_rng(SEED + number)
    price = int(random.integers(10_000, 500_000))
    volumes = [int(value) for value in random.integers(1, 1_000_000, 3)]
    figures = (_token(number, NSE), price, 25, price - 3, *volumes, price - 20, price + 40, price - 60, price - 10)
    return struct.pack(">11I", *figures)


def _last_price_packet(number: int) -> bytes:
    return struct.pack(">2I", _token(number, NSE), 10_000 + number)


def _index_packet(number: int) -> bytes:
    price = 2_400_000 + number
    figures = (_token(number, INDICES), price, price + 900, price - 700, price - 100, price - 250, 250, 1_787_000_001)
    return struct.pack(">8I", *figures)


def _token(number: int, segment: int) -> int:
    return (1_000 + number) << 8 | segment
