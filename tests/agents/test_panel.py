import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.calendar import Segment
from brokers.domain.errors import Invalid
from brokers.domain.india import INDIA
from brokers.domain.market import Bars
from strategies.agents.columns import WARMUP_BARS
from strategies.agents.consensus import EQUAL, Rules, tally
from strategies.agents.panel import VOICES, panel_of
from strategies.domain import Sessions, wanted_exposure
from strategies.registry import strategy_made
from tests.agents.markets import BARS, a_walk

RISING = a_walk(5, drift=8e-4)
SETTINGS = {"product": "NRML", "direction": "both"}


def a_panel(**params):
    return strategy_made("agent-panel", SETTINGS | params, sessions=Sessions(INDIA, Segment.EQUITY_WITH_DERIVATIVES))


def first(bars, count):
    names = ("start_ns", "open", "high", "low", "close", "volume")
    return Bars(
        instrument=bars.instrument, interval_s=bars.interval_s, **{name: getattr(bars, name)[:count] for name in names}
    )


def test_the_panel_goes_with_a_trend_that_its_agents_see():
    wanted = wanted_exposure(a_panel(), RISING)

    assert wanted[WARMUP_BARS:].mean() > 0.3
    assert wanted_exposure(a_panel(), a_walk(5, drift=-8e-4))[WARMUP_BARS:].mean() < -0.3


def test_every_bar_decides_as_it_did_when_it_was_the_last():
    whole = a_panel().exposure(RISING)

    for count in range(WARMUP_BARS, BARS, 23):
        part = a_panel().exposure(first(RISING, count))
        np.testing.assert_array_equal(part, whole[:count])


@settings(max_examples=15)
@given(seed=st.integers(0, 1_000), drift=st.floats(-0.002, 0.002), value=st.sampled_from(["1000", "1000000"]))
def test_whatever_the_agents_say_only_a_side_comes_out_and_size_is_not_theirs(seed, drift, value):
    bars = a_walk(seed, drift=drift)
    wanted = wanted_exposure(a_panel(order_value_quote=value), bars)

    assert set(wanted[~np.isnan(wanted)]) <= {-1.0, 0.0, 1.0}
    np.testing.assert_array_equal(wanted, wanted_exposure(a_panel(), bars))
    assert wanted_exposure(a_panel(direction="long"), bars)[WARMUP_BARS:].min() >= 0.0


def test_the_columns_are_the_tally_of_every_bar():
    panel = panel_of(RISING, Rules())
    spoken = [(float(panel.scores[voice.key][-1]), EQUAL.value) for voice in VOICES]

    score, participation, _ = tally(spoken, float(len(VOICES)))
    assert np.sign(score) == np.sign(panel.score[-1])
    assert participation == panel.participation[-1] == 1.0


def test_a_position_is_kept_until_the_score_comes_back():
    loose, strict = (wanted_exposure(a_panel(exit_score=exit_score), RISING) for exit_score in (0.0, 0.2))

    assert np.nansum(np.abs(loose)) >= np.nansum(np.abs(strict))
    with pytest.raises(Invalid):
        a_panel(exit_score=0.5)


def test_the_reason_names_who_has_a_side():
    strategy = a_panel()
    wanted = strategy.exposure(RISING)
    entered = int(np.flatnonzero(wanted == 1.0)[-1])
    flat = int(np.flatnonzero(wanted == 0.0)[-1])

    assert "Trend Surfer +" in strategy.reason(first(RISING, entered + 1))
    assert "came back to" in strategy.reason(first(RISING, flat + 1))


def test_without_volume_or_bars_there_is_no_view():
    silent = a_walk(5)
    still = Bars(**{**{name: getattr(silent, name) for name in Bars.__slots__}, "volume": np.zeros(BARS)})

    assert "no volume" in a_panel().silence(still)
    assert a_panel().silence(silent) is None
    assert np.isnan(a_panel().exposure(first(silent, 3))).all()
