"""An account taken back to paper opens nothing live, and exits what it holds."""

from decimal import Decimal

import pytest

from brokers.domain.orders import Book
from execution.domain.desk import ON_PAPER
from execution.domain.events import Act, ReleaseChanged, SessionChanged, SessionState
from execution.domain.records import DeploymentState
from tests.builders import DEPLOYMENT
from tests.execution.domain.desk_script import DeskScript


def recalled(desk):
    desk.run(ReleaseChanged(at=desk.now, is_released=False))
    return desk


def told(desk):
    return desk.engine.views(desk.now)["strategies"][DEPLOYMENT]["last_reason"]


def test_a_running_live_strategy_of_an_account_on_paper_opens_nothing_and_says_why():
    desk = recalled(DeskScript().start())

    desk.bar(101.0)

    assert desk.placed == []
    assert told(desk).startswith(ON_PAPER)
    assert desk.engine.state.deployments[DEPLOYMENT].is_running


def test_once_it_is_released_the_next_bar_decides():
    desk = recalled(DeskScript().start())
    desk.bar(101.0)
    desk.run(ReleaseChanged(at=desk.now, is_released=True))

    desk.bar(102.0)

    assert [command.order.intent.side for command in desk.placed] == ["BUY"]
    assert ON_PAPER not in told(desk)


def test_what_was_opened_before_is_exited_and_not_turned_round():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    recalled(desk)

    desk.bar(95.0)
    desk.fill()
    desk.pass_time(30)

    assert [command.order.intent.purpose for command in desk.placed] == ["ENTRY", "EXIT"]
    assert desk.held == Decimal(0)


def test_a_person_exits_a_position_of_an_account_on_paper():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    recalled(desk)

    done = desk.act(Act.EXIT_ALL)
    desk.fill()

    assert done.ok
    assert desk.held == Decimal(0)


def test_an_entry_that_waits_for_its_turn_is_not_sent_any_more():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)

    recalled(desk)

    refused = desk.engine.still_allowed(desk.placed[0].order, desk.now)
    assert (refused.rule, refused.reason) == ("desk", ON_PAPER)


def test_a_login_resumes_a_halted_strategy_without_letting_it_open_anything():
    desk = recalled(DeskScript().start())
    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN, reason="over"))
    desk.run(SessionChanged(at=desk.now, state=SessionState.LIVE))
    desk.read_books_if_wanted()

    desk.bar(101.0)

    assert desk.engine.state.deployments[DEPLOYMENT].state is not DeploymentState.HALTED
    assert desk.placed == []


def test_a_desk_that_starts_on_an_account_on_paper_opens_nothing_live():
    desk = DeskScript(config={"is_released": False}).start()

    desk.bar(101.0)

    assert desk.placed == []


@pytest.mark.parametrize("is_released", [True, False])
def test_the_paper_book_trades_on_every_account(is_released):
    desk = DeskScript(book=Book.PAPER, config={"is_released": is_released}).start()

    desk.bar(101.0)

    assert len(desk.placed) == 1
    assert ON_PAPER not in told(desk)
