"""Fetching candles: what is missing and no more, in the venue's pace, interrupted and taken up, cancelled, never in silence."""

from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch

import pytest

from accounts.models import Outbox, Role
from analysis import fetches
from analysis.candles import candles_of, candles_take
from analysis.domain.candle_files import Candle, objection
from analysis.domain.daily import date_of
from analysis.fetch_models import CandleFetch, CandlelessDays, FetchState
from analysis.fetches import SILENT_AFTER, daily_ask, fetch_ask, fetch_cancel, fetch_run, sessions_until
from analysis.models import ListMember
from analysis.scan_models import ScanRun
from analysis.tasks import candles_fetch_task, daily_task
from brokers.domain.errors import DataError, Invalid, NeedsLogin, Rejected, Retryable
from brokers.domain.market import Bar
from tests.analysis.desks import client_of, scanned, stored
from tests.people import a_desk, a_listed, a_member, an_account, an_aster_account

pytestmark = pytest.mark.django_db
# a Saturday: the last finished session is Friday's
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FRIDAY = date(2026, 11, 20)
MINE = "MINE"


@pytest.fixture(autouse=True)
def _no_broker():
    with patch("accounts.outbox.outbox_send"), patch.object(fetches, "DAYS_BACK", 20):
        yield


@pytest.fixture(autouse=True)
def _now():
    with patch("analysis.fetches.timezone.now", return_value=NOW):
        yield


@pytest.fixture
def account():
    for symbol in ("A", "B"):
        a_listed(symbol)
    ListMember.objects.bulk_create(ListMember(universe=MINE, instrument=f"NSE:{name}") for name in ("A", "B"))
    return an_account(a_desk(), is_simulated=False)


class Venue:
    """A venue that has a candle for every day, except where a test says otherwise."""

    def __init__(self):
        self.asked = []
        self.without = set()
        self.fails = {}
        self.on_ask = lambda: None
        self.is_open = False

    def __call__(self, _account):
        return self

    def __enter__(self):
        self.is_open = True
        return self

    def __exit__(self, *_):
        self.is_open = False

    def candles(self, instrument, since, until):
        self.asked.append((instrument.symbol, since, until))
        self.on_ask()
        problem = self.fails.pop(instrument.symbol, None)
        if problem is not None:
            raise problem
        days = [since + timedelta(days=place) for place in range((until - since).days + 1)]
        return [(day, a_bar(instrument.key)) for day in days if day.weekday() < 5 and day not in self.without]


def a_bar(key, **changes):
    prices = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 10.0, **changes}
    return Bar(instrument=key, interval_s=86_400, start_ns=0, **prices)


def fetched(account, venue, **changes):
    fetch = fetch_ask(**{"account": account, "universe": MINE, "by": account.owner, "at": NOW, **changes})
    fetch_run(fetch_id=fetch.id, opened=venue)
    fetch.refresh_from_db()
    return fetch


def test_everything_is_fetched_once_and_then_nothing(account):
    venue = Venue()
    first, second = fetched(account, venue), fetched(account, venue)

    sessions = sessions_until(account, NOW)
    assert (first.state, first.done, first.total) == (FetchState.DONE, 2, 2)
    assert first.added == sum(len(one) for one in candles_of().values())
    assert set(sessions) <= {date_of(int(day)) for day in candles_of()["NSE:A"].day}
    assert (second.total, second.added, len(venue.asked)) == (0, 0, 2)
    assert date_of(int(candles_of()["NSE:A"].day[-1])) == FRIDAY
    assert not venue.is_open


def test_only_what_is_missing_is_asked_for(account):
    sessions = sessions_until(account, NOW)
    have = [Candle(symbol="A", day=day, open=1, high=1, low=1, close=1, volume=1) for day in sessions[2:-3]]
    candles_take(exchange="NSE", candles=have, source="test", at=NOW)
    venue = Venue()

    fetched(account, venue)

    assert [ask for ask in venue.asked if ask[0] == "A"] == [
        ("A", sessions[0], sessions[1]),
        ("A", sessions[-3], sessions[-1]),
    ]


def test_an_interrupted_fetch_goes_on_where_it_stopped(account):
    venue = Venue()
    venue.fails = {"B": Retryable("the venue did not answer")}
    first = fetched(account, venue)
    second = fetched(account, venue)

    assert (first.state, first.done, first.total) == (FetchState.FAILED, 1, 2)
    assert "goes on from there" in first.problem
    assert [ask[0] for ask in venue.asked] == ["A", "B", "B"]
    assert (second.state, second.done, second.total) == (FetchState.DONE, 1, 1)


def test_a_worker_that_dies_leaves_what_was_stored_and_its_fetch_gives_way(account):
    venue = Venue()
    venue.fails = {"B": KeyboardInterrupt()}
    fetch = fetch_ask(account=account, universe=MINE, by=None, at=NOW)
    with pytest.raises(KeyboardInterrupt):
        fetch_run(fetch_id=fetch.id, opened=venue)
    fetch.refresh_from_db()
    CandleFetch.objects.update(state=FetchState.RUNNING, touched_at=NOW)

    soon, later = (
        fetch_ask(account=account, universe=MINE, by=None, at=NOW + wait)
        for wait in (SILENT_AFTER / 2, SILENT_AFTER * 2)
    )

    assert set(candles_of()) == {"NSE:A"}
    assert soon.id == fetch.id != later.id
    assert CandleFetch.objects.get(id=fetch.id).problem


def test_days_without_a_candle_are_not_asked_for_again_but_the_last_one_is(account):
    venue = Venue()
    sessions = sessions_until(account, NOW)
    venue.without = {sessions[1], sessions[-1]}
    fetched(account, venue)
    venue.asked.clear()
    venue.without = set()
    fetched(account, venue)

    assert venue.asked == [("A", FRIDAY, FRIDAY), ("B", FRIDAY, FRIDAY)]
    assert [date_of(day) for day in CandlelessDays.objects.get(instrument="NSE:A").days] == [sessions[1]]


@pytest.mark.parametrize("problem", [Rejected("no such token"), DataError("the answer cannot be read", code="x")])
def test_an_instrument_that_the_venue_refuses_is_named_and_the_others_are_fetched(account, problem):
    venue = Venue()
    venue.fails = {"A": problem}

    fetch = fetched(account, venue)

    assert fetch.state == FetchState.DONE
    assert fetch.left_out == [{"symbol": "NSE:A", "text": f"The venue gave no candles: {problem.message}"}]
    assert set(candles_of()) == {"NSE:B"}


def test_a_session_that_is_over_ends_the_fetch_and_says_so(account):
    venue = Venue()
    venue.fails = {"A": NeedsLogin("sign in again")}

    assert fetched(account, venue).problem.startswith("sign in again")


def test_a_candle_that_cannot_be_believed_is_named_and_not_stored(account):
    venue = Venue()
    with patch.object(Venue, "candles", lambda *_: [(FRIDAY, a_bar("NSE:A", high=1.0))]):
        fetch = fetched(account, venue)

    assert candles_of() == {}
    assert {one["symbol"] for one in fetch.left_out} == {"NSE:A", "NSE:B"}
    assert "20 Nov 2026: open or close lies outside" in fetch.left_out[0]["text"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"low": 0.0}, "not positive"),
        ({"close": float("nan")}, "not positive"),
        ({"low": 101.5}, "outside"),
        ({"volume": -1.0}, "negative"),
    ],
)
def test_what_is_wrong_with_a_candle_is_said(changes, words):
    good = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 10.0}
    found = objection(Candle(symbol="A", day=FRIDAY, **(good | changes)))

    assert found is None if words is None else words in found


def test_members_that_the_venue_does_not_list_are_named(account):
    ListMember.objects.create(universe=MINE, instrument="NSE:GONE")

    assert fetched(account, Venue()).left_out == [
        {"symbol": "NSE:GONE", "text": f"{account.label} does not list it today."}
    ]


def test_a_running_fetch_ends_after_the_call_under_way(account):
    venue = Venue()
    venue.on_ask = lambda: fetch_cancel(fetch=CandleFetch.objects.get(), at=NOW)

    fetch = fetched(account, venue)

    assert (fetch.state, fetch.done, len(venue.asked)) == (FetchState.CANCELLED, 1, 1)
    assert set(candles_of()) == {"NSE:A"}
    with pytest.raises(Invalid, match="ended already"):
        fetch_cancel(fetch=fetch, at=NOW)


def test_a_waiting_fetch_is_cancelled_at_once_and_never_begins(account):
    fetch = fetch_ask(account=account, universe=MINE, by=None, at=NOW)
    venue = Venue()

    assert fetch_cancel(fetch=fetch, at=NOW).state == FetchState.CANCELLED
    fetch_run(fetch_id=fetch.id, opened=venue)
    assert venue.asked == []


def test_an_account_has_one_fetch_at_a_time(account):
    assert (
        fetch_ask(account=account, universe=MINE, by=None, at=NOW).id
        == fetch_ask(account=account, universe="all", by=None, at=NOW).id
    )


def test_what_was_scanned_before_is_scanned_after_the_fetch(account):
    stored(symbols=["A"])
    scanned(account.desk, MINE)
    before = ScanRun.objects.count()

    fetched(account, Venue(), then_scans=True)

    assert ScanRun.objects.count() == before + 1
    assert ScanRun.objects.order_by("-requested_at").first().universe == MINE


def test_everything_is_what_is_stored_listed_or_watched(account):
    fetch = fetched(account, Venue(), universe="all")

    assert (fetch.total, set(candles_of())) == (2, {"NSE:A", "NSE:B"})


def test_every_evening_one_session_of_each_desk_fetches_and_the_others_scan_what_they_have(account):
    an_account(account.desk, is_simulated=False)
    other = an_account(a_desk(), logged_in=False)
    stored(symbols=["A"])
    scanned(other.desk)
    ListMember.objects.create(universe="NEW", instrument="NSE:A")

    assert daily_ask(at=NOW) == 1
    assert CandleFetch.objects.get().account_id == account.id
    with patch("analysis.tasks.daily_ask") as asked:
        daily_task()
    asked.assert_called_once()


@pytest.mark.parametrize(
    ("at", "is_simulated", "last"),
    [
        (datetime(2026, 11, 20, 10, 31, tzinfo=UTC), False, date(2026, 11, 20)),
        (datetime(2026, 11, 20, 10, 29, tzinfo=UTC), False, date(2026, 11, 19)),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), False, date(2026, 11, 20)),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), True, date(2026, 11, 19)),
        (datetime(2026, 11, 23, 12, 0, tzinfo=UTC), True, date(2026, 11, 20)),
    ],
)
def test_a_day_is_fetched_once_its_candle_is_finished(account, at, is_simulated, last):
    account.is_simulated = is_simulated

    assert sessions_until(account, at)[-1] == last


def test_a_venue_that_never_closes_finishes_its_day_at_midnight():
    account = an_aster_account(a_desk(), is_simulated=False)

    sessions = sessions_until(account, datetime(2026, 11, 21, 23, 59, tzinfo=UTC))

    assert sessions[-1] == FRIDAY
    assert len(sessions) == 21


def test_over_the_api_a_fetch_is_asked_for_followed_and_cancelled(account):
    client, stranger = client_of(account.owner), client_of(a_desk().memberships.get().user)
    asked = client.post("/api/analysis/candles/fetch", {"universe": MINE}, format="json")
    status = client.get("/api/analysis/status").json()["candles"]
    body = {"id": asked.json()["id"]}

    assert asked.status_code == 202
    assert (status["fetching"], status["progress"]["id"]) == (True, asked.json()["id"])
    assert stranger.get("/api/analysis/status").json()["candles"]["fetching"] is False
    assert stranger.post("/api/analysis/candles/cancel", body, format="json").status_code == 404
    assert (
        client_of(a_member(account.desk, Role.VIEWER))
        .post("/api/analysis/candles/cancel", body, format="json")
        .status_code
        == 403
    )
    assert client.post("/api/analysis/candles/cancel", body, format="json").json()["state"] == "cancelled"
    assert client.post("/api/analysis/candles/cancel", body, format="json").status_code == 400
    assert client.get("/api/analysis/status").json()["candles"]["fetching"] is False
    assert stranger.post("/api/analysis/candles/fetch", {}, format="json").status_code == 403
    assert client.post("/api/analysis/candles/fetch", {"limit": 1}, format="json").status_code == 400
    with patch("analysis.tasks.fetch_run") as run:
        candles_fetch_task(**Outbox.objects.filter(task="analysis.candles_fetch").first().arguments)
    run.assert_called_once()
