"""Baskets on their way in: judged whole, journalled, what covers others sent first."""

from decimal import Decimal

import pytest

from brokers.domain.orders import Book
from tests.execution.domain.basket_script import (
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
    BasketScript,
    buy,
    sell,
)


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
