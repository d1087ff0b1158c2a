"""Baskets that may not begin or go on just now: they wait, are refused, or end as their policy says."""

from dataclasses import replace
from decimal import Decimal

from brokers.domain.orders import Purpose
from execution.domain.events import FeedChanged, LimitsChanged, Link, SendResult
from tests.execution.domain.basket_script import (
    BASKET,
    CALL_SPREAD,
    HIGH_CALL,
    LOW_CALL,
    BasketScript,
    buy,
)


def a_desk(**given):
    return BasketScript(**given).start()


def without_a_feed():
    desk = a_desk()
    desk.run(FeedChanged(at=desk.now, state=Link.SILENT, reason="no frame"))
    desk.send(*CALL_SPREAD)
    return desk


def test_waits_for_the_feed_and_begins_once_it_is_back():
    desk = without_a_feed()
    before = (desk.state, list(desk.placed))

    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick()
    desk.read_books_if_wanted()

    assert before == ("pending", [])
    assert (desk.state, desk.sent()) == ("working", [f"BUY {HIGH_CALL.key}"])


def test_waits_for_the_feed_no_longer_than_for_prices():
    desk = without_a_feed()

    desk.pass_time(20, ticking=False)

    assert (desk.state, desk.placed) == ("refused", [])
    assert "the feed is silent" in desk.basket.reason


def test_a_caretaker_begins_none_and_its_deadline_refuses_it():
    desk = a_desk(config={"runs_strategies": False})
    desk.send(*CALL_SPREAD, deadline_s=30)
    before = desk.state

    desk.pass_time(31)

    assert (before, desk.state, desk.placed) == ("pending", "refused", [])


def test_stopping_all_refuses_one_that_waits():
    desk = without_a_feed()

    desk.act("live_stop")

    assert (desk.state, desk.placed) == ("refused", [])
    assert "basket_held" not in desk.inbox


def test_a_successor_that_does_not_know_a_leg_refuses_one_that_has_not_begun():
    desk = without_a_feed()
    desk.config.instruments.pop(LOW_CALL.key)
    desk.price.pop(LOW_CALL.key)
    desk.restart()

    assert (desk.state, desk.placed) == ("refused", [])
    assert desk.basket.reason == f"{LOW_CALL.key} is not listed"


def test_asked_for_twice_it_is_taken_back_once():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()
    desk.act("basket_unwind", basket_id=BASKET)

    again = desk.act("basket_unwind", basket_id=BASKET)

    assert again.ok
    assert "already" in again.outcome
    assert desk.sent(Purpose.EXIT) == [f"BUY {LOW_CALL.key}"]


def test_a_leg_that_no_waiting_lets_through_takes_back_what_filled():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.run(LimitsChanged(at=desk.now, limits=replace(desk.config.limits, max_order_value_quote=Decimal(1))))

    desk.fill_of(HIGH_CALL)
    desk.fill_working()

    assert desk.sent() == [f"BUY {HIGH_CALL.key}"]
    assert desk.sent(Purpose.EXIT) == [f"SELL {HIGH_CALL.key}"]
    assert desk.state == "unwound"
    assert f"sell 65 {LOW_CALL.key}" in desk.basket.reason


def test_the_end_of_its_time_between_two_tries_of_a_leg_leaves_nothing():
    desk = a_desk()
    desk.obedient = False
    desk.send(buy(LOW_CALL), deadline_s=2)
    desk.answer(desk.placed[0].order.client_id, SendResult.NOT_SENT, message="its turn did not come")
    before = desk.state

    desk.now = desk.now.replace(second=3)
    desk.tick()

    assert (before, desk.state, len(desk.placed)) == ("working", "unwound", 1)
    assert "its time was over" in desk.basket.reason
