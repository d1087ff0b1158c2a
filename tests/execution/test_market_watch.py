"""What a hosted account hears of the operator's facts and of a new list while it runs."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from django.utils import timezone

from brokers.domain.india import INDIA
from brokers.listings import instruments_by_keys
from brokers.listings_sync import list_refused, list_take
from brokers.market_life_load import market_life_load
from brokers.models import ListedInstrument
from execution.domain.events import MarketRulesChanged
from execution.runtime.market_watch import LOOK_EVERY_NS, ListChanged, MarketWatch
from tests.execution.desk_fakes import RELIANCE, list_instrument

pytestmark = pytest.mark.django_db

BAN = "kind,exchange,symbol,from,until,quantity,source,note\nmis_blocked,NSE,RELIANCE,2026-08-18,,,Zerodha,\n"


class Machine:
    """A clock that the test moves, and reads on the test's own connection."""

    def __init__(self):
        self.ns = 0
        self.reads = 0
        self.clock = SimpleNamespace(now=timezone.now, boot_ns=lambda: self.ns)

    async def read(self, work):
        self.reads += 1
        return work()


class Session:
    def __init__(self, account, *, is_simulated=False):
        self.machine = Machine()
        self.facts = SimpleNamespace(venue=account.venue, is_simulated=is_simulated)
        self.instruments = instruments_by_keys("kite", [RELIANCE.key])
        self.followed = frozenset()
        self.calendar = INDIA
        self.log = SimpleNamespace(warning=lambda *_, **__: None)
        self.taken = []
        self.ended = []
        self.watch = MarketWatch(self)

    def take(self, event):
        self.taken.append(event)

    def end(self, why):
        self.ended.append(why)

    def look(self, *, after_ns=LOOK_EVERY_NS):
        self.machine.ns += after_ns
        with suppress(StopIteration):  # nothing here waits, so no loop is needed
            self.watch.look().send(None)


@pytest.fixture
def session(account):
    list_instrument()
    return Session(account)


def test_the_first_look_tells_the_engine_and_nothing_new_tells_it_nothing(session):
    session.look()
    session.look()

    [event] = session.taken
    assert isinstance(event, MarketRulesChanged)
    assert event.calendar is session.calendar


def test_it_looks_every_few_seconds_and_no_more(session):
    session.look()
    reads = session.machine.reads
    session.look(after_ns=LOOK_EVERY_NS - 1)

    assert session.machine.reads == reads


def test_a_fact_entered_meanwhile_reaches_the_engine(session):
    session.look()
    market_life_load(text=BAN, by=None, at=timezone.now())
    session.look()

    assert [row.symbol for row in session.taken[-1].rules.restrictions] == ["RELIANCE"]
    assert session.ended == []


def test_a_refused_list_reaches_the_inbox(session, account):
    session.look()
    list_refused(account=account, reason="the venue's list is empty", at=timezone.now())
    session.look()

    assert ("instruments", "kite") in session.taken[-1].concerns


@pytest.mark.parametrize("change", [{"lot_size": 5}, {"token": 77}, {"tick_size": "0.10"}, None])
def test_a_contract_that_is_another_today_begins_the_session_anew(session, change):
    session.look()
    if change is None:
        ListedInstrument.objects.all().delete()
    else:
        ListedInstrument.objects.update(**change)
    market_life_load(text=BAN, by=None, at=timezone.now())
    session.look()

    [why] = session.ended
    assert isinstance(why, ListChanged)
    assert RELIANCE.key in why.message


def test_a_list_that_came_while_the_journal_was_read_begins_the_session_anew(session):
    ListedInstrument.objects.update(token=77)
    session.look()

    [why] = session.ended
    assert isinstance(why, ListChanged)


def test_a_new_list_that_leaves_what_is_used_alone_ends_nothing(session):
    session.look()
    known = list(session.instruments.values())
    list_take(venue="kite", instruments=known, unreadable=0, is_simulated=True, at=timezone.now())
    session.look()

    assert len(session.taken) == 2
    assert session.ended == []
