"""An alert is said when it becomes true, and not again while it stays so."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from brokers.domain.errors import Invalid
from options.domain.alerts import Measure, Moment, Rule, alerts
from options.domain.open_interest import BuildUp, Interest

NOW = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
FAST = Rule(measure=Measure.VELOCITY, level=1000.0)


def a_moment(minute, *, call=10_000.0, put=10_000.0, price=100.0, volatility=0.12):
    interest = Interest(
        at=NOW + timedelta(minutes=minute),
        strike=np.array([24_000.0]),
        open_interest=np.array([[call], [put]]),
        last_price=np.array([[price], [50.0]]),
    )
    return Moment(interest=interest, atm_volatility=volatility)


def test_open_interest_that_moves_fast_is_told_once():
    moments = [a_moment(0), a_moment(1, call=11_500), a_moment(2, call=13_000), a_moment(3, call=13_100)]

    first, second, third = (alerts([FAST], moments[:count]) for count in (2, 3, 4))

    assert [alert.text for alert in first] == [
        "24000 call: open interest is being added at 1,000 units a minute or more."
    ]
    assert (first[0].strike, first[0].is_call, first[0].at) == (24_000.0, True, NOW + timedelta(minutes=1))
    assert second == third == []


def test_a_turn_of_direction_is_news():
    moments = [a_moment(0), a_moment(1, put=12_000), a_moment(2, put=10_000)]

    (alert,) = alerts([FAST], moments)

    assert "closed" in alert.text
    assert alert.is_call is False


def test_speed_is_by_the_minute():
    assert alerts([FAST], [a_moment(0), a_moment(5, call=12_000)]) == []
    assert alerts([FAST], [a_moment(0), a_moment(0.1, call=99_000)]) == []


def test_a_build_up_is_told_by_its_class():
    rule = Rule(measure=Measure.BUILD_UP, level=500.0, classes=frozenset({BuildUp.SHORT_BUILD_UP}))

    (alert,) = alerts([rule], [a_moment(0), a_moment(1, call=11_000, price=90.0)])

    assert alert.text == "24000 call: short build-up."
    assert alerts([rule], [a_moment(0), a_moment(1, call=11_000, price=110.0)]) == []
    assert alerts([rule], [a_moment(0), a_moment(1, call=10_100, price=90.0)]) == []


@pytest.mark.parametrize(
    ("puts", "expected"),
    [
        ((9_000, 11_000), ["The put-call ratio of open interest rose to 1.10, across 1.00."]),
        ((11_000, 9_000), ["The put-call ratio of open interest fell to 0.90, across 1.00."]),
        ((11_000, 12_000), []),
        ((0, 9_000), []),
    ],
)
def test_a_ratio_is_told_when_it_crosses(puts, expected):
    moments = [a_moment(minute, put=float(put)) for minute, put in enumerate(puts)]

    assert [alert.text for alert in alerts([Rule(measure=Measure.RATIO, level=1.0)], moments)] == expected


def test_volatility_is_told_when_it_crosses_and_not_from_nothing():
    rule = Rule(measure=Measure.VOLATILITY, level=0.15)

    (alert,) = alerts([rule], [a_moment(0), a_moment(1, volatility=0.16)])

    assert alert.text == "Volatility at the money rose to 16.0%, across 15.0%."
    assert alerts([rule], [a_moment(0, volatility=math.nan), a_moment(1, volatility=0.16)]) == []


def test_a_ratio_without_a_call_says_nothing():
    assert alerts([Rule(measure=Measure.RATIO, level=1.0)], [a_moment(0, call=0.0), a_moment(1)]) == []


def test_one_moment_says_nothing():
    assert alerts([FAST], [a_moment(0)]) == []


@pytest.mark.parametrize("level", [0.0, -1.0, math.nan, math.inf])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(Invalid, match="an alert at"):
        Rule(measure=Measure.RATIO, level=level)
