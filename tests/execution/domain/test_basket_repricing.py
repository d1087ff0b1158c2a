"""Legs on their way: what keeps them from a new price or another try, and what they reserve."""

from decimal import Decimal

import pytest

from brokers.domain.orders import OrderStatus
from execution.domain.events import ReleaseChanged, SendResult
from execution.domain.gateway import risk_view
from tests.execution.domain.basket_script import (
    CALL_SPREAD,
    LOT,
    LOW_CALL,
    BasketScript,
    buy,
)
from tests.execution.domain.test_reconciliation import hidden_row


def a_desk(**given):
    return BasketScript(**given).start()


def after_a_turn_that_did_not_come():
    desk = a_desk()
    desk.obedient = False
    desk.send(*CALL_SPREAD)
    desk.answer(desk.placed[0].order.client_id, SendResult.NOT_SENT, message="its turn did not come")
    desk.obedient = True
    return desk


def test_exiting_everything_ends_a_basket_between_two_tries():
    desk = after_a_turn_that_did_not_come()

    done = desk.act("exit_all", book="live")
    desk.pass_time(10)

    assert "1 baskets" in done.outcome
    assert (desk.state, len(desk.placed)) == ("unwound", 1)


def test_exiting_everything_of_one_book_leaves_the_baskets_of_the_other():
    desk = after_a_turn_that_did_not_come()

    desk.act("exit_all", book="paper")

    assert desk.state == "working"


def test_exiting_everything_refuses_a_basket_of_which_nothing_was_sent():
    desk = a_desk(listens=False)
    desk.send(*CALL_SPREAD)

    desk.act("exit_all")
    desk.tick()

    assert (desk.state, desk.placed) == ("refused", [])


def test_a_leg_is_not_sent_anew_once_a_person_has_cancelled_its_order():
    desk = a_desk()
    desk.obedient = False
    desk.send(*CALL_SPREAD)
    client_id = desk.placed[0].order.client_id

    desk.act("cancel_order", client_id=client_id)
    desk.answer(client_id, SendResult.NOT_SENT, message="it was cancelled before it was sent")
    desk.pass_time(10)

    assert (desk.state, len(desk.placed)) == ("unwound", 1)


def test_a_person_may_cancel_a_leg_between_two_tries():
    desk = after_a_turn_that_did_not_come()

    done = desk.act("cancel_order", client_id=desk.orders[0].client_id)
    desk.pass_time(10)

    assert done.ok
    assert (desk.state, len(desk.placed)) == ("unwound", 1)
    assert "cancelled by the operator" in desk.basket.reason


def test_an_account_taken_back_to_paper_ends_its_live_basket():
    desk = a_desk()
    desk.send(*CALL_SPREAD)

    desk.run(ReleaseChanged(at=desk.now, is_released=False))
    desk.tick()

    assert desk.modifies == []
    assert "on paper" in desk.basket.reason
    assert desk.orders[0].status is OrderStatus.CANCELLED
    assert desk.state == "unwound"


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_leg_gets_no_new_price_while_a_row_of_its_instrument_cannot_be_read(is_hidden):
    desk = a_desk()
    desk.send(buy(LOW_CALL), deadline_s=120)

    desk.read_books(unreadable=(hidden_row(instrument=LOW_CALL.key),) if is_hidden else ())
    desk.read_books_if_wanted = lambda: None
    desk.pass_time(20)

    assert bool(desk.modifies) is not is_hidden


def test_what_is_left_of_a_partly_filled_leg_is_judged_beside_its_fills():
    # 2 lots are worth 13,000 and 3 are not allowed: the lot that filled counts once
    desk = a_desk(limits={"max_position_value_quote": Decimal(15_000)})
    desk.send(buy(LOW_CALL, 2), deadline_s=120)
    desk.fill_of(LOW_CALL, LOT)

    desk.pass_time(20)

    assert desk.modifies


def test_a_raised_price_is_reserved():
    desk = a_desk()
    desk.send(buy(LOW_CALL), deadline_s=120)
    desk.pass_time(20)
    raised = desk.working[0]

    view = risk_view(desk.engine._desk, raised.intent)

    assert raised.price > raised.reserved_quote / raised.intent.quantity
    assert [order.price_quote for order in view.pending] == [raised.price]
