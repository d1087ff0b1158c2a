"""How baskets end: taken back in order, or held and told, by a failed leg, a person, a switch or the clock."""

import pytest

from brokers.domain.orders import OrderStatus, Purpose
from tests.execution.domain.basket_script import (
    BASKET,
    CALL_SPREAD,
    CONDOR,
    HIGH_CALL,
    HIGH_PUT,
    KEY,
    LOT,
    LOW_CALL,
    LOW_PUT,
    STRIP,
    BasketScript,
    buy,
    sell,
)

REJECTED, CANCELLED = OrderStatus.REJECTED, OrderStatus.CANCELLED


def a_desk(**given):
    return BasketScript(**given).start()


def test_a_rejected_leg_takes_the_rest_back_what_is_written_first():
    desk = a_desk()
    desk.send(*CONDOR)
    desk.fill_working()
    desk.fill_of(LOW_CALL)

    desk.end_of(HIGH_PUT, REJECTED, "margin")
    bought_back = desk.sent(Purpose.EXIT)
    desk.fill_working()
    sold = desk.sent(Purpose.EXIT)[1:]
    desk.fill_working()

    assert bought_back == [f"BUY {LOW_CALL.key}"]
    assert sorted(sold) == sorted([f"SELL {HIGH_CALL.key}", f"SELL {LOW_PUT.key}"])
    assert desk.state == "unwound"
    assert "margin" in desk.basket.reason
    assert not any(desk.held_of(instrument) for instrument in STRIP)


def test_its_deadline_cancels_what_rests_and_takes_back_what_filled():
    desk = a_desk()
    desk.send(*CALL_SPREAD, deadline_s=30)
    desk.fill_of(HIGH_CALL)

    desk.pass_time(31)
    desk.fill_working()

    assert [order.status for order in desk.orders if order.intent.instrument == LOW_CALL.key] == [CANCELLED]
    assert desk.state == "unwound"
    assert "1 of 2 legs filled" in desk.basket.reason


def test_a_part_fill_is_taken_back_too():
    desk = a_desk()
    desk.send(*CALL_SPREAD, deadline_s=30)
    desk.fill_of(HIGH_CALL, 20)

    desk.pass_time(31)
    exit_of = desk.placement_of(HIGH_CALL).order.intent
    desk.fill_working()

    assert (exit_of.purpose, exit_of.quantity) == (Purpose.EXIT, 20)
    assert desk.state == "unwound"


def test_under_hold_what_filled_stays_and_a_person_is_told():
    desk = a_desk()
    desk.send(*CONDOR, policy="hold")
    desk.fill_of(HIGH_CALL)

    desk.end_of(LOW_PUT, REJECTED, "no")

    assert desk.state == "held"
    assert (desk.held_of(HIGH_CALL), desk.sent(Purpose.EXIT)) == (LOT, [])
    assert "basket_held" in desk.inbox
    assert any("left with 1 of 4 legs" in sentence for sentence in desk.alerts)


def test_a_held_basket_is_taken_back_on_request_and_its_alarm_ends():
    desk = a_desk()
    desk.send(*CONDOR, policy="hold")
    desk.fill_of(HIGH_CALL)
    desk.end_of(LOW_PUT, REJECTED, "no")

    desk.act("basket_unwind", basket_id=BASKET)
    desk.fill_working()

    assert desk.state == "unwound"
    assert "basket_held" not in desk.inbox


@pytest.mark.parametrize("policy", ["unwind", "hold"])
def test_one_of_which_the_kill_switch_lets_nothing_out_is_refused(policy):
    desk = a_desk()
    desk.act("kill", scope="account", reason="enough")

    desk.send(*CALL_SPREAD, policy=policy)

    assert (desk.state, desk.placed) == ("refused", [])
    assert "enough" in desk.basket.reason


def test_the_kill_switch_ends_a_basket_and_never_traps_what_takes_it_back():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_of(HIGH_CALL)

    desk.act("kill", scope="account", reason="enough")
    desk.fill_working()

    assert f"SELL {HIGH_CALL.key}" in desk.sent(Purpose.EXIT)
    assert desk.state == "unwound"
    assert "enough" in desk.basket.reason


def test_stopping_all_stops_baskets():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_of(HIGH_CALL)

    done = desk.act("live_stop")
    desk.fill_working()

    assert "1 baskets" in done.outcome
    assert desk.state == "unwound"


def test_an_order_of_it_that_a_person_cancels_fails_its_leg():
    desk = a_desk()
    desk.send(*CALL_SPREAD)

    desk.act("cancel_order", client_id=desk.orders[0].client_id)

    assert (desk.state, len(desk.placed)) == ("unwound", 1)


def test_a_person_may_stop_its_being_taken_back():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.end_of(LOW_CALL, REJECTED, "no")

    desk.act("cancel_order", client_id=desk.working[-1].client_id)
    desk.pass_time(30)

    assert desk.state == "held"
    assert desk.held_of(HIGH_CALL) == LOT
    assert desk.working == []


def test_closing_the_cover_of_a_filled_basket_closes_what_is_written_first():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    desk.act("exit_position", book="live", instrument=HIGH_CALL.key, product="MIS", strategy_key=KEY)

    assert desk.sent(Purpose.EXIT) == [f"BUY {LOW_CALL.key}"]
    assert desk.state == "unwinding"


def test_what_is_written_may_be_closed_by_itself():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    desk.act("exit_position", book="live", instrument=LOW_CALL.key, product="MIS", strategy_key=KEY)
    desk.fill_working()

    assert desk.state == "filled"
    assert (desk.held_of(LOW_CALL), desk.held_of(HIGH_CALL)) == (0, LOT)


def test_exiting_everything_takes_baskets_back_in_their_order():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    desk.act("exit_all", book="live")
    desk.fill_working()
    desk.fill_working()

    assert desk.sent(Purpose.EXIT) == [f"BUY {LOW_CALL.key}", f"SELL {HIGH_CALL.key}"]
    assert desk.state == "unwound"


def test_intraday_baskets_end_at_the_square_off():
    desk = a_desk()
    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    desk.now = desk.now.replace(hour=9, minute=56)  # 15:26 in India
    desk.tick()
    first = desk.sent(Purpose.EXIT)
    desk.fill_working()
    desk.fill_working()

    assert first == [f"BUY {LOW_CALL.key}"]
    assert desk.state == "unwound"


def test_its_day_ends_it():
    desk = a_desk()
    desk.send(buy(LOW_CALL), deadline_s=900)

    desk.now = desk.now.replace(day=desk.now.day + 1)
    desk.tick()

    assert desk.state in ("unwound", "unwinding")
    assert "ended" in desk.basket.reason


def test_what_has_ended_and_holds_nothing_goes_with_its_day():
    desk = a_desk()
    desk.send(buy(LOW_CALL))
    desk.end_of(LOW_CALL, REJECTED, "no")

    desk.now = desk.now.replace(day=desk.now.day + 1)
    desk.tick()

    assert desk.engine.state.baskets == {}


def test_what_was_taken_back_goes_with_its_day_and_wants_nothing_after():
    desk = a_desk()
    desk.send(buy(LOW_CALL))
    desk.fill_working()
    desk.act("basket_unwind", basket_id=BASKET)
    desk.fill_working()
    wanted = [key.strategy_key for key in desk.engine.state.goals]

    desk.now = desk.now.replace(day=desk.now.day + 1)
    desk.tick()

    assert wanted == [KEY]
    assert (desk.engine.state.baskets, desk.engine.state.goals) == ({}, {})


@pytest.mark.parametrize(("state", "says"), [("unknown", "there is no basket"), ("refused", "it is refused")])
def test_only_what_stands_is_taken_back(state, says):
    desk = a_desk()
    if state == "refused":
        desk.send(sell(LOW_CALL))

    done = desk.act("basket_unwind", basket_id=BASKET)

    assert not done.ok
    assert says in done.outcome


def test_taking_back_before_anything_was_sent_refuses_the_basket():
    desk = a_desk(listens=False)
    desk.send(*CALL_SPREAD)

    desk.act("basket_unwind", basket_id=BASKET)

    assert (desk.state, desk.basket.reason) == ("refused", "taken back by the operator")
