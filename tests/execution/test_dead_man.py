import pytest

from brokers.domain.errors import Ambiguous, NeedsLogin, Retryable
from brokers.domain.orders import Book
from execution.domain.events import CountdownChanged
from execution.runtime.dead_man import DeadManSwitch
from tests.execution.perpetual_fakes import BTC, ETH, PerpetualCalls, Surroundings


@pytest.fixture
def session():
    surroundings = Surroundings()
    yield surroundings
    surroundings.close()


@pytest.fixture
def venue():
    return PerpetualCalls()


def keep(session, venue, seconds):
    session.run(DeadManSwitch(session).keep(venue, session.budget), seconds)


def sent(venue):
    return [(symbol, seconds) for name, symbol, seconds in venue.asked if name == "countdown"]


def test_a_contract_with_open_orders_is_renewed_at_a_quarter_of_its_time(session, venue):
    session.works(BTC)

    keep(session, venue, 119)

    assert sent(venue) == [("BTCUSDT", 120)] * 4


def test_each_contract_with_open_orders_has_its_own_countdown(session, venue):
    session.works(BTC, ETH)

    keep(session, venue, 10)

    assert sorted(sent(venue)) == [("BTCUSDT", 120), ("ETHUSDT", 120)]


@pytest.mark.parametrize(("countdown_s", "is_released"), [(None, True), (120, False)])
def test_an_account_without_the_setting_or_on_paper_never_has_one(session, venue, countdown_s, is_released):
    session.works(BTC)
    session.countdown_s, session.is_released = countdown_s, is_released

    keep(session, venue, 60)

    assert not venue.asked
    assert not session.taken


def test_paper_orders_need_none(session, venue):
    session.works(BTC, book=Book.PAPER)

    keep(session, venue, 60)

    assert not venue.asked


def test_the_journal_knows_of_a_countdown_before_the_venue_does(session, venue):
    session.works(BTC)
    known = []
    calls = venue.countdown

    async def watched(symbol, seconds, before_write):
        known.append(dict(session.state.countdowns))
        await calls(symbol, seconds, before_write)

    venue.countdown = watched
    keep(session, venue, 70)

    assert known == [{BTC: 120}] * 3
    assert len(session.of(CountdownChanged)) == 1


def test_what_is_not_journalled_is_not_sent(session, venue):
    session.works(BTC)
    session.durable = False

    keep(session, venue, 30)

    assert not venue.asked


def test_nothing_leaves_without_the_lease(session, venue):
    session.works(BTC)
    session.permit.withdraw()

    keep(session, venue, 30)

    assert not venue.asked
    assert len(session.alerts) == 1


def test_clearing_the_setting_switches_it_off_while_orders_go_on(session, venue):
    session.works(BTC)
    session.at(10, lambda: setattr(session, "countdown_s", None))

    keep(session, venue, 60)

    assert sent(venue) == [("BTCUSDT", 120), ("BTCUSDT", 0)]
    assert session.state.countdowns == {}


def test_taking_the_account_back_to_paper_switches_it_off(session, venue):
    session.works(BTC)
    session.at(10, lambda: setattr(session, "is_released", False))

    keep(session, venue, 60)

    assert sent(venue)[-1] == ("BTCUSDT", 0)


def test_a_contract_without_orders_is_let_be_until_its_turn_and_then_switched_off(session, venue):
    session.works(BTC)
    session.at(5, session.works)

    keep(session, venue, 29)
    assert sent(venue) == [("BTCUSDT", 120)]

    keep(session, venue, 60)
    assert sent(venue)[-1] == ("BTCUSDT", 0)


def test_another_time_is_set_at_once(session, venue):
    session.works(BTC)
    session.at(5, lambda: setattr(session, "countdown_s", 600))

    keep(session, venue, 20)

    assert sent(venue) == [("BTCUSDT", 120), ("BTCUSDT", 600)]


def test_a_process_that_ends_leaves_it_running_and_its_successor_goes_on(session, venue):
    session.works(BTC)
    keep(session, venue, 10)
    assert sent(venue) == [("BTCUSDT", 120)]

    keep(session, venue, 1)

    assert sent(venue) == [("BTCUSDT", 120)] * 2
    assert len(session.of(CountdownChanged)) == 1


def test_a_renewal_that_fails_is_tried_again_and_told_once_half_the_time_is_over(session, venue):
    session.works(BTC)
    session.at(1, lambda: venue.failures.update(countdown=Retryable("the venue is away")))
    told = []
    session.at(58, lambda: told.append(len(session.alerts)))

    keep(session, venue, 110)

    assert told == [0]
    assert len(session.alerts) == 1
    assert sent(venue).count(("BTCUSDT", 120)) > 10


def test_a_failing_switch_off_keeps_the_journal_saying_that_it_may_run(session, venue):
    session.works(BTC)
    keep(session, venue, 1)
    session.countdown_s = None
    venue.failures["countdown"] = Ambiguous("no answer came")

    keep(session, venue, 20)

    assert session.state.countdowns == {BTC: 120}
    assert sent(venue).count(("BTCUSDT", 0)) > 1


def test_a_refused_key_ends_the_session(session, venue):
    session.works(BTC)
    venue.failures["countdown"] = NeedsLogin("the key is refused")

    keep(session, venue, 2)

    assert session.lost == ["the key is refused"]


def test_a_renewal_goes_through_the_order_budget_with_its_weight(session, venue):
    session.works(BTC)
    asked = []

    async def acquire(kind, *, urgent=False, weight=1):
        asked.append((kind, urgent, weight))

    session.budget.acquire = acquire
    keep(session, venue, 5)

    assert asked == [("order", True, 10)]
