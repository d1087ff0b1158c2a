import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from accounts.models import AuditEvent, Outbox
from brokers import logins
from brokers.models import SessionState, VenueLogin
from brokers.ports import FeedState
from brokers.services import account_route
from execution.domain.commands import RecordKind
from execution.models import JournalEvent
from execution.runtime.clock import SystemClock
from execution.runtime.hosting import host
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.threads import DatabaseThread
from tests.execution.desk_fakes import TEN, World, list_instrument, log_in, until


@pytest.fixture
def world(account, journal, tmp_path, settings):
    settings.WINDHOVER_KITE_API_URL = "http://127.0.0.1:9"
    settings.WINDHOVER_KITE_STREAM_URL = "ws://127.0.0.1:9"
    list_instrument()
    log_in(account)
    threads = [DatabaseThread("reader"), DatabaseThread("lease")]
    for thread in threads:
        thread.start()
    lease = DatabaseLease(owner="desk1", terms=LeaseTerms(), clock=SystemClock(), thread=threads[1])
    yield World(journal=journal, reader=threads[0], lease=lease, folder=tmp_path)
    for thread in threads:
        thread.stop()


class MovedClock(SystemClock):
    """The machine's clock, which a test may set ahead."""

    ahead = timedelta()

    def now(self):
        return super().now() + self.ahead


@asynccontextmanager
async def hosting(world, account):
    drain = asyncio.Event()
    task = asyncio.create_task(host(world.machine, await world.machine.lease.claim(str(account.pk)), drain))
    try:
        await until(lambda: bool(world.feeds))
        yield task
    finally:
        drain.set()
        await asyncio.wait([task], timeout=10)


async def row(world):
    return await world.machine.read(VenueLogin.objects.get)


async def lost(world):
    for _ in range(400):
        if (await row(world)).state == SessionState.NEEDS_LOGIN:
            await asyncio.sleep(1.2)  # whoever else would notice it has looked by then
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the session lived on")


async def journalled(world, changes):
    for _ in range(400):
        rows = JournalEvent.objects.filter(kind=RecordKind.SESSION)
        if await world.machine.read(rows.count) >= changes:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the change did not come to the journal")


def deaths():
    """Return how often a death was journalled, audited and told."""
    said = JournalEvent.objects.filter(kind=RecordKind.SESSION, payload__state="needs_login").count()
    audited = AuditEvent.objects.filter(action="login.lost").count()
    return said, audited, Outbox.objects.filter(task="notifications.session_ended").count()


def lasting(account, until_at, *, is_simulated):
    account.is_simulated = is_simulated
    account.save()
    VenueLogin.objects.update(expires_at=until_at)


def test_a_real_session_ends_when_its_time_is_up_and_everybody_learns_it_once(world, account):
    lasting(account, datetime.now(tz=UTC) + timedelta(hours=1), is_simulated=False)
    clock = MovedClock()
    world.machine = replace(world.machine, clock=clock)

    async def scenario():
        async with hosting(world, account) as task:
            clock.ahead = timedelta(hours=2)
            await lost(world)
            world.feed.say(FeedState(state="needs_login", reason="403"))  # the venue notices as well
            await asyncio.sleep(0.3)
            return task.done(), (await row(world)).reason

    is_over, reason = asyncio.run(scenario())

    assert not is_over
    assert reason == logins.TIME_IS_UP
    assert deaths() == (1, 1, 1)


def test_a_session_that_is_too_old_at_the_start_opens_no_stream(world, account):
    lasting(account, datetime.now(tz=UTC) - timedelta(hours=1), is_simulated=False)

    async def scenario():
        drain = asyncio.Event()
        task = asyncio.create_task(host(world.machine, await world.machine.lease.claim(str(account.pk)), drain))
        await lost(world)
        drain.set()
        await asyncio.wait([task], timeout=10)

    asyncio.run(scenario())

    assert world.feeds == []
    assert deaths() == (1, 1, 1)


def test_a_simulated_session_ends_by_the_markets_clock(world, account):
    lasting(account, TEN + timedelta(minutes=5), is_simulated=True)

    async def scenario():
        async with hosting(world, account):
            world.feed.show(1400.0, TEN)
            await asyncio.sleep(1.2)
            before = (await row(world)).state
            world.feed.show(1400.0, TEN + timedelta(minutes=6))
            await lost(world)
            return before

    assert asyncio.run(scenario()) == SessionState.LIVE
    assert deaths() == (1, 1, 1)


def test_a_logout_on_the_page_reaches_the_desk_without_any_refusal(world, account, monkeypatch):
    monkeypatch.setattr(logins.blocking, "end_session", lambda credentials, api_url: None)
    now = datetime.now(tz=UTC)

    async def scenario():
        async with hosting(world, account):
            await world.machine.read(lambda: logins.logout(account=account, by=account.owner, at=now))
            await lost(world)
            epoch = (await row(world)).epoch
            await world.machine.read(lambda: log_in(account, epoch=epoch + 1))
            await until(lambda: len(world.feeds) == 2)
            await journalled(world, 2)

    asyncio.run(scenario())

    said = JournalEvent.objects.filter(kind=RecordKind.SESSION).order_by("seq")
    assert list(said.values_list("payload__state", flat=True)) == ["needs_login", "live"]
    assert said[0].payload["reason"] == "Logged out."
    assert deaths() == (1, 0, 0)  # a person's own doing: audited as a logout, told to nobody


def test_another_login_replaces_the_session_that_the_desk_holds(world, account):
    async def scenario():
        async with hosting(world, account):
            await world.machine.read(lambda: log_in(account, epoch=5))
            await until(lambda: len(world.feeds) == 2)
            await asyncio.sleep(0.5)
            return (await row(world)).state

    assert asyncio.run(scenario()) == SessionState.LIVE


def test_another_way_out_is_taken_by_a_session_that_is_open(world, account):
    ways, connect = [], world.machine.connect

    def connected(facts, credentials, urls):
        ways.append(facts.egress_address)
        return connect(facts, credentials, urls)

    world.machine = replace(world.machine, connect=connected)
    now = datetime.now(tz=UTC)

    async def scenario():
        async with hosting(world, account):
            declared = partial(account_route, account=account, egress_address="127.0.0.2", by=account.owner, at=now)
            await world.machine.read(declared)
            await until(lambda: len(ways) == 2)
            await asyncio.sleep(0.5)
            return (await row(world)).state

    assert asyncio.run(scenario()) == SessionState.LIVE
    assert ways == ["", "127.0.0.2"]
