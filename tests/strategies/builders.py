"""Histories of bars and strategies that read them."""

from datetime import UTC, date, datetime, time

import numpy as np

from brokers.domain.calendar import Segment
from brokers.domain.clock import IST
from brokers.domain.india import INDIA
from brokers.domain.market import NANOSECONDS, Bars, ns_of
from strategies.domain import Sessions, judge
from strategies.registry import strategy_made

MONDAY = date(2026, 7, 13)
DECIDED_AT = datetime(2026, 7, 13, 12, 0, tzinfo=UTC)


def at_ns(hour, minute, day=MONDAY):
    return ns_of(datetime.combine(day, time(hour, minute), tzinfo=IST))


def some_bars(closes, *, volumes=None, start_ns=None, minutes=1, instrument="NSE:RELIANCE", spread=0.0):
    """Bars of one day from 09:15 on, unless said otherwise."""
    close = np.asarray(closes, dtype=np.float64)
    interval_s = minutes * 60
    begin = at_ns(9, 15) if start_ns is None else start_ns
    return Bars(
        instrument=instrument,
        interval_s=interval_s,
        start_ns=begin + np.arange(close.size, dtype=np.int64) * interval_s * NANOSECONDS,
        open=close.copy(),
        high=close + spread,
        low=close - spread,
        close=close,
        volume=np.full(close.size, 100.0) if volumes is None else np.asarray(volumes, dtype=np.float64),
    )


def joined(*parts):
    """Several histories as one."""
    names = ("start_ns", "open", "high", "low", "close", "volume")
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Bars(instrument=parts[0].instrument, interval_s=parts[0].interval_s, **columns)


def first(bars, count):
    """The history as it was after `count` bars."""
    names = ("start_ns", "open", "high", "low", "close", "volume")
    columns = {name: getattr(bars, name)[:count] for name in names}
    return Bars(instrument=bars.instrument, interval_s=bars.interval_s, **columns)


def sessions(segment=Segment.EQUITY_WITH_DERIVATIVES):
    return Sessions(INDIA, segment)


def a_crossover(*, segment=Segment.EQUITY_WITH_DERIVATIVES, **params):
    return strategy_made("ema-crossover", {"fast": 2, "slow": 3} | params, sessions=sessions(segment))


def a_breakout(*, segment=Segment.EQUITY_WITH_DERIVATIVES, **params):
    defaults = {"atr_bars": 2, "volume_bars": 5}
    return strategy_made("vwap-breakout", defaults | params, sessions=sessions(segment))


def a_reversion(*, segment=Segment.EQUITY_WITH_DERIVATIVES, **params):
    defaults = {"z_bars": 20, "adx_bars": 2, "adx_below": 100, "stop_z": 3.5}
    return strategy_made("mean-reversion", defaults | params, sessions=sessions(segment))


def an_rsi(*, segment=Segment.EQUITY_WITH_DERIVATIVES, **params):
    return strategy_made("rsi", {"rsi_bars": 3, "atr_bars": 3} | params, sessions=sessions(segment))


def decided(strategy, bars, *, current=0.0):
    signal, _ = judge(strategy, bars, deployment_id="D1", decided_at=DECIDED_AT, current=current)
    return signal


def traded(strategy, bars):
    """Every signal of a desk that sees the history grow bar by bar."""
    signals, current = [], 0.0
    for count in range(1, len(bars) + 1):
        signal = decided(strategy, first(bars, count), current=current)
        if signal is not None:
            signals.append(signal)
            current = signal.exposure
    return signals
