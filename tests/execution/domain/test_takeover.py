"""Restart, login, reconnection: one path, and nothing twice."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.errors import DataError
from brokers.domain.orders import Book, OrderStatus
from execution.domain.commands import Record
from execution.domain.events import FeedChanged, Link, SendResult, SessionChanged, SessionState
from execution.domain.records import DeploymentState
from tests.builders import DEPLOYMENT, TEN_O_CLOCK, some_limits
from tests.execution.domain.desk_script import DeskScript


def a_desk_killed_while_sending():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    return desk


def test_an_order_in_flight_is_unknown_to_the_next_owner():
    desk = a_desk_killed_while_sending()

    desk.restart()

    assert desk.orders[0].status is OrderStatus.UNKNOWN
    assert len(desk.placed) == 1


def test_an_order_proven_unsent_is_over():
    desk = a_desk_killed_while_sending()

    desk.restart(unsent=(desk.orders[0].client_id,))

    assert desk.orders[0].status is OrderStatus.NOT_SENT
    assert len(desk.placed) == 1


def test_an_order_in_flight_that_the_venue_has_is_found_by_its_tag():
    desk = a_desk_killed_while_sending()
    desk.venue.take(desk.placed[0], desk.now)
    desk.obedient = True

    desk.restart()

    assert desk.orders[0].status is OrderStatus.OPEN
    assert len(desk.placed) == 1


def test_an_unknown_order_is_still_looked_up_after_a_restart():
    desk = a_desk_killed_while_sending()
    desk.answer(desk.orders[0].client_id, SendResult.AMBIGUOUS)

    desk.restart()

    assert desk.orders[0].status is OrderStatus.UNKNOWN
    assert any(name.startswith("look_up:") for name in desk.timers)


def test_new_ids_never_repeat_those_of_the_journal():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()

    desk.restart()
    desk.bar(95.0)

    assert len({p.order.client_id for p in desk.placed}) == 2


def test_positions_and_wishes_survive_and_trading_goes_on():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()

    desk.restart()
    assert desk.held == Decimal(99)
    assert desk.engine.state.deployments[DEPLOYMENT].state is DeploymentState.STARTING or desk.loads()
    desk.bar(95.0)
    desk.fill()

    assert desk.held == 0


def test_a_fill_during_the_outage_is_adopted_from_the_books():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.venue.fill("V1", 99, "101", desk.now)

    desk.restart()

    assert desk.held == Decimal(99)
    assert desk.orders[0].status is OrderStatus.FILLED


def test_an_engaged_switch_outlives_the_process():
    desk = DeskScript().start()
    desk.act("kill", scope="account", reason="stop")

    desk.restart()
    desk.bar(101.0)

    assert desk.placed == []


def test_a_resting_entry_is_watched_again_after_a_restart():
    desk = DeskScript().start()
    desk.bar(101.0)

    desk.restart()
    desk.pass_time(15)

    assert desk.orders[0].status is OrderStatus.CANCELLED


def test_resting_paper_orders_end_with_their_process():
    desk = DeskScript(book=Book.PAPER).start()
    desk.bar(101.0)

    desk.restart()

    assert desk.orders[0].status is OrderStatus.CANCELLED


def test_entries_wait_for_the_books_and_are_decided_again_after_them():
    desk = DeskScript(obedient=False)
    desk.take_over()
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick()
    desk.obedient = True
    desk.deploy()
    desk.tick(101.0)
    desk.reads_wanted = 0
    desk.obedient = False

    desk.bar(101.0)
    before = (list(desk.placed), list(desk.refusals))
    desk.read_books()
    desk.bar(102.0)

    assert before == ([], [])
    assert len(desk.placed) == 1


def test_nothing_is_sent_before_the_lease_is_held():
    desk = DeskScript()
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick()
    desk.deploy()

    desk.bar(101.0)

    assert desk.placed == []


def test_a_dead_session_halts_visibly_and_queues_the_exit():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()

    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN, reason="token died"))
    done = desk.act("exit_all")

    assert desk.engine.state.deployments[DEPLOYMENT].state is DeploymentState.HALTED
    assert len(desk.placed) == 1
    [row] = desk.engine.views(desk.now)["positions"].values()
    assert row["queued_exit"] == "the venue session needs a login"
    assert done.ok


def test_after_a_login_and_a_read_the_exit_goes_and_the_strategy_resumes():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN))
    desk.act("exit_all")

    desk.run(SessionChanged(at=desk.now, state=SessionState.LIVE))
    assert len(desk.placed) == 1
    desk.read_books_if_wanted()

    assert len(desk.placed) == 2
    assert desk.engine.state.deployments[DEPLOYMENT].state is DeploymentState.RUNNING


def test_a_cancel_asked_for_while_the_session_is_dead_goes_after_the_login():
    desk = DeskScript(config={"entry_patience_s": 1e6}).start()
    desk.bar(101.0)
    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN))
    desk.act("cancel_order", client_id=desk.orders[0].client_id)
    assert desk.cancels == []

    desk.run(SessionChanged(at=desk.now, state=SessionState.LIVE))
    desk.read_books_if_wanted()

    assert desk.orders[0].status is OrderStatus.CANCELLED


def test_a_read_begun_before_the_login_does_not_count():
    desk = DeskScript().start()
    before = desk.now
    desk.pass_time(1)
    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN))
    desk.run(SessionChanged(at=desk.now, state=SessionState.LIVE))

    desk.read_books(started_at=before)

    assert desk.engine.views(desk.now)["feeds"]["reconciled"] is False


def test_a_repeated_session_state_changes_nothing():
    desk = DeskScript().start()

    assert desk.run(SessionChanged(at=desk.now, state=SessionState.LIVE)) == []
    assert desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED)) == []


def test_a_deployment_that_no_longer_fits_is_halted_at_takeover():
    desk = DeskScript().start()
    desk.config = type(desk.config)(
        **{
            **{name: getattr(desk.config, name) for name in desk.config.__slots__},
            "instruments": {},
        }
    )

    desk.restart(connected=False)

    assert desk.engine.state.deployments[DEPLOYMENT].state is DeploymentState.HALTED


def test_changed_limits_hold_from_the_next_order():
    from execution.domain.events import LimitsChanged

    desk = DeskScript().start()
    desk.run(LimitsChanged(at=TEN_O_CLOCK, limits=some_limits(max_order_value_quote=Decimal(50))))

    desk.bar(101.0)

    assert desk.refusals == ["order_value"]


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("write", {"client_id": "nobody", "write": "cancel"}),
        ("order", {"client_id": "nobody", "event": "open", "status": "OPEN"}),
        ("deployment", {"deployment_id": "nobody", "state": "running", "reason": ""}),
    ],
)
def test_a_journal_that_speaks_of_the_unknown_stops_recovery(kind, payload):
    desk = DeskScript()

    with pytest.raises(DataError):
        desk.engine.restore([Record(kind=kind, at=TEN_O_CLOCK, payload=payload)])


def test_an_id_of_an_earlier_day_is_never_given_out_again():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.fill()
    yesterday = {p.order.client_id for p in desk.placed}
    desk.now += timedelta(days=1)
    desk.tick()
    assert not desk.orders

    desk.restart()
    desk.bar(101.0)

    assert desk.placed[-1].order.client_id not in yesterday
    assert len(desk.placed) == len(yesterday) + 1


def a_caretaker_after(desk):
    """Let a guardian's engine take the account over from a desk that is gone."""
    desk.config = replace(desk.config, runs_strategies=False)
    desk.commands.clear()
    desk.restart()


def test_a_caretaker_loads_no_history_and_decides_nothing():
    desk = DeskScript().start()
    told = len(desk.journal)
    desk.history = (95.0, 101.0)

    a_caretaker_after(desk)
    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN))
    desk.run(SessionChanged(at=desk.now, state=SessionState.LIVE))
    desk.read_books()
    desk.bar(101.0)

    assert desk.loads() == []
    assert [r.kind for r in desk.journal[told:] if r.kind in ("signal", "goal", "intent")] == []


def test_a_desk_that_returns_after_a_caretaker_makes_the_entry_it_missed():
    desk = DeskScript().start()
    running = desk.config
    a_caretaker_after(desk)
    desk.bar(101.0)
    desk.config = running

    desk.restart()
    desk.bar(101.0)

    assert [command.order.intent.purpose for command in desk.placed] == ["ENTRY"]


def test_a_caretaker_still_exits():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    a_caretaker_after(desk)

    desk.act("exit_all", book="live")

    assert [command.order.intent.purpose for command in desk.placed] == ["EXIT"]


def test_a_resting_exit_of_a_stopped_strategy_is_repriced_by_the_next_owner():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.act("deployment_stop", deployment_id=DEPLOYMENT)
    desk.act("exit_position", book="live", instrument="NSE:RELIANCE", product="MIS", strategy_key=DEPLOYMENT)
    before = len(desk.modifies)

    desk.restart()
    desk.pass_time(10.0)

    assert len(desk.modifies) > before


def test_an_exit_that_rests_without_a_quote_is_an_alarm():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.act("exit_position", book="live", instrument="NSE:RELIANCE", product="MIS", strategy_key=DEPLOYMENT)

    desk.pass_time(60.0, ticking=False)

    assert "exit_stuck" in desk.inbox
