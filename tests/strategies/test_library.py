import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.market import NANOSECONDS
from strategies.domain import standing, wanted_exposure
from tests.strategies.builders import (
    a_breakout,
    a_crossover,
    a_reversion,
    an_rsi,
    at_ns,
    decided,
    first,
    joined,
    some_bars,
    traded,
)

RISING = [100.0] * 15 + [101, 102, 103, 104]
DAY_NS = 86_400 * NANOSECONDS


def quiet_then(*tail, minutes=1):
    """A flat morning at 100 until 09:45, then a few closes."""
    return [100.0 + 0.1 * (i % 2) for i in range(30 // minutes)] + list(tail)


def loud(closes, *where):
    volumes = np.full(len(closes), 100.0)
    volumes[list(where)] = 1000.0
    return volumes


def test_buys_when_the_fast_average_is_above_the_slow_one():
    signal = decided(a_crossover(), some_bars(RISING))

    assert signal.exposure == 1.0


def test_the_reason_holds_both_averages():
    signals = traded(a_crossover(), some_bars(RISING))

    assert signals[0].reason == "RELIANCE: 2-bar average 100.67 crossed above the 3-bar 100.50 at 09:31"


def test_a_late_start_says_that_it_is_above():
    assert " is above the " in decided(a_crossover(), some_bars(RISING)).reason


def test_sells_when_it_crosses_below():
    signals = traded(a_crossover(), some_bars([*RISING, 90, 80]))

    assert [signal.exposure for signal in signals] == [1.0, 0.0]
    assert "crossed below" in signals[1].reason


def test_turns_short_where_both_ways_are_allowed():
    signals = traded(a_crossover(direction="both"), some_bars([*RISING, 90, 80]))

    assert [signal.exposure for signal in signals] == [1.0, -1.0]


def test_equal_averages_are_no_view():
    bars = some_bars([0.1 + 0.2] * 40)

    assert np.isnan(wanted_exposure(a_crossover(), bars)).all()


def test_buys_a_close_beyond_the_band_on_unusual_volume():
    closes = quiet_then(103.0)
    signals = traded(a_breakout(), some_bars(closes, volumes=loud(closes, -1)))

    assert [signal.exposure for signal in signals] == [1.0]
    assert signals[0].reason == (
        "RELIANCE: close 103.00 broke above 102.29 (VWAP 100.79 plus 1 ATR) on 10 times the usual volume at 09:46"
    )


def test_the_same_close_on_usual_volume_is_no_breakout():
    assert traded(a_breakout(), some_bars(quiet_then(103.0))) == []


def test_volume_without_a_breakout_is_no_entry():
    closes = quiet_then(100.1)

    assert traded(a_breakout(), some_bars(closes, volumes=loud(closes, -1))) == []


def test_leaves_when_the_close_is_back_through_vwap():
    closes = quiet_then(103.0, 103.0, 100.0)
    signals = traded(a_breakout(), some_bars(closes, volumes=loud(closes, 30)))

    assert [signal.exposure for signal in signals] == [1.0, 0.0]
    assert "is back below VWAP" in signals[1].reason


def test_sells_short_on_a_break_downwards_where_both_ways_are_allowed():
    closes = quiet_then(97.0, 103.0)
    signals = traded(a_breakout(direction="both"), some_bars(closes, volumes=loud(closes, 30)))

    assert [signal.exposure for signal in signals] == [-1.0, 0.0]
    assert "broke below" in signals[0].reason
    assert "is back above VWAP" in signals[1].reason


@pytest.mark.parametrize("minutes", [1, 5])
def test_never_enters_before_half_past_nine(minutes):
    previous = some_bars(
        [100.0 + 0.1 * (i % 2) for i in range(60)], start_ns=at_ns(9, 15) - 3 * DAY_NS, minutes=minutes
    )
    opening = some_bars([120.0] * (15 // minutes - 1), volumes=[9999.0] * (15 // minutes - 1), minutes=minutes)

    assert traded(a_breakout(), joined(previous, opening)) == []


def test_enters_from_half_past_nine_on():
    closes = [100.0 + 0.1 * (i % 2) for i in range(14)] + [103.0]
    previous = some_bars([100.0] * 20, start_ns=at_ns(9, 15) - 3 * DAY_NS)
    bars = joined(previous, some_bars(closes, volumes=loud(closes, -1)))

    (signal,) = traded(a_breakout(), bars)

    assert signal.reason.endswith("at 09:30")


def test_never_enters_from_the_cut_off_on():
    closes = quiet_then(103.0)
    # the breaking bar ends at 15:00, when entries end
    bars = some_bars(closes, volumes=loud(closes, -1), start_ns=at_ns(14, 29))

    assert traded(a_breakout(), bars) == []


def test_is_flat_by_the_square_off():
    closes = quiet_then(*[103.0] * 60)
    bars = some_bars(closes, volumes=loud(closes, 30), start_ns=at_ns(14, 20))

    signals = traded(a_breakout(), bars)

    assert [signal.exposure for signal in signals] == [1.0, 0.0]
    assert signals[1].reason == "RELIANCE: flat at 15:14, ahead of the square-off at 15:15"


def test_does_not_join_a_breakout_that_is_over():
    closes = quiet_then(103.0, 103.0, 103.0)
    bars = some_bars(closes, volumes=loud(closes, 30))

    assert decided(a_breakout(), first(bars, 31)) is not None
    assert decided(a_breakout(), bars) is None


def test_starts_every_day_flat():
    closes = quiet_then(*[103.0] * 10)
    bars = joined(some_bars(closes, volumes=loud(closes, 30)), some_bars([110.0] * 30, start_ns=at_ns(9, 15) + DAY_NS))

    wanted = wanted_exposure(a_breakout(), bars)

    assert wanted[39] == 1.0
    assert wanted[40:].tolist() == [0.0] * 30


def test_volume_is_judged_against_the_same_minute_of_earlier_days():
    # this minute trades 1000 every day, so 1000 is nothing unusual
    closes = quiet_then(100.1, 100.0)
    usual = [some_bars(closes, volumes=loud(closes, 30), start_ns=at_ns(9, 15) + d * DAY_NS) for d in range(3)]
    breaking = quiet_then(103.0)
    today = some_bars(breaking, volumes=loud(breaking, -1), start_ns=at_ns(9, 15) + 3 * DAY_NS)

    assert traded(a_breakout(), joined(*usual, today)) == []
    assert len(traded(a_breakout(), today)) == 1


def test_an_instrument_without_volume_gives_no_view_and_says_so():
    bars = some_bars(quiet_then(103.0), volumes=[0.0] * 31, instrument="NSE:NIFTY 50")

    assert np.isnan(wanted_exposure(a_breakout(), bars)[1:]).all()
    assert standing(a_breakout(), bars) == (
        "NIFTY 50: no volume is reported, so there is no VWAP; trade its near future instead"
    )


def test_an_instrument_with_volume_has_nothing_to_say():
    assert standing(a_breakout(), some_bars(quiet_then(103.0))) == ""


@pytest.mark.parametrize(("minutes", "bars"), [(1, 1540), (5, 308)])
def test_a_breakout_asks_for_today_and_three_sessions_before(minutes, bars):
    assert a_breakout(bar_minutes=minutes).history_bars() == bars


def test_a_crossover_asks_for_its_warm_up():
    assert a_crossover().history_bars() == a_crossover().warmup_bars() == 15


walks = st.lists(st.tuples(st.integers(-40, 40), st.integers(0, 3000)), min_size=1, max_size=140)


def a_history(steps, minutes):
    moves = np.array([move for move, _ in steps]) / 20
    volumes = [volume for _, volume in steps]
    half = len(steps) // 2
    closes = 100 + np.cumsum(moves)
    return joined(
        some_bars(closes[:half], volumes=volumes[:half], minutes=minutes, start_ns=at_ns(14, 30), spread=0.2),
        some_bars(closes[half:], volumes=volumes[half:], minutes=minutes, start_ns=at_ns(9, 15) + DAY_NS, spread=0.2),
    )


@given(
    walks,
    st.sampled_from([1, 5]),
    st.sampled_from([a_crossover, a_breakout, a_reversion, an_rsi]),
    st.sampled_from(["long", "both"]),
)
def test_growing_history_and_the_whole_of_it_give_the_same_exposures(steps, minutes, build, direction):
    strategy = build(direction=direction)
    bars = a_history(steps, minutes)

    whole = wanted_exposure(strategy, bars)
    grown = [wanted_exposure(strategy, first(bars, count))[-1] for count in range(1, len(bars) + 1)]

    np.testing.assert_array_equal(whole, grown)
