from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import OrderStatus, Origin, UnreadableRow
from execution.domain.events import BooksFailed, SendResult, Via
from tests.builders import DEPLOYMENT, RELIANCE, TEN_O_CLOCK, a_trade, a_venue_order, a_venue_position
from tests.execution.domain.desk_script import BUY, SELL, DeskScript


def a_long_desk(**options):
    desk = DeskScript(**options).start()
    desk.bar(101.0)
    desk.fill()
    return desk


def the_order(desk):
    return desk.orders[0]


def by_hand(desk, side, quantity, order_id="X1"):
    """Let somebody trade in the broker's own app."""
    desk.venue.orders[order_id] = a_venue_order(
        venue_order_id=order_id, side=side, quantity=quantity, placed_at=desk.now
    )
    desk.venue.fill(order_id, quantity, "101", desk.now)


def test_orders_placed_elsewhere_are_external_and_counted():
    desk = DeskScript().start()
    by_hand(desk, BUY, 5)

    desk.read_books()

    assert the_order(desk).intent.origin is Origin.EXTERNAL
    assert the_order(desk).client_id == "EXT-X1"
    assert desk.held == Decimal(5)
    assert desk.inbox == {"external_order"}


def test_our_own_order_without_a_row_halts_the_account():
    desk = DeskScript().start()
    desk.venue.orders["X1"] = a_venue_order(venue_order_id="X1", tags=("WZAB1200000007",))

    desk.read_books()
    desk.bar(101.0)

    assert the_order(desk).intent.origin is Origin.DESK
    assert desk.inbox == {"journal_lost"}
    assert desk.placed == []
    assert desk.refusals == ["desk"]


def test_a_second_venue_order_under_one_of_our_ids_halts_the_account():
    desk = a_long_desk()
    tags = (the_order(desk).client_id,)

    desk.show(a_venue_order(venue_order_id="X9", tags=tags))

    assert "journal_lost" in desk.inbox


def test_a_fill_the_stream_lost_is_adopted_from_the_trade_book():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.venue.fill("V1", 99, "101", desk.now)

    desk.pass_time(6)

    assert desk.held == Decimal(99)
    assert desk.inbox == set()


def test_a_position_that_fills_do_not_explain_is_told_after_two_reads_and_blocks_entries():
    desk = DeskScript().start()
    desk.venue.carried[RELIANCE.key] = Decimal(7)

    desk.read_books()
    assert desk.inbox == set()
    desk.read_books()
    desk.bar(101.0)

    assert desk.inbox == {"position"}
    assert desk.refusals == ["reconcile"]


def test_a_difference_that_is_gone_leaves_the_inbox():
    desk = DeskScript().start()
    desk.venue.carried[RELIANCE.key] = Decimal(7)
    desk.read_books()
    desk.read_books()

    desk.venue.carried.clear()
    desk.read_books()

    assert desk.inbox == set()


def test_an_order_missing_in_the_book_is_told_after_two_reads():
    desk = DeskScript(config={"entry_patience_s": 600.0}).start()
    desk.bar(101.0)
    desk.venue.orders.clear()

    desk.pass_time(25)

    assert "missing_order" in desk.inbox


def hidden_row(book="orders", row_id="X9", instrument=RELIANCE.key):
    return UnreadableRow(book=book, row_id=row_id, instrument=instrument, reason="'BNPL' is no product")


def test_an_unreadable_row_is_told_and_stops_its_instruments_entries_alone():
    desk = DeskScript().start()
    desk.read_books(unreadable=(hidden_row(),))

    desk.obedient = False
    desk.bar(101.0)

    assert desk.placed == []
    assert desk.refusals == ["reconcile"]
    assert desk.engine.state.discrepancies["unreadable", "orders X9"][0] == (
        "X9 (NSE:RELIANCE) in the venue's orders: 'BNPL' is no product"
    )


def test_an_unreadable_row_of_another_instrument_stops_no_entry():
    desk = DeskScript().start()
    desk.read_books(unreadable=(hidden_row(instrument="NSE:INFY"),))

    desk.obedient = False
    desk.bar(101.0)

    assert len(desk.placed) == 1


def test_a_row_that_can_be_read_again_leaves_the_inbox():
    desk = DeskScript().start()
    desk.read_books(unreadable=(hidden_row(),))

    desk.read_books()
    desk.bar(101.0)

    assert desk.inbox == set()
    assert len(desk.placed) == 1


def test_an_order_whose_row_is_unreadable_is_not_missing():
    desk = DeskScript(config={"entry_patience_s": 600.0}).start()
    desk.bar(101.0)
    desk.obedient = False
    desk.now += timedelta(seconds=20)

    for _ in range(3):
        desk.now += timedelta(seconds=5)
        desk.read_books(orders=(), unreadable=(hidden_row(row_id=the_order(desk).venue_order_id),))

    assert desk.inbox == {"unreadable"}


def test_a_position_whose_row_is_unreadable_is_not_gone_and_can_be_closed():
    desk = a_long_desk()
    for _ in range(3):
        desk.read_books(positions=(), unreadable=(hidden_row(book="positions"),))

    desk.act("exit_all", book="live")

    assert desk.inbox == {"unreadable"}
    assert (desk.placed[-1].order.intent.side, desk.placed[-1].order.intent.quantity) == (SELL, desk.held)


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        ("exit_all", {}),
        ("exit_position", {"book": "live", "instrument": RELIANCE.key, "product": "MIS"}),
        ("exit_position", {"book": "live", "instrument": RELIANCE.key, "product": "MIS", "strategy_key": DEPLOYMENT}),
    ],
)
def test_what_others_closed_is_neither_sold_a_second_time_nor_bought_back(act, asked):
    desk = a_long_desk()
    by_hand(desk, SELL, 99)
    desk.read_books()

    desk.act(act, **asked)
    desk.pass_time(30)

    assert [(p.order.intent.side, p.order.intent.deployment_id) for p in desk.placed] == [(BUY, DEPLOYMENT)]
    assert "closed_elsewhere" in desk.inbox


@pytest.mark.parametrize(("sold", "exits"), [(60, [(SELL, 39, DEPLOYMENT)]), (120, [(BUY, 21, None)])])
def test_of_two_opposite_holders_only_what_the_venue_holds_is_closed(sold, exits):
    desk = a_long_desk()
    by_hand(desk, SELL, sold)
    desk.read_books()

    desk.act("exit_all")
    desk.fill()
    desk.pass_time(30)

    placed = [p.order.intent for p in desk.placed[1:]]
    assert [(one.side, one.quantity, one.deployment_id) for one in placed] == exits
    assert desk.held == 0


def test_what_stood_against_a_strategy_is_closed_once_the_strategys_own_exit_is_through():
    desk = a_long_desk()
    desk.act("exit_position", book="live", instrument=RELIANCE.key, product="MIS", strategy_key=DEPLOYMENT)
    by_hand(desk, SELL, 99)
    desk.read_books()
    desk.act("exit_position", book="live", instrument=RELIANCE.key, product="MIS")
    assert len(desk.placed) == 2

    desk.fill(order=next(o for o in desk.working if o.intent.deployment_id == DEPLOYMENT))
    desk.fill()

    assert [(p.order.intent.side, p.order.intent.quantity) for p in desk.placed[1:]] == [(SELL, 99), (BUY, 99)]
    assert desk.held == 0


def test_reordered_and_repeated_rows_change_nothing():
    desk = a_long_desk()
    before = desk.engine.state.fingerprint()

    desk.show(a_venue_order(status=OrderStatus.OPEN, quantity=99, price="101.20"))
    desk.show(a_venue_order(status=OrderStatus.ACCEPTED, quantity=99, price="101.20"))
    desk.show(desk.venue.orders["V1"])

    assert desk.engine.state.fingerprint() == before
    assert len([a for a in desk.alerts if "older word" in a]) == 1


def test_a_trade_of_another_side_is_a_contradiction():
    desk = DeskScript().start()
    desk.bar(101.0)
    from execution.domain.events import TradeSeen

    desk.run(TradeSeen(at=desk.now, trade=a_trade(side=SELL)))

    assert desk.held == 0
    assert desk.inbox == {"contradiction"}


def test_a_trade_beyond_the_ordered_quantity_is_counted_and_told():
    desk = a_long_desk()
    from execution.domain.events import TradeSeen

    desk.run(TradeSeen(at=desk.now, trade=a_trade(trade_id="T9", quantity=1)))

    assert desk.held == Decimal(100)
    assert "contradiction" in desk.inbox


def test_a_fill_after_the_declared_end_is_late_evidence():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.pass_time(15)
    assert the_order(desk).status is OrderStatus.CANCELLED
    from execution.domain.events import TradeSeen

    desk.run(TradeSeen(at=desk.now, trade=a_trade(quantity=3, price="101")))

    assert desk.held == Decimal(3)
    assert "late_fill" in desk.inbox


def test_a_cancelled_order_that_is_shown_complete_is_late_evidence():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.venue_ends()

    desk.show(a_venue_order(status=OrderStatus.FILLED, quantity=99, filled=99))

    assert the_order(desk).status is OrderStatus.FILLED
    assert the_order(desk).awaits_trades


def test_an_impossible_move_is_recorded_and_never_made():
    desk = a_long_desk()

    desk.show(a_venue_order(status=OrderStatus.REJECTED, quantity=99))

    assert the_order(desk).status is OrderStatus.FILLED
    assert desk.inbox == {"contradiction"}


def test_a_definite_no_for_an_order_that_was_filled_is_a_contradiction():
    desk = a_long_desk()

    desk.answer(the_order(desk).client_id, SendResult.REJECTED)
    desk.answer(the_order(desk).client_id, SendResult.CONFIRMED, venue_order_id="V77")

    assert the_order(desk).status is OrderStatus.FILLED
    assert desk.inbox == {"contradiction"}


def test_a_receipt_after_the_stream_adds_nothing():
    desk = DeskScript().start()
    desk.bar(101.0)
    before = len(desk.journal)

    desk.answer(the_order(desk).client_id, SendResult.CONFIRMED, venue_order_id="V1")

    assert len(desk.journal) == before


def test_an_outcome_of_an_unknown_id_goes_to_the_inbox():
    desk = DeskScript().start()

    desk.answer("WAAB1200000099", SendResult.CONFIRMED)

    assert desk.inbox == {"unknown_order"}


def test_the_word_of_an_interim_state_counts_as_accepted():
    desk = DeskScript().start()
    desk.show(a_venue_order(venue_order_id="X1", status=OrderStatus.INTENDED))

    assert the_order(desk).status is OrderStatus.ACCEPTED


def test_the_books_are_read_sooner_while_more_is_under_way():
    desk = DeskScript().start()
    idle = desk.timers["reconcile"] - desk.now
    desk.bar(101.0)
    desk.obedient = False
    desk.read_books()
    resting = desk.timers["reconcile"] - desk.now
    desk.act("cancel_order", client_id=the_order(desk).client_id)
    desk.read_books()

    assert (idle, resting) == (timedelta(seconds=30), timedelta(seconds=5))
    assert desk.timers["reconcile"] - desk.now == timedelta(seconds=2)


def test_a_failed_read_is_repeated():
    desk = DeskScript(obedient=False)
    desk.take_over()

    desk.run(BooksFailed(at=desk.now, reason="503"))

    assert desk.timers["reconcile"] == desk.now + timedelta(seconds=30)
    assert desk.engine.views(desk.now)["feeds"]["books_error"] == "503"


def test_delivered_holdings_of_earlier_days_are_no_difference():
    desk = DeskScript().start(product="CNC", direction="long")
    desk.bar(101.0)
    desk.fill()
    desk.now = TEN_O_CLOCK + timedelta(days=1)
    desk.venue.orders.clear()
    desk.venue.trades.clear()
    desk.tick()

    desk.read_books()
    desk.read_books()

    assert desk.inbox == set()


def test_yesterdays_rows_are_not_taken_for_new_orders():
    desk = DeskScript().start()
    old = a_venue_order(venue_order_id="X1", placed_at=TEN_O_CLOCK - timedelta(days=1))

    desk.read_books(orders=(old,))

    assert desk.orders == []


def test_resting_orders_expire_with_their_day():
    desk = DeskScript(config={"entry_patience_s": 1e6}).start()
    desk.bar(101.0)

    desk.now = TEN_O_CLOCK + timedelta(days=1)
    desk.tick()

    assert desk.orders == []
    assert any(r.kind == "order" and r.payload["status"] == "EXPIRED" for r in desk.journal)


def test_a_fill_without_known_charges_is_told():
    desk = DeskScript(instruments=()).start(deployment=False)
    desk.venue.orders["X1"] = a_venue_order(venue_order_id="X1", instrument="MCX:GOLD")
    desk.venue.fill("X1", 10, "101", desk.now)

    desk.read_books()

    assert "charges" in desk.inbox
    assert desk.engine.views(desk.now)["portfolio"]["live"]["pnl_today"]["charges"] == "0.00"


@pytest.mark.parametrize("via", list(Via))
def test_a_venue_position_that_agrees_is_no_difference(via):
    desk = a_long_desk()

    desk.read_books(positions=(a_venue_position(99),))
    desk.read_books(positions=(a_venue_position(99),))

    assert desk.inbox == set()
    assert via


def test_an_exit_does_not_sell_what_a_brokers_unseen_square_off_has_closed():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.venue.orders.clear()  # the next morning's books: the position ended while no desk was there
    desk.venue.trades.clear()
    desk.now += timedelta(days=1)
    desk.restart()

    desk.act("exit_all", book="live")
    desk.pass_time(60)

    assert len(desk.placed) == 1
    assert "position" in desk.inbox


def test_an_exit_sells_what_of_its_position_the_venue_still_holds():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    held = desk.held
    desk.venue.carried["NSE:RELIANCE"] = Decimal(-30)
    desk.read_books()

    desk.act("exit_all", book="live")
    desk.fill()
    desk.pass_time(60)

    assert [p.order.intent.quantity for p in desk.placed] == [held, held - 30]


def test_an_exit_that_waited_for_the_books_to_agree_goes_once_they_do():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    held = desk.held
    desk.read_books(positions=())

    desk.act("exit_all", book="live")
    assert len(desk.placed) == 1
    desk.read_books()

    assert [p.order.intent.quantity for p in desk.placed] == [held, held]
