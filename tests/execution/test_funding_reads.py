from datetime import timedelta

import pytest

from brokers.domain.errors import NeedsLogin, Retryable
from brokers.domain.market import ns_of
from execution.domain.events import FundingSeen
from execution.runtime.funding import Funding
from tests.execution.perpetual_fakes import MIDNIGHT, PerpetualCalls, Surroundings, a_payment


@pytest.fixture
def session():
    surroundings = Surroundings()
    yield surroundings
    surroundings.close()


@pytest.fixture
def venue():
    return PerpetualCalls()


def keep(session, venue, seconds, funding=None):
    session.run((funding or Funding(session)).keep(venue), seconds)


def today(session):
    return session.calendar.bounds_of(session.calendar.day_of(session.clock.now()))[0]


def test_a_first_read_begins_with_the_venues_day(session, venue):
    venue.payments = [a_payment(1, today(session) + timedelta(hours=1))]

    keep(session, venue, 5)

    assert venue.asked == [("funding", today(session))]
    assert [event.payment for event in session.of(FundingSeen)] == venue.payments


def test_a_later_read_begins_before_the_last_payment_that_is_booked(session, venue):
    session.state.last_funding_at = MIDNIGHT + timedelta(hours=8)

    keep(session, venue, 5)

    assert venue.asked == [("funding", MIDNIGHT + timedelta(hours=7))]


def test_what_is_paid_is_asked_for_every_ten_minutes(session, venue):
    keep(session, venue, 3_000)

    assert venue.count("funding") == 5


def test_a_full_hour_of_the_market_asks_once_what_was_paid_then(session, venue):
    session.market_ns = ns_of(MIDNIGHT) - 5 * 10**9
    session.at(20, lambda: setattr(session, "market_ns", ns_of(MIDNIGHT) + 20 * 10**9))
    session.at(40, lambda: setattr(session, "market_ns", ns_of(MIDNIGHT) + 40 * 10**9))

    keep(session, venue, 35)
    assert venue.count("funding") == 1

    session.at(10, lambda: setattr(session, "market_ns", ns_of(MIDNIGHT) + 60 * 10**9))
    keep(session, venue, 60)
    assert venue.count("funding") == 3


def test_a_doubt_asks_at_once_and_a_flood_of_them_seldom(session, venue):
    funding = Funding(session)
    for tenth in range(100, 200):
        session.at(tenth / 10, funding.want)

    keep(session, venue, 60, funding)

    assert 3 <= venue.count("funding") <= 4


def test_a_doubt_before_a_session_is_open_asks_nobody(session, venue):
    Funding(session).want()

    assert not session.tasks


def test_a_simulated_market_is_asked_by_its_own_day_once_it_has_told_its_time(session, venue):
    session.facts.is_simulated = True
    session.at(10, lambda: setattr(session, "market_ns", ns_of(MIDNIGHT + timedelta(hours=3))))

    keep(session, venue, 20)

    assert set(venue.asked) == {("funding", MIDNIGHT)}


def test_a_read_that_fails_is_done_again_when_it_is_due(session, venue):
    venue.failures["funding"] = Retryable("away")

    keep(session, venue, 700)

    assert venue.count("funding") == 2
    assert not session.taken


def test_a_refused_key_ends_the_session(session, venue):
    venue.failures["funding"] = NeedsLogin("the key is refused")

    keep(session, venue, 2)

    assert session.lost == ["the key is refused"]
