"""The desk's side of chains: what is followed, heard, told, left and kept while an account is hosted."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from channels.db import database_sync_to_async
from django.db import connection

from brokers.domain.india import INDIA
from brokers.domain.market import ns_of
from brokers.models import ListedInstrument
from execution import append_only
from execution.runtime import chains
from execution.runtime.chains import ChainDesk, ChainPorts, Ready
from options.chain_store import ChainStore
from options.chain_wire import unpack
from options.desk_line import chain_topic
from options.models import ChainAlert, ChainAlertFired, ChainDay, ChainMinute, TrackedUnderlying
from options.warming import PREPARING
from tests.options.frames import EXPIRIES, INDEX, NOW, RATE, TODAY, a_frame, later, some_options
from tests.options.kept import list_options
from tests.people import a_desk, an_account, an_aster_account

pytestmark = pytest.mark.django_db(transaction=True)
NEAR = chain_topic("NIFTY", EXPIRIES[0].isoformat())


@pytest.fixture(autouse=True)
def emptied_afterwards(transactional_db):
    """Let the database be emptied after the test: the journal's table would refuse."""
    append_only.protect(connection)
    yield
    append_only.release(connection)


class OverError(Exception):
    """The turns that a test wanted are done."""


class Clock:
    """Time that passes when somebody sleeps, and ends after so many turns."""

    def __init__(self):
        self.ns = 0
        self.left = 0

    def boot_ns(self):
        return self.ns

    def now(self):
        return NOW + timedelta(microseconds=self.ns // 1_000)

    async def sleep(self, seconds):
        self.ns += int(seconds * 1e9)
        await asyncio.sleep(0)
        self.left -= 1
        if self.left <= 0:
            raise OverError


class Line:
    """Remembers what was left, and says what is watched."""

    def __init__(self):
        self.topics = frozenset()
        self.left = {}

    async def watched(self, _account_id):
        return self.topics

    async def leave(self, _account_id, packed):
        self.left |= packed
        return True


class Publisher:
    def __init__(self):
        self.told = []

    async def publish_all(self, states):
        self.told.append({name.partition("/")[2]: dict(state) for name, state in states.items()})
        return True

    def times(self, topic):
        return sum(topic in states for states in self.told)

    def last(self, topic):
        return next(states[topic] for states in reversed(self.told) if topic in states)


class Log:
    def __init__(self):
        self.said = []

    def info(self, event, **_):
        self.said.append(event)

    exception = info


async def at_once():
    """The kernels are there."""


async def never():
    """The kernels are being compiled for as long as the test lasts."""
    await asyncio.Event().wait()


class Hosted:
    """A chain desk in surroundings of its own."""

    def __init__(self, account, folder, ready=None):
        self.account, self.clock, self.line, self.publisher, self.log = account, Clock(), Line(), Publisher(), Log()
        self.heard = []
        self.store = ChainStore(folder)
        self.tasks = []
        self.listening = SimpleNamespace(hear_besides=self._hear, left_out=frozenset())
        machine = SimpleNamespace(clock=self.clock, read_aside=self._read, publisher=self.publisher)
        self.session = SimpleNamespace(
            facts=SimpleNamespace(account_id=str(account.pk), venue=account.venue),
            machine=machine,
            market_ns=0,
            calendar=INDIA,
            live=SimpleNamespace(listening=self.listening),
            log=self.log,
            spawn=self._spawn,
        )
        ports = ChainPorts(store=self.store, line=self.line, rate=RATE, ready=ready or at_once)
        self.desk = ChainDesk(self.session, ports)

    async def turns(self, count):
        """Let so many turns pass; what is kept on the side is done as well."""
        self.clock.left = count
        try:
            await self.desk.run()
        except OverError:
            await asyncio.gather(*self.tasks)

    def hears(self, at, **frame):
        self.session.market_ns = ns_of(at)
        self.desk.take(a_frame(some_options(), at=at, **frame))

    def _hear(self, instruments):
        self.heard = [one.key for one in instruments]

    async def _read(self, work):
        return await database_sync_to_async(work)()

    def _spawn(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.append(task)
        return task


@database_sync_to_async
def _account(*, is_perpetual=False):
    list_options()
    return (an_aster_account if is_perpetual else an_account)(a_desk())


@pytest.fixture
async def hosted(tmp_path):
    return Hosted(await _account(), tmp_path)


@database_sync_to_async
def _rows(model):
    return list(model.objects.all())


@database_sync_to_async
def _track(account, **fields):
    return TrackedUnderlying.objects.create(
        owner=account.owner, account=account, underlying="NIFTY", asked_at=NOW, **fields
    )


async def test_the_default_is_followed_and_its_options_and_index_are_heard(hosted):
    await hosted.turns(1)

    assert [row.underlying for row in await _rows(TrackedUnderlying)] == ["NIFTY"]
    assert INDEX.key in hosted.heard
    assert len(hosted.heard) == 1 + len(some_options())


async def test_who_ceased_to_follow_everything_is_not_given_it_again(hosted):
    await _track(hosted.account, is_tracked=False)

    await hosted.turns(5)

    assert hosted.heard == []


async def test_as_many_expiries_are_heard_as_were_asked_for(hosted):
    await _track(hosted.account, expiries=1)

    await hosted.turns(1)

    assert len(hosted.heard) == 1 + len(some_options(expiries=EXPIRIES[:1]))


async def test_indices_and_the_nearest_expiries_are_the_last_to_give_way(hosted):
    await hosted.turns(1)

    near = [one.key for one in some_options(expiries=EXPIRIES[:1])]
    assert hosted.heard[0] == INDEX.key
    assert set(hosted.heard[1 : 1 + len(near)]) == set(near)


async def test_options_without_room_on_the_stream_are_counted_in_their_chain(hosted):
    hosted.listening.left_out = frozenset(one.token for one in some_options()[-7:])
    await hosted.turns(1)
    hosted.hears(NOW)

    await hosted.turns(9)

    left = unpack(hosted.line.left["NIFTY"])
    assert left.unheard == {EXPIRIES[2]: 7}


async def test_open_interest_is_told_every_two_seconds_and_nobody_elses_chain(hosted):
    await hosted.turns(1)
    hosted.hears(NOW)

    await hosted.turns(41)

    assert hosted.publisher.times("oi") == 6
    assert hosted.publisher.times(NEAR) == 0
    assert hosted.publisher.last("oi")["NIFTY"]["call_oi"] == 6_500 * 41


async def test_while_the_kernels_are_compiled_the_first_word_is_that_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(chains, "HEAD_START_S", 0.0)
    hosted = Hosted(await _account(), tmp_path, ready=never)
    await hosted.turns(1)
    hosted.hears(NOW)
    hosted.line.topics = frozenset({NEAR})

    await hosted.turns(17)

    told = hosted.publisher.last("oi")["NIFTY"]
    assert (hosted.publisher.times("oi"), told["said"], told["expiries"]) == (3, [PREPARING], [])
    assert hosted.publisher.times(NEAR) == 0
    assert await _rows(ChainMinute) == []


async def test_kernels_that_cannot_be_compiled_end_the_following(tmp_path):
    async def broken():
        raise OSError("no room for the cache")

    hosted = Hosted(await _account(), tmp_path, ready=broken)

    with pytest.raises(OSError, match="no room"):
        await hosted.desk.run()


async def test_the_loop_is_given_back_after_every_expiry(hosted):
    hosted.hears(NOW)
    await hosted.turns(1)
    passed, [followed] = [], hosted.desk._followed.values()
    work_out = followed.working_out

    async def others():
        while True:
            passed.append("another")
            await asyncio.sleep(0)

    def noted(now_ns):
        for expiry in work_out(now_ns):
            passed.append(expiry)
            yield expiry

    followed.working_out = noted
    other = asyncio.create_task(others())
    await hosted.turns(1)
    other.cancel()

    places = [passed.index(expiry) for expiry in EXPIRIES]
    assert all("another" in passed[one:two] for one, two in pairwise(places))


async def test_a_chain_that_is_looked_at_is_told_four_times_a_second(hosted):
    await hosted.turns(1)
    hosted.hears(NOW)
    hosted.line.topics = frozenset({NEAR})

    await hosted.turns(8)

    assert hosted.publisher.times(NEAR) == 8
    assert hosted.publisher.last(NEAR)["head"]["expiry"] == EXPIRIES[0].isoformat()


async def test_the_latest_quotes_are_left_for_the_pages(hosted):
    await hosted.turns(1)
    hosted.hears(NOW)

    await hosted.turns(5)

    left = unpack(hosted.line.left["NIFTY"])
    assert [one.expiry for one in left.chains] == list(EXPIRIES)
    assert left.received_at is not None


async def test_each_minute_is_kept_with_its_quotes_and_sums(hosted):
    await hosted.turns(1)
    for minute in (0, 1):
        hosted.hears(later(minutes=minute))
        await hosted.turns(2)

    owner = str(hosted.account.owner_id)
    assert hosted.store.moments(owner, "NIFTY", TODAY) == [NOW, later(minutes=1)]
    assert len(await _rows(ChainMinute)) == 2 * len(EXPIRIES)
    [day] = await _rows(ChainDay)
    assert day.iv_30d == pytest.approx(0.13, abs=1e-3)


async def test_a_market_that_says_nothing_leaves_no_minute(hosted):
    await hosted.turns(1)
    hosted.session.market_ns = ns_of(NOW)

    await hosted.turns(5)

    assert await _rows(ChainMinute) == []


async def test_an_alert_reaches_the_inbox_and_is_kept(hosted):
    row = await _track(hosted.account)
    await database_sync_to_async(ChainAlert.objects.create)(tracked=row, measure="atm_iv", level=0.15, created_at=NOW)
    await hosted.turns(1)
    for minute, volatility in ((0, 0.13), (1, 0.18)):
        hosted.hears(later(minutes=minute), volatility=volatility)
        await hosted.turns(2)

    sentences = [one["sentence"] for one in hosted.desk.inbox().values()]
    assert len(sentences) == len(EXPIRIES)
    assert "Volatility at the money rose to" in sentences[0]
    assert len(await _rows(ChainAlertFired)) == len(EXPIRIES)


async def test_what_is_not_wished_any_more_is_neither_heard_nor_told(hosted):
    await hosted.turns(1)
    hosted.hears(NOW)
    await hosted.turns(9)
    await database_sync_to_async(TrackedUnderlying.objects.update)(is_tracked=False)

    await hosted.turns(9)

    assert hosted.heard == []


async def test_a_frame_that_cannot_be_taken_costs_the_chain_and_nothing_else(hosted):
    await hosted.turns(1)

    hosted.desk.take(SimpleNamespace())
    before = list(hosted.log.said)
    await hosted.turns(5)

    assert "chain_dropped" in before
    assert hosted.log.said.count("chains_followed") == 2


async def test_yesterdays_close_is_what_open_interest_changes_from(hosted):
    """A snapshot near the close of the trading day before stands in the store."""
    await hosted.turns(1)
    close = later(days=-1, hours=4, minutes=55)
    hosted.hears(close, interest=6_500.0)
    await hosted.turns(2)
    hosted.hears(NOW, interest=7_150.0)

    await hosted.turns(17)

    told = hosted.publisher.last("oi")["NIFTY"]
    assert told["oi_change_from"] == "previous_close"


async def test_a_venue_without_options_has_nothing_to_follow(tmp_path):
    hosted = Hosted(await _account(is_perpetual=True), tmp_path)

    await hosted.desk.run()

    assert hosted.heard == []


async def test_slow_work_is_done_once_for_all_who_wait():
    done = []
    ready = Ready(lambda: done.append(1))

    await asyncio.gather(ready(), ready())
    await ready()

    assert done == [1]


async def test_the_default_waits_for_the_first_list_of_instruments(hosted):
    await database_sync_to_async(ListedInstrument.objects.all().delete)()
    await hosted.turns(2)
    before = hosted.heard

    await database_sync_to_async(list_options)()
    await hosted.turns(2)

    assert before == []
    assert INDEX.key in hosted.heard
