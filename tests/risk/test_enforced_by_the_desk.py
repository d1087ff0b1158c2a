"""The limits that an account may set hold orders of a running desk, whose gate is told every fact of them."""

from datetime import time
from decimal import Decimal

import pytest

from execution.domain.events import LimitsChanged
from execution.domain.gateway import risk_view
from risk.domain.levels import Level, LevelLimits, Window
from tests.builders import DEPLOYMENT, RELIANCE, some_limits
from tests.execution.domain.desk_script import BUY, SELL, DeskScript

# at ten in the morning the desk wants 99 shares at 101.20
REFUSING = [
    ("entry_window", {"entry_windows_ist": (Window(start=time(11), end=time(12)),)}),
    ("instrument_allowed", {"instruments_allowed": frozenset({"NSE:INFY"})}),
    ("net_exposure", {"max_net_exposure_quote": Decimal(50)}),
    ("underlying_value", {"max_underlying_value_quote": Decimal(50)}),
]
REDUCING = [
    ("order_quantity", {"max_order_quantity": Decimal(40)}),
    ("position_quantity", {"max_position_quantity": Decimal(40)}),
    ("net_exposure", {"max_net_exposure_quote": Decimal("101.2") * 40}),
    ("underlying_value", {"max_underlying_value_quote": Decimal("101.2") * 40}),
]


def a_desk(**limits):
    desk = DeskScript().start()
    desk.run(LimitsChanged(at=desk.now, limits=some_limits(**limits)))
    return desk


def refusals_of(desk):
    return set(desk.engine.state.refusals)


@pytest.mark.parametrize(("rule", "limits"), REFUSING)
def test_a_limit_that_is_reached_lets_no_order_leave(rule, limits):
    desk = a_desk(**limits)

    desk.bar(101.0)

    assert desk.placed == []
    assert rule in refusals_of(desk)


@pytest.mark.parametrize(("rule", "limits"), REDUCING)
def test_an_order_leaves_no_larger_than_its_limit(rule, limits):
    desk = a_desk(**limits)

    desk.bar(101.0)

    assert [command.order.intent.quantity for command in desk.placed] == [40]
    assert rule in refusals_of(desk)


@pytest.mark.parametrize(
    ("rule", "limits"),
    [("trade_count", {"max_trades_per_day": 1}), ("reentry_cooldown", {"reentry_cooldown_s": 3600})],
)
def test_a_desk_that_came_in_and_out_waits_before_the_next_entry(rule, limits):
    desk = a_desk(**limits)
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.fill()
    assert [command.order.intent.side for command in desk.placed] == [BUY, SELL]

    desk.bar(101.0)

    assert len(desk.placed) == 2
    assert rule in refusals_of(desk)


def test_the_minute_s_orders_are_counted():
    desk = a_desk()
    desk.bar(101.0)
    intent = desk.placed[0].order.intent

    assert risk_view(desk.engine._desk, intent).orders_last_minute == 1
    desk.pass_time(61)
    assert risk_view(desk.engine._desk, intent).orders_last_minute == 0


def test_a_strategy_s_own_limit_holds_in_the_desk():
    own = LevelLimits(level=Level.STRATEGY, target=DEPLOYMENT, values={"max_position_value_quote": Decimal(5000)})
    desk = a_desk(levels=(own,))

    desk.bar(101.0)

    [command] = desk.placed
    assert command.order.intent.quantity == 49
    reason, _ = desk.engine.state.refusals["position_value"]
    assert reason.endswith("limit 5,000, set for the strategy")
    assert command.order.intent.instrument == RELIANCE.key
