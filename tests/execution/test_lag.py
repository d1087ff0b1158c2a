from execution.runtime.lag import TURN_NS, LagMeter

MS = 1_000_000


def test_before_the_first_tick_there_is_no_lag():
    assert LagMeter().quantile_ms(0.99) is None


def test_a_quantile_counts_ticks_and_not_frames():
    meter = LagMeter()
    meter.note(1 * MS, 98, at_ns=TURN_NS)
    meter.note(40 * MS, 2, at_ns=TURN_NS)

    assert (meter.quantile_ms(0.5), meter.quantile_ms(0.98), meter.quantile_ms(0.99)) == (2, 2, 41)


def test_a_clock_that_steps_and_a_very_late_tick_stay_within_the_scale():
    meter = LagMeter()
    meter.note(-5 * MS, 1, at_ns=TURN_NS)
    meter.note(10**12, 1, at_ns=TURN_NS)

    assert (meter.quantile_ms(0.5), meter.quantile_ms(1.0)) == (1, 1000)


def test_what_is_older_than_two_minutes_is_forgotten():
    meter = LagMeter()
    meter.note(500 * MS, 1_000, at_ns=TURN_NS)
    meter.note(1 * MS, 1, at_ns=2 * TURN_NS)
    still = meter.quantile_ms(0.99)
    meter.note(1 * MS, 1, at_ns=3 * TURN_NS)

    assert (still, meter.quantile_ms(0.99)) == (501, 2)
