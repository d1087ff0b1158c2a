from decimal import Decimal

import pytest

from brokers.domain.orders import Book, OrderStatus, Purpose
from execution.domain.events import SendResult
from execution.domain.records import DeploymentState
from tests.builders import DEPLOYMENT, RELIANCE, a_venue_order
from tests.execution.domain.desk_script import DeskScript

EXIT = {"book": "live", "instrument": "NSE:RELIANCE", "product": "MIS", "strategy_key": DEPLOYMENT}


def a_long_desk():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    return desk


def the_state(desk):
    return desk.engine.state.deployments[DEPLOYMENT].state


def test_the_kill_switch_is_recorded_before_the_entries_are_cancelled():
    desk = DeskScript().start()
    desk.bar(101.0)

    done = desk.act("kill", scope="account", reason="stop", epoch=1)

    kinds = [r.kind for r in desk.journal]
    assert kinds.index("switch") < kinds.index("write")
    assert done.outcome == "engaged; 1 open entries are being cancelled"
    assert desk.orders[0].status is OrderStatus.CANCELLED


def test_entries_are_refused_and_exits_allowed_while_killed():
    desk = a_long_desk()
    desk.act("kill", scope="desk", reason="stop")

    desk.bar(85.0)
    desk.fill()

    assert [p.order.intent.purpose for p in desk.placed] == [Purpose.ENTRY, Purpose.EXIT]
    assert desk.refusals == ["kill_switch"]


def test_entries_are_allowed_again_after_the_switch_is_released():
    desk = DeskScript().start()
    desk.act("kill", scope="account", reason="stop")
    desk.act("unkill", scope="account")

    desk.bar(101.0)

    assert len(desk.placed) == 1


def test_a_deployments_switch_stops_that_deployment_alone():
    desk = DeskScript().start()
    other = "99999999-2222-4333-8444-555566667777"
    desk.deploy(other)

    desk.act("kill", scope="deployment", target_id=DEPLOYMENT)
    desk.bar(101.0)

    assert [p.order.intent.deployment_id for p in desk.placed] == [other]


def test_an_older_switch_epoch_changes_nothing():
    desk = DeskScript().start()
    desk.act("kill", scope="account", epoch=5)

    done = desk.act("unkill", scope="account", epoch=4)

    assert not done.ok
    assert desk.engine.state.switches.account.is_engaged


def test_a_command_that_is_done_is_not_done_again():
    desk = a_long_desk()
    desk.act("exit_position", "the same", **EXIT)

    assert desk.act("exit_position", "the same", **EXIT) is None
    assert len(desk.placed) == 2


def test_stopping_cancels_entries_and_keeps_what_is_held():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill(40)

    desk.act("deployment_stop", deployment_id=DEPLOYMENT)
    desk.bar(95.0)

    assert the_state(desk) is DeploymentState.STOPPED
    assert desk.orders[0].status is OrderStatus.CANCELLED
    assert desk.held == Decimal(40)
    assert "already" in desk.act("deployment_stop", deployment_id=DEPLOYMENT).outcome


def test_stopping_does_not_stop_an_exit_under_way():
    desk = a_long_desk()
    desk.act("exit_position", **EXIT)

    desk.act("deployment_stop", deployment_id=DEPLOYMENT)
    desk.fill()

    assert desk.held == 0


def test_a_deployment_that_holds_something_is_not_removed():
    desk = a_long_desk()

    held = desk.act("deployment_remove", deployment_id=DEPLOYMENT)
    desk.act("exit_position", **EXIT)
    working = desk.act("deployment_remove", deployment_id=DEPLOYMENT)
    desk.fill()
    flat = desk.act("deployment_remove", deployment_id=DEPLOYMENT)

    assert [held.ok, working.ok, flat.ok] == [False, False, True]
    assert held.outcome == "it still holds 99 NSE:RELIANCE: exit that first"
    assert DEPLOYMENT not in desk.engine.state.deployments


def test_an_entry_at_work_keeps_its_deployment():
    desk = DeskScript().start()
    desk.bar(101.0)

    assert "still working" in desk.act("deployment_remove", deployment_id=DEPLOYMENT).outcome


def test_starting_again_while_holding_takes_the_position_up():
    desk = a_long_desk()
    desk.act("deployment_stop", deployment_id=DEPLOYMENT)

    desk.deploy()
    desk.bar(95.0)
    desk.fill()

    assert desk.held == 0
    assert (
        "already"
        in desk.act(
            "deployment_start",
            deployment_id=DEPLOYMENT,
            strategy="threshold",
            instruments=["NSE:RELIANCE"],
            mode="live",
        ).outcome
    )


def test_exit_position_exits_that_position():
    desk = a_long_desk()

    desk.act("exit_position", **EXIT)
    desk.fill()
    desk.bar(102.0)

    assert desk.held == 0
    assert len(desk.placed) == 2


def test_exit_all_exits_every_book_asked_for():
    desk = a_long_desk()

    assert desk.act("exit_all", book="paper").outcome == "exiting 0 positions"
    assert desk.act("exit_all").outcome == "exiting 1 positions"


def test_an_operator_may_cancel_an_exit_for_good():
    desk = a_long_desk()
    desk.act("exit_position", **EXIT)

    desk.act("cancel_order", client_id=desk.orders[1].client_id)
    desk.pass_time(60)

    assert desk.orders[1].status is OrderStatus.CANCELLED
    assert len(desk.placed) == 2
    assert not desk.act("cancel_order", client_id=desk.orders[1].client_id).ok


def test_a_cancel_waits_for_the_venues_id():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)

    desk.act("cancel_order", client_id=desk.orders[0].client_id)
    assert desk.cancels == []
    desk.accept(desk.placed[0])

    assert len(desk.cancels) == 1


def test_a_refused_cancel_is_tried_again_and_a_lost_one_is_looked_up():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.obedient = False
    desk.act("cancel_order", client_id=desk.orders[0].client_id)

    desk.answer(desk.orders[0].client_id, SendResult.REJECTED, write="cancel", message="being processed")
    desk.pass_time(2.5)
    assert len(desk.cancels) == 2
    desk.answer(desk.orders[0].client_id, SendResult.AMBIGUOUS, write="cancel")
    desk.pass_time(5.5)
    desk.read_books()

    assert len(desk.cancels) == 3


def test_live_stop_and_start_move_every_deployment():
    desk = DeskScript().start()
    spec = {"deployment_id": DEPLOYMENT, "strategy": "threshold", "instruments": ["NSE:RELIANCE"], "mode": "live"}

    assert desk.act("live_stop").outcome == "stopped 1 deployments"
    assert desk.act("live_start", deployments=[spec]).outcome == "started 1 of 1 deployments"
    assert the_state(desk) is DeploymentState.RUNNING
    wrong = {**spec, "deployment_id": "x", "instruments": ["NSE:NOBODY"], "label": "Nobody"}
    assert "Nobody: NSE:NOBODY" in desk.act("live_start", deployments=[wrong]).outcome


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("dance", {}),
        ("deployment_start", {"deployment_id": "d"}),
        ("deployment_start", {"deployment_id": "d", "strategy": "none", "instruments": [RELIANCE.key], "mode": "live"}),
        ("deployment_start", {"deployment_id": "d", "strategy": "threshold", "instruments": [], "mode": "live"}),
        (
            "deployment_start",
            {"deployment_id": "d", "strategy": "threshold", "instruments": ["NSE:NIFTY 50"], "mode": "live"},
        ),
        ("deployment_stop", {"deployment_id": "d"}),
        ("deployment_remove", {"deployment_id": "d"}),
        ("cancel_order", {"client_id": "none"}),
        ("exit_position", {**EXIT, "instrument": "NSE:INFY"}),
        ("exit_position", {**EXIT, "product": "XYZ"}),
        ("kill", {"scope": "world"}),
        ("settle_order", {"client_id": "none", "verdict": "not_placed"}),
    ],
)
def test_a_wrong_command_ends_with_a_sentence(kind, payload):
    desk = DeskScript().start()
    before = desk.engine.state.fingerprint()["deployments"]

    done = desk.act(kind, **payload)

    assert not done.ok
    assert done.outcome
    assert desk.engine.state.fingerprint()["deployments"] == before


def test_a_human_accepts_a_difference_with_a_reason():
    desk = DeskScript().start()
    desk.answer("WAAB1200000099", SendResult.CONFIRMED)

    assert not desk.act("resolve", kind="unknown_order", subject="WAAB1200000099").ok
    assert desk.act("resolve", kind="unknown_order", subject="WAAB1200000099", reason="an old test").ok
    assert desk.inbox == set()
    assert not desk.act("resolve", kind="unknown_order", subject="WAAB1200000099", reason="again").ok


def test_an_exit_of_what_deployments_hold_leaves_what_others_bought():
    desk = a_long_desk()
    bought = a_venue_order(venue_order_id="X1", quantity="7", instrument="NSE:INFY", tags=(), placed_at=desk.now)
    desk.venue.orders["X1"] = bought
    desk.venue.fill("X1", "7", "1500", desk.now)
    desk.read_books()
    assert desk.engine.state.positions.net_quantity("NSE:INFY", Book.LIVE) == 7

    desk.act("exit_all", book="live", of="deployments")

    exits = [p.order.intent.instrument for p in desk.placed if p.order.intent.purpose is Purpose.EXIT]
    assert exits == ["NSE:RELIANCE"]


def test_a_removed_strategy_that_still_holds_something_decides_nothing_more():
    desk = a_long_desk()

    done = desk.act("deployment_remove", deployment_id=DEPLOYMENT)
    desk.bar(85.0)

    assert not done.ok
    assert the_state(desk) is DeploymentState.STOPPED
    assert len(desk.placed) == 1


def test_an_exit_of_everything_cancels_the_entries_at_work_too():
    desk = DeskScript().start()
    desk.bar(101.0)

    desk.act("exit_all", book="live")

    assert [c.client_id for c in desk.cancels] == [desk.orders[0].client_id]
    assert desk.orders[0].status is OrderStatus.CANCELLED
