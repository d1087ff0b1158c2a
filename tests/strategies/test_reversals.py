"""Mean reversion and RSI on made bars: when they enter, why they leave, and what they say."""

import numpy as np
import pytest

from brokers.domain.market import NANOSECONDS
from strategies.domain import standing, wanted_exposure
from strategies.library.mean_reversion import MeanReversion
from strategies.library.rsi_reversal import RsiReversal
from strategies.library.windows import rolling_vwap, z_score
from tests.strategies.builders import a_reversion, an_rsi, at_ns, decided, first, joined, some_bars, traded
from tests.strategies.test_params import wrong_field

DAY_NS = 86_400 * NANOSECONDS
# a quiet half hour around 100
CALM = [100.0 + 0.2 * (i % 2) for i in range(31)]


def exposures(signals):
    return [signal.exposure for signal in signals]


def test_buys_an_unusual_distance_below_vwap_and_sells_the_return():
    signals = traded(a_reversion(), some_bars([*CALM, 99.7, 100.1]))

    assert exposures(signals) == [1.0, 0.0]
    assert signals[0].reason.startswith("RELIANCE: close 99.70 is 2.88")
    assert "deviations below VWAP 100.08 while ADX 53.33 is below 100" in signals[0].reason
    assert signals[1].reason.startswith("RELIANCE: z is ")


def test_gives_up_where_the_distance_grows_to_the_stop():
    signals = traded(a_reversion(stop_z=2.5, enter_z=1.5), some_bars([*CALM, 99.85, 98.0, 97.9, 97.5]))

    assert exposures(signals) == [1.0, 0.0]
    assert "beyond the stop at 2.50" in signals[1].reason


def test_a_side_that_was_stopped_waits_until_the_distance_was_usual_again():
    strategy = a_reversion(stop_z=2.5, enter_z=1.5)
    after = [99.85, 98.0, 99.3, 99.2, 99.1, 100.1, 100.1, *CALM, *CALM, 99.85]

    signals = traded(strategy, some_bars([*CALM, *after]))

    assert exposures(signals) == [1.0, 0.0, 1.0]
    assert signals[2].reason.endswith("at 10:56")


def test_gives_up_after_so_many_bars():
    signals = traded(a_reversion(max_bars=3), some_bars([*CALM, *[99.7, 99.75] * 4]))

    assert exposures(signals)[:2] == [1.0, 0.0]
    assert signals[1].reason == "RELIANCE: 3 bars passed without a return to VWAP at 09:50"


def test_a_trend_forbids_the_entry():
    assert traded(a_reversion(adx_below=1), some_bars([*CALM, 99.7])) == []


def test_shorts_mirror_longs_where_both_ways_are_allowed():
    bars = some_bars([*CALM, 100.5, 100.1])

    assert exposures(traded(a_reversion(direction="both"), bars)) == [-1.0, 0.0]
    assert traded(a_reversion(), bars) == []


def test_vwap_of_the_day_ends_with_the_day_even_for_a_carried_product():
    yesterday = some_bars([*CALM, 99.7], start_ns=at_ns(10, 0))
    today = some_bars([99.7, 99.7], start_ns=at_ns(9, 15) + DAY_NS)

    signals = traded(a_reversion(product="NRML", max_bars=100), joined(yesterday, today))

    assert exposures(signals) == [1.0, 0.0]
    assert signals[1].reason == "RELIANCE: the day's VWAP ends, and the position with it at 09:16"


def test_a_rolling_vwap_carries_a_position_overnight():
    yesterday = some_bars([*CALM, 99.7], start_ns=at_ns(10, 0))
    today = some_bars([99.7], start_ns=at_ns(9, 15) + DAY_NS)

    wanted = wanted_exposure(a_reversion(product="NRML", vwap_bars=10), joined(yesterday, today))

    assert wanted[-2:].tolist() == [1.0, 1.0]


def test_a_rolling_vwap_needs_no_calendar():
    bars = some_bars([*CALM, 99.7], start_ns=at_ns(9, 15) - 5_000 * DAY_NS)

    assert wanted_exposure(a_reversion(product="CNC", vwap_bars=10), bars)[-1] == 1.0


def test_nothing_is_entered_in_the_quiet_minutes_or_after_the_cut_off():
    late = some_bars([*CALM, 99.7], start_ns=at_ns(14, 29))
    early = joined(some_bars(CALM, start_ns=at_ns(10, 0) - DAY_NS), some_bars([100.0, 99.0]))

    assert traded(a_reversion(), late) == []
    assert traded(a_reversion(), early) == []


def test_without_volume_there_is_no_view_and_a_reason():
    bars = some_bars([*CALM, 99.7], volumes=[0.0] * 32, instrument="NSE:NIFTY 50")

    assert np.isnan(wanted_exposure(a_reversion(), bars)[1:]).all()
    assert "no volume is reported" in standing(a_reversion(), bars)
    assert standing(a_reversion(), some_bars([*CALM, 99.7])) == ""


def test_a_price_that_stands_still_is_no_distance():
    assert np.isnan(z_score(np.full(40, 0.1 + 0.2), 20)).all()


def test_the_score_and_the_rolling_average_equal_their_formulas():
    chance = np.random.default_rng(11)
    close = 100 + chance.normal(0, 1, 60).cumsum()
    volume = chance.integers(0, 5, 60).astype(float)
    vwap, score = rolling_vwap(close + 1, close - 1, close, volume, 7), z_score(np.log(close / 100), 9)

    for at in range(60):
        price, units = close[max(at - 6, 0) : at + 1], volume[max(at - 6, 0) : at + 1]
        is_known = at >= 6 and units.sum() > 0
        np.testing.assert_allclose(vwap[at], (price @ units) / units.sum() if is_known else np.nan, rtol=1e-12)
        window = np.log(close[max(at - 8, 0) : at + 1] / 100)
        plain = (window[-1] - window.mean()) / window.std() if at >= 8 else np.nan
        np.testing.assert_allclose(score[at], plain, rtol=1e-9)


def test_a_score_needs_a_whole_window():
    assert np.isnan(z_score(np.arange(5.0), 6)).all()
    assert np.isnan(rolling_vwap(*[np.ones(3)] * 4, 4)).all()


FALLING = [100.0 - 0.5 * i for i in range(35)]


def test_buys_when_the_index_comes_back_above_the_line():
    signals = traded(an_rsi(exit_at=60), some_bars([*FALLING, 83.5, 83.6, 84.5], spread=0.1))

    assert exposures(signals) == [1.0, 0.0]
    assert signals[0].reason.startswith("RELIANCE: RSI 33.33")
    assert "came back above 30, stop at 8" in signals[0].reason
    assert "the exit is 60" in signals[1].reason


def test_a_fall_that_goes_on_is_no_reversal():
    assert traded(an_rsi(), some_bars(FALLING, spread=0.1)) == []


def test_a_jump_beyond_the_exit_is_no_entry():
    assert traded(an_rsi(), some_bars([*FALLING, 99.0], spread=0.1)) == []


def test_gives_up_at_the_stop():
    signals = traded(an_rsi(stop_atr=1.0, exit_at=60), some_bars([*FALLING, 83.5, 82.0], spread=0.1))

    assert exposures(signals) == [1.0, 0.0]
    assert signals[1].reason.startswith("RELIANCE: close 82.00 is 1 true ranges or more against the entry")


def test_an_index_between_the_lines_is_given_up_after_so_many_bars():
    bars = some_bars([*FALLING, 83.5, 83.5, 83.5, 83.5], spread=0.1)

    signals = traded(an_rsi(max_bars=2, exit_at=60), bars)

    assert exposures(signals) == [1.0, 0.0]
    assert signals[1].reason.startswith("RELIANCE: 2 bars passed and RSI is 33.33")


def test_a_short_mirrors_a_long():
    rising = [200.0 - price for price in FALLING]
    bars = some_bars([*rising, 116.5], spread=0.1)

    signals = traded(an_rsi(direction="both", exit_at=40), bars)

    assert exposures(signals) == [-1.0]
    assert "came back below 70, stop at 11" in signals[0].reason
    assert traded(an_rsi(), bars) == []


def test_an_intraday_reversal_is_over_with_its_day():
    strategy, bars = an_rsi(exit_at=60), some_bars([*FALLING, 83.5], spread=0.1, start_ns=at_ns(10, 0))
    next_day = some_bars([83.5], spread=0.1, start_ns=at_ns(9, 15) + DAY_NS)

    signals = traded(strategy, joined(bars, next_day))

    assert exposures(signals) == [1.0, 0.0]
    assert "the day of the entry is over" in signals[1].reason


def test_a_carried_reversal_knows_no_day():
    bars = some_bars([*FALLING, 83.5], spread=0.1, start_ns=at_ns(9, 15) - 5_000 * DAY_NS)

    assert wanted_exposure(an_rsi(product="NRML", exit_at=60), bars)[-1] == 1.0


def test_neither_joins_what_is_over():
    fallen = some_bars([*FALLING, 83.5, 83.5], spread=0.1)

    assert decided(an_rsi(exit_at=60), first(fallen, 36)) is not None
    assert decided(an_rsi(exit_at=60), fallen) is None


def test_the_defaults_are_the_documented_ones():
    reversion, index = MeanReversion.Params.parse({}), RsiReversal.Params.parse({})

    assert (reversion.enter_z, reversion.exit_z, reversion.stop_z, reversion.adx_below) == (2.0, 0.5, 3.5, 20.0)
    assert (index.rsi_bars, index.oversold, index.overbought, index.exit_at) == (14, 30.0, 70.0, 50.0)


@pytest.mark.parametrize(
    ("strategy", "params", "field"),
    [
        (MeanReversion, {"exit_z": 2.0}, "params.exit_z"),
        (MeanReversion, {"stop_z": 2.0}, "params.stop_z"),
        (MeanReversion, {"z_bars": 20, "stop_z": 5}, "params.stop_z"),
        (MeanReversion, {"product": "CNC", "direction": "both"}, "params.direction"),
        (RsiReversal, {"exit_at": 25}, "params.exit_at"),
        (RsiReversal, {"exit_at": 75}, "params.exit_at"),
        (RsiReversal, {"stop_atr": 0}, "params.stop_atr"),
    ],
)
def test_a_contradiction_names_the_parameter(strategy, params, field):
    assert wrong_field(strategy, **params).field == field


def test_histories_reach_back_to_the_session_before():
    assert a_reversion(bar_minutes=5).history_bars() == 154
    assert an_rsi().history_bars() == an_rsi().warmup_bars() == 30
