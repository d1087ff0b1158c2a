import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.domain.errors import Ambiguous, Invalid, NeedsLogin, Rejected, Retryable
from brokers.domain.market import NANOSECONDS
from brokers.ports import LeaseGrant, Receipt
from execution.domain.commands import CancelOrder, ModifyOrder, PlaceOrder
from execution.domain.events import SendResult, Write
from execution.runtime.permit import Permit
from execution.runtime.sender import Sender
from tests.builders import RELIANCE, a_venue_order, an_intent
from tests.execution.test_lease import SteppedClock

NOW = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)


class SpyVenue:
    """Writes bytes after asking, and ends as told."""

    def __init__(self, ends_with=None):
        self.bytes_sent = 0
        self.ends_with = ends_with

    async def place(self, order, instrument, before_write):
        before_write()
        self.bytes_sent += 1
        if self.ends_with is not None:
            raise self.ends_with
        return Receipt(venue_order_id="1")

    async def cancel(self, venue_order_id, before_write):
        before_write()
        self.bytes_sent += 1
        return Receipt(venue_order_id=venue_order_id)

    async def modify(self, order, *, price, trigger_price, before_write):
        return await self.cancel(order.venue_order_id, before_write)


class Marks(list):
    def mark(self, client_id):
        self.append(client_id)


class Desk:
    """A sender with everything it needs, and what it reported."""

    def __init__(self, venue):
        self.venue, self.clock, self.marks, self.reports, self.logins = venue, SteppedClock(), Marks(), [], []
        self.objection = None
        grant = LeaseGrant(
            account_id="a", token=1, incarnation="a", permitted_until_boot_ns=self.clock.ns + 4 * NANOSECONDS
        )
        self.permit = Permit(grant, self.clock)
        self.sender = Sender(
            clock=self.clock,
            permit=self.permit,
            marks=self.marks,
            objection=lambda order: self.objection,
            report=self.reports.append,
            on_needs_login=self.logins.append,
        )

    def place(self, send_by=NOW + timedelta(seconds=2), budget=None):
        asyncio.run(
            self.sender.place(
                PlaceOrder(order=an_approved_order(), send_by=send_by),
                instrument=RELIANCE,
                door=lambda: (self.venue, budget),
            )
        )
        return self.reports[-1]

    def cancel(self, budget=None, **terms):
        asyncio.run(self.sender.cancel(a_cancel(**terms), door=lambda: (self.venue, budget)))
        return self.reports[-1]

    def modify(self, budget=None, **terms):
        door = lambda: (self.venue, budget)  # noqa: E731 - what the desk's shell gives
        asyncio.run(self.sender.modify(a_modify(**terms), order=a_venue_order(), door=door))
        return self.reports[-1]


class SpyBudget:
    """Lets calls go, or keeps them waiting for ever; remembers what was asked and given back."""

    def __init__(self, *, is_open=True):
        self.is_open, self.asked, self.settled = is_open, [], []

    async def acquire(self, kind, *, urgent=False, weight=1):
        self.asked.append((kind, urgent))
        if not self.is_open:
            await asyncio.Event().wait()
        return len(self.asked)

    def settle(self, kind, number):
        assert self.asked[number - 1][0] == kind
        self.settled.append(kind)


class an_approved_order:  # noqa: N801 - reads as a builder; only the gate makes the real one
    client_id = "WAAB1200000001"
    intent = an_intent()


def a_cancel(send_by=NOW + timedelta(seconds=2)):
    return CancelOrder(client_id="WAAB1200000001", venue_order_id="1", book="live", send_by=send_by)


def a_modify(send_by=NOW + timedelta(seconds=2)):
    return ModifyOrder(client_id="WAAB1200000001", venue_order_id="1", book="live", price=Decimal(99), send_by=send_by)


def test_marks_the_order_before_its_bytes_leave():
    desk = Desk(SpyVenue())

    report = desk.place()

    assert (report.result, report.venue_order_id) == (SendResult.CONFIRMED, "1")
    assert (desk.marks, desk.venue.bytes_sent) == (["WAAB1200000001"], 1)


def test_a_process_that_was_paused_past_its_lease_sends_nothing():
    desk = Desk(SpyVenue())
    desk.clock.pass_s(60)

    report = desk.place()

    assert report.result is SendResult.NOT_SENT
    assert (desk.venue.bytes_sent, desk.marks) == (0, [])


def test_a_withdrawn_permit_sends_nothing():
    desk = Desk(SpyVenue())
    desk.permit.withdraw()

    assert desk.place().result is SendResult.NOT_SENT
    assert desk.venue.bytes_sent == 0


def test_an_order_past_its_time_is_not_sent():
    desk = Desk(SpyVenue())

    assert desk.place(send_by=NOW - timedelta(microseconds=1)).result is SendResult.NOT_SENT
    assert desk.venue.bytes_sent == 0


def test_an_order_to_which_the_gate_objects_now_is_not_sent():
    desk = Desk(SpyVenue())
    desk.objection = "kill_switch: engaged"

    report = desk.place()

    assert report.result is SendResult.NOT_SENT
    assert "engaged" in report.message


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Rejected("no"), SendResult.REJECTED),
        (Retryable("no route"), SendResult.NOT_SENT),
        (Ambiguous("no answer"), SendResult.AMBIGUOUS),
    ],
)
def test_tells_how_a_write_ended(error, result):
    desk = Desk(SpyVenue(error))

    assert desk.place().result is result


class UnableVenue(SpyVenue):
    """Cannot build a request, so it never comes to ask."""

    async def place(self, order, instrument, before_write):
        raise Invalid("there is no such product here", code="order.product")

    async def cancel(self, venue_order_id, before_write):
        raise Invalid("this order has no id", code="order.id")


def test_a_request_that_cannot_be_built_is_not_sent():
    desk = Desk(UnableVenue())

    report = desk.place(budget=(budget := SpyBudget()))
    asyncio.run(desk.sender.cancel(a_cancel(), door=lambda: (desk.venue, None)))

    assert (report.result, report.code) == (SendResult.NOT_SENT, "order.product")
    assert (desk.marks, desk.venue.bytes_sent, budget.settled) == ([], 0, ["order"])
    assert (desk.reports[-1].result, desk.reports[-1].write) == (SendResult.NOT_SENT, Write.CANCEL)


def test_an_invalid_answer_after_the_bytes_left_stays_ambiguous():
    desk = Desk(SpyVenue(Invalid("the answer makes no sense")))

    assert desk.place().result is SendResult.AMBIGUOUS
    assert desk.venue.bytes_sent == 1


def test_an_error_nobody_foresaw_leaves_the_order_ambiguous_and_surfaces():
    desk = Desk(SpyVenue(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        desk.place()

    assert desk.reports[-1].result is SendResult.AMBIGUOUS


def test_a_dead_login_is_passed_on():
    desk = Desk(SpyVenue(NeedsLogin("the token died")))

    assert desk.place().result is SendResult.REJECTED
    assert desk.logins == ["the token died"]


def test_a_cancel_needs_the_lease_too():
    desk = Desk(SpyVenue())
    desk.clock.pass_s(60)

    asyncio.run(desk.sender.cancel(a_cancel(), door=lambda: (desk.venue, None)))

    assert (desk.reports[-1].result, desk.reports[-1].write) == (SendResult.NOT_SENT, Write.CANCEL)
    assert desk.venue.bytes_sent == 0


def test_an_order_whose_turn_does_not_come_in_time_is_not_sent():
    desk = Desk(SpyVenue())
    budget = SpyBudget(is_open=False)

    report = desk.place(send_by=NOW + timedelta(milliseconds=20), budget=budget)

    assert (report.result, report.code) == (SendResult.NOT_SENT, "permit.late")
    assert (desk.venue.bytes_sent, desk.marks, budget.settled) == (0, [], [])


@pytest.mark.parametrize("write", ["cancel", "modify"])
def test_a_change_whose_turn_does_not_come_in_time_is_not_sent(write):
    desk = Desk(SpyVenue())
    budget = SpyBudget(is_open=False)

    report = getattr(desk, write)(budget, send_by=NOW + timedelta(milliseconds=20))

    assert (report.result, report.write, report.code) == (SendResult.NOT_SENT, write, "permit.late")
    assert (desk.venue.bytes_sent, budget.settled) == (0, [])


@pytest.mark.parametrize("write", ["cancel", "modify"])
def test_a_change_that_grew_old_after_its_turn_is_stopped_before_its_bytes(write):
    desk = Desk(SpyVenue())

    report = getattr(desk, write)(send_by=NOW - timedelta(microseconds=1))

    assert (report.result, report.write, report.code) == (SendResult.NOT_SENT, write, "permit.late")
    assert desk.venue.bytes_sent == 0


def test_a_change_in_time_goes_out():
    desk = Desk(SpyVenue())

    assert [desk.modify().result, desk.cancel().result] == [SendResult.CONFIRMED, SendResult.CONFIRMED]
    assert desk.venue.bytes_sent == 2


@pytest.mark.parametrize("ends_with", [None, Ambiguous("no answer"), Rejected("no"), ZeroDivisionError()])
def test_a_place_in_the_budget_is_given_back_however_the_write_ends(ends_with):
    desk = Desk(SpyVenue(ends_with))
    budget = SpyBudget()

    with suppress(ZeroDivisionError):
        desk.place(budget=budget)

    assert (budget.asked, budget.settled) == ([("order", False)], ["order"])


def test_a_cancel_asks_for_a_place_before_everything_else():
    desk = Desk(SpyVenue())
    budget = SpyBudget()

    asyncio.run(desk.sender.cancel(a_cancel(), door=lambda: (desk.venue, budget)))

    assert (budget.asked, budget.settled) == ([("cancel", True)], ["cancel"])


def test_the_code_of_a_refusal_is_reported():
    desk = Desk(SpyVenue(Rejected("Too many requests", code="venue.throttled")))

    assert desk.place().code == "venue.throttled"
