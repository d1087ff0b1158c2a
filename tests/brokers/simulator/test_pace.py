"""The pace: market time from wall time, bounded catching up."""

import pytest

from brokers.simulator.pace import Pace, frames_per_second, step_seconds

SECOND = 10**9


@pytest.mark.parametrize(("speed", "frames", "step"), [(1, 2, 0.5), (30, 2, 15), (60, 4, 15), (600, 40, 15)])
def test_every_market_minute_has_four_frames_or_more(speed, frames, step):
    assert frames_per_second(speed) == frames
    assert step_seconds(speed) == step
    assert 60 / step_seconds(speed) >= 4


def test_market_runs_as_many_times_faster_as_asked():
    pace = Pace(speed=60, market_ns=1_000 * SECOND, wall_ns=5 * SECOND)

    assert pace.market_ns(7 * SECOND) == 1_120 * SECOND
    assert pace.wait_ns(1_180 * SECOND, 7 * SECOND) == SECOND
    assert pace.wait_ns(1_060 * SECOND, 7 * SECOND) == -SECOND


def test_short_lag_is_caught_up_and_a_long_one_moves_the_clock():
    pace = Pace(speed=10, market_ns=0, wall_ns=0)

    pace.keep_up(10 * SECOND, 2 * SECOND)
    assert pace.market_ns(2 * SECOND) == 20 * SECOND

    pace.keep_up(30 * SECOND, 3_600 * SECOND)
    assert pace.market_ns(3_600 * SECOND) == 50 * SECOND
