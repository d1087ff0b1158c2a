"""Decoding Kite's binary frames, beside the official client's parser.

The peer returns a list of dicts; ours returns columns. Both end with scaled prices and the depth of every packet.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.measure import Case, Topic, seconds_per_call
from brokers.adapters.kite.decode import decode_frame
from brokers.domain.market import QuoteColumns

PACKAGES = ("kiteconnect", "numpy")
SEED = 20260818
NSE = 1
INDICES = 9
RECEIVED_NS = 1_787_000_000_000_000_000
SIZES = (1, 50, 500)


def measure() -> Topic:
    """Decode frames of 1, 50 and 500 full packets, and one of mixed kinds."""
    parse = _peer()
    frames = [(f"full packets x{size}", size, full_frame(size)) for size in SIZES]
    frames.append(("mixed packets x500", 500, mixed_frame(500)))
    return Topic(name="ticks", cases=[_case(*frame, parse) for frame in frames], packages=PACKAGES)


def full_frame(size: int) -> bytes:
    """Build one frame of `size` full packets with plausible, seeded figures."""
    return _frame([_full_packet(number) for number in range(size)])


def mixed_frame(size: int) -> bytes:
    """Build one frame in which full, quote, last-price and index packets alternate."""
    makers: Sequence[Callable[[int], bytes]] = (_full_packet, _quote_packet, _last_price_packet, _index_packet)
    return _frame([makers[number % 4](number) for number in range(size)])


def _case(name: str, size: int, frame: bytes, parse: Callable[[bytes], list[dict[str, Any]]]) -> Case:
    def ours() -> QuoteColumns | None:
        return decode_frame(frame, RECEIVED_NS, with_depth=True)

    _require_same(ours(), parse(frame))
    seconds = seconds_per_call({"ours": ours, "kiteconnect": lambda: parse(frame)})
    rates = {contender: size / taken for contender, taken in seconds.items()}
    return Case(name=name, unit="ticks/s", ours=rates.pop("ours"), peers=rates)


def _require_same(columns: QuoteColumns | None, dicts: list[dict[str, Any]]) -> None:
    if columns is None or len(columns) != len(dicts):
        raise AssertionError("ours and the peer's decode different numbers of packets")
    prices = np.array([row["last_price"] for row in dicts])
    tokens = np.array([row["instrument_token"] for row in dicts])
    if not (np.array_equal(columns.token, tokens) and np.allclose(columns.last_price, prices, rtol=0, atol=1e-9)):
        raise AssertionError("ours and the peer's decode different figures")
    for row, depth in zip(dicts, columns.depth if columns.depth is not None else [], strict=False):
        bids = [level["price"] for level in row.get("depth", {}).get("buy", [])]
        if bids and not np.allclose(depth[:5, 1], bids, rtol=0, atol=1e-9):
            raise AssertionError("ours and the peer's decode different depth")


def _peer() -> Callable[[bytes], list[dict[str, Any]]]:
    from kiteconnect import KiteTicker

    parse: Callable[[bytes], list[dict[str, Any]]] = KiteTicker("key", "token")._parse_binary
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
