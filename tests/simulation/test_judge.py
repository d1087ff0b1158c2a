"""What the judge takes for a cover's reason to wait, and what it does not."""

from brokers.domain.orders import OrderStatus
from execution.domain.events import SendResult
from tests.execution.domain.basket_script import BASKET, CALL_SPREAD, HIGH_CALL, LOW_CALL, BasketScript
from tests.simulation.judge import waits_as_cover


def a_filled_spread():
    desk = BasketScript().start()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()
    return desk


def taken_back(desk):
    """Let nobody know whether the order that the basket's end sends was placed."""
    desk.obedient = False
    desk.act("basket_unwind", basket_id=BASKET)
    placement = desk.placed[-1]
    desk.answer(placement.order.client_id, SendResult.AMBIGUOUS)
    return placement


def test_cover_waits_for_the_fate_of_the_order_that_buys_back_what_is_written():
    desk = a_filled_spread()
    placement = taken_back(desk)
    while_unknown = waits_as_cover(desk.engine.state, HIGH_CALL.symbol)

    desk.show(desk.venue.take(placement, desk.now))

    assert while_unknown
    assert not waits_as_cover(desk.engine.state, HIGH_CALL.symbol)


def test_what_is_written_is_no_cover():
    desk = a_filled_spread()
    taken_back(desk)

    assert not waits_as_cover(desk.engine.state, LOW_CALL.symbol)
    assert not waits_as_cover(desk.engine.state, "INFY")


def test_cover_waits_for_a_written_leg_that_may_stand_once_the_basket_is_taken_back():
    desk = BasketScript().start()
    desk.send(*CALL_SPREAD, deadline_s=30)
    desk.obedient = False
    desk.fill_working()
    desk.answer(desk.placed[-1].order.client_id, SendResult.AMBIGUOUS)
    while_working = waits_as_cover(desk.engine.state, HIGH_CALL.symbol)

    desk.pass_time(31)

    assert not while_working
    assert waits_as_cover(desk.engine.state, HIGH_CALL.symbol)


def test_a_known_order_and_a_doubt_that_leaves_nothing_written_excuse_no_cover():
    desk = a_filled_spread()
    desk.act("basket_unwind", basket_id=BASKET)
    while_resting = waits_as_cover(desk.engine.state, HIGH_CALL.symbol)
    desk.obedient = False
    desk.fill_working()
    selling = desk.placed[-1].order
    desk.answer(selling.client_id, SendResult.AMBIGUOUS)

    assert selling.intent.instrument == HIGH_CALL.key
    assert desk.engine.order(selling.client_id).status is OrderStatus.UNKNOWN
    assert not while_resting
    assert not waits_as_cover(desk.engine.state, HIGH_CALL.symbol)
