"""Baskets from their acceptance to their end: hedges first, whole or taken back."""

from decimal import Decimal

import pytest

from brokers.domain.orders import Book, OrderStatus, Purpose
from execution.domain.events import FeedChanged, Link, SendResult
from tests.execution.domain.basket_script import (
    BASKET,
    CALL_SPREAD,
    CONDOR,
    FUTURE,
    HIGH_CALL,
    HIGH_PUT,
    KEY,
    LATE_CALL,
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


def test_is_journalled_whole_before_its_first_leg_leaves():
    desk = a_desk()

    desk.send(*CALL_SPREAD)

    kinds = [record.kind for record in desk.journal]
    assert kinds.index("basket") < kinds.index("basket_move") < kinds.index("intent")
    assert len(next(r.payload["legs"] for r in desk.journal if r.kind == "basket")) == 2


def test_sends_what_covers_first_and_what_is_written_once_that_is_filled():
    desk = a_desk()

    desk.send(*CONDOR)
    first = desk.sent()
    desk.fill_of(HIGH_CALL)
    second = desk.sent()
    desk.fill_of(LOW_PUT)

    assert sorted(first) == sorted([f"BUY {HIGH_CALL.key}", f"BUY {LOW_PUT.key}"])
    assert second == first
    assert sorted(desk.sent()[2:]) == sorted([f"SELL {LOW_CALL.key}", f"SELL {HIGH_PUT.key}"])


def test_waits_for_the_whole_of_a_hedge():
    desk = a_desk()
    desk.send(*CALL_SPREAD)

    desk.fill_of(HIGH_CALL, LOT - 1)

    assert desk.sent() == [f"BUY {HIGH_CALL.key}"]


def test_is_filled_once_every_leg_is():
    desk = a_desk()

    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    assert (desk.state, desk.basket.reason) == ("filled", "all 2 legs are filled")
    assert [leg.filled for leg in desk.basket.progress] == [LOT, LOT]
    assert desk.basket.progress[0].average_price is not None
    assert (desk.held_of(LOW_CALL), desk.held_of(HIGH_CALL)) == (-LOT, LOT)


def test_futures_go_after_bought_options_and_before_written_ones():
    desk = a_desk()

    desk.send(sell(LOW_CALL), buy(FUTURE), buy(LOW_PUT))
    desk.fill_working()
    desk.fill_working()

    assert desk.sent() == [f"BUY {LOW_PUT.key}", f"BUY {FUTURE.key}", f"SELL {LOW_CALL.key}"]


def test_its_orders_and_positions_are_its_own():
    desk = a_desk()
    desk.send(*CALL_SPREAD)

    desk.fill_working()

    row = next(iter(desk.engine.views(desk.now)["orders"].values()))
    held = next(iter(desk.engine.views(desk.now)["positions"].values()))
    assert (row["strategy"], row["reason"], row["origin"]) == ("Bear spread", "basket Bear spread: leg 1 of 2", "DESK")
    assert (held["strategy"], held["strategy_key"]) == ("Bear spread", KEY)


@pytest.mark.parametrize(
    ("legs", "says"),
    [
        ((sell(LOW_CALL), sell(HIGH_PUT)), "written option's loss has no bound"),
        ((sell(LOW_CALL, 2), buy(HIGH_CALL)), "covers 65"),
        ((sell(LATE_CALL), buy(HIGH_CALL)), "written option's loss has no bound"),
        ((sell(LOW_CALL, product="NRML"), buy(HIGH_CALL)), "written option's loss has no bound"),
        ((sell(LOW_CALL), buy(LOW_PUT)), "written option's loss has no bound"),
        ((buy(LOW_CALL, type="LIMIT", price="180"),), "from the last"),
        ((buy(LOW_CALL, quantity="70"),), "not a multiple of the lot"),
        ((buy(LOW_CALL, 100),), "only in part"),
    ],
)
def test_is_refused_whole_where_one_leg_cannot_pass(legs, says):
    desk = a_desk()

    done = desk.send(*legs)

    assert (desk.state, desk.placed) == ("refused", [])
    assert says in desk.basket.reason
    assert not done.ok


@pytest.mark.parametrize(
    ("written", "cover"),
    [
        (sell(LOW_CALL), buy(LATE_CALL)),  # it ends later than what it covers
        (sell(LOW_CALL), buy(HIGH_CALL, product="NRML")),
        (sell(LOW_CALL), buy(FUTURE)),
        (sell(HIGH_PUT), sell(FUTURE)),
    ],
)
def test_what_bounds_a_loss_is_a_cover(written, cover):
    desk = a_desk()

    desk.send(written, cover)

    assert desk.state == "working"


@pytest.mark.parametrize(
    "legs",
    [
        (),
        (buy(LOW_CALL), sell(LOW_CALL)),
        (buy(LOW_CALL, quantity="0"),),
        (buy(LOW_CALL, type="SL"),),
        (buy(LOW_CALL, type="LIMIT"),),
        ({**buy(LOW_CALL), "instrument": "NFO:NOTHING"},),
        (buy(LOW_CALL, product="UNKNOWN"),),
    ],
)
def test_what_no_desk_could_send_is_no_basket(legs):
    desk = a_desk()

    done = desk.send(*legs)

    assert not done.ok
    assert desk.engine.state.baskets == {}


def test_asked_for_twice_it_is_one():
    desk = a_desk()

    desk.send(*CALL_SPREAD)
    again = desk.send(*CALL_SPREAD)

    assert again.outcome == "it is known already"
    assert len(desk.placed) == 1


def test_listens_to_its_legs_and_begins_with_their_prices():
    desk = a_desk(listens=False)

    desk.send(*CALL_SPREAD)
    before = (desk.state, list(desk.placed))
    desk.tick()

    assert before == ("pending", [])
    assert desk.state == "working"
    assert desk.sent() == [f"BUY {HIGH_CALL.key}"]


def test_is_refused_when_no_price_comes():
    desk = a_desk(listens=False)
    desk.send(*CALL_SPREAD)

    desk.pass_time(20, ticking=False)

    assert (desk.state, desk.placed) == ("refused", [])
    assert "no fresh price" in desk.basket.reason


def test_one_that_a_desk_takes_in_after_its_time_is_refused():
    desk = a_desk()
    asked_at = desk.now.isoformat()
    desk.now = desk.now.replace(minute=35)

    desk.send(*CALL_SPREAD, asked_at=asked_at)

    assert desk.basket.reason == "its deadline passed before anything of it was sent"


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


def test_a_market_leg_follows_the_price_as_far_as_its_slippage():
    desk = a_desk(config={"basket_slippage_fraction": Decimal("0.01")})
    desk.send(buy(LOW_CALL), deadline_s=120)

    desk.pass_time(60)

    prices = [modify.price for modify in desk.modifies]
    assert prices == sorted(prices)
    assert prices[-1] == LOW_CALL.price_above(Decimal("100.05") * Decimal("1.01"))


def test_a_limit_leg_keeps_its_price():
    desk = a_desk()
    desk.send(buy(LOW_CALL, type="LIMIT", price="99"), deadline_s=120)

    desk.pass_time(60)

    assert desk.placed[0].order.intent.price == 99
    assert desk.modifies == []


def test_legs_beyond_a_second_s_share_wait_for_the_next_second():
    desk = a_desk(limits={"max_orders_per_second": 1})
    desk.send(buy(LOW_CALL), buy(HIGH_CALL), buy(LOW_PUT))
    at_once = len(desk.placed)

    desk.pass_time(3)

    assert at_once == 1
    assert len(desk.placed) == 3
    assert desk.refusals == []


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


def test_on_paper_it_goes_the_same_way():
    desk = a_desk(book=Book.PAPER)

    desk.send(*CALL_SPREAD)
    desk.fill_working()
    desk.fill_working()

    assert desk.state == "filled"


def test_live_legs_need_a_released_account():
    desk = a_desk(config={"is_released": False})

    desk.send(*CALL_SPREAD)

    assert (desk.state, desk.placed) == ("refused", [])
    assert "on paper" in desk.basket.reason


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
