"""Streaming indicators: one closed bar of every symbol, seven indicators each, beside two libraries that do the same.

Processor time is told, which other work on the machine leaves alone as far as it can. Before anything is timed, our values over a walk are compared with TA-Lib's at every bar, and each peer's with ours at
the end of it (before that their averages may be seeded in other ways).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from analysis.domain.streaming import CoreStream, Reading, StreamingEngine
from bench.measure import Case, Topic
from brokers.domain.market import Float64Array1D

BARS = 3_000
COUNTS = (1, 50, 500, 3_000)
# what a symbol may cost where many are brought forward at once
GOALS_NS = {50: 50.0, 3_000: 50.0}
ROUNDS = 15
SECONDS_PER_TURN = 0.05
SEED = 20261121
Market = tuple[Float64Array1D, Float64Array1D, Float64Array1D]
Update = Callable[[float, float, float], Sequence[float]]
COMPARED = [
    Reading.SMA,
    Reading.EMA,
    Reading.RSI,
    Reading.MACD_SIGNAL,
    Reading.BOLLINGER_UPPER,
    Reading.ADX,
    Reading.ATR,
]


def measure() -> Topic:
    """Compare the values, then time each contender per symbol and bar."""
    market = _walk(BARS)
    require_equal(market)
    for name, build in PEERS.items():
        require_agreement(name, build(), market)
    peers = {name: _per_bar(build, market) for name, build in PEERS.items()}
    cases = [_seven(count, peers) for count in COUNTS]
    cases += [_everything(count) for count in COUNTS[1:]]
    return Topic(name="indicators", cases=cases, packages=("numpy", "numba", "ta-lib", "ta-numba", "talipp"))


def require_equal(market: Market) -> None:
    """Raise AssertionError where ours and TA-Lib's values of one market differ by a billionth of the price."""
    import talib

    high, low, close = market
    ours = CoreStream(1).update(np.zeros(close.size, dtype=np.int64), high, low, close)
    line, signal, _ = talib.MACD(close, 12, 26, 9)
    upper, _, lower = talib.BBANDS(close, 20, 2, 2)
    theirs = {
        Reading.SMA: talib.SMA(close, 20),
        Reading.EMA: talib.EMA(close, 20),
        Reading.RSI: talib.RSI(close, 14),
        Reading.MACD: line,
        Reading.MACD_SIGNAL: signal,
        Reading.ADX: talib.ADX(high, low, close, 14),
        Reading.ATR: talib.ATR(high, low, close, 14),
        Reading.BOLLINGER_UPPER: upper,
        Reading.BOLLINGER_LOWER: lower,
    }
    for reading, column in theirs.items():
        known = ~np.isnan(column)
        if np.max(np.abs(ours[known, reading] - column[known]) / close[known]) > 1e-9:
            raise AssertionError(f"{reading.name} differs from TA-Lib's")


def require_agreement(name: str, update: Update, market: Market) -> None:
    """Raise AssertionError where a peer's seven, after the whole market, are not ours to nine digits."""
    high, low, close = market
    ours = CoreStream(1).update(np.zeros(close.size, dtype=np.int64), high, low, close)[-1]
    *_, theirs = (update(*bar) for bar in zip(high.tolist(), low.tolist(), close.tolist(), strict=True))
    if not np.allclose(ours[COMPARED], theirs, rtol=1e-9, atol=0.0):
        raise AssertionError(f"{name} says {theirs}, ours are {ours[COMPARED]}")


def _seven(count: int, peers: dict[str, float]) -> Case:
    stream, rows = CoreStream(count), np.arange(count)
    bars = [_walk(count, seed=SEED + step) for step in range(40)]
    for bar in bars:
        stream.update(rows, *bar)
    spent = _busy_seconds(lambda: stream.update(rows, *bars[-1]))
    return Case(
        name=f"seven indicators, {count:,} symbols",
        unit="ns",
        ours=spent / count * 1e9,
        peers=peers,
        higher_is_better=False,
        goal=GOALS_NS.get(count),
    )


def _everything(count: int) -> Case:
    engine, rows, session = StreamingEngine(count), np.arange(count), np.zeros(count, dtype=np.int64)
    volume = np.full(count, 1_000.0)
    bars = [_walk(count, seed=SEED + step) for step in range(80)]
    for bar in bars:
        engine.update(rows, *bar, volume=volume, session=session)
    last = bars[-1]
    spent = _busy_seconds(lambda: engine.update(rows, *last, volume=volume, session=session))
    name = f"all {len(Reading)} readings, {count:,} symbols"
    return Case(name=name, unit="ns", ours=spent / count * 1e9, peers={}, higher_is_better=False)


def _per_bar(build: Callable[[], Update], market: Market) -> float:
    """Time one symbol's bars one after another: the peers have no other way to take many symbols."""
    rows = list(zip(*(column.tolist() for column in market), strict=True))

    def walk() -> None:
        # anew for each walk: one of the peers keeps every value it ever gave
        update = build()
        for high, low, close in rows:
            update(high, low, close)

    return _busy_seconds(walk) / len(rows) * 1e9


def _busy_seconds(call: Callable[[], object]) -> float:
    """Give the least processor time of a call over some turns: whatever else runs can only add to it."""
    call()
    began = time.process_time()
    call()
    repeats = max(1, int(SECONDS_PER_TURN / max(time.process_time() - began, 1e-7)))
    turns = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(repeats):
            call()
        turns.append((time.process_time() - began) / repeats)
    return min(turns)


def _ta_numba() -> Update:
    from ta_numba import streaming

    sma, ema, rsi = streaming.SMAStreaming(20), streaming.EMAStreaming(20), streaming.RSIStreaming(14)
    macd, bands = streaming.MACDStreaming(), streaming.BBandsStreaming(20, 2.0)
    adx, atr = streaming.ADXStreaming(14), streaming.ATRStreaming(14)

    def update(high: float, low: float, close: float) -> Sequence[float]:
        return (
            sma.update(close)["sma"],
            ema.update(close)["ema"],
            rsi.update(close)["rsi"],
            macd.update(close)["signal"],
            bands.update(close)["upper"],
            adx.update(high, low, close)["adx"],
            atr.update(high, low, close)["atr"],
        )

    return update


def _talipp() -> Update:
    from talipp import indicators
    from talipp.ohlcv import OHLCV

    sma, ema, rsi = indicators.SMA(20), indicators.EMA(20), indicators.RSI(14)
    macd, bands = indicators.MACD(12, 26, 9), indicators.BB(20, 2)
    adx, atr = indicators.ADX(14, 14), indicators.ATR(14)

    def update(high: float, low: float, close: float) -> Sequence[float]:
        for indicator in (sma, ema, rsi, macd, bands):
            indicator.add(close)
        bar = OHLCV(close, high, low, close)
        adx.add(bar)
        atr.add(bar)
        if adx[-1] is None or macd[-1] is None or macd[-1].signal is None:
            return ()
        return sma[-1], ema[-1], rsi[-1], macd[-1].signal, bands[-1].ub, adx[-1].adx, atr[-1]

    return update


PEERS = {"ta-numba": _ta_numba, "talipp": _talipp}


def _walk(count: int, *, seed: int = SEED) -> Market:
    random = np.random.default_rng(seed)
    close = np.round(500.0 * np.exp(np.cumsum(random.normal(0.0, 4e-4, count))), 2)
    high = close + random.integers(0, 40, count) / 100.0
    return high, close - random.integers(0, 40, count) / 100.0, close
