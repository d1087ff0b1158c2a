"""The exchange's own hand on a position: liquidation and automatic deleveraging."""

from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import OrderStatus, Purpose
from brokers.domain.perpetual_terms import FillSource
from execution.domain.records import DeploymentState
from tests.builders import DEPLOYMENT, a_venue_order
from tests.execution.domain.desk_script import BUY, SELL
from tests.execution.domain.perpetual_script import BTC, SATURDAY_NIGHT, PerpetualScript
from tests.execution.domain.test_funding import OTHER
from tests.execution.domain.test_perpetuals import a_long_desk, deployment_of


def test_a_liquidation_is_booked_on_whoever_held_with_its_source_and_its_fee():
    desk = a_long_desk()

    desk.forced("99.009", price="80", fee="12.5")

    [fill] = [f for f in desk.engine.state.fills_today if f.source is FillSource.LIQUIDATION]
    assert (fill.deployment_id, fill.quantity, fill.fee_quote) == (DEPLOYMENT, Decimal("99.009"), Decimal("12.5"))
    assert desk.held == 0
    assert desk.position.realised_today_quote == (Decimal(80) - Decimal("101.2")) * Decimal("99.009")


def test_its_strategy_halts_and_an_alarm_says_why():
    desk = a_long_desk()

    desk.forced("99.009")

    assert deployment_of(desk).state is DeploymentState.HALTED
    assert deployment_of(desk).reason == "halted: the exchange liquidated ASTER:BTCUSDT"
    assert "liquidation" in desk.inbox
    assert any("the exchange liquidated 99.009 at 80.00" in sentence for sentence in desk.alerts)


def test_nothing_is_bought_again_by_itself():
    desk = a_long_desk()

    desk.forced("99.009")
    desk.bar(102.0)
    desk.bar(103.0)

    assert len(desk.placed) == 1


def test_told_again_it_changes_nothing():
    desk = a_long_desk()
    desk.forced("99.009")
    before = len(desk.journal)

    desk.read_books()
    desk.read_books()

    assert desk.held == 0
    assert [r.kind for r in desk.journal[before:] if r.kind == "fill"] == []


def test_deleveraging_takes_a_part_and_the_rest_stays():
    desk = a_long_desk()

    desk.forced("40", source=FillSource.DELEVERAGE)

    assert desk.held == Decimal("59.009")
    assert "deleverage" in desk.inbox
    desk.bar(102.0)
    assert len(desk.placed) == 1


def test_several_holders_share_it_the_largest_first_and_the_fee_with_it():
    desk = PerpetualScript().start()
    desk.deploy(OTHER, instruments=(BTC.key,), order_value_quote="20000")
    desk.bar(101.0)
    for order in list(desk.working):
        desk.fill(order=order)

    desk.forced("220", fee="2.2")

    parts = [f for f in desk.engine.state.fills_today if f.source is FillSource.LIQUIDATION]
    assert [(f.deployment_id, f.quantity) for f in parts] == [
        (OTHER, Decimal("198.019")),
        (DEPLOYMENT, Decimal("21.981")),
    ]
    assert sum(f.fee_quote for f in parts) == pytest.approx(Decimal("2.2"))
    assert {d.state for d in desk.engine.state.deployments.values()} == {DeploymentState.HALTED}


def test_an_entry_at_work_is_cancelled():
    desk = PerpetualScript().start(deployment=False)
    desk.venue.carried = {BTC.key: Decimal(0)}
    desk.deploy(instruments=(BTC.key,))
    desk.bar(101.0)
    desk.fill("50")

    desk.forced("50")

    assert desk.orders[0].status is OrderStatus.CANCELLED
    assert desk.held == 0


def test_an_exit_that_has_nothing_left_to_reduce_is_cancelled():
    desk = a_long_desk()
    desk.bar(95.0)
    [exit_order] = desk.working
    assert exit_order.intent.purpose is Purpose.EXIT

    desk.forced("99.009")

    assert desk.engine.state.order(exit_order.client_id).status is OrderStatus.CANCELLED


def test_an_order_of_the_exchange_that_comes_after_its_trade_is_the_same_order():
    desk = a_long_desk()
    desk.forced("99.009")

    row = a_venue_order(
        venue_order_id="BTCUSDT:900",
        status=OrderStatus.FILLED,
        side=SELL,
        quantity="99.009",
        filled="99.009",
        instrument=BTC.key,
        tags=("autoclose-1",),
        placed_at=desk.now,
    )
    desk.show(row)

    assert sum(o.venue_order_id == "BTCUSDT:900" for o in desk.orders) == 1
    assert "contradiction" not in desk.inbox


def test_what_nobody_here_held_is_nobodys():
    desk = PerpetualScript().start()

    desk.forced("3", side=BUY)

    assert [(p.key.strategy_key, p.quantity) for p in desk.engine.state.positions.open()] == [("", Decimal(3))]


def past_midnight(desk):
    desk.now = SATURDAY_NIGHT + timedelta(hours=1)
    desk.tick(101.0)
    assert desk.engine.state.venue_day == "2026-08-23"


def test_a_liquidation_before_midnight_that_is_told_after_it_is_booked_once_and_halts():
    desk = a_long_desk()
    at = desk.now
    past_midnight(desk)

    desk.forced("99.009", at=at)
    desk.read_books()
    desk.read_books()

    [fill] = [r for r in desk.journal if r.kind == "fill" and r.payload["fill"]["source"] == "liquidation"]
    assert fill.payload["fill"]["venue_day"] == "2026-08-22"
    assert desk.held == 0
    assert deployment_of(desk).state is DeploymentState.HALTED


def test_a_liquidation_of_yesterday_that_is_booked_is_not_booked_again():
    desk = a_long_desk()
    desk.forced("99.009")
    past_midnight(desk)
    before = len(desk.journal)

    desk.read_books()
    desk.read_books()

    assert [r.kind for r in desk.journal[before:] if r.kind in ("fill", "order")] == []
    assert desk.held == 0


def test_a_second_part_finds_its_strategy_halted_already():
    desk = a_long_desk()

    desk.forced("40")
    desk.forced("59.009", trade_id="L2")

    assert desk.held == 0
    assert deployment_of(desk).state is DeploymentState.HALTED
    assert deployment_of(desk).reason == "halted: the exchange liquidated ASTER:BTCUSDT"


def test_a_part_that_the_largest_holder_covers_leaves_the_others_what_they_have():
    desk = PerpetualScript().start()
    desk.deploy(OTHER, instruments=(BTC.key,), order_value_quote="20000")
    desk.bar(101.0)
    for order in list(desk.working):
        desk.fill(order=order)
    held = {p.key.strategy_key: p.quantity for p in desk.engine.state.positions.open(desk.book)}

    desk.forced("10")

    left = {p.key.strategy_key: p.quantity for p in desk.engine.state.positions.open(desk.book)}
    assert left[OTHER] == held[OTHER] - 10
    assert left[DEPLOYMENT] == held[DEPLOYMENT]
