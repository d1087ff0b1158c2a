from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brokers.domain.calendar import Segment
from brokers.domain.errors import DataError, Invalid
from brokers.domain.market import NANOSECONDS
from strategies.domain import Signal, SignalStrategy, StrategyParams, standing, wanted_exposure
from strategies.domain.backtest import decided as decided_at_once
from tests.strategies.builders import (
    DECIDED_AT,
    MONDAY,
    a_crossover,
    at_ns,
    decided,
    first,
    sessions,
    some_bars,
    traded,
)


class Scripted(SignalStrategy):
    """Wants what it is told to."""

    slug = "scripted"
    title = "Scripted"

    class Params(StrategyParams):
        pass

    def __init__(self, wanted, **params):
        super().__init__(self.Params.parse(params), sessions())
        self.wanted = np.array(wanted, dtype=np.float64)

    def warmup_bars(self):
        return 2

    def exposure(self, bars):
        return self.wanted[: len(bars)]

    def reason(self, bars):
        return "told to"


class LateScripted(Scripted):
    joins_late = False


NAN = float("nan")


def test_a_change_becomes_a_signal():
    signal = decided(Scripted([0, 0, 1]), some_bars([1, 2, 3]))

    assert (signal.instrument, signal.exposure, signal.previous_exposure) == ("NSE:RELIANCE", 1.0, 0.0)
    assert (signal.reason, signal.decided_at) == ("RELIANCE: told to at 09:18", DECIDED_AT)


def test_no_change_is_no_signal():
    assert decided(Scripted([0, 1, 1]), some_bars([1, 2, 3]), current=1.0) is None


def test_no_view_is_no_signal():
    assert decided(Scripted([0, 1, NAN]), some_bars([1, 2, 3]), current=1.0) is None


def test_nothing_is_decided_before_the_warm_up():
    assert decided(Scripted([1]), some_bars([1])) is None


def test_a_standing_wish_is_taken_up_late():
    assert decided(Scripted([1, 1, 1]), some_bars([1, 2, 3])).exposure == 1.0


def test_an_event_is_not_taken_up_late():
    assert decided(LateScripted([1, 1, 1]), some_bars([1, 2, 3])) is None


def test_an_event_is_taken_up_when_it_happens():
    assert decided(LateScripted([0, 0, 1]), some_bars([1, 2, 3])).exposure == 1.0


@pytest.mark.parametrize("wanted", [[1, NAN, 1], [0, 1, NAN, NAN, 1], [-1, NAN, -1]])
def test_an_event_is_not_taken_up_late_after_bars_without_a_view(wanted):
    assert decided(LateScripted(wanted, direction="both"), some_bars(range(1, len(wanted) + 1))) is None


@pytest.mark.parametrize("wanted", [[0, NAN, 1], [-1, NAN, 1], [NAN, NAN, 1]])
def test_an_event_is_taken_up_whatever_bars_without_a_view_lie_before_it(wanted):
    assert decided(LateScripted(wanted, direction="both"), some_bars([1, 2, 3])).exposure == 1.0


@given(st.lists(st.sampled_from([0.0, 1.0, -1.0, NAN, NAN]), min_size=2, max_size=10))
@example([1.0, 1.0, NAN, 1.0, 0.0, 1.0])
@example([1.0, NAN, NAN, 1.0, -1.0])
def test_an_event_is_joined_late_by_neither_desk_nor_backtest(wanted):
    strategy, bars = LateScripted(wanted, direction="both"), some_bars(range(1, len(wanted) + 1))

    acted = [one for one in decided_at_once(strategy, bars).tolist() if not np.isnan(one)]
    changes = [one for before, one in pairwise([0.0, *acted]) if one != before]

    assert changes == [signal.exposure for signal in traded(strategy, bars)]


def test_an_event_strategy_still_leaves_late():
    assert decided(LateScripted([0, 0, 0]), some_bars([1, 2, 3]), current=1.0).is_exit


def test_long_only_is_never_short():
    strategy = Scripted([-1, -1, -1])

    assert wanted_exposure(strategy, some_bars([1, 2, 3])).tolist() == [0, 0, 0]


def test_both_ways_may_be_short():
    assert decided(Scripted([0, 0, -1], direction="both"), some_bars([1, 2, 3])).exposure == -1.0


def test_intraday_is_flat_one_bar_before_the_square_off():
    bars = some_bars([1, 2, 3], start_ns=at_ns(15, 11))

    wanted = wanted_exposure(Scripted([1, 1, 1]), bars)

    assert wanted.tolist() == [1, 1, 0]


def test_the_closing_signal_names_the_square_off():
    signal = decided(Scripted([1, 1, 1]), some_bars([1, 2, 3], start_ns=at_ns(15, 11)), current=1.0)

    assert signal.reason == "RELIANCE: flat at 15:14, ahead of the square-off at 15:15"


def test_carried_positions_know_no_square_off():
    bars = some_bars([1, 2, 3], start_ns=at_ns(15, 11))

    assert wanted_exposure(Scripted([1, 1, 1], product="NRML"), bars).tolist() == [1, 1, 1]


def test_intraday_wants_nothing_before_the_open():
    assert wanted_exposure(Scripted([1, 1]), some_bars([1, 2], start_ns=at_ns(9, 14))).tolist() == [0, 1]


def test_a_series_of_the_wrong_length_is_refused():
    with pytest.raises(Invalid, match="gave"):
        decided(Scripted([1]), some_bars([1, 2, 3]))


def test_a_signal_beyond_full_exposure_is_refused():
    with pytest.raises(Invalid, match=r"\[-1, 1\]"):
        Signal(
            deployment_id="D1",
            instrument="NSE:A",
            exposure=1.5,
            previous_exposure=0.0,
            reason="x",
            bar_end_at=DECIDED_AT,
            decided_at=DECIDED_AT,
        )


def test_standing_tells_the_warm_up():
    assert standing(a_crossover(), some_bars([1, 2])) == "RELIANCE: warming up, 2 of 15 bars"


def test_standing_tells_that_there_is_no_view():
    assert standing(Scripted([1, NAN]), some_bars([1, 2])) == "RELIANCE: no view after the last bar"


def test_standing_is_silent_with_a_view():
    assert standing(Scripted([1, 1]), some_bars([1, 2])) == ""


def test_sessions_follow_the_calendar_of_each_day():
    cash, options = sessions(), sessions(Segment.NSE_DERIVATIVES)
    bars = np.array([at_ns(9, 15), at_ns(15, 29)])

    assert cash.of(bars).square_off_ns.tolist() == [at_ns(15, 15)] * 2
    assert options.of(bars).square_off_ns.tolist() == [at_ns(15, 20)] * 2


def test_a_holiday_has_no_session():
    saturday = at_ns(12, 0) + 5 * 86_400 * NANOSECONDS

    assert sessions().of(np.array([saturday])).open_ns.tolist() == [0]


def test_a_year_without_a_calendar_stops_the_strategy():
    with pytest.raises(DataError, match="no holiday list"):
        sessions().on(MONDAY.replace(year=2031))


def test_a_history_seen_earlier_is_not_looked_up_again():
    known = sessions()
    bars = some_bars(range(1, 200))
    known.of(bars.start_ns)
    known._calendar = None

    assert known.of(first(bars, 10).start_ns).open_ns.tolist() == [at_ns(9, 15)] * 10
