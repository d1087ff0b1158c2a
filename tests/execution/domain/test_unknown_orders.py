"""Placements without an answer: looked up, never resent, proven absent by evidence alone."""

from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import Book, OrderStatus, Purpose, UnreadableRow
from execution.domain.events import OrderSeen, SendResult, Via
from tests.builders import DEPLOYMENT, TEN_O_CLOCK, a_trade, a_venue_order
from tests.execution.domain.desk_script import BUY, DeskScript


def a_desk_in_doubt(*, earlier: bool = True, **options) -> DeskScript:
    """Return a desk whose entry got no answer, after a finished round trip if `earlier`."""
    desk = DeskScript(**options).start()
    if earlier:
        desk.bar(101.0)
        desk.fill()
        desk.bar(95.0)
        desk.fill()
    desk.obedient = False
    desk.bar(101.0)
    desk.answer(desk.orders[-1].client_id, SendResult.AMBIGUOUS, message="timed out")
    return desk


def the_doubtful(desk):
    return desk.orders[-1]


def look(desk, seconds, **changes):
    desk.now += timedelta(seconds=seconds)
    desk.read_books(**changes)


def test_an_ambiguous_answer_is_unknown_and_asks_the_books():
    desk = a_desk_in_doubt()

    assert the_doubtful(desk).status is OrderStatus.UNKNOWN
    assert desk.reads_wanted
    assert any(name.startswith("look_up:") for name in desk.timers)


def test_look_ups_come_after_1_2_4_8_16_and_then_every_30_seconds():
    desk = a_desk_in_doubt()
    began, seen = desk.now, []

    for _ in range(7):
        name = next(n for n in desk.timers if n.startswith("look_up:"))
        desk.pass_time((desk.timers[name] - desk.now).total_seconds(), ticking=False)
        seen.append((desk.now - began).total_seconds())

    assert seen == [1, 3, 7, 15, 31, 61, 91]


def test_entries_of_the_underlying_wait_for_the_doubt():
    desk = a_desk_in_doubt()
    desk.obedient = True
    desk.deploy("99999999-2222-4333-8444-555566667777")

    desk.bar(101.0)

    assert desk.refusals == ["unknown_outcome"]
    assert len(desk.placed) == 3


def test_a_row_with_our_tag_ends_the_doubt():
    desk = a_desk_in_doubt()
    row = desk.venue.take(desk.placed[-1], desk.now)

    look(desk, 5)

    assert the_doubtful(desk).status is OrderStatus.OPEN
    assert the_doubtful(desk).venue_order_id == row.venue_order_id


def test_two_early_look_ups_prove_nothing():
    desk = a_desk_in_doubt()

    look(desk, 1)
    look(desk, 100)

    assert the_doubtful(desk).status is OrderStatus.UNKNOWN


def test_one_late_look_up_proves_nothing():
    desk = a_desk_in_doubt()

    look(desk, 130)

    assert the_doubtful(desk).status is OrderStatus.UNKNOWN


def test_two_look_ups_and_two_minutes_prove_absence():
    desk = a_desk_in_doubt()

    look(desk, 60)
    look(desk, 61)

    assert the_doubtful(desk).status is OrderStatus.NOT_PLACED
    assert len(desk.placed) == 3


def test_a_read_that_began_before_the_last_byte_counts_for_nothing():
    desk = a_desk_in_doubt()
    before = desk.now - timedelta(seconds=1)

    look(desk, 1, started_at=before)

    assert the_doubtful(desk).look_ups.count == 0


def test_a_book_without_an_earlier_order_leaves_it_to_a_human():
    desk = a_desk_in_doubt(earlier=False)

    look(desk, 60)
    look(desk, 61)

    assert the_doubtful(desk).status is OrderStatus.UNKNOWN
    assert "unknown" in desk.inbox


def test_a_twin_in_the_book_vetoes_absence():
    desk = a_desk_in_doubt()
    twin = a_venue_order(venue_order_id="X1", quantity=the_doubtful(desk).intent.quantity, placed_at=desk.now)

    look(desk, 60, orders=(*desk.venue.orders.values(), twin))
    look(desk, 61, orders=(*desk.venue.orders.values(), twin))

    assert the_doubtful_ours(desk).status is OrderStatus.UNKNOWN
    assert "unknown" in desk.inbox


def the_doubtful_ours(desk):
    return next(o for o in desk.orders if o.status is OrderStatus.UNKNOWN)


def test_positions_that_disagree_veto_absence():
    desk = a_desk_in_doubt()
    desk.venue.carried["NSE:RELIANCE"] = Decimal(99)

    look(desk, 60)
    look(desk, 61)

    assert the_doubtful(desk).status is OrderStatus.UNKNOWN


def test_an_order_seen_after_its_absence_was_proven_is_late_and_cancelled():
    desk = a_desk_in_doubt()
    look(desk, 60)
    look(desk, 61)
    desk.obedient = True

    desk.show(desk.venue.take(desk.placed[-1], desk.now))

    assert "late" in desk.inbox
    assert len(desk.cancels) == 1
    assert the_doubtful(desk).status is OrderStatus.CANCELLED


def test_an_order_that_was_wholly_filled_before_it_was_late_is_counted():
    desk = a_desk_in_doubt()
    look(desk, 60)
    look(desk, 61)
    row = desk.venue.take(desk.placed[-1], desk.now)
    desk.venue.fill(row.venue_order_id, 99, "101", desk.now)

    look(desk, 1)

    assert the_doubtful(desk).status is OrderStatus.FILLED
    assert desk.held == Decimal(99)
    assert "late" in desk.inbox


def test_an_unknown_exit_consumes_what_may_be_closed():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.obedient = False
    desk.act("exit_all")
    desk.answer(desk.orders[-1].client_id, SendResult.AMBIGUOUS)

    desk.act("exit_all")

    assert [p.order.intent.purpose for p in desk.placed] == [Purpose.ENTRY, Purpose.EXIT]
    assert desk.refusals == []


def test_an_unknown_entry_does_not_hinder_an_exit():
    desk = a_long_and_doubtful()

    desk.act("exit_all")

    assert desk.placed[-1].order.intent.reduce_only
    assert desk.placed[-1].order.intent.quantity == Decimal(99)


def a_long_and_doubtful():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.obedient = False
    other = "99999999-2222-4333-8444-555566667777"
    desk.obedient = True
    desk.deploy(other, product="NRML")
    desk.obedient = False
    desk.bar(101.0)
    desk.answer(desk.placed[-1].order.client_id, SendResult.AMBIGUOUS)
    return desk


def test_what_is_unknown_at_the_days_end_is_unproven_and_blocks_entries():
    desk = a_desk_in_doubt()

    desk.now = TEN_O_CLOCK + timedelta(days=1)
    desk.venue.orders.clear()
    desk.tick()

    assert the_doubtful(desk).status is OrderStatus.UNPROVEN
    assert "unproven" in desk.inbox
    desk.obedient = True
    desk.reads_wanted = 1
    desk.read_books_if_wanted()
    desk.bar(101.0)
    desk.bar(95.0)
    desk.bar(101.0)
    assert len(desk.placed) == 3


def test_a_human_may_settle_what_was_never_proven():
    desk = a_desk_in_doubt(earlier=False)

    done = desk.act("settle_order", client_id=the_doubtful(desk).client_id, verdict="not_placed", reason="asked them")

    assert done.ok
    assert the_doubtful(desk).status is OrderStatus.NOT_PLACED
    assert not desk.act("settle_order", client_id=the_doubtful(desk).client_id, verdict="not_placed").ok


def test_the_venues_late_definite_no_ends_the_doubt():
    desk = a_desk_in_doubt()

    desk.answer(the_doubtful(desk).client_id, SendResult.REJECTED, message="margin")

    assert the_doubtful(desk).status is OrderStatus.REJECTED


def test_a_doubt_about_an_order_already_seen_is_none():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    row = desk.venue.take(desk.placed[0], desk.now)
    desk.show(row)

    desk.answer(desk.placed[0].order.client_id, SendResult.AMBIGUOUS)

    assert the_doubtful(desk).status is OrderStatus.OPEN


def test_a_killed_unknown_entry_is_cancelled_on_sight():
    desk = a_desk_in_doubt()
    desk.act("kill", scope="account", reason="stop")

    desk.obedient = True
    desk.show(desk.venue.take(desk.placed[-1], desk.now))

    assert the_doubtful(desk).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.REJECTED])
def test_a_doubt_may_end_in_the_venues_own_end(status):
    desk = a_desk_in_doubt()
    row = desk.venue.take(desk.placed[-1], desk.now)

    desk.run(OrderSeen(at=desk.now, order=desk.venue.end(row.venue_order_id, status), via=Via.BOOK, book=Book.LIVE))

    assert the_doubtful(desk).status is status


def test_a_trade_of_an_order_nobody_knows_asks_the_books():
    desk = DeskScript().start()
    desk.obedient = False
    from execution.domain.events import TradeSeen

    desk.run(TradeSeen(at=desk.now, trade=a_trade(venue_order_id="nobody's", side=BUY)))

    assert desk.reads_wanted
    assert desk.held == 0
    assert DEPLOYMENT in desk.engine.state.deployments


def test_an_entry_that_surfaces_after_its_patience_is_given_up_like_any_other():
    desk = a_desk_in_doubt()
    desk.pass_time(desk.config.entry_patience_s + 5)
    desk.venue.take(desk.placed[-1], desk.now)
    desk.read_books()
    assert the_doubtful(desk).status is OrderStatus.OPEN

    desk.pass_time(desk.config.entry_patience_s + 1)

    assert [c.client_id for c in desk.cancels] == [the_doubtful(desk).client_id]


def test_an_exit_that_surfaces_after_its_patience_reaches_further():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.obedient = False
    desk.bar(95.0)
    desk.answer(desk.orders[-1].client_id, SendResult.AMBIGUOUS, message="timed out")
    desk.pass_time(desk.config.exit_patience_s + 5)
    desk.venue.take(desk.placed[-1], desk.now)
    desk.read_books()

    desk.tick(93.0)
    desk.pass_time(desk.config.exit_patience_s + 1)

    assert [c.client_id for c in desk.modifies] == [the_doubtful(desk).client_id]


def test_an_entry_that_surfaces_after_its_goal_was_dropped_is_cancelled_at_once():
    desk = a_desk_in_doubt()
    desk.act("exit_all", book="live")
    desk.act("exit_position", book="live", instrument="NSE:RELIANCE", product="MIS", strategy_key=DEPLOYMENT)
    desk.venue.take(desk.placed[-1], desk.now)

    desk.read_books()

    assert [c.client_id for c in desk.cancels] == [the_doubtful(desk).client_id]


@pytest.mark.parametrize("book", ["orders", "trades", "positions"])
def test_absence_is_not_proven_from_books_with_an_unreadable_row(book):
    desk = a_desk_in_doubt()
    hidden = UnreadableRow(book=book, row_id="X9", instrument=None, reason="'BNPL' is no product")

    look(desk, 60)
    for _ in range(4):
        look(desk, 60, unreadable=(hidden,))

    assert the_doubtful(desk).status is OrderStatus.UNKNOWN
    assert the_doubtful(desk).look_ups.count == 1
    assert "X9" in desk.engine.state.discrepancies["unknown", the_doubtful(desk).client_id][0]
