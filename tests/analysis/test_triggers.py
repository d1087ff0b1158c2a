"""Each trigger fires where its words say, on the side and with the strength they say, and nowhere else."""

import numpy as np
import pytest

from analysis.domain.measures import Measures
from analysis.domain.triggers import SOURCES, Side, fired, triggers_at
from tests.analysis import twins
from tests.analysis.candles import made, walk


def named(series, rating=None):
    measures = Measures(series)
    if rating is not None:
        measures.rating = np.full(len(series), rating)
    return {one.name: one for one in fired(measures)}


def places(one):
    return np.flatnonzero(one.where).tolist()


@pytest.fixture(scope="module")
def a_walk():
    return walk("A", 11, bars=700)


def columns(series):
    return [column.tolist() for column in (series.high, series.low, series.close, series.volume)]


def crossed(first, second):
    """Where one line goes over the other and under it; a touch keeps the side."""
    up, down, side = [], [], 0
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        now = (a > b) - (a < b)
        if now and side and now != side:
            (up if now > 0 else down).append(i)
        side = now or side
    return up, down


def test_every_strength_lies_between_nothing_and_everything(a_walk):
    for one in fired(Measures(a_walk)):
        strengths = [one.strength(place) for place in range(700)]
        assert 0 <= min(strengths) <= max(strengths) <= 100, one.name
        assert one.where.shape == one.excess.shape == a_walk.close.shape


def test_names_are_unique_and_all_of_a_day_are_given_strongest_first(a_walk):
    found = fired(Measures(a_walk))

    assert len({one.name for one in found}) == len(found)
    for place in range(260, 700, 17):
        own = triggers_at(found, place)
        assert {trigger.name for trigger in own} == {one.name for one in found if one.where[place]}
        assert [trigger.strength for trigger in own] == sorted((t.strength for t in own), reverse=True)


def test_macd_crosses_its_signal(a_walk):
    line, signal, _ = twins.macd(a_walk.close.tolist(), 12, 26, 9)
    found = named(a_walk)

    up, down = crossed(line, signal)

    assert places(found["macd_cross_up"]) == up
    assert places(found["macd_cross_down"]) == down
    assert up


def test_golden_and_death_crosses_are_of_the_50_and_the_200_day_average():
    wave = walk("A", 3, bars=1_200, drift=0.0)
    close = wave.close.tolist()

    up, down = crossed(twins.sma(close, 50), twins.sma(close, 200))

    found = named(wave)
    assert places(found["golden_cross"]) == up
    assert places(found["death_cross"]) == down
    assert up + down


@pytest.mark.parametrize(
    ("low", "high", "index", "bounds"),
    [
        ("rsi_oversold", "rsi_overbought", lambda high, low, close, volume: twins.rsi(close, 14), (30, 70)),
        ("mfi_oversold", "mfi_overbought", lambda *bars: twins.mfi(*bars, 14), (20, 80)),
        (
            "cci_below_200",
            "cci_above_200",
            lambda high, low, close, volume: twins.cci(high, low, close, 20),
            (-200, 200),
        ),
    ],
)
def test_an_oscillator_beyond_its_bounds_fires(a_walk, low, high, index, bounds):
    values = index(*columns(a_walk))
    found = named(a_walk)

    assert places(found[low]) == [i for i, value in enumerate(values) if value < bounds[0]]
    assert places(found[high]) == [i for i, value in enumerate(values) if value > bounds[1]]
    assert places(found[low]) or places(found[high])


def test_a_stock_that_does_not_move_is_not_oversold():
    still = named(made("A", np.full(100, 20.0), spread=0.0, volume=np.zeros(100)))

    assert not places(still["rsi_oversold"])
    assert not places(still["mfi_oversold"])


def test_a_loud_day_needs_twice_the_volume_and_two_per_cent():
    close = np.r_[np.full(40, 100.0), 102.0, 103.0, 99.0]
    volume = np.r_[np.full(40, 10.0), 35.0, 60.0, 70.0]

    found = named(made("A", close, volume=volume))

    assert places(found["volume_surge_up"]) == [40]
    assert places(found["volume_surge_down"]) == [42]
    assert found["volume_surge_up"].strength(40) == 50


def test_near_the_extremes_of_the_year():
    wave = walk("A", 21, bars=700, drift=-0.0003)
    high, low, close, _ = columns(wave)
    found = named(wave)

    near_high = [i for i in range(251, 700) if close[i] >= 0.98 * max(high[i - 251 : i + 1])]
    near_low = [i for i in range(251, 700) if close[i] <= 1.05 * min(low[i - 251 : i + 1])]

    assert places(found["near_year_high"]) == near_high
    assert places(found["near_year_low"]) == near_low
    assert near_high
    assert near_low


def test_bands_are_left_and_squeezed(a_walk):
    close = a_walk.close.tolist()
    upper, middle, lower = twins.bollinger(close, 20, 2.0)
    width = [(u - d) / m for u, m, d in zip(upper, middle, lower, strict=True)]
    found = named(a_walk)

    squeezed = [i for i in range(144, 700) if width[i] <= min(width[i - 125 : i + 1])]

    assert places(found["bollinger_above"]) == [i for i in range(19, 700) if close[i] > upper[i]]
    assert places(found["bollinger_below"]) == [i for i in range(19, 700) if close[i] < lower[i]]
    assert places(found["bollinger_squeeze"]) == squeezed
    assert squeezed


def test_a_strong_trend_takes_the_side_of_its_movement():
    up = named(made("A", 100 * 1.01 ** np.arange(120)))
    down = named(made("A", 300 * 0.99 ** np.arange(120)))

    assert places(up["adx_strong_up"])[-1] == places(down["adx_strong_down"])[-1] == 119
    assert not places(up["adx_strong_down"])
    assert not places(down["adx_strong_up"])


def test_a_tight_week_is_under_three_per_cent(a_walk):
    quiet = walk("A", 5, bars=200, spread=0.004)
    high, low, close, _ = columns(quiet)

    tight = [i for i in range(4, 200) if (max(high[i - 4 : i + 1]) - min(low[i - 4 : i + 1])) / close[i] < 0.03]

    assert places(named(quiet)["tight_range"]) == tight
    assert tight


def test_stochastic_turns_count_in_the_outer_fifths(a_walk):
    high, low, close, _ = columns(a_walk)
    k, d = twins.stochastic(high, low, close, 14, smooth=3, signal=3)
    found = named(a_walk)

    up, down = crossed(k, d)

    assert places(found["stochastic_up"]) == [i for i in up if d[i] < 20]
    assert places(found["stochastic_down"]) == [i for i in down if d[i] > 80]
    assert places(found["stochastic_up"])


def test_leaving_the_cloud_on_the_other_side_fires_once(a_walk):
    high, low, close, _ = columns(a_walk)
    _, _, span_a, span_b = twins.ichimoku(high, low, 9, 26, 52)
    up, down, side = [], [], 0
    for i in range(77, 700):
        top, bottom = max(span_a[i], span_b[i]), min(span_a[i], span_b[i])
        now = 1 if close[i] > top else -1 if close[i] < bottom else 0
        if now and side and now != side:
            (up if now > 0 else down).append(i)
        side = now or side

    found = named(a_walk)
    assert places(found["cloud_break_up"]) == up
    assert places(found["cloud_break_down"]) == down
    assert up
    assert down


def slow_contraction(series, i):
    high, low, close, volume = columns(series)

    def depth(stop):
        top = max(high[stop - 19 : stop + 1])
        return (top - min(low[stop - 19 : stop + 1])) / top

    now, middle, first = depth(i), depth(i - 20), depth(i - 40)
    dry = sum(volume[i - 9 : i + 1]) / 10 < sum(volume[i - 49 : i + 1]) / 50
    leading = close[i] > sum(close[i - 49 : i + 1]) / 50 and close[i] >= 0.85 * max(high[i - 251 : i + 1])
    return now <= 0.75 * middle and middle <= 0.75 * first and now <= 0.10 and dry and leading


def a_contraction():
    base = np.linspace(50, 100, 260)
    swings = np.r_[np.tile([1.0, 0.80, 0.95, 0.85], 5), np.tile([1.0, 0.90, 0.97, 0.92], 5), np.tile([1.0, 0.97], 10)]
    close = np.r_[base, 100 * swings]
    return made("A", close, spread=0.002, volume=np.r_[np.full(260, 900.0), np.linspace(900, 100, 60)])


def test_a_narrowing_range_on_drying_volume_is_a_contraction():
    series = a_contraction()

    found = places(named(series)["volatility_contraction"])

    assert found == [i for i in range(251, 320) if slow_contraction(series, i)]
    assert found


def test_a_pocket_pivot_outdoes_the_down_days_of_two_weeks(a_walk):
    _, _, close, volume = columns(a_walk)
    average = twins.sma(close, 50)
    pivots = []
    for i in range(50, 700):
        downs = [volume[j] for j in range(i - 10, i) if close[j] < close[j - 1]]
        if close[i] > close[i - 1] and downs and volume[i] > max(downs) and close[i] > average[i]:
            pivots.append(i)

    assert places(named(a_walk)["pocket_pivot"]) == pivots
    assert pivots


def test_stages_begin_once():
    close = np.r_[np.full(200, 100.0), 100 * 1.004 ** np.arange(150), 180 * 0.994 ** np.arange(250)]

    found = named(made("A", close))
    stage = Measures(made("A", close)).stage

    (begins,) = places(found["stage_4_begins"])
    assert stage[begins - 1] == 3
    assert stage[begins] == 4
    # the first advance of a history follows nothing that was known
    assert places(found["stage_2_begins"]) == []


def test_relative_strength_speaks_at_its_ends(a_walk):
    assert {
        rating: sorted(name for name, one in named(a_walk, rating).items() if "relative" in name and one.where.all())
        for rating in (90.0, 50.0, 10.0)
    } == {
        90.0: ["relative_strength_high"],
        50.0: [],
        10.0: ["relative_strength_low"],
    }
    assert named(a_walk, 100.0)["relative_strength_high"].strength(0) == 100


def test_a_history_of_one_day_has_no_trigger():
    assert not any(one.where.any() for one in fired(Measures(made("A", [100.0]))))


@pytest.mark.parametrize("bars", [4, 19, 33, 60, 200, 260])
def test_a_source_that_is_left_out_would_have_found_nothing(bars):
    for seed in range(6):
        measures = Measures(walk("A", seed, bars=bars))
        left_out = [one for least, source in SOURCES if bars < least for one in source(measures)]
        assert not any(one.where.any() for one in left_out)


def test_each_trigger_has_a_side(a_walk):
    assert {one.side for one in fired(Measures(a_walk))} == set(Side)
    assert len(SOURCES) == 16
