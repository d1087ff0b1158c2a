import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.aster.clock import ClockOffset, NonceSequence, TimeSample, offset_of
from brokers.domain.errors import Invalid

moments = st.integers(min_value=0, max_value=2**53)


def a_sample(offset, *, trip=20.0, asked=1_000_000.0):
    return TimeSample(asked_ms=asked, answered_ms=asked + trip, server_ms=asked + trip / 2 + offset)


def test_one_slow_answer_does_not_move_the_offset():
    samples = [a_sample(30), a_sample(31), a_sample(29), a_sample(30), a_sample(-4_000, trip=8_000)]
    assert offset_of(samples).milliseconds == 30


def test_no_sample_is_no_measurement():
    with pytest.raises(Invalid):
        offset_of([])


@pytest.mark.parametrize(("offset", "alarms", "stops"), [(499, False, False), (-501, True, False), (5_001, True, True)])
def test_a_clock_that_is_off_alarms_before_it_stops_entries(offset, alarms, stops):
    clock = ClockOffset(milliseconds=offset)
    assert (clock.is_alarming, clock.stops_entries) == (alarms, stops)


def test_the_exchanges_time_is_never_rounded_ahead():
    assert ClockOffset(milliseconds=0.7).milliseconds_at(10.2) == 10
    assert ClockOffset(milliseconds=-2).microseconds_at(10.0005) == 8000


@given(st.lists(moments, min_size=1, max_size=50), moments)
def test_nonces_grow_whatever_the_clock_does(clock, last):
    sequence = NonceSequence(last)
    nonces = [sequence.next(now) for now in clock]
    assert all(earlier < later for earlier, later in zip([last, *nonces], nonces, strict=False))
    assert nonces[0] == max(clock[0], last + 1)
