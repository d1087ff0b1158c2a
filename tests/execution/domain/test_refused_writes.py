"""A venue that refuses a new price or a cancel: nothing is counted that did not happen, and nothing is hammered."""

from datetime import timedelta
from itertools import pairwise

from brokers.domain.orders import OrderStatus
from execution.domain.events import SendOutcome, SendResult, Write
from tests.execution.domain.desk_script import DeskScript

OTHER = "another"


def an_exiting_desk():
    """A desk whose exit rests unfilled; the test answers for the venue."""
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.obedient = False
    return desk


def refuse(desk, write):
    desk.answer(desk.working[-1].client_id, SendResult.REJECTED, write=write, message="the order cannot be found")


def cannot_change(desk):
    """Answer a new price as a key does whose venue changes no orders, and everything else obediently."""
    desk.run(
        SendOutcome(
            at=desk.now,
            client_id=desk.working[-1].client_id,
            result=SendResult.REJECTED,
            write=Write.MODIFY,
            message="orders are changed by agent wallets alone",
            code="aster.v3_only",
        )
    )
    desk.obedient = True


def wait(desk, seconds):
    desk.pass_time(seconds)


def test_a_refused_price_is_no_modification_and_reaches_no_further():
    desk = an_exiting_desk()
    wait(desk, 3.1)
    first = desk.modifies[-1].price

    refuse(desk, Write.MODIFY)
    wait(desk, 3.1)

    assert desk.working[-1].modifications == 1  # the one now under way
    assert desk.modifies[-1].price == first
    assert len(desk.modifies) == 2


def test_after_some_refusals_the_exit_is_placed_anew_and_a_person_knows():
    desk = an_exiting_desk()

    for _ in range(3):
        wait(desk, 10)
        refuse(desk, Write.MODIFY)
    wait(desk, 10)

    assert len(desk.modifies) == 3
    assert desk.cancels[-1].client_id == desk.working[-1].client_id
    assert "exit_stuck" in desk.inbox


def test_a_taken_price_ends_the_count_of_refusals():
    desk = an_exiting_desk()
    wait(desk, 3.1)
    refuse(desk, Write.MODIFY)
    wait(desk, 3.1)

    desk.answer(desk.working[-1].client_id, SendResult.CONFIRMED, write=Write.MODIFY)

    order = desk.working[-1]
    assert (order.modifications, order.refused_modifications, order.refused_at) == (1, 0, None)


def test_a_refused_cancel_is_tried_again_later_and_later_whatever_is_read_meanwhile():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.obedient = False
    wait(desk, 11)
    sent = []
    for _ in range(40):
        if desk.working[-1].writing is Write.CANCEL:
            sent.append(desk.now)
            refuse(desk, Write.CANCEL)
        desk.read_books()
        wait(desk, 1)

    gaps = [(b - a) / timedelta(seconds=1) for a, b in pairwise(sent)]
    assert gaps[:4] == [1, 2, 4, 8]
    assert set(gaps[4:]) == {8}


def test_where_no_order_can_be_changed_the_exit_is_placed_anew_at_todays_price():
    desk = an_exiting_desk()
    wait(desk, 3.1)
    cannot_change(desk)

    desk.tick(93.0)
    wait(desk, 4)

    assert len(desk.modifies) == 1
    exits = desk.placed[1:]
    assert len(exits) == 2
    assert exits[-1].order.intent.price < exits[0].order.intent.price
    assert "exit_stuck" not in desk.inbox


def test_and_a_person_is_told_once_several_of_them_did_not_fill():
    desk = an_exiting_desk()
    wait(desk, 3.1)
    cannot_change(desk)

    for price in (94.0, 93.0, 92.0, 91.0):
        desk.tick(price)
        wait(desk, 4)

    assert "exit_stuck" in desk.inbox
    desk.fill()
    assert desk.held == 0
    assert "exit_stuck" not in desk.inbox


def test_a_stuck_exit_is_over_once_nothing_more_is_held():
    desk = DeskScript(config={"max_modifications": 1}).start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.pass_time(8)
    assert "exit_stuck" in desk.inbox

    desk.fill()

    assert desk.held == 0
    assert "exit_stuck" not in desk.inbox


def test_a_stuck_exit_is_over_with_its_last_fill_whatever_others_still_wait_for():
    desk = DeskScript(config={"max_modifications": 1}).start()
    desk.deploy(OTHER)
    desk.bar(101.0)
    for order in list(desk.working):
        if order.intent.deployment_id != OTHER:
            desk.fill(order=order)
    desk.bar(95.0)
    desk.pass_time(8)
    [exiting] = [o for o in desk.working if not o.is_entry]
    assert "exit_stuck" in desk.inbox

    desk.bar(101.0)
    desk.fill(order=exiting)

    assert any(o.is_entry for o in desk.working)
    assert "exit_stuck" not in desk.inbox


def test_a_stuck_exit_that_the_operator_calls_off_is_over_with_its_order():
    desk = DeskScript(config={"max_modifications": 1}).start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.pass_time(8)
    stuck = desk.working[-1]

    desk.act("cancel_order", client_id=stuck.client_id)

    assert desk.engine.state.order(stuck.client_id).status is OrderStatus.CANCELLED
    assert {subject for kind, subject in desk.engine.state.discrepancies if kind == "exit_stuck"} <= {
        o.client_id for o in desk.orders if o.client_id != stuck.client_id
    }
