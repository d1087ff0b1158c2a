"""Baskets of which something is not known, or whose desk is gone: frozen, proven, gone on with."""

import pytest

from brokers.domain.orders import OrderStatus, Purpose
from execution.domain.events import FeedChanged, Link, SendResult
from tests.execution.domain.basket_script import (
    BASKET,
    CALL_SPREAD,
    CONDOR,
    HIGH_CALL,
    KEY,
    LOT,
    LOW_CALL,
    BasketScript,
    buy,
)

REJECTED = OrderStatus.REJECTED


def a_desk(**given):
    return BasketScript(**given).start()


def test_a_basket_of_which_an_outcome_is_unknown_is_frozen():
    desk = a_desk()
    desk.obedient = False
    desk.send(*CONDOR)
    one, other = desk.placed
    desk.answer(one.order.client_id, SendResult.AMBIGUOUS)
    desk.accept(other)

    desk.fill(order=desk.engine.order(other.order.client_id))
    desk.pass_time(20)

    assert len(desk.placed) == 2
    assert desk.state == "working"


def test_cover_is_kept_while_something_written_may_stand():
    desk = a_desk()
    desk.send(*CALL_SPREAD, deadline_s=30)
    desk.obedient = False
    desk.fill_working()
    written = desk.placed[-1]
    desk.venue.take(written, desk.now)  # it stands at the venue, and the answer is lost
    desk.answer(written.order.client_id, SendResult.AMBIGUOUS)

    desk.pass_time(40)
    while_unknown = desk.sent(Purpose.EXIT)
    desk.obedient = True
    desk.read_books()
    desk.fill_working()

    assert while_unknown == []
    assert desk.state in ("unwinding", "unwound")
    assert desk.held_of(HIGH_CALL) >= -desk.held_of(LOW_CALL)


def test_cover_is_kept_while_it_is_unknown_whether_what_is_written_was_bought_back():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()
    desk.obedient = False
    desk.act("basket_unwind", basket_id=BASKET)
    buying_back = desk.placed[-1]
    desk.answer(buying_back.order.client_id, SendResult.AMBIGUOUS)

    desk.pass_time(60)
    while_unknown = desk.sent(Purpose.EXIT)
    row = desk.venue.take(buying_back, desk.now)
    desk.obedient = True
    desk.show(row)
    desk.fill_working()
    desk.fill_working()

    assert any(LOW_CALL.key in alert and "it is unknown whether" in alert for alert in desk.alerts)
    assert while_unknown == [f"BUY {LOW_CALL.key}"]
    assert desk.sent(Purpose.EXIT) == [f"BUY {LOW_CALL.key}", f"SELL {HIGH_CALL.key}"]
    assert (desk.state, desk.held_of(LOW_CALL), desk.held_of(HIGH_CALL)) == ("unwound", 0, 0)


def test_a_leg_of_which_nothing_was_sent_is_sent_again_under_another_id():
    desk = a_desk()
    desk.obedient = False
    desk.send(*CALL_SPREAD)

    desk.answer(desk.placed[0].order.client_id, SendResult.NOT_SENT, message="its turn did not come")
    desk.obedient = True
    desk.pass_time(2)

    assert desk.sent() == [f"BUY {HIGH_CALL.key}"] * 2
    assert len({p.order.client_id for p in desk.placed}) == 2
    assert desk.state == "working"


def test_a_leg_that_is_never_sent_ends_the_basket():
    desk = a_desk()
    desk.obedient = False
    desk.send(*CALL_SPREAD)

    for _ in range(6):
        if desk.engine.order(desk.placed[-1].order.client_id).is_in_flight:
            desk.answer(desk.placed[-1].order.client_id, SendResult.NOT_SENT, message="its turn did not come")
        desk.pass_time(6)

    assert len(desk.placed) == 4
    assert desk.state == "unwound"


def test_waits_for_a_feed_that_comes_back_before_the_deadline():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.run(FeedChanged(at=desk.now, state=Link.SILENT))
    desk.fill_working()
    without = len(desk.placed)

    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick()
    desk.read_books_if_wanted()

    assert without == 1
    assert desk.sent()[-1] == f"SELL {LOW_CALL.key}"


@pytest.mark.parametrize("filled", [0, 1, 2])
def test_a_successor_goes_on_from_the_journal(filled):
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    for _ in range(filled):
        desk.fill_working()
    sent = len(desk.placed)

    desk.restart()
    desk.fill_working()
    desk.fill_working()

    assert desk.state == "filled"
    assert len(desk.placed) == 2 >= sent
    assert (desk.held_of(LOW_CALL), desk.held_of(HIGH_CALL)) == (-LOT, LOT)


def test_a_successor_keeps_the_deadline():
    desk = a_desk()
    desk.send(*CALL_SPREAD, deadline_s=30)
    desk.fill_of(HIGH_CALL)

    desk.restart()
    desk.pass_time(31)
    desk.fill_working()

    assert desk.state == "unwound"


def test_a_caretaker_sends_nothing_new_and_takes_back_after_the_deadline():
    desk = a_desk()
    desk.send(*CALL_SPREAD, deadline_s=30)
    desk.config = BasketScript(config={"runs_strategies": False}).config
    desk.restart()

    desk.fill_of(HIGH_CALL)
    desk.pass_time(20)
    before = desk.sent()
    desk.pass_time(11)
    desk.fill_working()

    assert before == [f"BUY {HIGH_CALL.key}"]
    assert desk.state == "unwound"


def test_what_fills_after_all_was_taken_back_is_taken_back_too():
    desk = a_desk()
    desk.obedient = False
    desk.send(buy(LOW_CALL), deadline_s=30)
    late = desk.placed[0]
    desk.answer(late.order.client_id, SendResult.REJECTED, message="no")
    ended = desk.state

    desk.obedient = True
    row = desk.venue.take(late, desk.now)
    desk.show(row)
    desk.fill(order=desk.engine.order(late.order.client_id))
    desk.fill_working()

    assert ended == "unwound"
    assert f"SELL {LOW_CALL.key}" in desk.sent(Purpose.EXIT)
    assert desk.state == "unwound"


def test_the_cover_of_a_held_basket_is_kept_while_its_written_leg_may_fill():
    desk = a_desk()
    desk.send(*CALL_SPREAD, policy="hold", deadline_s=30)
    desk.obedient = False
    desk.fill_working()
    written = desk.placed[-1]
    row = desk.venue.take(written, desk.now)
    desk.answer(written.order.client_id, SendResult.AMBIGUOUS)
    desk.pass_time(40)
    held = desk.state

    desk.act("exit_position", book="live", instrument=HIGH_CALL.key, product="MIS", strategy_key=KEY)
    while_unknown = (desk.state, desk.sent(Purpose.EXIT))
    desk.obedient = True
    desk.show(row)  # its cancel follows at once
    desk.fill_working()

    assert (held, *while_unknown) == ("held", "unwinding", [])
    assert desk.engine.order(written.order.client_id).status is OrderStatus.CANCELLED
    assert desk.state == "unwound"
    assert (desk.held_of(HIGH_CALL), desk.held_of(LOW_CALL)) == (0, 0)


def test_a_held_basket_that_holds_nothing_but_a_doubt_ends_at_the_square_off():
    desk = a_desk()
    desk.obedient = False
    desk.send(buy(LOW_CALL), policy="hold", deadline_s=30)
    late = desk.placed[0]
    row = desk.venue.take(late, desk.now)
    desk.answer(late.order.client_id, SendResult.AMBIGUOUS)
    desk.pass_time(40)
    held = desk.state

    desk.now = desk.now.replace(hour=9, minute=56)  # 15:26 in India
    desk.tick()
    squared_off = desk.state
    desk.obedient = True
    desk.show(row)  # its cancel follows at once

    assert (held, squared_off) == ("held", "unwinding")
    assert desk.state == "unwound"
