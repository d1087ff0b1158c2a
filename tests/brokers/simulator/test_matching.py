"""The matching engine, behaviour by behaviour."""

import pytest

from brokers.simulator.orders import Refusal, Status
from tests.brokers.simulator.builders import (
    FUTURE,
    NOW,
    OPTION,
    STOCK,
    a_board,
    a_request,
    an_engine,
    an_option_request,
    quiet,
    quote,
    trades,
)

USER, OTHER = "AB1234", "CD5678"


def place(engine, user=USER, **changes):
    return engine.place(user, a_request(**changes), NOW)


def prices(order, engine):
    return [(fill.quantity, fill.price) for fill in engine.accounts[order.account].fills]


def test_takes_the_best_offer_at_its_own_price():
    engine = an_engine()

    order = place(engine, price=100_050)

    assert order.status is Status.COMPLETE
    assert prices(order, engine) == [(10, 100_000)]


def test_walks_the_levels_and_rests_with_what_the_limit_does_not_reach():
    engine = an_engine()

    order = place(engine, quantity=250, price=100_010)

    assert prices(order, engine) == [(100, 100_000), (100, 100_010)]
    assert (order.status, order.remaining) == (Status.OPEN, 50)


def test_quantity_taken_is_gone_until_the_book_is_refilled():
    engine = an_engine()
    place(engine, quantity=100, price=100_000)

    second = place(engine, quantity=10, price=100_000)
    quote(engine.board, STOCK, 99_990, 100_000)
    third = place(engine, user=OTHER, quantity=10, price=100_000)

    assert (second.status, third.status) == (Status.OPEN, Status.COMPLETE)


def test_immediate_order_cancels_what_it_cannot_fill():
    engine = an_engine()

    order = place(engine, quantity=150, price=100_000, validity="IOC")

    assert (order.status, order.filled, order.cancelled) == (Status.CANCELLED, 100, 50)


def test_market_order_without_protection_is_refused_without_a_row():
    engine = an_engine()

    with pytest.raises(Refusal, match="without market protection are not allowed"):
        place(engine, order_type="MARKET", price=0)

    assert not engine.accounts[USER].orders


def test_protected_market_order_becomes_a_limit_order_and_may_rest():
    engine = an_engine(cash="1_00_00_000")

    order = place(engine, order_type="MARKET", price=0, protection=-1, quantity=600, tag="mine")

    assert (order.order_type, order.price) == ("LIMIT", 100_500)
    assert order.tags == ("mine", "mktp", "mktp:0.50")
    assert (order.status, order.filled) == (Status.OPEN, 500)


def test_protection_asked_for_is_the_one_given():
    engine = an_engine()

    order = place(engine, side="SELL", order_type="MARKET", price=0, protection=2.0)

    assert order.price == 98_000
    assert order.status is Status.COMPLETE


def test_waiting_buy_fills_at_its_price_when_the_market_trades_through_it():
    engine = an_engine()
    order = place(engine, price=99_980)

    engine.on_step(trades(engine.board, STOCK, 99_970, 4), NOW)
    engine.on_step(trades(engine.board, STOCK, 99_970, 50), NOW)

    assert prices(order, engine) == [(4, 99_980), (6, 99_980)]


def test_trades_at_the_price_serve_those_who_queued_before():
    engine = an_engine()
    order = place(engine, price=99_990)

    engine.on_step(trades(engine.board, STOCK, 99_990, 90), NOW)
    waited = order.filled
    engine.on_step(trades(engine.board, STOCK, 99_990, 14), NOW)

    assert (waited, order.filled) == (0, 4)


def test_buyers_lifting_the_offer_do_not_fill_a_waiting_bid():
    engine = an_engine()
    order = place(engine, price=99_990)

    engine.on_step(trades(engine.board, STOCK, 99_990, 500, aggressor=1), NOW)

    assert order.filled == 0


def test_waiting_sell_fills_when_the_book_crosses_it():
    engine = an_engine()
    order = place(engine, side="SELL", price=100_100)

    quote(engine.board, STOCK, 100_150, 100_160)
    engine.on_step(quiet(), NOW)

    assert prices(order, engine) == [(10, 100_100)]


def test_better_price_is_served_first_then_earlier_time():
    engine = an_engine()
    early = place(engine, price=99_970)
    late = place(engine, user=OTHER, price=99_970)
    better = place(engine, user=OTHER, price=99_980)

    engine.on_step(trades(engine.board, STOCK, 99_950, 15), NOW)

    assert (better.filled, early.filled, late.filled) == (10, 5, 0)


def test_two_users_trade_with_each_other_under_one_trade_id():
    engine = an_engine()
    quote(engine.board, STOCK, 99_970, 100_000)
    resting = place(engine, side="SELL", price=99_990)

    incoming = place(engine, user=OTHER, price=100_000)

    first, second = engine.ledger.rows()
    assert (resting.status, incoming.status) == (Status.COMPLETE, Status.COMPLETE)
    assert first["trade_id"] == second["trade_id"]
    assert {first["price_paise"], second["price_paise"]} == {99_990}


def test_never_trades_with_an_order_of_the_same_account():
    engine = an_engine()
    quote(engine.board, STOCK, 99_970, 100_000)
    resting = place(engine, side="SELL", price=99_990)

    incoming = place(engine, price=100_000)

    assert resting.filled == 0
    assert prices(incoming, engine) == [(10, 100_000)]


def test_stop_waits_for_its_trigger_and_then_takes_the_book():
    engine = an_engine()
    stop = place(engine, side="SELL", order_type="SL", price=99_000, trigger_price=99_500)
    waiting = stop.status

    quote(engine.board, STOCK, 99_480, 99_490)
    engine.on_step(trades(engine.board, STOCK, 99_490, 5), NOW)

    assert waiting is Status.TRIGGER_PENDING
    assert prices(stop, engine) == [(10, 99_480)]


def test_market_stop_is_protected_from_the_price_that_triggered_it():
    engine = an_engine()
    stop = place(engine, order_type="SL-M", price=0, trigger_price=100_500, protection=1.0)

    quote(engine.board, STOCK, 100_590, 100_600)
    engine.on_step(trades(engine.board, STOCK, 100_600, 5, aggressor=1), NOW)

    assert stop.price == 101_600
    assert (stop.status, stop.order_type) == (Status.COMPLETE, "LIMIT")


def test_option_stop_outside_the_protection_range_is_cancelled_at_its_trigger():
    engine = an_engine(cash="50_00_000")
    request = an_option_request(side="SELL", order_type="SL", price=5_000, trigger_price=9_000)
    stop = engine.place(USER, request, NOW)

    engine.on_step(trades(engine.board, OPTION, 8_990, 65), NOW)

    assert stop.status is Status.CANCELLED
    assert "LPP" in stop.status_message


def test_smaller_quantity_keeps_the_place_in_the_queue():
    engine = an_engine()
    order = place(engine, price=99_990)
    engine.on_step(trades(engine.board, STOCK, 99_990, 98), NOW)

    engine.modify(USER, order.order_id, {"quantity": 5}, NOW)
    engine.on_step(trades(engine.board, STOCK, 99_990, 7), NOW)

    assert order.status is Status.COMPLETE


def test_larger_quantity_goes_to_the_end_of_the_queue():
    engine = an_engine()
    order = place(engine, price=99_990)
    engine.on_step(trades(engine.board, STOCK, 99_990, 98), NOW)

    engine.modify(USER, order.order_id, {"quantity": 20}, NOW)
    engine.on_step(trades(engine.board, STOCK, 99_990, 7), NOW)

    assert order.filled == 0


def test_modified_price_that_reaches_the_offer_trades_at_once():
    engine = an_engine()
    order = place(engine, price=99_900)

    engine.modify(USER, order.order_id, {"price": 100_000}, NOW)

    assert order.status is Status.COMPLETE
    assert [row.status for row in order.history][-5:] == [
        Status.MODIFY_VALIDATION_PENDING,
        Status.MODIFY_PENDING,
        Status.MODIFIED,
        Status.OPEN,
        Status.COMPLETE,
    ]


def test_limit_order_turned_into_a_market_order_needs_protection():
    engine = an_engine()
    order = place(engine, price=99_900)

    with pytest.raises(Refusal, match="market protection"):
        engine.modify(USER, order.order_id, {"order_type": "MARKET"}, NOW)
    engine.modify(USER, order.order_id, {"order_type": "MARKET", "protection": -1}, NOW)

    assert order.status is Status.COMPLETE


def test_twenty_sixth_modification_is_refused():
    engine = an_engine()
    order = place(engine, price=99_900)
    for step in range(25):
        engine.modify(USER, order.order_id, {"price": 99_000 + 10 * step}, NOW)

    with pytest.raises(Refusal, match="modifications exceeded"):
        engine.modify(USER, order.order_id, {"price": 99_900}, NOW)


def test_cancelled_order_stays_cancelled():
    engine = an_engine()
    order = place(engine, price=99_980)

    engine.cancel(USER, order.order_id, NOW)
    engine.on_step(trades(engine.board, STOCK, 99_000, 500), NOW)

    assert (order.status, order.filled, order.cancelled) == (Status.CANCELLED, 0, 10)


def test_finished_order_can_be_neither_modified_nor_cancelled():
    engine = an_engine()
    order = place(engine)

    with pytest.raises(Refusal, match="cannot be cancelled as it is being processed"):
        engine.cancel(USER, order.order_id, NOW)
    with pytest.raises(Refusal, match="cannot be modified as it is being processed"):
        engine.modify(USER, order.order_id, {"price": 99_000}, NOW)


def test_foreign_order_is_not_found():
    engine = an_engine()
    order = place(engine, price=99_980)

    with pytest.raises(Refusal) as refusal:
        engine.cancel(OTHER, order.order_id, NOW)

    assert refusal.value.http == 404


def test_history_walks_through_the_interim_states():
    engine = an_engine()

    order = place(engine, price=99_980)

    assert [row.status for row in order.history] == [
        Status.RECEIVED,
        Status.VALIDATION_PENDING,
        Status.OPEN_PENDING,
        Status.OPEN,
    ]


def test_announces_each_change_and_marks_part_fills_as_updates():
    engine = an_engine()
    place(engine, quantity=150, price=100_000)
    engine.on_step(trades(engine.board, STOCK, 99_000, 500), NOW)

    assert [event.status for event in engine.events] == [Status.UPDATE, Status.OPEN, Status.COMPLETE]


def test_order_ids_have_nineteen_digits_and_do_not_repeat():
    engine = an_engine()

    ids = {place(engine).order_id for _ in range(5)}

    assert len(ids) == 5
    assert {len(order_id) for order_id in ids} == {19}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbol": "NOPE"}, "does not exist"),
        ({"quantity": 0}, "greater than 0"),
        ({"quantity": 100_001}, "freeze quantity"),
        ({"price": 0}, "`price`"),
        ({"price": 100_005}, "tick size"),
        ({"price": 111_000}, "circuit limits"),
        ({"side": "HOLD"}, "`transaction_type`"),
        ({"product": "NRML"}, "`product`"),
        ({"validity": "GTC"}, "`validity`"),
        ({"order_type": "SL", "trigger_price": 99_000}, "higher than the last"),
        ({"order_type": "SL", "side": "SELL", "trigger_price": 101_000}, "lower than the last"),
        ({"order_type": "MARKET", "protection": 101.0}, "percentage"),
        ({"tag": "x" * 21}, "`tag`"),
        ({"tag": "no-dash"}, "`tag`"),
        ({"symbol": "NIFTY 50"}, "Index"),
    ],
)
def test_refuses_before_a_row_exists(changes, words):
    engine = an_engine()

    with pytest.raises(Refusal, match=words):
        place(engine, **changes)

    assert not engine.accounts[USER].orders


def test_refuses_part_of_a_lot():
    with pytest.raises(Refusal, match="lot size"):
        an_engine().place(USER, an_option_request(quantity=60), NOW)


def test_refuses_more_than_the_account_can_pay():
    engine = an_engine(cash="1_000")

    with pytest.raises(Refusal) as refusal:
        place(engine)

    assert refusal.value.error_type == "MarginException"
    assert "Required margin is 2000.00 but available margin is 1000.00" in refusal.value.message


def test_waiting_orders_hold_margin_until_they_are_cancelled():
    engine = an_engine(cash="3_000")
    first = place(engine, price=99_980)

    with pytest.raises(Refusal):
        place(engine, price=99_980)
    engine.cancel(USER, first.order_id, NOW)

    assert place(engine, price=99_980).status is Status.OPEN


def test_closing_a_position_needs_no_margin():
    engine = an_engine(cash="2_100")
    place(engine, price=100_000)

    exit_order = place(engine, side="SELL", price=99_990)

    assert exit_order.status is Status.COMPLETE


def test_delivery_sale_without_shares_is_rejected_with_a_row():
    engine = an_engine()

    order = place(engine, side="SELL", product="CNC")

    assert order.status is Status.REJECTED
    assert order.status_message_raw.startswith("RMS:")
    assert engine.accounts[USER].orders[order.order_id] is order


def test_delivery_sale_of_held_shares_uses_them_up():
    engine = an_engine(shares=15)

    sold = place(engine, side="SELL", product="CNC", price=99_990)
    more = place(engine, side="SELL", product="CNC", price=99_990)

    assert (sold.status, more.status) == (Status.COMPLETE, Status.REJECTED)


def test_option_price_outside_the_protection_range_is_rejected_by_the_exchange():
    engine = an_engine()

    order = engine.place(USER, an_option_request(price=14_500), NOW)

    assert order.status is Status.REJECTED
    assert order.exchange_order_id is None


def test_closed_segment_rejects_with_a_row():
    engine = an_engine()
    engine.is_open = lambda order: order.listing.is_derivative

    assert place(engine).status is Status.REJECTED
    assert engine.place(USER, an_option_request(), NOW).status is Status.COMPLETE


def test_end_of_session_cancels_what_waits_in_that_segment():
    board = a_board()
    engine = an_engine(board=board, cash="50_00_000")
    stock = place(engine, price=99_900)
    fut = engine.place(
        USER, a_request(exchange="NFO", symbol="NIFTY26DECFUT", quantity=65, product="NRML", price=2_470_000), NOW
    )

    engine.cancel_waiting(NOW, derivatives=False)

    assert (stock.status, fut.status) == (Status.CANCELLED, Status.OPEN)
    assert fut.row == FUTURE
