"""Alerts: ten thousand on five hundred instruments that tick once a second, and what share of a core they cost.

As many alerts on indicators are brought forward where all instruments' minutes close at once.

The prices are walks that cross levels all the time. Before anything is timed, a stretch of the tape is also given to
a pass that asks every alert at every tick, and the firings are compared one by one.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from analysis.domain.alerts import Alert, AlertBook, Direction, Subject
from analysis.domain.bar_watch import BarWatch
from bench.measure import Case, Topic
from brokers.domain.market import NANOSECONDS, Bar

INSTRUMENTS = 500
ALERTS = 10_000
SECONDS = 120
SECONDS_ASKED = 20
MOST_PERCENT = 10.0
FIGURES = ("rsi(14)@1m", "ema(20)@1m", "macd_histogram(12,26,9)@1m", "bollinger_upper(20,2)@1m")
CLOSES, BARS_BEFORE = 80, 60
SEED = 20261121
Tape = list[list[tuple[Subject, float]]]


def measure() -> Topic:
    """Compare the firings, then time the tape second by second."""
    tape, alerts = _tape(), _alerts()
    require_equal(tape[:SECONDS_ASKED], alerts)
    book, spent, fired = AlertBook(alerts), [], 0
    for second, ticks in enumerate(tape):
        began = time.process_time()
        for subject, value in ticks:
            fired += len(book.take(subject, value, second))
        spent.append(time.process_time() - began)
    cases = [
        Case(
            name="share of one core",
            unit="%",
            ours=sum(spent) / SECONDS * 100,
            peers={},
            higher_is_better=False,
            goal=MOST_PERCENT,
        ),
        Case(name="busiest second", unit="ms", ours=max(spent) * 1e3, peers={}, higher_is_better=False),
        Case(name="a tick", unit="ns", ours=sum(spent) / SECONDS / INSTRUMENTS * 1e9, peers={}, higher_is_better=False),
        Case(name="firings", unit="alerts", ours=float(fired), peers={}),
        *_on_bars(),
    ]
    return Topic(name="alerts", cases=cases, packages=("numpy", "numba", "ta-lib"))


def _on_bars() -> list[Case]:
    """Time as many alerts on indicators of minutes: all instruments' bars close at once."""
    names = [f"NSE:S{number}" for number in range(INSTRUMENTS)]
    watch = BarWatch()
    for number in range(ALERTS):
        subject = Subject(names[number % INSTRUMENTS], FIGURES[number // INSTRUMENTS % len(FIGURES)])
        watch.add(Alert(id=number, subject=subject, direction=Direction.ABOVE, level=100.0, is_recurring=True))
    closes = np.round(100.0 + np.cumsum(np.random.default_rng(SEED).normal(0.0, 0.1, (CLOSES, INSTRUMENTS)), axis=0), 2)
    bars = [
        [_bar(name, minute, close) for name, close in zip(names, row, strict=True)] for minute, row in enumerate(closes)
    ]
    for name, own in zip(names, zip(*bars[:BARS_BEFORE], strict=True), strict=True):
        watch.backfill((name, 60), own)
    spent = []
    for minute in bars[BARS_BEFORE:]:
        began = time.process_time()
        watch.take(minute, lambda _: True)
        spent.append(time.process_time() - began)
    each = statistics.median(spent)
    share = each / 60.0 * 100.0
    return [
        Case(name="indicators: a close of all", unit="ms", ours=each * 1e3, peers={}, higher_is_better=False),
        Case(
            name="indicators: share of one core",
            unit="%",
            ours=share,
            peers={},
            higher_is_better=False,
            goal=MOST_PERCENT,
        ),
    ]


def _bar(name: str, minute: int, close: float) -> Bar:
    prices = {"open": close, "high": close + 0.05, "low": close - 0.05, "close": close}
    return Bar(instrument=name, interval_s=60, start_ns=minute * 60 * NANOSECONDS, volume=100.0, **prices)


def require_equal(tape: Tape, alerts: list[Alert]) -> None:
    """Raise AssertionError where an alert is missed or fires for nothing."""
    book = AlertBook(alerts)
    armed = {alert.id: not alert.waits_for_cross for alert in alerts}
    fired_before: set[object] = set()
    by_subject: dict[Subject, list[Alert]] = {}
    for alert in alerts:
        by_subject.setdefault(alert.subject, []).append(alert)
    for second, ticks in enumerate(tape):
        for subject, value in ticks:
            found = [firing.alert.id for firing in book.take(subject, value, second)]
            expected = [alert.id for alert in by_subject[subject] if _asked(alert, value, armed, fired_before)]
            if found != expected:
                raise AssertionError(f"{subject.instrument} at {value}: {found}, asked one by one {expected}")
    if not fired_before:
        raise AssertionError("no alert fired: the tape compares nothing")


def _asked(alert: Alert, value: float, armed: dict[object, bool], fired_before: set[object]) -> bool:
    sign = 1.0 if alert.direction is Direction.ABOVE else -1.0
    if armed[alert.id]:
        if sign * value < sign * alert.level:
            return False
        armed[alert.id] = False
        fired_before.add(alert.id)
        return True
    distance = alert.hysteresis if alert.id in fired_before else 0.0
    armed[alert.id] = sign * value < sign * (alert.level - sign * distance)
    return False


def _tape() -> Tape:
    random = np.random.default_rng(SEED)
    steps = random.normal(0.0, 5e-4, (SECONDS, INSTRUMENTS))
    prices = np.round(500.0 * np.exp(np.cumsum(steps, axis=0)), 2)
    subjects = [Subject(f"NSE:S{number}") for number in range(INSTRUMENTS)]
    return [list(zip(subjects, row.tolist(), strict=True)) for row in prices]


def _alerts() -> list[Alert]:
    random = np.random.default_rng(SEED + 1)
    # all of them recurring, so that the ten thousand stay active
    return [
        Alert(
            id=number,
            subject=Subject(f"NSE:S{number % INSTRUMENTS}"),
            direction=Direction.ABOVE if random.random() < 0.5 else Direction.BELOW,
            level=round(500.0 * (1.0 + float(random.normal(0.0, 0.006))), 2),
            waits_for_cross=bool(random.random() < 0.8),
            is_recurring=True,
            hysteresis=float(random.choice([0.0, 0.25, 1.0])),
        )
        for number in range(ALERTS)
    ]
