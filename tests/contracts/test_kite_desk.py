"""What the desk makes of a venue's worse habits; the rows of `kite_failures` that are no adapter's matter."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import OrderStatus, Side
from execution.domain.commands import Alert, Level
from execution.domain.events import FailedTrigger, FeedChanged, Link, SendOutcome, SendResult, TriggersRead
from tests.builders import TEN_O_CLOCK
from tests.execution.domain.desk_script import DeskScript


def inbox(desk):
    return {row["kind"]: row["sentence"] for row in desk.engine.views(desk.now)["inbox"].values()}


def alarms(desk):
    return [
        command.sentence for command in desk.commands if isinstance(command, Alert) and command.level is Level.URGENT
    ]


def refuse_for_the_address(desk, client_id):
    desk.run(
        SendOutcome(
            at=desk.now,
            client_id=client_id,
            result=SendResult.REJECTED,
            message="Your IP is not whitelisted",
            code="venue.egress",
        )
    )


# The address -----------------------------------------------------------------------------------


def a_desk_at_a_wrong_address():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    refuse_for_the_address(desk, desk.placed[-1].order.client_id)
    return desk


def test_a_refused_address_halts_entries_with_an_alarm():
    desk = a_desk_at_a_wrong_address()
    sent = len(desk.placed)

    desk.bar(95.0)
    desk.bar(101.0)

    assert len(desk.placed) == sent
    assert "takes no orders from this desk's address" in inbox(desk)["egress"]
    assert any("address" in sentence for sentence in alarms(desk))


def test_a_person_who_registered_the_address_lets_entries_go_on():
    desk = a_desk_at_a_wrong_address()
    sent = len(desk.placed)

    desk.act("resolve", kind="egress", subject="address", reason="registered at the venue")
    desk.bar(95.0)
    desk.bar(101.0)

    assert len(desk.placed) == sent + 1


# Orders that hang ------------------------------------------------------------------------------


def a_hanging_order():
    """An entry of which the venue says only that it is being validated."""
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    row = desk.venue.take(desk.placed[-1], desk.now)
    row = replace(row, status=OrderStatus.ACCEPTED, venue_status="VALIDATION PENDING")
    desk.venue.orders[row.venue_order_id] = row
    desk.answer(desk.placed[-1].order.client_id, SendResult.CONFIRMED, venue_order_id=row.venue_order_id)
    return desk, row


def test_an_order_that_hangs_is_told_cancelled_and_not_repeated():
    desk, row = a_hanging_order()

    for _ in range(8):
        desk.pass_time(5)
        desk.read_books()

    assert len(desk.placed) == 1
    assert "VALIDATION PENDING" in inbox(desk)["stuck"]
    assert desk.cancels
    order = desk.engine.order(desk.placed[0].order.client_id)
    assert (order.status, order.intent.quantity > 0) == (OrderStatus.ACCEPTED, True)

    desk.venue.end(row.venue_order_id, OrderStatus.CANCELLED)
    desk.read_books()
    assert "stuck" not in inbox(desk)


# What the exchange or the broker does by itself ------------------------------------------------


def test_an_exit_that_the_exchange_cancels_is_placed_anew():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    exits = [command for command in desk.placed if command.order.intent.side is Side.SELL]

    desk.venue_ends(OrderStatus.CANCELLED, "Order price is outside the execution range")
    desk.pass_time(20)

    again = [command for command in desk.placed if command.order.intent.side is Side.SELL]
    assert len(again) == len(exits) + 1
    assert again[-1].order.intent.quantity == exits[-1].order.intent.quantity


def test_an_entry_that_the_exchange_cancels_is_given_up_and_its_part_is_kept():
    desk = DeskScript().start()
    desk.bar(101.0)
    whole = desk.placed[-1].order.intent.quantity
    desk.fill(Decimal(5))

    desk.venue_ends(OrderStatus.CANCELLED, "Order cancelled by the exchange")
    desk.pass_time(20)

    assert len(desk.placed) == 1
    assert desk.held == 5 < whole


# A day that is none ----------------------------------------------------------------------------

AFTER_THE_OPEN = TEN_O_CLOCK.replace(hour=3, minute=46, second=5)  # 09:16:05 IST


def test_a_trading_day_without_a_first_price_is_told_and_nothing_is_entered():
    desk = DeskScript(at=AFTER_THE_OPEN - timedelta(minutes=10), config={"is_real_market": True})
    desk.take_over()
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick(95.0, at=desk.now - timedelta(days=1))  # what was cached
    desk.read_books_if_wanted()
    desk.deploy()
    assert "no_ticks" not in inbox(desk)

    desk.pass_time(660, ticking=False)

    assert "no price has come" in inbox(desk)["no_ticks"]
    assert desk.placed == []

    desk.tick(95.0)
    desk.pass_time(60)
    assert "no_ticks" not in inbox(desk)


@pytest.mark.parametrize(
    ("at", "config"),
    [
        (AFTER_THE_OPEN, {"is_real_market": False}),
        (AFTER_THE_OPEN + timedelta(hours=9), {"is_real_market": True}),
        (AFTER_THE_OPEN + timedelta(days=5), {"is_real_market": True}),
    ],
    ids=["a simulated market", "after the close", "a Sunday"],
)
def test_no_price_is_missed_where_none_is_due(at, config):
    desk = DeskScript(at=at, config=config)
    desk.take_over()
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))

    desk.pass_time(300, ticking=False)

    assert "no_ticks" not in inbox(desk)


# Orders that wait at the venue -----------------------------------------------------------------


def a_failure(desk, trigger_id="77", days=0):
    fired_at = desk.now - timedelta(days=days)
    return FailedTrigger(trigger_id=trigger_id, instrument="NSE:RELIANCE", reason="no funds", fired_at=fired_at)


def test_a_trigger_that_fired_in_vain_is_an_alarm_once():
    desk = DeskScript().start(deployment=False)
    read = TriggersRead(at=desk.now, failures=(a_failure(desk),))

    desk.run(read)
    assert "no funds" in inbox(desk)["trigger_failed"]
    assert len(alarms(desk)) == 1

    desk.act("resolve", kind="trigger_failed", subject="77", reason="sold by hand")
    desk.run(read)
    assert (len(alarms(desk)), "trigger_failed" in inbox(desk)) == (1, False)


def test_a_trigger_of_an_earlier_day_is_no_news():
    desk = DeskScript().start(deployment=False)

    desk.run(TriggersRead(at=desk.now, failures=(a_failure(desk, days=2),)))

    assert "trigger_failed" not in inbox(desk)
