"""Funding payments: booked once, shared by their holders, and on paper by the venue's rate."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import Book
from execution.domain.events import FundingRateSeen
from tests.builders import DEPLOYMENT
from tests.execution.domain.perpetual_script import BTC, PerpetualScript
from tests.execution.domain.test_perpetuals import MIDNIGHT, a_long_desk

OTHER = "22222222-2222-4333-8444-555566667777"


def booked(desk):
    return [r.payload for r in desk.journal if r.kind == "funding"]


def shares(desk):
    return {p.key.strategy_key: p.funding_today_quote for p in desk.engine.state.positions.all()}


def test_a_payment_is_booked_once_however_often_it_is_told():
    desk = a_long_desk()

    desk.funding("-1.25")
    desk.funding("-1.25")
    desk.restart()
    desk.funding("-1.25")

    assert len(booked(desk)) == 1
    assert desk.view("portfolio")["live"]["pnl_today"]["funding"] == "-1.2500"
    assert desk.engine.state.last_funding_at == datetime(2026, 8, 22, 23, 21, tzinfo=UTC)


def test_holders_share_a_payment_as_they_share_the_position():
    desk = PerpetualScript().start()
    desk.deploy(OTHER, instruments=(BTC.key,), order_value_quote="20000")
    desk.bar(101.0)
    for order in list(desk.working):
        desk.fill(order=order)

    desk.funding("-3")

    parts = shares(desk)
    assert sum(parts.values()) == Decimal(-3)
    assert parts[OTHER] / parts[DEPLOYMENT] == pytest.approx(Decimal("198.019") / Decimal("99.009"))


def test_a_payment_for_what_was_closed_since_falls_on_its_only_holder():
    desk = a_long_desk()
    desk.bar(95.0)
    desk.fill(price="95")

    desk.funding("-2")

    assert shares(desk) == {DEPLOYMENT: Decimal(-2)}


def test_a_payment_for_nothing_held_here_is_nobodys():
    desk = PerpetualScript().start(deployment=False)

    desk.funding("0.7")

    assert shares(desk) == {"": Decimal("0.7")}


def test_what_was_paid_before_the_books_began_is_none_of_theirs():
    desk = PerpetualScript().start(deployment=False)

    desk.funding("-9", at=desk.now - timedelta(hours=8))

    assert booked(desk) == []


def test_a_payment_of_yesterday_is_kept_and_counts_for_no_day():
    desk = a_long_desk()
    paid_at = desk.now
    desk.now = MIDNIGHT + timedelta(seconds=1)
    desk.tick()

    desk.funding("-4", at=paid_at)

    [payment] = booked(desk)
    assert (payment["venue_day"], payment["counts_today"]) == ("2026-08-22", False)
    assert desk.view("portfolio")["live"]["pnl_today"]["funding"] == "0.0000"


def test_a_payment_of_a_day_that_has_not_begun_here_waits_for_it():
    desk = a_long_desk()
    desk.now = MIDNIGHT + timedelta(seconds=1)

    desk.funding("-5", at=MIDNIGHT)
    assert booked(desk) == []
    desk.tick()

    assert [p["venue_day"] for p in booked(desk)] == ["2026-08-23"]
    assert shares(desk) == {DEPLOYMENT: Decimal(-5)}


def rate_for(desk, due_at, rate="0.0001", mark="100"):
    desk.run(FundingRateSeen(at=desk.now, instrument=BTC.key, rate=Decimal(rate), mark=Decimal(mark), due_at=due_at))


def test_paper_is_paid_by_the_venues_rate_at_its_mark_when_the_markets_clock_says_so():
    desk = a_long_desk(book=Book.PAPER)
    rate_for(desk, MIDNIGHT, rate="0.0002", mark="98")
    desk.tick()
    assert booked(desk) == []

    desk.now = MIDNIGHT + timedelta(seconds=1)
    desk.tick()
    rate_for(desk, MIDNIGHT)
    desk.tick()

    [payment] = booked(desk)
    assert Decimal(payment["payment"]["amount_quote"]) == -Decimal("99.009") * 98 * Decimal("0.0002")
    assert (payment["book"], payment["source"]) == ("paper", "the venue's rate at its mark")
    assert desk.engine.state.last_funding_at is None


def test_paper_that_holds_nothing_is_paid_nothing():
    desk = PerpetualScript(book=Book.PAPER).start(deployment=False)
    rate_for(desk, desk.now + timedelta(seconds=1))

    desk.now += timedelta(seconds=2)
    desk.tick()

    assert booked(desk) == []
