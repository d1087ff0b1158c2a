"""Made markets and the decisions on them."""

from datetime import UTC, datetime, timedelta

import numpy as np

from brokers.domain.market import NANOSECONDS, Bars, ns_of
from strategies.agents.consensus import Rules
from strategies.agents.cycle import Terms, decide
from strategies.agents.regime import Regime, RegimeReading
from strategies.agents.snapshot import Reading, snapshot_of

BEGUN = datetime(2026, 7, 14, tzinfo=UTC)
BAR_S = 300
BARS = 400
AS_OF = BEGUN + timedelta(seconds=BARS * BAR_S)
BULL = RegimeReading(regime=Regime.BULL_TRENDING, leader="ASTER:BTCUSDT")
RANGE = RegimeReading(regime=Regime.RANGE_BOUND, leader="ASTER:BTCUSDT")


def bars_through(close, *, volume=None, wiggle=3e-4, seed=0):
    """Bars whose closes are given; highs and lows a little beyond."""
    random = np.random.default_rng(seed)
    close = np.asarray(close, dtype=np.float64)
    opened = np.concatenate([close[:1], close[:-1]])
    return Bars(
        instrument="ASTER:BTCUSDT",
        interval_s=BAR_S,
        start_ns=ns_of(BEGUN) + np.arange(close.size, dtype=np.int64) * BAR_S * NANOSECONDS,
        open=opened,
        high=np.maximum(opened, close) * (1.0 + np.abs(random.normal(0.0, wiggle, close.size))),
        low=np.minimum(opened, close) * (1.0 - np.abs(random.normal(0.0, wiggle, close.size))),
        close=close,
        volume=np.full(close.size, 100.0) if volume is None else np.asarray(volume, dtype=np.float64),
    )


def a_walk(seed=1, *, drift=0.0, bars=BARS, deviation=1e-3):
    """A random walk with a drift, and uneven volume."""
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(drift, deviation, bars)))
    return bars_through(close, volume=random.uniform(50.0, 200.0, bars), seed=seed)


def some_readings(*, imbalance=0.4, at=AS_OF, **more):
    values = {"depth_imbalance": imbalance, **more}
    return {name: Reading(value=value, at=at, source="test") for name, value in values.items()}


def a_snapshot(bars=None, *, as_of=AS_OF, readings=None):
    return snapshot_of(
        a_walk() if bars is None else bars, some_readings() if readings is None else readings, as_of=as_of
    )


def some_terms(**changes):
    values = {"rules": Rules(), "records": {}, "base_rates": {}, "stopped": frozenset(), "cost_fraction": 0.001}
    return Terms(**{**values, **changes})


def a_decision(snapshot=None, *, regime=BULL, **terms):
    return decide(a_snapshot() if snapshot is None else snapshot, regime, some_terms(**terms))


def score_of(decision, agent):
    return next(vote.score for vote in decision.votes if vote.agent == agent)


def vote_by(decision, agent):
    return next(vote for vote in decision.votes if vote.agent == agent)
