import asyncio
from decimal import Decimal

import pytest

from brokers.domain.errors import NeedsLogin, Retryable
from execution.domain.events import AccountTermsSeen, ContractTermsSeen, VenueClockSeen
from execution.runtime.machine import VenueLink
from execution.runtime.perpetuals import Perpetuals
from tests.execution.desk_fakes import FakeFeed, FakeVenue, FreeBudget
from tests.execution.perpetual_fakes import BRACKET, BTC, ETH, PerpetualCalls, Surroundings


@pytest.fixture
def session():
    surroundings = Surroundings()
    yield surroundings
    surroundings.close()


@pytest.fixture
def venue():
    return PerpetualCalls()


def keep(session, venue, seconds):
    link = VenueLink(venue=venue, feed=FakeFeed(venue), budget=FreeBudget())
    session.run(Perpetuals(session).keep(link), seconds)


def test_the_clock_is_measured_before_anything_else(session, venue):
    session.run(Perpetuals(session).begin(venue), 1)

    assert venue.asked == [("measure_clock",)]
    assert [event.offset_ms for event in session.of(VenueClockSeen)] == [12.0]


def test_the_clock_is_measured_again_every_three_minutes(session, venue):
    keep(session, venue, 600)

    assert venue.count("measure_clock") == 3


def test_a_venue_that_does_not_answer_does_not_keep_a_session_from_beginning(session, venue):
    venue.failures["measure_clock"] = Retryable("away")

    session.run(Perpetuals(session).begin(venue), 1)

    assert not session.taken


def test_the_accounts_mode_is_told_when_a_session_begins(session, venue):
    venue.is_hedge = True

    keep(session, venue, 5)

    assert [event.is_hedge for event in session.of(AccountTermsSeen)] == [True]


def test_a_mode_that_could_not_be_read_is_asked_for_again(session, venue):
    venue.failures["account_mode"] = Retryable("away")
    session.at(20, venue.failures.clear)

    keep(session, venue, 40)

    assert len(session.of(AccountTermsSeen)) == 1


def test_brackets_and_fees_are_told_once_for_each_contract_in_use(session, venue):
    session.at(30, lambda: session.in_use.append(ETH))

    keep(session, venue, 300)

    told = session.of(ContractTermsSeen)
    assert [event.instrument for event in told] == [BTC, ETH]
    assert told[0].brackets == (BRACKET,)
    assert (told[0].maker_fee, told[0].taker_fee) == (Decimal("0.0001"), Decimal("0.00035"))


def test_terms_that_could_not_be_read_are_asked_for_again(session, venue):
    venue.failures["commission"] = Retryable("away")
    session.at(20, venue.failures.clear)

    keep(session, venue, 60)

    assert len(session.of(ContractTermsSeen)) == 1


def test_a_refused_key_ends_the_session_whoever_notices(session, venue):
    venue.failures["account_mode"] = NeedsLogin("the key is refused")

    keep(session, venue, 5)

    assert session.lost == ["the key is refused"]


def test_a_question_that_turns_its_cancellation_into_an_error_does_not_keep_a_session_from_ending(session, venue):
    async def brackets(symbol):
        try:
            await session.clock.sleep(3_600)
        except asyncio.CancelledError as error:
            raise Retryable(f"nothing came about {symbol}") from error

    venue.brackets = brackets
    keep(session, venue, 20)

    assert (session.clock.boot_ns() - session.began_ns) / 1e9 < 60
    assert all(task.done() for task in session.tasks)


def test_a_venue_of_stocks_is_asked_for_none_of_it(session):
    keep(session, FakeVenue(), 600)

    assert not session.taken
