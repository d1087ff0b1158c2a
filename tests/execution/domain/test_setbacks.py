"""What keeps orders from working is told until it is over: a wrong address, a hanging order, a mute open, a vain trigger."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from brokers.domain.orders import Book, OrderStatus
from execution.domain.events import FailedTrigger, FeedChanged, Link, SendOutcome, SendResult, TriggersRead
from execution.domain.setbacks import FIRST_TICK
from tests.execution.domain.desk_script import DeskScript

ADDRESS_REFUSED = {"result": SendResult.REJECTED, "code": "venue.egress", "message": "this address is not registered"}
BEFORE_OPEN = datetime(2026, 7, 14, 3, 0, tzinfo=UTC)  # 08:30 in India, on a Tuesday
OPEN_S = 45 * 60
REAL = {"is_real_market": True}


def with_an_entry(**given):
    desk = DeskScript(obedient=True, **given).start()
    desk.obedient = False
    desk.bar(105.0)
    return desk


def heard(desk, *, client_id="", **answer):
    desk.run(SendOutcome(at=desk.now, client_id=client_id or desk.placed[-1].order.client_id, **answer))


def test_an_address_that_the_venue_refuses_halts_entries():
    desk = with_an_entry()

    heard(desk, **ADDRESS_REFUSED)
    desk.bar(85.0)
    desk.bar(106.0)

    assert "egress" in desk.inbox
    assert any("takes no orders from this desk's address" in sentence for sentence in desk.alerts)
    assert len(desk.placed) == 1


def test_an_exit_is_still_tried_and_one_that_the_venue_takes_ends_the_halt():
    desk = DeskScript().start()
    desk.bar(105.0)
    desk.fill()
    desk.obedient = False
    desk.bar(85.0)
    heard(desk, **ADDRESS_REFUSED)
    was_told = "egress" in desk.inbox

    desk.pass_time(20)
    desk.accept(desk.placed[-1])

    assert was_told
    assert [command.order.intent.purpose for command in desk.placed] == ["ENTRY", "EXIT", "EXIT"]
    assert "egress" not in desk.inbox


@pytest.mark.parametrize("answer", [{"client_id": "W9"}, {"code": "order.rejected"}])
def test_a_refusal_that_says_nothing_of_our_address_halts_nothing(answer):
    desk = with_an_entry()

    heard(desk, **{**ADDRESS_REFUSED, **answer})

    assert "egress" not in desk.inbox


def test_a_paper_order_knows_no_address():
    desk = with_an_entry(book=Book.PAPER)

    heard(desk, **ADDRESS_REFUSED)

    assert "egress" not in desk.inbox


def test_an_order_that_neither_works_nor_ends_is_told_until_it_does():
    desk = with_an_entry()
    row = replace(desk.venue.take(desk.placed[0], desk.now), status=OrderStatus.ACCEPTED, venue_status="OPEN PENDING")
    desk.venue.orders[row.venue_order_id] = row
    desk.answer(desk.placed[0].order.client_id, SendResult.CONFIRMED, venue_order_id=row.venue_order_id)
    desk.read_books()
    at_once = "stuck" in desk.inbox

    desk.now += timedelta(seconds=31)
    desk.read_books()
    later = "stuck" in desk.inbox
    desk.venue.orders[row.venue_order_id] = replace(row, status=OrderStatus.OPEN, venue_status="OPEN")
    desk.read_books()

    assert (at_once, later, "stuck" in desk.inbox) == (False, True, False)
    assert any("OPEN PENDING" in sentence for sentence in desk.alerts)


def test_a_trigger_that_fired_in_vain_is_told_once_and_one_of_another_day_never():
    desk = DeskScript().start()
    fresh = FailedTrigger(trigger_id="G1", instrument="NSE:RELIANCE", reason="margin", fired_at=desk.now)
    old = replace(fresh, trigger_id="G0", fired_at=desk.now - timedelta(days=1))

    desk.run(TriggersRead(at=desk.now, failures=(old, fresh)))
    desk.run(TriggersRead(at=desk.now, failures=(old, fresh)))

    assert [subject for kind, subject in desk.engine.state.discrepancies if kind == "trigger_failed"] == ["G1"]
    assert len([sentence for sentence in desk.alerts if "good-till-triggered" in sentence]) == 1


def connected_before_the_open(**given):
    desk = DeskScript(at=given.pop("at", BEFORE_OPEN), config=REAL, **given)
    desk.take_over()
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    return desk


def test_an_open_without_a_price_is_told_until_one_comes():
    desk = connected_before_the_open()
    desk.deploy()
    early = "no_ticks" in desk.inbox

    desk.pass_time(OPEN_S + 61, ticking=False)
    mute = "no_ticks" in desk.inbox
    desk.tick()
    desk.pass_time(31)

    assert (early, mute, "no_ticks" in desk.inbox) == (False, True, False)
    assert any("a holiday that the calendar does not know" in sentence for sentence in desk.alerts)


def test_a_market_to_which_nobody_listens_is_not_called_mute():
    desk = connected_before_the_open()
    desk.deploy()
    desk.run(FeedChanged(at=desk.now, state=Link.SILENT))

    desk.pass_time(OPEN_S + 120, ticking=False)

    assert "no_ticks" not in desk.inbox
    assert desk.timers[FIRST_TICK] <= desk.now + timedelta(seconds=30)


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(datetime(2026, 7, 12, 6, 0, tzinfo=UTC), id="a Sunday"),
        pytest.param(datetime(2026, 7, 14, 12, 0, tzinfo=UTC), id="after the close"),
        pytest.param(datetime(2049, 7, 14, 6, 0, tzinfo=UTC), id="a year without a calendar"),
    ],
)
def test_where_no_market_opens_today_the_next_day_is_looked_at(at):
    desk = DeskScript(at=at, config=REAL)

    desk.take_over()

    assert "no_ticks" not in desk.inbox
    assert desk.timers[FIRST_TICK] == at.replace(hour=18, minute=30, second=1)  # just past midnight in India
