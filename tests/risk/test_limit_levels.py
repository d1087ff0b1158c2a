from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from risk.domain.figures import parsed, written
from risk.domain.levels import KINDS, Bound, Level, LevelLimits, Window, can_be_set, is_tighter, tightest
from risk.domain.limits import require_consistent
from risk.domain.loosening import LOOSENING_DELAY, plan
from tests.risk.builders import NOW, RELIANCE, some_limits

LESS, MORE = "max_order_value_quote", "min_hold_s"
WINDOWS, ALLOWED = "entry_windows_ist", "instruments_allowed"


def a_bound(level, value, name=LESS):
    return Bound(name=name, value=value, level=level)


def hours(start, end):
    return Window(start=time(start), end=time(end))


@given(st.lists(st.tuples(st.sampled_from(list(Level)), st.integers(1, 9)), min_size=1))
def test_the_tightest_limit_wins_and_says_whose_it_is(offers):
    bounds = [a_bound(level, Decimal(value)) for level, value in offers]

    best = tightest(bounds)

    assert best.value == min(value for _, value in offers)
    equals = [level for level, value in offers if value == best.value]
    assert best.level is min(equals, key=list(Level).index)


def test_of_pauses_the_longest_wins():
    assert tightest([a_bound(Level.DESK, 10, MORE), a_bound(Level.STRATEGY, 30, MORE)]).level is Level.STRATEGY


def test_without_a_bound_nothing_wins():
    assert tightest([]) is None


def test_of_lists_what_all_allow_remains():
    desk = a_bound(Level.DESK, frozenset({"A:1", "A:2"}), ALLOWED)
    account = a_bound(Level.ACCOUNT, frozenset({"A:2", "A:3"}), ALLOWED)
    wider = a_bound(Level.STRATEGY, frozenset({"A:1", "A:2", "A:3"}), ALLOWED)

    best = tightest([wider, account, desk])

    assert (best.value, best.level) == (frozenset({"A:2"}), Level.ACCOUNT)


def test_of_windows_the_common_time_remains():
    best = tightest(
        [a_bound(Level.DESK, (hours(9, 11), hours(13, 15)), WINDOWS), a_bound(Level.ACCOUNT, (hours(10, 14),), WINDOWS)]
    )

    assert best.value == (hours(10, 11), hours(13, 14))


@pytest.mark.parametrize(
    ("name", "value", "other", "tighter"),
    [
        (LESS, Decimal(1), Decimal(2), True),
        (LESS, Decimal(2), Decimal(1), False),
        (LESS, Decimal(1), None, True),
        (LESS, None, Decimal(1), False),
        (MORE, 2, 1, True),
        (ALLOWED, frozenset({"A:1"}), frozenset({"A:1", "A:2"}), True),
        (ALLOWED, frozenset({"A:1"}), frozenset({"A:2"}), True),
        (ALLOWED, frozenset({"A:1", "A:2"}), frozenset({"A:1"}), False),
        (WINDOWS, (hours(9, 10),), (hours(9, 11),), True),
        (WINDOWS, (hours(9, 11),), (hours(9, 10),), False),
    ],
)
def test_tells_which_figure_allows_less(name, value, other, tighter):
    assert is_tighter(name, value, other) is tighter


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_desk_may_set_what_bounds_one_order_and_nothing_that_adds_up(name):
    assert can_be_set(name, Level.ACCOUNT)
    assert can_be_set(name, Level.DESK) == KINDS[name].is_per_order == can_be_set(name, Level.USER)


@pytest.mark.parametrize(
    ("level", "values", "code"),
    [
        (Level.DESK, {"max_daily_loss_quote": Decimal(1)}, "limit.unknown"),
        (Level.DESK, {"max_nothing": Decimal(1)}, "limit.unknown"),
        (Level.STRATEGY, {LESS: Decimal(0)}, "limit.not_positive"),
        (Level.STRATEGY, {"max_spread_fraction": Decimal(2)}, "limit.not_a_fraction"),
        (Level.DESK, {ALLOWED: frozenset()}, "limit.empty"),
    ],
)
def test_a_limit_that_means_nothing_there_is_refused_by_name(level, values, code):
    with pytest.raises(Invalid) as caught:
        LevelLimits(level=level, target="x", values=values)

    assert (caught.value.code, caught.value.field) == (code, next(iter(values)))


def test_a_strategy_s_limits_bind_its_own_orders_alone():
    own = LevelLimits(level=Level.STRATEGY, target="D1", values={LESS: Decimal(5)})
    limits = replace(some_limits(), levels=(own,))

    assert limits.over(deployment_id="D1", instrument=RELIANCE).limits.max_order_value_quote == 5
    assert limits.over(deployment_id="D2", instrument=RELIANCE).limits is limits
    assert limits.over(deployment_id="D1", instrument=RELIANCE) is limits.over(deployment_id="D1", instrument=RELIANCE)


@pytest.mark.parametrize(
    ("name", "raw", "figure"),
    [
        (LESS, "1500.50", Decimal("1500.50")),
        (MORE, "30", 30),
        (WINDOWS, "09:20-10:30, 10:30-11:00 13:00-14:00", (Window(start=time(9, 20), end=time(11)), hours(13, 14))),
        (WINDOWS, ["09:00-12:00", "10:00-11:00"], (hours(9, 12),)),
        (ALLOWED, "nse:RELIANCE NSE:SBIN", frozenset({"NSE:RELIANCE", "NSE:SBIN"})),
    ],
)
def test_a_figure_is_read_as_it_is_written(name, raw, figure):
    assert parsed(name, raw) == figure
    assert parsed(name, written(figure)) == figure


@pytest.mark.parametrize(
    ("name", "raw", "code"),
    [
        ("max_nothing", "1", "limit.unknown"),
        (LESS, "much", "limit.not_a_number"),
        (LESS, "NaN", "limit.not_a_number"),
        (MORE, "1.5", "limit.not_whole"),
        (WINDOWS, "morning", "limit.window"),
        (WINDOWS, "11:00-10:00", "limit.window"),
        (WINDOWS, 5, "limit.not_a_list"),
        (ALLOWED, "", "limit.empty"),
        (ALLOWED, "RELIANCE", "instrument.name"),
    ],
)
def test_what_is_no_figure_is_refused(name, raw, code):
    with pytest.raises(Invalid) as caught:
        parsed(name, raw)

    assert caught.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"max_orders_per_second": 5, "max_orders_per_minute": 4},
        {"max_orders_per_minute": 600},
        {"max_order_quantity": 5, "max_position_quantity": 4},
        {"max_net_exposure_quote": 2_000_000},
    ],
)
def test_limits_that_contradict_each_other_are_refused(changes):
    with pytest.raises(Invalid) as caught:
        require_consistent(some_limits(**changes))

    assert caught.value.code == "limit.contradiction"


def test_limits_that_agree_are_taken():
    require_consistent(some_limits(max_orders_per_minute=60, max_order_quantity=4, max_position_quantity=4))


@given(before=st.none() | st.integers(1, 9).map(Decimal), after=st.none() | st.integers(1, 9).map(Decimal))
def test_tightening_holds_at_once_and_loosening_waits(before, after):
    changes = plan({LESS: before}, {LESS: after}, at=NOW)

    if before == after:
        assert changes == ()
        return
    (change,) = changes
    assert change.is_loosening == is_tighter(LESS, before, after)
    assert change.effective_at == (NOW + LOOSENING_DELAY if change.is_loosening else NOW)


def test_a_delay_may_be_another():
    (change,) = plan({LESS: Decimal(1)}, {LESS: None}, at=NOW, delay=timedelta(hours=1))

    assert change.effective_at == NOW + timedelta(hours=1)
