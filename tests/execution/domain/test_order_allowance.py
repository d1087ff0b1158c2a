"""The venue's day of orders, turns that never came, and exits that run out of modifications."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from brokers.domain.allowance import KITE_ALLOWANCE
from brokers.domain.orders import Book, Purpose
from execution.domain.commands import Alert, Level
from execution.domain.events import SendOutcome, SendResult, SessionChanged, SessionState, Write
from tests.builders import a_venue_order
from tests.execution.domain.desk_script import SELL, DeskScript


def a_share(**numbers):
    return replace(KITE_ALLOWANCE.desk, **numbers)


def a_long_desk(**options):
    desk = DeskScript(**options).start()
    desk.bar(101.0)
    desk.fill()
    return desk


def show_others(desk, count):
    """Let the venue's book hold orders placed elsewhere."""
    for number in range(count):
        row = a_venue_order(venue_order_id=f"X{number}", tags=(), placed_at=desk.now)
        desk.venue.orders[row.venue_order_id] = row
    desk.read_books()


def end_turn(desk, command, *, result=SendResult.NOT_SENT, code="permit.late"):
    desk.run(
        SendOutcome(
            at=desk.now, client_id=command.order.client_id, result=result, write=Write.PLACE, message="no", code=code
        )
    )


def urgent(desk):
    return [c.sentence for c in desk.commands if isinstance(c, Alert) and c.level is Level.URGENT]


def headroom(desk, name):
    row = desk.engine.views(desk.now)["risk"][name]
    return row["used"], row["limit"]


# --- the venue's day


def test_orders_of_others_count_towards_the_venues_day():
    desk = a_long_desk()

    show_others(desk, 3)

    assert headroom(desk, "orders_at_venue") == ("4", "5000")


def test_the_day_is_known_again_after_a_takeover():
    desk = a_long_desk()
    show_others(desk, 2)

    desk.restart()

    assert headroom(desk, "orders_at_venue") == ("3", "5000")


def test_entries_end_at_the_soft_stop_and_say_both_numbers():
    desk = DeskScript(config={"order_share": a_share(entries_per_day=4)}).start()
    show_others(desk, 4)

    desk.bar(101.0)

    row = next(r for r in desk.journal if r.kind == "refusal")
    assert row.payload["rule"] == "venue_orders"
    assert "4 of the venue's 5,000 orders a day are used, entries end at 4" in row.payload["reason"]
    assert "order_soft_stop" in desk.inbox
    assert desk.placed == []


def test_exits_still_go_after_the_soft_stop():
    desk = a_long_desk(config={"order_share": a_share(entries_per_day=2)})
    show_others(desk, 5)

    desk.bar(95.0)
    desk.fill()

    assert desk.held == 0


def test_at_the_cap_an_exit_stays_queued_and_the_screen_says_to_call_the_broker():
    desk = a_long_desk(config={"order_share": a_share(entries_per_day=2, per_day=4)})
    show_others(desk, 3)

    desk.bar(95.0)

    [position] = desk.engine.views(desk.now)["positions"].values()
    assert "Call the broker" in position["queued_exit"]
    assert "order_cap" in desk.inbox
    assert any("4 of the venue's 5,000 orders" in sentence for sentence in urgent(desk))
    assert any("are the guardian's" in sentence for sentence in urgent(desk))
    assert len(desk.placed) == 1


def test_cancels_still_go_at_the_cap():
    desk = DeskScript(config={"order_share": a_share(entries_per_day=2, per_day=2)}).start()
    desk.bar(101.0)
    show_others(desk, 3)

    desk.pass_time(11)

    assert len(desk.cancels) == 1


def test_the_venues_own_word_that_the_day_is_used_up_alarms():
    desk = DeskScript(obedient=False).start(deployment=False)
    desk.read_books()
    desk.obedient = True
    desk.deploy()
    desk.obedient = False
    desk.bar(101.0)

    desk.answer(desk.placed[0].order.client_id, SendResult.REJECTED, message="Maximum allowed order requests exceeded.")

    assert "order_cap" in desk.inbox
    assert any("Call the broker" in sentence for sentence in urgent(desk))


def test_a_new_day_begins_with_none():
    desk = a_long_desk(config={"order_share": a_share(entries_per_day=2)})
    show_others(desk, 3)
    desk.venue.orders.clear()
    desk.venue.trades.clear()

    desk.now += timedelta(days=1)
    desk.tick()
    desk.read_books()

    assert headroom(desk, "orders_at_venue") == ("0", "5000")
    assert "order_soft_stop" not in desk.inbox


def test_paper_orders_are_none_of_the_venues():
    desk = DeskScript(book=Book.PAPER, config={"order_share": a_share(entries_per_day=1, per_day=1)}).start()
    show_others(desk, 2)

    desk.bar(101.0)

    assert len(desk.placed) == 1


# --- a turn that never came


def test_an_entry_whose_turn_did_not_come_is_decided_anew_and_not_lost():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    first = desk.placed[0]

    end_turn(desk, first)
    desk.obedient = True
    desk.pass_time(1)

    again = desk.placed[1].order
    assert again.intent.purpose is Purpose.ENTRY
    assert again.client_id != first.order.client_id
    assert desk.orders[0].status == "NOT_SENT"
    assert headroom(desk, "orders_at_venue")[0] == headroom(desk, "orders_per_day")[0] == "1"


def test_an_entry_is_not_decided_anew_for_ever():
    desk = DeskScript(config={"entry_age_s": 3.0}).start()
    desk.obedient = False
    desk.bar(101.0)

    for _ in range(20):
        if not desk.placed[-1].order.client_id or desk.orders[-1].is_final:
            break
        end_turn(desk, desk.placed[-1])
        desk.pass_time(1)

    assert desk.refusals[-1] == "stale_goal"
    assert len(desk.placed) == 4


def test_an_exit_whose_turn_did_not_come_goes_again_at_once_and_is_no_failure():
    desk = a_long_desk()
    desk.obedient = False
    desk.bar(95.0)

    for _ in range(8):
        end_turn(desk, desk.placed[-1])
        desk.pass_time(0.5)

    assert len(desk.placed) == 1 + 9
    assert desk.placed[-1].order.intent.side is SELL
    assert "unprotected" not in desk.inbox


def test_a_restart_between_a_missed_turn_and_the_next_loses_nothing():
    desk = a_long_desk()
    desk.obedient = False
    desk.bar(95.0)
    end_turn(desk, desk.placed[-1])

    desk.obedient = True
    desk.restart()
    desk.pass_time(1)
    desk.fill()

    assert desk.held == 0


def test_too_many_requests_is_an_alarm_and_the_exit_goes_again():
    desk = a_long_desk()
    desk.obedient = False
    desk.bar(95.0)

    end_turn(desk, desk.placed[-1], result=SendResult.REJECTED, code="venue.throttled")
    alarmed = "throttled" in desk.inbox
    desk.obedient = True
    desk.pass_time(1)

    assert alarmed
    assert any("too many orders" in sentence for sentence in urgent(desk))
    assert len(desk.placed) == 3
    assert "throttled" not in desk.inbox


def test_while_the_venue_lets_nobody_in_each_try_of_an_exit_waits_longer():
    desk = a_long_desk()
    desk.obedient = False
    desk.bar(95.0)
    sent = []
    for _ in range(400):
        if desk.placed[-1].order.client_id not in {client_id for client_id, _ in sent}:
            sent.append((desk.placed[-1].order.client_id, desk.now))
            end_turn(desk, desk.placed[-1], result=SendResult.NOT_SENT, code="venue.throttled")
        desk.pass_time(0.25)

    gaps = [(b - a).total_seconds() for (_, a), (_, b) in pairwise(sent)]
    assert [round(gap) for gap in gaps[1:5]] == [1, 2, 4, 8]
    assert max(gaps) < 10


def test_a_receipt_that_its_fill_overtook_still_says_that_the_venue_takes_orders():
    desk = a_long_desk()
    desk.obedient = False
    desk.bar(95.0)
    end_turn(desk, desk.placed[-1], result=SendResult.REJECTED, code="venue.throttled")
    desk.pass_time(1)
    exit_ = desk.placed[-1]
    row = desk.venue.take(exit_, desk.now)
    desk.show(row)
    desk.fill()
    alarmed = "throttled" in desk.inbox

    desk.answer(exit_.order.client_id, SendResult.CONFIRMED, venue_order_id=row.venue_order_id)

    assert alarmed
    assert desk.held == 0
    assert "throttled" not in desk.inbox


def test_an_entry_that_the_venue_throttled_is_given_up():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)

    end_turn(desk, desk.placed[-1], result=SendResult.REJECTED, code="venue.throttled")
    desk.obedient = True
    desk.pass_time(5)

    assert len(desk.placed) == 1


# --- an exit that rests


def test_an_exit_out_of_modifications_is_cancelled_and_placed_anew():
    desk = a_long_desk(config={"max_modifications": 2})

    desk.bar(95.0)
    desk.pass_time(11)

    assert len(desk.cancels) == 1
    assert [c.order.intent.purpose for c in desk.placed[1:]] == [Purpose.EXIT, Purpose.EXIT]
    assert "exit_stuck" in desk.inbox
    desk.fill()
    assert desk.held == 0


def test_no_order_is_ever_modified_more_often_than_the_venue_allows():
    share = a_share(modifications_per_order=25)
    desk = a_long_desk(config={"max_modifications": 100, "order_share": share, "exit_patience_s": 1.0})

    desk.bar(95.0)
    for step in range(80):
        desk.tick(95.0 - step * 0.05)
        desk.pass_time(1.01)

    by_order = [modify.client_id for modify in desk.modifies]
    assert max(by_order.count(client_id) for client_id in by_order) == 25
    assert len(desk.placed) > 2


def test_only_what_is_left_is_placed_anew():
    desk = a_long_desk(config={"max_modifications": 1})
    desk.bar(95.0)
    desk.fill(40)

    desk.pass_time(8)

    assert [c.order.intent.quantity for c in desk.placed[1:]] == [Decimal(99), Decimal(59)]


def test_an_exit_keeps_its_place_in_the_queue_when_no_better_price_is_known():
    desk = a_long_desk(config={"max_modifications": 8})
    desk.bar(95.0)
    desk.pass_time(60)

    # the band ends the ladder: the same price again is no reason to lose the place
    assert desk.cancels == []
    assert len(desk.modifies) < 8


def test_a_fill_during_the_cancel_is_not_sold_twice():
    desk = a_long_desk(config={"max_modifications": 1})
    desk.bar(95.0)
    desk.pass_time(3)
    desk.obedient = False
    desk.pass_time(4)
    order = desk.working[-1]

    desk.fill()
    desk.obedient = True
    desk.pass_time(5)

    assert [c.client_id for c in desk.cancels] == [order.client_id]
    assert desk.held == 0
    assert len(desk.placed) == 2


def test_a_cancel_whose_turn_never_came_is_asked_for_again_at_once():
    desk = a_long_desk(config={"max_modifications": 1})
    desk.bar(95.0)
    desk.pass_time(3)
    desk.obedient = False
    desk.pass_time(4)
    [cancel] = desk.cancels

    late = {"result": SendResult.NOT_SENT, "write": Write.CANCEL, "message": "no", "code": "permit.late"}
    desk.run(SendOutcome(at=desk.now, client_id=cancel.client_id, **late))
    desk.pass_time(0.3)

    assert [c.client_id for c in desk.cancels] == [cancel.client_id] * 2
    assert desk.cancels[1].send_by > cancel.send_by


def test_new_prices_are_sent_while_they_are_young_and_cancels_until_another_is_asked_for():
    desk = a_long_desk(config={"max_modifications": 1})
    desk.bar(95.0)
    desk.pass_time(8)

    asked = [row for row in desk.journal if row.kind == "write"]
    by_write = {row.payload["write"]: row.at for row in reversed(asked)}
    assert desk.modifies[0].send_by - by_write["modify"] == timedelta(seconds=desk.config.send_within_s)
    assert desk.cancels[0].send_by - by_write["cancel"] == timedelta(seconds=desk.config.open_read_s)


def test_modifications_are_counted_again_after_a_takeover():
    desk = a_long_desk(config={"max_modifications": 2})
    desk.bar(95.0)
    desk.pass_time(7)
    before = len(desk.modifies)

    desk.restart()
    desk.pass_time(4)

    assert before == 2
    assert len(desk.modifies) == 2
    assert len(desk.cancels) == 1


def test_nothing_is_chased_while_the_session_is_dead():
    desk = a_long_desk(config={"max_modifications": 1})
    desk.bar(95.0)
    desk.run(SessionChanged(at=desk.now, state=SessionState.NEEDS_LOGIN, reason="the token died"))

    desk.pass_time(10)

    assert desk.modifies == []
    assert desk.cancels == []


def test_an_exit_of_everything_ends_an_entry_that_waits_to_be_tried_again():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    end_turn(desk, desk.placed[0])

    desk.act("exit_all", book="live")
    desk.pass_time(5)

    assert len(desk.placed) == 1
    assert desk.held == 0


def test_an_exit_of_another_book_lets_an_entry_be_tried_again():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    end_turn(desk, desk.placed[0])

    desk.act("exit_all", book="paper")
    desk.pass_time(1)

    assert len(desk.placed) == 2


def test_a_cancel_between_two_tries_of_an_order_ends_it_for_good():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    end_turn(desk, desk.placed[0])

    done = desk.act("cancel_order", client_id=desk.placed[0].order.client_id)
    desk.pass_time(5)

    assert done.ok
    assert done.outcome == "nothing of it was sent, and it is not tried again"
    assert len(desk.placed) == 1


def test_an_order_that_another_has_followed_is_not_cancelled_in_its_place():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    end_turn(desk, desk.placed[0])
    desk.pass_time(1)

    done = desk.act("cancel_order", client_id=desk.placed[0].order.client_id)

    assert not done.ok
    assert not desk.orders[1].cancel_wanted


def test_a_cancel_of_an_order_that_was_given_up_says_so():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    end_turn(desk, desk.placed[0], code="permit.stale")

    done = desk.act("cancel_order", client_id=desk.placed[0].order.client_id)

    assert not done.ok
