import math
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.market import (
    NANOSECONDS,
    Bar,
    BarBuilder,
    BarSeries,
    at_of,
    bars_of,
    ns_of,
)

MINUTE = 60 * NANOSECONDS


def a_bar(start_ns, close=1.0):
    return Bar(
        instrument="NSE:A", interval_s=60, start_ns=start_ns, open=1.0, high=2.0, low=0.5, close=close, volume=10.0
    )


def test_a_bar_takes_its_extremes_and_the_volume_traded_in_it():
    builder = BarBuilder(interval_s=60)
    for at, price, volume in ((0, 100.0, 1000.0), (20, 103.0, 1010.0), (40, 99.0, 1040.0), (59, 101.0, 1045.0)):
        builder.add([("NSE:A", at * NANOSECONDS, price, volume)])

    (bar,) = builder.close_until(MINUTE)

    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (100.0, 103.0, 99.0, 101.0, 45.0)


def test_a_bar_closes_when_another_instruments_time_passes_its_end():
    builder = BarBuilder(interval_s=60)
    builder.add([("NSE:QUIET", 0, 5.0, math.nan)])

    assert builder.close_until(MINUTE - 1) == []
    assert [bar.instrument for bar in builder.close_until(MINUTE)] == ["NSE:QUIET"]
    assert builder.close_until(10 * MINUTE) == []


def test_volume_between_bars_belongs_to_the_later_bar():
    builder = BarBuilder(interval_s=60)
    builder.add([("NSE:A", 0, 1.0, 100.0)])
    builder.close_until(MINUTE)
    builder.add([("NSE:A", MINUTE, 1.0, 130.0)])

    (bar,) = builder.close_until(2 * MINUTE)

    assert bar.volume == 30.0


def test_a_days_new_counter_starts_from_nothing():
    builder = BarBuilder(interval_s=60)
    builder.add([("NSE:A", 0, 1.0, 5_000.0)])
    builder.close_until(MINUTE)
    builder.add([("NSE:A", MINUTE, 1.0, 40.0)])

    (bar,) = builder.close_until(2 * MINUTE)

    assert bar.volume == 40.0


def a_bar_of(ticks, volume_before):
    """Work one minute's bar out as its definition reads."""
    prices = [price for _, price, _ in ticks]
    volumes = [0.0 if math.isnan(volume) else volume for _, _, volume in ticks]
    before = volumes[0] if volume_before is None else (volume_before if volumes[0] >= volume_before else 0.0)
    return (prices[0], max(prices), min(prices), prices[-1], max(max(volumes) - before, 0.0)), volumes[-1]


@given(
    ticks=st.lists(
        st.tuples(
            st.integers(0, 239),
            st.floats(1.0, 9.0),
            st.one_of(st.just(math.nan), st.integers(0, 60).map(float)),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_bars_are_what_their_definition_makes_of_the_ticks(ticks):
    ticks.sort(key=lambda tick: tick[0])
    builder, built, wanted, before = BarBuilder(interval_s=60), [], [], None
    for minute in range(4):
        mine = [tick for tick in ticks if tick[0] // 60 == minute]
        for second, price, volume in mine:
            builder.add([("NSE:A", second * NANOSECONDS, price, volume)])
        built += builder.close_until((minute + 1) * MINUTE)
        if mine:
            bar, before = a_bar_of(mine, before)
            wanted.append((minute * MINUTE, *bar))

    assert [(b.start_ns, b.open, b.high, b.low, b.close, b.volume) for b in built] == wanted


def test_a_series_refuses_a_bar_that_is_not_newer():
    series = BarSeries("NSE:A", 60)

    assert series.append(a_bar(MINUTE))
    assert not series.append(a_bar(MINUTE, close=9.0))
    assert not series.append(a_bar(0))
    assert list(series.view().close) == [1.0]


@given(count=st.integers(0, 700))
def test_a_series_keeps_every_bar_as_it_grows(count):
    series = BarSeries("NSE:A", 60)
    for i in range(count):
        series.append(a_bar(i * MINUTE, close=float(i)))

    view = series.view()

    assert len(view) == len(series) == count
    assert np.array_equal(view.close, np.arange(count, dtype=float))
    assert series.last_start_ns == ((count - 1) * MINUTE if count else None)


def test_the_last_bars_are_the_newest():
    bars = bars_of("NSE:A", 60, [a_bar(i * MINUTE, close=float(i)) for i in range(5)])

    assert list(bars.last(2).close) == [3.0, 4.0]
    assert len(bars.last(99)) == 5
    assert a_bar(0).end_ns == MINUTE


def test_time_survives_the_trip_to_nanoseconds():
    at = datetime(2026, 8, 18, 4, 30, 1, 123456, tzinfo=UTC)

    assert at_of(ns_of(at)) == at
    assert at_of(0) is None
